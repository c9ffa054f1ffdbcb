/** RFC 5322 §2.1.1: the most octets that a line may have, and the characters that it should not exceed. */
export const mostLineOctets = 998;
const niceLineCharacters = 78;

/**
 * A header field, folded where it has blanks (RFC 5322 §2.2.3), ending in CRLF. Unfolded it is the same again: no
 * character is added or taken away. What has no blank stays in one line, however long.
 */
export function foldField(name: string, value: string): string {
  const text = value === '' || isBlank(value, 0) ? value : ` ${value}`;
  let folded = `${name}:`;
  let lineLength = folded.length;
  let lineBegin = 0;
  for (let at = 0; at < text.length; ) {
    // A blank belongs to the word behind it, so that no line is blank.
    let end = at;
    while (end < text.length && isBlank(text, end)) end++;
    while (end < text.length && !isBlank(text, end)) end++;
    const tooLong = at > 0 && lineLength + end - at > niceLineCharacters;
    if (tooLong && text.slice(at, end).trim() !== '') {
      folded += `${text.slice(lineBegin, at)}\r\n`;
      lineBegin = at;
      lineLength = 0;
    }
    lineLength += end - at;
    at = end;
  }
  return `${folded}${text.slice(lineBegin)}\r\n`;
}

function isBlank(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === 0x20 || code === 0x09;
}

/** The first field of a header section (latin1, CRLF) that has a line over 998 octets; null when none has. */
export function tooLongField(header: string): string | null {
  let field = '';
  for (const line of header.split('\r\n')) {
    if (!/^[ \t]/.test(line)) field = line.slice(0, Math.max(line.indexOf(':'), 0));
    if (line.length > mostLineOctets) return field;
  }
  return null;
}

/** True when the text, latin1 with CRLF, has no line over 998 octets. */
export function hasShortLines(text: string): boolean {
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\r\n', at);
    if ((end < 0 ? text.length : end) - at > mostLineOctets) return false;
    if (end < 0) return true;
    at = end + 2;
  }
  return true;
}
