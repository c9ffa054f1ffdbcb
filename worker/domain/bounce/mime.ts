import type { HeaderField } from './returned-mail.ts';

/**
 * Takes a mail that came back into its parts (RFC 2045, RFC 2046): what a report needs and no more, in one pass over
 * its bytes. Mail that people see is read by postal-mime; a property test holds both equal.
 */

/** Bytes as text. The charset is as the mail names it, null when it names none; must not throw. */
export type Decode = (bytes: Uint8Array, charset: string | null) => string;

export interface MimePart {
  /** Media type in lower case, without parameters. */
  type: string;
  /** Parameters of Content-Type, names in lower case (RFC 2045 §5.1, RFC 2231). */
  parameters: ReadonlyMap<string, string>;
  /** True for what a reader would show as text (RFC 2183): plain text and HTML that is no attachment. */
  inline: boolean;
  /** Number of the closest multipart/alternative around it (RFC 2046 §5.1.4); null: none. */
  alternative: number | null;
  /** Decoded from its transfer encoding; line ends are LF. */
  body: Uint8Array;
}

export interface MimeMail {
  /** Header fields in their order; names in lower case, values unfolded, encoded words as they are. */
  headers: HeaderField[];
  /** Parts that are no multipart, in their order. */
  parts: MimePart[];
}

/** Bounds for what is taken apart; what is beyond them is left out. */
export interface MimeBounds {
  depth: number;
  parts: number;
  headerFields: number;
  headerBytes: number;
  partBytes: number;
}

interface Entity {
  type: string;
  parameters: Map<string, string>;
  encoding: string;
  attached: boolean;
}

/** A multipart whose delimiters are looked for. */
interface Multipart {
  delimiter: string;
  digest: boolean;
  alternative: number | null;
}

const [lf, cr, dash, space, tab] = [10, 13, 45, 32, 9] as const;

/** Pure; never throws; linear in the bytes. */
export function splitMime(raw: Uint8Array, decode: Decode, bounds: MimeBounds): MimeMail {
  const parts: MimePart[] = [];
  const open: Multipart[] = [];
  let headerBytes = bounds.headerBytes;
  let alternatives = 0;

  /** Reads the header that begins here; gives where the body begins. */
  const headerAt = (begin: number): { fields: HeaderField[]; at: number } => {
    const end = headerEnd(raw, begin, (from) => open.length > 0 && delimiterAt(raw, from, open) !== null);
    const fields = fieldsOf(decode(raw.subarray(begin, Math.min(end.to, begin + headerBytes)), null), bounds);
    headerBytes = Math.max(0, headerBytes - (end.to - begin));
    return { fields, at: end.body };
  };

  const root = headerAt(0);
  let entity: Entity | null = entityOf(root.fields, 'text/plain');
  let begin = root.at;
  let at = begin;

  const enter = (one: Entity) => {
    const boundary = one.type.startsWith('multipart/') ? one.parameters.get('boundary') : undefined;
    if (boundary && open.length < bounds.depth) {
      const around = open.at(-1)?.alternative ?? null;
      const own = one.type === 'multipart/alternative' ? alternatives++ : around;
      open.push({ delimiter: latin1Of(boundary), digest: one.type === 'multipart/digest', alternative: own });
    }
  };
  const close = (end: number) => {
    if (entity && !entity.type.startsWith('multipart/') && parts.length < bounds.parts) {
      parts.push(partOf(entity, raw, begin, end, open.at(-1)?.alternative ?? null, bounds));
    }
    entity = null;
  };

  enter(entity);
  while (open.length > 0 && at < raw.length && parts.length < bounds.parts) {
    const found = raw[at] === dash && raw[at + 1] === dash ? delimiterAt(raw, at, open) : null;
    const next = lineAfter(raw, at);
    if (!found) {
      at = next;
      continue;
    }
    close(at);
    if (found.closes) {
      open.length = found.depth;
    } else {
      open.length = found.depth + 1;
      const { fields, at: body } = headerAt(next);
      const part = entityOf(fields, open[found.depth]?.digest ? 'message/rfc822' : 'text/plain');
      entity = part;
      begin = body;
      enter(part);
      at = body;
      continue;
    }
    at = next;
  }
  close(raw.length);
  return { headers: root.fields, parts };
}

/** Where the line after this one begins. */
function lineAfter(raw: Uint8Array, at: number): number {
  const end = raw.indexOf(lf, at);
  return end === -1 ? raw.length : end + 1;
}

/** The header's end and the beginning of the body behind the empty line; a delimiter ends a header as well. */
function headerEnd(
  raw: Uint8Array,
  begin: number,
  endsAt: (at: number) => boolean,
): { to: number; body: number } {
  let at = begin;
  while (at < raw.length) {
    let first = at;
    while (raw[first] === cr) first++;
    if (raw[first] === lf) return { to: at, body: first + 1 };
    if (raw[at] === dash && raw[at + 1] === dash && endsAt(at)) return { to: at, body: at };
    at = lineAfter(raw, at);
  }
  return { to: raw.length, body: raw.length };
}

/** The innermost open multipart whose delimiter line begins here (RFC 2046 §5.1.1). */
function delimiterAt(
  raw: Uint8Array,
  at: number,
  open: readonly Multipart[],
): { depth: number; closes: boolean } | null {
  for (let depth = open.length - 1; depth >= 0; depth--) {
    const delimiter = open[depth]?.delimiter ?? '';
    if (!standsAt(raw, at + 2, delimiter)) continue;
    const behind = at + 2 + delimiter.length;
    const closes = raw[behind] === dash && raw[behind + 1] === dash;
    let end = closes ? behind + 2 : behind;
    while (raw[end] === space || raw[end] === tab) end++;
    while (raw[end] === cr) end++;
    if (end >= raw.length || raw[end] === lf) return { depth, closes };
  }
  return null;
}

function standsAt(raw: Uint8Array, at: number, latin1: string): boolean {
  for (let i = 0; i < latin1.length; i++) if (raw[at + i] !== latin1.charCodeAt(i)) return false;
  return true;
}

/** A boundary outside of ASCII stands in the bytes as UTF-8. */
function latin1Of(text: string): string {
  return /^[\x00-\x7f]*$/.test(text)
    ? text
    : decodeURIComponentBytes(encodeURIComponent(text.toWellFormed()));
}

function decodeURIComponentBytes(text: string): string {
  return text.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

const maxValueLength = 8192;

/** RFC 5322 §2.2.3: a line that begins with a blank goes on with the field above. */
function fieldsOf(text: string, bounds: MimeBounds): HeaderField[] {
  const fields: HeaderField[] = [];
  let name: string | null = null;
  let lines: string[] = [];
  let length = 0;
  for (let at = 0; at < text.length && fields.length < bounds.headerFields; ) {
    const found = text.indexOf('\n', at);
    const next = found === -1 ? text.length : found + 1;
    let end = found === -1 ? text.length : found;
    while (end > at && text.charCodeAt(end - 1) === cr) end--;
    if (name !== null && isBlank(text.charCodeAt(at))) {
      if (length < maxValueLength) lines.push(text.slice(at, end));
      length += end - at;
    } else {
      if (name !== null) fields.push({ name, value: fieldValue(lines) });
      const colon = text.indexOf(':', at);
      name = colon === -1 || colon >= end ? null : trimBlanks(text.slice(at, colon)).toLowerCase();
      lines = name === null ? [] : [text.slice(colon + 1, end)];
      length = end - at;
    }
    at = next;
  }
  if (name !== null && fields.length < bounds.headerFields) fields.push({ name, value: fieldValue(lines) });
  return fields;
}

function fieldValue(lines: readonly string[]): string {
  const joined = (lines.length === 1 ? (lines[0] ?? '') : lines.join('')).slice(0, maxValueLength);
  return trimBlanks(joined.includes('\r') ? joined.replace(/\r+/g, ' ') : joined);
}

/** Blanks of RFC 5322 §2.2.2 only; no pattern, since runs of them may be long. */
function trimBlanks(text: string): string {
  let begin = 0;
  let end = text.length;
  while (begin < end && isBlank(text.charCodeAt(begin))) begin++;
  while (end > begin && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(begin, end);
}

function isBlank(code: number): boolean {
  return code === space || code === tab;
}

function entityOf(fields: readonly HeaderField[], defaultType: string): Entity {
  const value = (name: string) => fields.find((field) => field.name === name)?.value;
  const { word, parameters } = structured(value('content-type') ?? defaultType);
  const disposition = structured(value('content-disposition') ?? '').word;
  const encoding = /[\w-]+/.exec(withoutComments(value('content-transfer-encoding') ?? '').toLowerCase());
  return { type: word, parameters, encoding: encoding?.[0] ?? '', attached: disposition === 'attachment' };
}

function withoutComments(value: string): string {
  return value.includes('(') ? value.replace(/(^|[\s;])\([^()]{0,400}\)/g, '$1') : value;
}

const parameterPattern = /([^\s=;]{1,80})\s*=\s*(?:"((?:[^"\\]|\\.){0,1000})"?|([^;]{0,1000}))/g;

/** A value with parameters (RFC 2045 §5.1); continuations of RFC 2231 §3 are put together. */
function structured(value: string): { word: string; parameters: Map<string, string> } {
  const text = withoutComments(value);
  const semicolon = text.indexOf(';');
  const word = trimBlanks(semicolon === -1 ? text : text.slice(0, semicolon));
  const parameters = new Map<string, string>();
  if (semicolon !== -1) {
    for (const match of text.slice(semicolon + 1).matchAll(parameterPattern)) {
      const name = (match[1] ?? '').toLowerCase();
      const own = match[2] === undefined ? trimBlanks(match[3] ?? '') : match[2].replace(/\\(.)/g, '$1');
      if (!parameters.has(name)) parameters.set(name, own);
    }
    joinContinuations(parameters);
  }
  return { word: word.replace(/^"|"$/g, '').toLowerCase(), parameters };
}

function joinContinuations(parameters: Map<string, string>): void {
  const sections = [...parameters.keys()]
    .map((key) => /^(.+?)\*(\d{1,3})?\*?$/.exec(key))
    .filter((match) => match !== null)
    .sort((a, b) => Number(a[2] ?? 0) - Number(b[2] ?? 0));
  for (const [key, name = ''] of sections) {
    const section = parameters.get(key) ?? '';
    const text = key.endsWith('*') ? unescapePercent(section.replace(/^[^']*'[^']*'/, '')) : section;
    parameters.delete(key);
    parameters.set(name, (parameters.get(name) ?? '') + text);
  }
}

function unescapePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function partOf(
  { type, parameters, encoding, attached }: Entity,
  raw: Uint8Array,
  begin: number,
  end: number,
  alternative: number | null,
  bounds: MimeBounds,
): MimePart {
  const inline = !attached && (type === 'text/plain' || type === 'text/html');
  const encoded = raw.subarray(begin, end);
  const body = encoding.includes('base64')
    ? fromBase64(encoded, bounds.partBytes)
    : encoding.includes('quoted-printable')
      ? fromQuotedPrintable(encoded, bounds.partBytes)
      : withLf(encoded, bounds.partBytes);
  return { type, parameters, inline, alternative, body };
}

/** Line ends as LF; the last line has one. */
function withLf(bytes: Uint8Array, most: number): Uint8Array {
  const input = bytes.subarray(0, most);
  const cut = input.length < bytes.length;
  if (!input.includes(cr) && (cut || input.at(-1) === lf)) return input;
  const output = new Uint8Array(input.length + 1);
  let length = 0;
  let at = 0;
  while (at < input.length) {
    const found = input.indexOf(lf, at);
    const lineEnd = found === -1 ? input.length : found;
    let textEnd = lineEnd;
    while (textEnd > at && input[textEnd - 1] === cr) textEnd--;
    output.set(input.subarray(at, textEnd), length);
    length += textEnd - at;
    if (found !== -1 || !cut) output[length++] = lf;
    at = lineEnd + 1;
  }
  return output.subarray(0, length);
}

/** RFC 2045 §6.7; what is no escape stays as it is. */
function fromQuotedPrintable(bytes: Uint8Array, most: number): Uint8Array {
  const input = bytes.subarray(0, most * 3);
  const output = new Uint8Array(input.length + 1);
  let length = 0;
  let at = 0;
  while (at < input.length) {
    const found = input.indexOf(lf, at);
    const lineEnd = found === -1 ? input.length : found;
    let end = lineEnd;
    while (end > at && input[end - 1] === cr) end--;
    const soft = end > at && input[end - 1] === 61;
    if (soft) end--;
    for (let i = at; i < end; i++) {
      const byte = input[i] ?? 0;
      const [high, low] = byte === 61 && i + 2 < end ? [hexOf(input[i + 1]), hexOf(input[i + 2])] : [-1, -1];
      if (high >= 0 && low >= 0) {
        output[length++] = high * 16 + low;
        i += 2;
      } else {
        output[length++] = byte;
      }
    }
    if (!soft) output[length++] = lf;
    at = lineEnd + 1;
  }
  return output.subarray(0, Math.min(length, most));
}

function hexOf(byte = 0): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const letter = byte | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

const sextets = new Int8Array(256).fill(-1);
for (const [i, character] of [
  ...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
].entries()) {
  sextets[character.charCodeAt(0)] = i;
}

/** RFC 2045 §6.8: other characters are passed over, padding ends a unit and another may follow. */
function fromBase64(bytes: Uint8Array, most: number): Uint8Array {
  const input = bytes.subarray(0, most * 2);
  const output = new Uint8Array(Math.ceil(input.length / 4) * 3);
  let length = 0;
  let bits = 0;
  let held = 0;
  for (const byte of input) {
    if (byte === 61) held = 0;
    const sextet = sextets[byte] ?? -1;
    if (sextet === -1) continue;
    bits = ((bits << 6) | sextet) & 0xffffff;
    held += 6;
    if (held >= 8) {
      held -= 8;
      output[length++] = (bits >> held) & 0xff;
    }
  }
  return output.subarray(0, Math.min(length, most));
}
