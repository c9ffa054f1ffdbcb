import { parseMailbox } from '../message/address.ts';
import { foldField } from '../message/fold.ts';
import { fieldsNamed, type HeaderField, type SplitMessage } from '../message/header.ts';
import type { Verdicts } from './verdicts.ts';

/** How a message is sent on from an alias. Pure. */

/** RFC 5321 §6.3: a message with more trace fields than this goes in a circle. */
const mostHops = 50;

/** The field that tells which masked aliases a message has passed, whose trace fields are taken away. */
const passedField = 'X-Alias-Passed';

/** The marks of masked aliases that a message has passed. */
export function passedMarks(fields: readonly HeaderField[]): string[] {
  const marks = fieldsNamed(fields, passedField).flatMap(
    ({ value }) => value.match(/\b[a-z2-7]{16}\b/g) ?? [],
  );
  return [...new Set(marks)].slice(0, mostHops + 1);
}

/**
 * Why a message must not be sent on: it went round already; null when it may.
 * @param alias the address that it is sent on for
 * @param mark of that alias, when it is masked
 */
export function forwardLoop(
  fields: readonly HeaderField[],
  alias: string,
  mark: string | null = null,
): string | null {
  const marks = passedMarks(fields);
  if (marks.length > mostHops) return `it has passed ${marks.length} aliases: it goes in a circle`;
  if (mark !== null && marks.includes(mark)) return `it has passed ${alias} before: it goes in a circle`;
  const hops = fieldsNamed(fields, 'received').length;
  if (hops > mostHops) return `it has passed ${hops} hosts: it goes in a circle (RFC 5321 §6.3)`;
  const before = fieldsNamed(fields, 'delivered-to').some(
    ({ value }) => value.replace(/^<|>$/g, '').toLowerCase() === alias.toLowerCase(),
  );
  return before ? `it was delivered to ${alias} before: it goes in a circle` : null;
}

/**
 * Whether DMARC of the author's domain would fail once the message is sent on: SPF then speaks for us, so only a DKIM
 * signature of the author's own domain, which lasts, is left (RFC 9989 §4.4).
 */
export function losesDmarc({ dmarc, dkim }: Verdicts): boolean {
  return (
    dmarc.policy !== null && !dkim.signatures.some(({ result, aligned }) => result === 'pass' && aligned)
  );
}

/**
 * A message that has been masked (`masking.ts`) with what tells that it has passed here, and nothing that tells of others.
 * @param marks of all aliases that it has passed, this one included
 */
export function passedOn(
  message: SplitMessage,
  {
    marks,
    alias,
    switchOffUrl,
  }: { marks: readonly string[]; alias: string | null; switchOffUrl: string | null },
): SplitMessage {
  const fields = [
    ...(alias === null ? [] : [made('Delivered-To', alias)]),
    ...(switchOffUrl === null ? [] : [made('List-Unsubscribe', `<${switchOffUrl}>`)]),
    made(passedField, marks.join(' ')),
  ];
  return { ...message, fields: [...fields, ...message.fields] };
}

/** What a forward adds and changes. */
export interface Forward {
  /** The address that it is sent on for, and the name it is known by. */
  alias: string;
  /** From becomes the alias, since the author's domain would disown the message. */
  rewriteFrom: boolean;
  /** Switches the alias off; https. Null: there is no such thing (a rule of a domain sends it on). */
  switchOffUrl: string | null;
}

/**
 * The message as it is sent on: untouched but for Delivered-To, the link that switches the alias off, and From where it
 * must be. The node puts Received, ARC and, for a From of ours, DKIM in front.
 */
export function forwarded(
  message: SplitMessage,
  { alias, rewriteFrom, switchOffUrl }: Forward,
): SplitMessage {
  const fields = rewriteFrom ? withNewFrom(message.fields, alias) : message.fields;
  const off =
    switchOffUrl === null ? [] : [made(switchOffField(message.fields, rewriteFrom), `<${switchOffUrl}>`)];
  return { ...message, fields: [made('Delivered-To', alias), ...off, ...fields] };
}

/**
 * `List-Unsubscribe` (RFC 2369) unless the message has one, or a signature that would break by it: signers name a field
 * once more than it is there so that none can be added (RFC 6376 §8.15). Then a name of our own.
 */
function switchOffField(fields: readonly HeaderField[], isBrokenAnyway: boolean): string {
  const isThere = fieldsNamed(fields, 'list-unsubscribe').length > 0;
  const isSigned = fieldsNamed(fields, 'dkim-signature').some(({ value }) =>
    /[;\s]h\s*=[^;]*\blist-unsubscribe\b(?!-)/i.test(value),
  );
  return isThere || (isSigned && !isBrokenAnyway) ? 'X-Alias-Switch-Off' : 'List-Unsubscribe';
}

/** `"Name via alias" <alias>`; answers still go to the author. */
function withNewFrom(fields: readonly HeaderField[], alias: string): HeaderField[] {
  const [from] = fieldsNamed(fields, 'from');
  const hasReplyTo = fieldsNamed(fields, 'reply-to').some(({ value }) => value !== '');
  const value = from?.value ?? '';
  const replyTo = hasReplyTo || value === '' ? [] : [made('Reply-To', value)];
  // Their signatures cover the From that was: broken ones are worse than none to some receivers.
  const others = fields.filter(
    ({ name }) => !['from', 'sender', 'dkim-signature'].includes(name.toLowerCase()),
  );
  return [made('From', `${nameVia(value, alias)} <${alias}>`), ...replyTo, ...others];
}

function nameVia(from: string, alias: string): string {
  const author = parseMailbox(from);
  const open = from.lastIndexOf('<');
  const phrase = open < 0 ? '' : from.slice(0, open).trim();
  // An encoded word stays one (RFC 2047 §5: not within quotation marks).
  if (/^(?:=\?[^?\s]+\?[bq]\?[^?\s]*\?=\s*)+$/i.test(phrase)) return `${phrase} via ${atomic(alias)}`;
  const name = typeof author === 'string' ? '' : author.name || author.address;
  return `"${`${name} via ${alias}`.trim().replace(/["\\]/g, '\\$&')}"`;
}

/** An address as words of a phrase, where it may not stand as it is (RFC 5322 §3.2.5). */
function atomic(address: string): string {
  return `"${address.replace(/["\\]/g, '\\$&')}"`;
}

function made(name: string, value: string): HeaderField {
  return { name, value, raw: foldField(name, value) };
}
