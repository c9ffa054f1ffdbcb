import { readAuthor } from '../message/author.ts';
import { fieldsNamed, splitMessage, toCrlf } from '../message/header.ts';
import { keptFields, type RelayFields } from './relay-fields.ts';

/** A message as the `send_email` binding gets it. */
export interface BindingMessage {
  /** The author: the binding takes no other envelope sender, and reports to its own. */
  from: string;
  /** Latin1 text: one character a byte. */
  raw: string;
  /** Names of the fields that were left out, as written. */
  leftOut: string[];
}

/**
 * Makes a message of a raw one: the fields that the service takes, CRLF at the end of each line.
 * @param raw latin1 text
 * @param fields null: it takes all
 * @returns a sentence that says what is wrong, where it has no author or no header
 */
export function bindingMessage(raw: string, fields: RelayFields | null): BindingMessage | string {
  const split = splitMessage(toCrlf(raw));
  if (typeof split === 'string') return split;
  const [from, ...others] = fieldsNamed(split.fields, 'From');
  const author = from && others.length === 0 ? readAuthor(from.value) : null;
  if (!author) return 'Cloudflare takes a message with one author alone, in one field From.';
  const leftOut = new Set<string>();
  const section = split.fields.map((field) => field.raw).join('');
  const kept = keptFields(section, fields, leftOut);
  return {
    from: author.address,
    raw: kept + (split.rest === '' ? '\r\n' : split.rest),
    leftOut: [...leftOut],
  };
}
