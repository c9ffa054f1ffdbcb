/** UTF-8, or ISO-2022-JP by its escapes (RFC 1468) when no charset was told, or Latin-1. */
export function decodeLoosely(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes);
  if (text.includes('\x1b$')) return decodeAs('iso-2022-jp', bytes) ?? text;
  return text.includes('\ufffd') ? (decodeAs('latin1', bytes) ?? text) : text;
}

/** Null when the runtime does not know the charset, or the bytes are not of it. */
export function decodeAs(charset: string, bytes: Uint8Array, fatal = false): string | null {
  try {
    return new TextDecoder(charset, { fatal, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** What follows the header section of a mail. */
export function bodyOf(text: string): string {
  const end = /\r?\n\r?\n/.exec(text);
  return end ? text.slice(end.index + end[0].length) : '';
}

/** Whether a charset is known by this name, or may be one that only the MIME parser knows. */
export function isCharset(name: string): boolean {
  return !/^(?:x-)?(?:unknown(?:-8bit)?|default(?:_charset)?|user-defined|none|binary|8bit|7bit)$/i.test(
    name,
  );
}
