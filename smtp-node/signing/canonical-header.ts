import { isAscii, isUtf8 } from 'node:buffer';

/** One field of a header section, ready to be signed. */
export interface CanonicalField {
  /** As written. */
  name: string;
  /** In lower case. */
  key: string;
  /** In relaxed canonicalization (RFC 6376 §3.4.2) with its CRLF, latin1. */
  relaxed: string;
}

export interface CanonicalHeader {
  fields: readonly CanonicalField[];
  /** It is UTF-8 and not just ASCII: what SMTPUTF8 is about (RFC 6532 §3). */
  isUtf8: boolean;
}

/** @param bytes a header section with CRLF line ends, without the empty line that ends it */
export function canonicalHeader(bytes: Buffer): CanonicalHeader {
  const text = bytes.toString('latin1');
  return {
    fields: text.split(/\r\n(?![ \t])/).flatMap(canonicalField),
    isUtf8: !isAscii(bytes) && isUtf8(bytes),
  };
}

function canonicalField(text: string): CanonicalField[] {
  const colon = text.indexOf(':');
  if (colon < 0) return [];
  const name = text.slice(0, colon).trimEnd();
  const key = lowerCase(name);
  return [{ name, key, relaxed: `${key}:${relaxedValue(text.slice(colon + 1))}\r\n` }];
}

/** Unfolded, runs of blanks made one space, none at either end. */
export function relaxedValue(text: string): string {
  // A single space is left alone, since most are.
  const even = text.replaceAll('\r\n', '').replace(/\t[ \t]*| [ \t]+/g, ' ');
  return even.slice(even.startsWith(' ') ? 1 : 0, even.length > 1 && even.endsWith(' ') ? -1 : undefined);
}

/** ASCII only: a byte over 127 is no letter here. */
function lowerCase(text: string): string {
  return isAsciiText(text)
    ? text.toLowerCase()
    : text.replace(/[A-Z]+/g, (capitals) => capitals.toLowerCase());
}

function isAsciiText(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false;
  return true;
}
