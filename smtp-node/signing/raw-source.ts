import { createReadStream } from 'node:fs';
import { CrlfLines } from './line-ends.ts';

/** A message as the edge keeps it: RFC 5322 with CRLF line ends, in memory or, when large, in a file. */
export type RawSource = { kind: 'bytes'; bytes: Buffer } | { kind: 'file'; path: string; sizeBytes: number };

/**
 * A block: how much of a file is in memory at once in each of the two passes (signing, sending), and what one data
 * block timeout is about (RFC 5321 §4.5.3.2.5).
 */
const blockBytes = 64 * 1024;

const settled = new WeakMap<RawSource, Buffer>();

/** The whole message with CRLF line ends, when it is in memory and no larger than a block; null: read it in blocks. */
export function wholeOf(raw: RawSource): Buffer | null {
  if (raw.kind === 'file' || raw.bytes.length > blockBytes) return null;
  const known = settled.get(raw);
  if (known) return known;
  const lines = new CrlfLines();
  const [most, rest] = [lines.push(raw.bytes), lines.end()];
  const whole = rest.length === 0 ? most : Buffer.concat([most, rest]);
  settled.set(raw, whole);
  return whole;
}

/** The message in blocks; a file is read as it is consumed, and closed when the consumer stops early. */
export async function* readRaw(raw: RawSource): AsyncGenerator<Buffer> {
  if (raw.kind === 'bytes') {
    for (let at = 0; at < raw.bytes.length; at += blockBytes) yield raw.bytes.subarray(at, at + blockBytes);
    return;
  }
  for await (const chunk of createReadStream(raw.path, { highWaterMark: blockBytes })) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('a file without encoding is read as buffers');
    yield chunk;
  }
}
