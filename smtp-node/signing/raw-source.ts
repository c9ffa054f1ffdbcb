import { createReadStream } from 'node:fs';

/** A message as the edge keeps it: RFC 5322 with CRLF line ends, in memory or, when large, in a file. */
export type RawSource = { kind: 'bytes'; bytes: Buffer } | { kind: 'file'; path: string; sizeBytes: number };

/** How much of a file is in memory at once, for each of the two passes (signing, sending). */
const chunkBytes = 64 * 1024;

/** Octets of the message. */
export function sizeOf(raw: RawSource): number {
  return raw.kind === 'bytes' ? raw.bytes.length : raw.sizeBytes;
}

/** The message in chunks; a file is read as it is consumed, and closed when the consumer stops early. */
export async function* readRaw(raw: RawSource): AsyncGenerator<Buffer> {
  if (raw.kind === 'bytes') {
    yield raw.bytes;
    return;
  }
  for await (const chunk of createReadStream(raw.path, { highWaterMark: chunkBytes })) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('a file without encoding is read as buffers');
    yield chunk;
  }
}
