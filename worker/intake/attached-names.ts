import { Buffer } from 'node:buffer';
import { fileNamesIn, isRefusedAttachment, refusedAttachments } from '#domain/message/attachment-name.ts';
import { toCrlf } from '#domain/message/header.ts';

/** Most MIME parts that a message may have, those of attached messages too. */
const mostParts = 1000;
/** Most of them that hold parts themselves, which bounds the nesting. */
const mostContainers = 100;
/** So many attached messages may be encoded, though RFC 2046 §5.2.1 forbids it: each is read once more, decoded. */
const mostEncodings = 8;
const longestField = 65_536;

/** A message is made of more, or of deeper nested, parts than are looked into. */
export class TooManyParts extends Error {}

/**
 * Every file name that stands in the header of a part, also of parts of attached messages. Each line that begins as
 * a delimiter could (RFC 2046 §5.1.1) counts as one, since readers differ about which is one. Bodies are passed over
 * at a stride, and no line is looked at twice: time is linear, and memory that of one header.
 * @param text the whole message, latin1 with CRLF line ends
 * @throws TooManyParts
 */
export function attachedNames(text: string): string[] {
  const names: string[] = [];
  walk(text, { names, parts: 0, containers: 0, encodings: 0 });
  return names;
}

/**
 * Why a message is not taken for what is attached to it, also to messages inside of it; null when it is.
 * @param text as for `attachedNames`
 */
export function attachedFault(text: string): { detail: string; about: 'attachments' | 'body' } | null {
  try {
    const name = attachedNames(text).find(isRefusedAttachment);
    if (name === undefined) return null;
    const detail = `an attachment named "${name.slice(0, 255)}" is refused: no ${refusedAttachments.join(', ')}`;
    return { detail, about: 'attachments' };
  } catch (error) {
    if (!(error instanceof TooManyParts)) throw error;
    const detail = 'the message has too many MIME parts, or their headers are too large';
    return { detail, about: 'body' };
  }
}

interface Found {
  names: string[];
  parts: number;
  containers: number;
  /** Encoded messages that were opened. */
  encodings: number;
}

function walk(text: string, found: Found): void {
  let at = readHeaders(text, 0, found);
  for (;;) {
    const delimiter =
      text.startsWith('--', at) && isLineStart(text, at) ? at : text.indexOf('\r\n--', at) + 2;
    if (delimiter === 1) return;
    const next = text.indexOf('\r\n', delimiter);
    if (next < 0) return;
    at = readHeaders(text, next + 2, found);
  }
}

function isLineStart(text: string, at: number): boolean {
  return at === 0 || text.startsWith('\r\n', at - 2);
}

/** Reads the header of a part, and of the messages that begin where it ends. Gives where it has stopped reading. */
function readHeaders(text: string, from: number, found: Found): number {
  let at = from;
  for (;;) {
    const header = readHeader(text, at);
    if (header.content.length === 0) return header.end;
    found.parts += 1;
    if (header.content.some(({ value }) => /^\s*(?:multipart|message)\//i.test(value))) found.containers += 1;
    if (found.parts > mostParts || found.containers > mostContainers) throw new TooManyParts();
    for (const { value } of header.content) found.names.push(...fileNamesIn(value));
    const isMessage = header.content.some(({ value }) =>
      /^\s*message\/(?:rfc822|global|news)\b/i.test(value),
    );
    if (!isMessage || !text.startsWith('\r\n', header.end)) return header.end;
    const encoding = /base64|quoted-printable/i.exec(header.encoding)?.[0];
    at = header.end + 2;
    if (encoding) return openEncoded(text, at, encoding.toLowerCase(), found);
  }
}

/** Looks into an attached message that is encoded. Gives where to read on. */
function openEncoded(text: string, start: number, encoding: string, found: Found): number {
  found.encodings += 1;
  if (found.encodings > mostEncodings) throw new TooManyParts();
  // Base64 has no hyphens, so the next delimiter ends it; what is quoted may have delimiters of its own.
  const delimiter = encoding === 'base64' ? text.indexOf('\r\n--', start) : -1;
  const end = delimiter < 0 ? text.length : delimiter;
  walk(decoded(text.slice(start, end), encoding), found);
  return encoding === 'base64' ? end : start;
}

function decoded(text: string, encoding: string): string {
  const plain =
    encoding === 'base64'
      ? Buffer.from(text, 'base64').toString('latin1')
      : text
          .replace(/=[ \t]{0,998}\r\n/g, '')
          .replace(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return toCrlf(plain);
}

interface PartHeader {
  /** Content-Type and Content-Disposition fields, unfolded. */
  content: { value: string }[];
  encoding: string;
  /** Where the first line stands that is no field. */
  end: number;
}

const fieldsLookedAt = /^content-(?:type|disposition|transfer-encoding)$/i;

/** The fields that begin at `from` (RFC 5322 §2.2, folded ones too). */
function readHeader(text: string, from: number): PartHeader {
  const header: PartHeader = { content: [], encoding: '', end: from };
  for (let at = from; at < text.length; at = header.end) {
    const colon = endOfName(text, at);
    if (colon < 0) break;
    let end = endOfLine(text, at);
    while (text[end] === ' ' || text[end] === '\t') end = endOfLine(text, end);
    header.end = end;
    const name = text.slice(at, Math.min(colon, at + 40)).trimEnd();
    if (!fieldsLookedAt.test(name)) continue;
    if (end - at > longestField) throw new TooManyParts();
    const value = text.slice(colon + 1, end).replace(/\r\n/g, '');
    if (name.toLowerCase() === 'content-transfer-encoding') header.encoding = value;
    else header.content.push({ value });
  }
  return header;
}

/** Where the colon of a field name stands; -1 when the line is no field. */
function endOfName(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x3a) return at > from ? at : -1;
    if (code <= 0x20 || code >= 0x7f) {
      // RFC 5322 §4.5.3: white space may stand before the colon
      while (text[at] === ' ' || text[at] === '\t') at++;
      return text[at] === ':' && at > from ? at : -1;
    }
  }
  return -1;
}

function endOfLine(text: string, from: number): number {
  const at = text.indexOf('\r\n', from);
  return at < 0 ? text.length : at + 2;
}
