const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const pairs = Array.from({ length: 4096 }, (_, i) => alphabet.charAt(i >> 6) + alphabet.charAt(i & 63));

/** Base64 (RFC 4648 §4), padded, in one line. */
export function base64(bytes: Uint8Array): string {
  const pieces: string[] = [];
  let piece = '';
  const whole = bytes.length - (bytes.length % 3);
  for (let at = 0; at < whole; at += 3) {
    const group = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    piece += (pairs[group >> 12] ?? '') + (pairs[group & 4095] ?? '');
    if (piece.length > 65_536) {
      pieces.push(piece);
      piece = '';
    }
  }
  const [first, second] = bytes.subarray(whole);
  if (first !== undefined) {
    const group = (first << 16) | ((second ?? 0) << 8);
    const text = (pairs[group >> 12] ?? '') + (pairs[group & 4095] ?? '');
    piece += second === undefined ? `${text.slice(0, 2)}==` : `${text.slice(0, 3)}=`;
  }
  return pieces.join('') + piece;
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
