import { decodeAs, decodeLoosely, isCharset } from './charset.ts';

const mostHeaderBytes = 262_144;
const typePattern = /^content-type[ \t]*:.{0,2000}(?:\r?\n[ \t].{0,2000}){0,20}/im;
const charsetPattern = /\bcharset[ \t]*=[ \t]*"?([\w.:-]{1,40})"?/i;

export interface ReadableMail {
  bytes: Uint8Array<ArrayBuffer>;
  /** How many fields are in front that the mail itself has not. */
  added: number;
}

/**
 * A mail whose header section can be read: as UTF-8 (RFC 6532), and naming a charset of its text that exists. Old
 * programs write other charsets without saying so, or say `x-unknown`; a reader that believes them loses every letter
 * beyond ASCII. The header is then read in the charset that the mail names for its text, else as `decodeLoosely` does.
 */
export function withReadableHeader(raw: Uint8Array<ArrayBuffer>): ReadableMail {
  const end = endOfHeader(raw);
  const header = raw.subarray(0, end);
  const utf8 = header.includes(0x1b) ? null : decodeAs('utf-8', header, true);
  const [type = ''] = typePattern.exec(utf8 ?? decodeAs('latin1', header) ?? '') ?? [];
  const [, charset] = charsetPattern.exec(type) ?? [];
  const isKnown = charset === undefined || isCharset(charset);
  if (utf8 !== null && isKnown) return { bytes: raw, added: 0 };
  const named = charset && !header.includes(0x1b) ? decodeAs(charset, header, true) : null;
  const text = utf8 ?? named ?? decodeLoosely(header);
  const better = isKnown ? '' : type.replace(charsetPattern, `charset=${guess(raw.subarray(end))}`);
  const readable = new TextEncoder().encode(`${isKnown ? '' : `${better}\r\n`}${text}`);
  const bytes = new Uint8Array(readable.length + raw.length - end);
  bytes.set(readable);
  bytes.set(raw.subarray(end), readable.length);
  return { bytes, added: isKnown ? 0 : 1 };
}

/** Of a text whose charset nobody knows. */
function guess(body: Uint8Array): string {
  // The last character may be cut.
  const text = new TextDecoder().decode(body.subarray(0, mostHeaderBytes)).slice(0, -1);
  return text.includes('\ufffd') ? 'latin1' : 'utf-8';
}

function endOfHeader(raw: Uint8Array): number {
  for (let at = raw.indexOf(10); at >= 0 && at < mostHeaderBytes; at = raw.indexOf(10, at + 1)) {
    if (raw[at + 1] === 10 || (raw[at + 1] === 13 && raw[at + 2] === 10)) return at + 1;
  }
  return Math.min(raw.length, mostHeaderBytes);
}
