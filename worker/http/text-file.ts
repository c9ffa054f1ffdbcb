const byteOrderMarks: readonly { bytes: readonly number[]; encoding: string }[] = [
  { bytes: [0xef, 0xbb, 0xbf], encoding: 'utf-8' },
  { bytes: [0xff, 0xfe], encoding: 'utf-16le' },
  { bytes: [0xfe, 0xff], encoding: 'utf-16be' },
];

/**
 * The text of a file as spreadsheets save it: UTF-8, or UTF-16 with a byte order mark or without one.
 * @returns null when it is in neither
 */
export function textOfFile(bytes: Uint8Array): string | null {
  const marked = byteOrderMarks.find((mark) => mark.bytes.every((byte, i) => bytes[i] === byte));
  try {
    return new TextDecoder(marked?.encoding ?? guess(bytes), { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    return null;
  }
}

/** Text in Latin letters has a NUL in each second byte of UTF-16, and none in UTF-8. */
function guess(bytes: Uint8Array): string {
  if (bytes.length < 2) return 'utf-8';
  if (bytes[0] !== 0 && bytes[1] === 0) return 'utf-16le';
  return bytes[0] === 0 && bytes[1] !== 0 ? 'utf-16be' : 'utf-8';
}
