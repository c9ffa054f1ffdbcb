import { Buffer } from 'node:buffer';
import { encodeWord } from 'nodemailer/lib/mime-funcs';
import { decodeWords } from 'postal-mime';
import { isAscii, type Mailbox } from '#domain/message/address.ts';
import { repeatFault } from '#domain/message/clean-header.ts';
import { foldField, tooLongField } from '#domain/message/fold.ts';
import { headerPairs, type OwnHeaders } from '#domain/message/submission.ts';
import { Problem } from '#domain/problem.ts';
import type { Composition } from './draft.ts';
import { asciiDomain } from './recipient.ts';

/** A word of so many characters is broken into encoded words, which can be folded. */
const longWord = /[^ \t]{900}/;
/** RFC 2047 §2: an encoded word has at most 75 characters; with the name of a field, a line 78. */
const mostEncoded = 52;
const printable = /^[ -~]*$/;

/**
 * The fields that a caller gives a message, as latin1 text with CRLF. What is ASCII stays as it was given (RFC 2047
 * §1 speaks of other text only); lines are folded where there are blanks, and of text that nobody but people reads
 * (names, the subject) encoded words are made where there are none.
 * @throws Problem when a field cannot be brought under 998 octets a line (RFC 5322 §2.1.1), is there twice, or has
 *   characters that its place does not take
 */
export function writeHeader(
  body: Pick<Composition, 'from' | 'sender' | 'reply_to' | 'to' | 'cc' | 'subject' | 'headers'>,
): string {
  const fields = [
    ...mailboxField('From', [body.from]),
    ...mailboxField('Sender', body.sender ? [body.sender] : []),
    ...mailboxField('Reply-To', body.reply_to),
    ...mailboxField('To', body.to),
    ...mailboxField('Cc', body.cc),
    foldField('Subject', unstructured(body.subject)),
    ...writeFields(body.headers),
  ];
  return checked(Buffer.from(fields.join('')).toString('latin1'));
}

/** Fields of one's own, as they will stand in the message. */
export function writeFields(headers: OwnHeaders): string[] {
  const pairs = headerPairs(headers);
  return pairs.map(([name, value]) => {
    const same = pairs.filter(([other]) => other.toLowerCase() === name.toLowerCase());
    const fault = repeatFault(name, same.length);
    if (fault) throw faultOf(name, fault);
    return foldField(name, ownValue(name, value));
  });
}

/** Text for people: the words of a subject, encoded where it is not plain ASCII (RFC 2047 §5 rule 1). */
export function unstructured(text: string): string {
  return isPlain(text) ? text : encoded(text);
}

/** Text that a caller may have encoded already, as people read it; without control characters. */
export function decodedText(text: string): string {
  // What was encoded could be anything; CR and LF must not come out of it.
  return text.includes('=?') ? decodeWords(text).replace(/[\0-\x1f\x7f]+/g, ' ') : text;
}

function mailboxField(name: string, mailboxes: readonly Mailbox[]): string[] {
  return mailboxes.length === 0 ? [] : [foldField(name, mailboxes.map(written).join(', '))];
}

/** RFC 5322 §3.4 mailbox. With an ASCII local part the domain is in A-labels, which every reader understands. */
function written({ name, address, localPart, domain }: Mailbox): string {
  const spelled = isAscii(localPart) ? `${localPart}@${asciiDomain(domain)}` : address;
  if (name === '') return localPart.startsWith('"') ? `<${spelled}>` : spelled;
  return `${phrase(name)} <${spelled}>`;
}

/** RFC 5322 §3.2.5 phrase, RFC 2047 §5 rule 3. */
function phrase(text: string): string {
  if (!isPlain(text)) return encoded(text);
  // Blanks beside each other are one outside of quotation marks.
  return /^[\w!#$%&'*+/=?^`{|}~-]+(?: [\w!#$%&'*+/=?^`{|}~-]+)*$/.test(text)
    ? text
    : `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** The value of a field that may have any syntax. */
function ownValue(name: string, value: string): string {
  if (/^(in-reply-to|references)$/i.test(name)) return messageIds(value);
  if (/^[ -~\t]*$/.test(value)) return /^comments$/i.test(name) ? unstructured(value) : value;
  // A name with something in angle brackets behind it, as in List-ID (RFC 2919 §2).
  const [, before, angled] = /^([^<]*?)\s*(<[^<>]*>)\s*$/.exec(value) ?? [];
  if (before !== undefined && angled !== undefined && printable.test(angled)) {
    return `${encoded(before.replace(/^"(.*)"$/, '$1').replace(/\\(.)/g, '$1'))} ${angled}`;
  }
  if (value.includes('<')) {
    throw faultOf(name, 'must be ASCII between angle brackets; write a URL with percent-encoding (RFC 3986)');
  }
  return unstructured(value);
}

/** RFC 5322 §3.6.4: identifiers are in angle brackets, which many callers leave out. */
function messageIds(value: string): string {
  const ids = value.split(/\s+/).filter((id) => id !== '');
  return ids.map((id) => (id.startsWith('<') ? id : `<${id}>`)).join(' ');
}

/** Printable ASCII that no reader decodes, and that folds. */
function isPlain(text: string): boolean {
  return printable.test(text) && !text.includes('=?') && !longWord.test(text);
}

function encoded(text: string): string {
  const wide = text.replace(/[\0-\u024f]/g, '').length;
  return encodeWord(text.toWellFormed(), wide * 2 > text.length ? 'B' : 'Q', mostEncoded);
}

function checked(header: string): string {
  const name = tooLongField(header);
  if (name === null) return header;
  throw faultOf(
    name,
    'has more than 998 octets without a blank at which it could be folded (RFC 5322 §2.1.1)',
  );
}

function faultOf(name: string, fault: string): Problem {
  const pointer =
    pointers.get(name.toLowerCase()) ?? `/headers/${name.replace(/~/g, '~0').replace(/\//g, '~1')}`;
  return new Problem('invalid_body', `${name}: ${fault}`, { errors: [{ pointer, detail: fault }] });
}

const pointers: ReadonlyMap<string, string> = new Map([
  ['from', '/from'],
  ['reply-to', '/reply_to'],
  ['to', '/to'],
  ['cc', '/cc'],
  ['subject', '/subject'],
]);
