/** RFC 5322 §2.1.1: the most octets that a line may have, and the characters that it should not exceed. */
export const mostLineOctets = 998;
const niceLineCharacters = 78;

/**
 * A header field, folded where it has blanks (RFC 5322 §2.2.3), ending in CRLF. Unfolded it is the same again: no
 * character is added or taken away. What has no blank stays in one line, however long.
 */
export function foldField(name: string, value: string): string {
  const lines: string[] = [];
  let line = `${name}:`;
  // A blank belongs to the word behind it, so that no line is blank.
  for (const [word] of `${value === '' || /^[ \t]/.test(value) ? '' : ' '}${value}`.matchAll(
    /[ \t]*[^ \t]+|[ \t]+$/g,
  )) {
    const isFirst = lines.length === 0 && line === `${name}:`;
    if (!isFirst && line.length + word.length > niceLineCharacters && word.trim() !== '') {
      lines.push(line);
      line = word;
    } else {
      line += word;
    }
  }
  return `${[...lines, line].join('\r\n')}\r\n`;
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
