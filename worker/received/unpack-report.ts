import { Gunzip, Unzip, UnzipInflate } from 'fflate';

export const unpackBounds = {
  /** Octets as they come. */
  packed: 10_485_760,
  /** Octets that a report has unpacked: about 20,000 records. */
  unpacked: 16_777_216,
} as const;
/** So many octets become at most about a thousand times as many before they are counted. */
const stepBytes = 4096;

class TooLarge extends Error {}

/**
 * Unpacks a report that came as gzip (RFC 1952) or as the first report in a zip archive; what is neither is given back.
 * Memory is bounded, whatever the archive says of its size.
 * @returns the octets, or a sentence that says what is wrong
 */
export function unpackReport(bytes: Uint8Array): Uint8Array | string {
  if (bytes.length > unpackBounds.packed) return `the report has more than ${unpackBounds.packed} octets`;
  const pieces: Uint8Array[] = [];
  let size = 0;
  const take = (piece: Uint8Array) => {
    size += piece.length;
    if (size > unpackBounds.unpacked) throw new TooLarge();
    pieces.push(piece);
  };
  try {
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) gunzip(bytes, take);
    else if (bytes[0] === 0x50 && bytes[1] === 0x4b) unzip(bytes, take);
    else return bytes;
  } catch (error) {
    return error instanceof TooLarge
      ? `the report has more than ${unpackBounds.unpacked} octets unpacked`
      : 'the report cannot be unpacked: it is broken';
  }
  if (size === 0) return 'the archive has no report';
  return joined(pieces, size);
}

function gunzip(bytes: Uint8Array, take: (piece: Uint8Array) => void): void {
  const stream = new Gunzip((piece) => take(piece));
  inSteps(bytes, (step, isLast) => stream.push(step, isLast));
}

function unzip(bytes: Uint8Array, take: (piece: Uint8Array) => void): void {
  let isTaken = false;
  const stream = new Unzip((file) => {
    if (isTaken || !/\.(?:xml|json)$/i.test(file.name)) return;
    isTaken = true;
    file.ondata = (error, piece) => {
      if (error) throw error;
      take(piece);
    };
    file.start();
  });
  stream.register(UnzipInflate);
  inSteps(bytes, (step, isLast) => stream.push(step, isLast));
}

function inSteps(bytes: Uint8Array, push: (step: Uint8Array, isLast: boolean) => void): void {
  for (let at = 0; at < bytes.length; at += stepBytes) {
    push(bytes.subarray(at, at + stepBytes), at + stepBytes >= bytes.length);
  }
}

function joined(pieces: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
