const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const codes = Uint8Array.from(alphabet, (char) => char.charCodeAt(0));
const pad = 61;
/** So many characters are made a text at once. */
const pieceCharacters = 8192;

/** Base64 (RFC 4648 §4), padded, in one line. */
export function base64(bytes: Uint8Array): string {
  const written = new Uint8Array(Math.ceil(bytes.length / 3) * 4).fill(pad);
  for (let at = 0, to = 0; at < bytes.length; at += 3, to += 4) {
    const left = bytes.length - at;
    const group = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    written[to] = codes[group >> 18] ?? 0;
    written[to + 1] = codes[(group >> 12) & 63] ?? 0;
    if (left > 1) written[to + 2] = codes[(group >> 6) & 63] ?? 0;
    if (left > 2) written[to + 3] = codes[group & 63] ?? 0;
  }
  const pieces: string[] = [];
  for (let at = 0; at < written.length; at += pieceCharacters) {
    pieces.push(String.fromCharCode(...written.subarray(at, at + pieceCharacters)));
  }
  return pieces.join('');
}

const values = new Uint8Array(256).fill(255);
for (let i = 0; i < alphabet.length; i++) values[alphabet.charCodeAt(i)] = i;

/**
 * Decodes base64 as readers of mail do (RFC 2045 §6.8): what is not of the alphabet is passed over, and padding ends a
 * group, also in the middle.
 */
export function unbase64(text: string): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((text.length * 3) / 4));
  let size = 0;
  let held = 0;
  let bits = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const value = code < 256 ? (values[code] ?? 255) : 255;
    if (value < 64) {
      held = ((held << 6) | value) & 0xffffff;
      bits += 6;
      if (bits >= 8) {
        bits -= 8;
        bytes[size++] = (held >> bits) & 255;
      }
    } else if (code === 61) {
      bits = 0;
    }
  }
  return bytes.subarray(0, size);
}
