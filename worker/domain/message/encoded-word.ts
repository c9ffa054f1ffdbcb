/**
 * Encoded words (RFC 2047) as a reader of mail shows them, in every place where readers decode them. Good for
 * judging what a text looks like: charsets beyond UTF-8 are read as Latin-1, which leaves their ASCII as it is. Time
 * is linear.
 */
export function decodeWords(text: string): string {
  // RFC 2047 §6.2: white space between encoded words is no part of the text.
  return text
    .replace(/\?=\s+(?==\?)/g, '?=')
    .replace(
      /=\?([^?\s]{1,60})\?([bq])\?([^?]{0,2000})\?=/gi,
      (_, charset: string, encoding: string, content: string) => {
        const bytes = encoding.toLowerCase() === 'b' ? base64Bytes(content) : quotedBytes(content);
        return textOf(bytes, charset.toLowerCase());
      },
    );
}

/** Percent-encoded octets (RFC 2231 §4) as text; what is no encoding stays. */
export function decodePercent(text: string, charset: string): string {
  const latin1 = text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return textOf(latin1, charset.toLowerCase());
}

/** Octets, a character each, as text. UTF-16 loses its NUL octets and with that shows its ASCII. */
function textOf(octets: string, charset: string): string {
  if (/^(utf-?16|ucs-?2|unicode)/.test(charset)) return octets.replace(/\0/g, '');
  if (!/^utf-?8/.test(charset)) return octets;
  try {
    return decodeURIComponent(octets.replace(/[^A-Za-z0-9]/g, percent));
  } catch {
    return octets;
  }
}

function percent(octet: string): string {
  return `%${octet.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

/** RFC 2047 §4.2 */
function quotedBytes(content: string): string {
  return content
    .replaceAll('_', ' ')
    .replace(/=([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

const base64Alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** RFC 2045 §6.8: other characters are passed over. */
function base64Bytes(content: string): string {
  let octets = '';
  let bits = 0;
  let held = 0;
  for (const char of content) {
    const value = base64Alphabet.indexOf(char);
    if (value < 0) continue;
    held = ((held << 6) | value) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      octets += String.fromCharCode((held >> bits) & 0xff);
    }
  }
  return octets;
}
