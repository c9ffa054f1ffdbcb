/**
 * The header section of a raw message (RFC 5322 §2.2), as latin1 text with CRLF line ends: found, read and
 * changed without touching anything else, so that a message stays as it came byte for byte.
 */
export interface HeaderField {
  /** As written. */
  name: string;
  /** Unfolded, trimmed; still latin1. */
  value: string;
  /** The whole field with its line ends. */
  raw: string;
}

export interface SplitMessage {
  fields: HeaderField[];
  /** From the empty line on: `\r\n` and the body; empty when the message has no empty line. */
  rest: string;
}

const fieldName = /^[!-9;-~]+$/;

/** Largest header section of a raw message, octets; and most fields in it. */
export const headerLimits = { bytes: 64 * 1024, fields: 1000 } as const;

const bareLineEnd = /(?:^|[^\r])\n|\r(?!\n)/;
/** A text is rewritten in pieces of so many characters: each line end of a piece costs memory until it is done. */
const pieceCharacters = 65_536;

/**
 * Makes every line end CRLF: bare LF and bare CR must not go on the wire (RFC 5321 §2.3.8). Text that has only
 * CRLF is given back as it is.
 */
export function toCrlf(text: string): string {
  if (!bareLineEnd.test(text)) return text;
  let rewritten = '';
  for (let at = 0; at < text.length; ) {
    const cut = at + pieceCharacters;
    const end = text[cut - 1] === '\r' && text[cut] === '\n' ? cut + 1 : cut;
    rewritten += text.slice(at, end).replace(/\r\n|\n|\r/g, '\r\n');
    at = end;
  }
  return rewritten;
}

/** How many octets `toCrlf` adds. */
export function bareLineEnds(text: string): number {
  if (!bareLineEnd.test(text)) return 0;
  let bare = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x0d && text.charCodeAt(at + 1) === 0x0a) at += 1;
    else if (code === 0x0d || code === 0x0a) bare += 1;
  }
  return bare;
}

/**
 * Splits a message.
 * @param text latin1 text with CRLF line ends
 * @returns fields and the rest, or a sentence that says what is wrong
 */
export function splitMessage(text: string): SplitMessage | string {
  const end = text.startsWith('\r\n') ? 0 : text.indexOf('\r\n\r\n') + 2;
  const headerEnd = end === 1 ? text.length : end;
  if (headerEnd > headerLimits.bytes) return `the header has more than ${headerLimits.bytes} bytes`;
  const fields: HeaderField[] = [];
  let position = 0;
  while (position < headerEnd) {
    let lineEnd = endOfLine(text, position);
    while (lineEnd < headerEnd && (text[lineEnd] === ' ' || text[lineEnd] === '\t')) {
      lineEnd = endOfLine(text, lineEnd); // RFC 5322 §2.2.3: folded
    }
    const raw = text.slice(position, lineEnd);
    const colon = raw.indexOf(':');
    const name = raw.slice(0, Math.max(colon, 0)).trimEnd();
    if (colon < 0 || !fieldName.test(name)) {
      return `line ${fields.length + 1} of the header is not a field: "${printable(raw.slice(0, 60))}"`;
    }
    if (fields.length === headerLimits.fields)
      return `the header has more than ${headerLimits.fields} fields`;
    fields.push({ name, value: unfold(raw.slice(colon + 1)), raw });
    position = lineEnd;
  }
  return { fields, rest: text.slice(headerEnd) };
}

function endOfLine(text: string, from: number): number {
  const at = text.indexOf('\r\n', from);
  return at < 0 ? text.length : at + 2;
}

function unfold(value: string): string {
  return value.replace(/\r\n(?=[ \t])/g, '').trim();
}

function printable(text: string): string {
  return text.replace(/[^ -~]/g, '?');
}

/** The message again. */
export function joinMessage({ fields, rest }: SplitMessage): string {
  const header = fields
    .map((field) => (field.raw.endsWith('\r\n') ? field.raw : `${field.raw}\r\n`))
    .join('');
  return header + (rest === '' ? '\r\n' : rest);
}

/** A field of our own making. */
export function headerField(name: string, value: string): HeaderField {
  return { name, value, raw: `${name}: ${value}\r\n` };
}

/** All fields of a name, compared without case. */
export function fieldsNamed(fields: readonly HeaderField[], name: string): HeaderField[] {
  const wanted = name.toLowerCase();
  return fields.filter((field) => field.name.toLowerCase() === wanted);
}
