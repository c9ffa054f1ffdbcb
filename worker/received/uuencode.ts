const maxLine = 45;

/**
 * Decodes a part that is one uuencoded file (POSIX.1 uuencode), which MIME parsers leave as it is, since `x-uuencode` is
 * no encoding of RFC 2045. Null when the bytes are anything else. Time is linear.
 */
export function decodeUu(bytes: Uint8Array): Uint8Array<ArrayBuffer> | null {
  const head = new TextDecoder('latin1').decode(bytes.subarray(0, 400));
  const begin = /^(?:\r?\n){0,4}begin [0-7]{3,4} [^\r\n]{1,300}\r?\n/.exec(head);
  if (!begin) return null;
  const decoded = new Uint8Array(bytes.length);
  let size = 0;
  for (let at = begin[0].length; at < bytes.length; ) {
    const end = bytes.indexOf(10, at);
    const line = bytes.subarray(at, end < 0 ? bytes.length : end);
    const length = ((line[0] ?? 32) - 32) & 63;
    if (length === 0) return decoded.slice(0, size);
    if (length > maxLine || line.length < 1 + Math.ceil((length * 4) / 3)) return null;
    for (let i = 0; i < length; i++) {
      const group = 1 + Math.floor(i / 3) * 4 + (i % 3);
      const left = (((line[group] ?? 32) - 32) & 63) << (2 + 2 * (i % 3));
      const right = (((line[group + 1] ?? 32) - 32) & 63) >> (4 - 2 * (i % 3));
      decoded[size++] = (left | right) & 255;
    }
    at = end < 0 ? bytes.length : end + 1;
  }
  return null; // it has no end
}
