import { Buffer } from 'node:buffer';
import { deflateRawSync, gunzipSync, gzipSync, inflateRawSync } from 'node:zlib';
import { type SQL, sql } from 'drizzle-orm';
import { bodyDictionary } from './body-dictionary.ts';

/** A body as a row of D1 keeps it. */
export interface RowBody {
  /**
   * Null: the message itself, as latin1. 1: base64 of its gzip. 2: hexadecimal of its gzip, which the row has as octets.
   * 3: hexadecimal of its DEFLATE data (RFC 1951) with `bodyDictionary` as preset dictionary, in octets too.
   */
  gzip: null | 1 | 2 | 3;
  text: string;
}

/** The values of a body's row, `(raw, gzip)`. Octets cross as hexadecimal: D1 would make a list of numbers of them. */
export function bodyValues({ text, gzip }: { text: unknown; gzip: unknown }): SQL {
  return gzip === 2 || gzip === 3 ? sql`(unhex(${text}), ${gzip})` : sql`(${text}, ${gzip})`;
}

/** The columns of a body's row, what is octets as hexadecimal. */
export const bodyColumns = sql`id, iif(gzip >= 2, hex(raw), raw) AS raw, gzip`;

/**
 * Up to this size a body is a row of D1, above it an object of R2. By list price: a row costs 1.00 a million
 * and 0.75 per GB-month for about four days, unless the account keeps it longer (0.10 a million messages per kilobyte);
 * an object costs 4.50 to write, 0.36 to read and almost nothing to keep. They meet near 38 kB; below that D1 also saves
 * a round trip.
 */
export const largestRowBytes = 32 * 1024;

/** Larger ones would hardly come below `largestRowBytes`. */
const mostPackedBytes = 256 * 1024;
/** What is left of a message by compressing it, at most, as a share: else it stays as it is. */
const mostKept = 0.75;

/** The forms of rows (`domain/message/row-form.ts`) from which on a body is kept so, and the least that it saves for. */
const packings = [
  { form: 4, gzip: 3, leastBytes: 256, pack: (bytes: Buffer) => withDictionary(bytes).toString('hex') },
  // Smaller messages leave a page as empty as they find it.
  { form: 2, gzip: 2, leastBytes: 1024, pack: (bytes: Buffer) => gzipSync(bytes).toString('hex') },
  { form: 1, gzip: 1, leastBytes: 1024, pack: (bytes: Buffer) => gzipSync(bytes).toString('base64') },
] as const;

/** How D1 keeps a raw message (latin1 text): as it is, or compressed where that saves; null: it belongs into R2. */
export function rowBodyOf({ writesRows }: { writesRows: number }, raw: string): RowBody | null {
  const plain = raw.length <= largestRowBytes ? { text: raw, gzip: null } : null;
  const packing = packings.find(({ form }) => form <= writesRows);
  if (!packing || raw.length < packing.leastBytes || raw.length > mostPackedBytes) return plain;
  const { gzip, pack } = packing;
  // In one call: a stream costs several times what there is to do.
  const text = pack(Buffer.from(raw, 'latin1'));
  const kept = gzip === 1 ? text.length : text.length / 2;
  return kept <= Math.min(largestRowBytes, raw.length * mostKept) ? { text, gzip } : plain;
}

/** The message of a row, as latin1. @param row of `bodyColumns` */
export function textOf({ raw, gzip }: Record<string, unknown>): string {
  const text = String(raw);
  if (gzip === null) return text;
  const bytes = Buffer.from(text, gzip === 1 ? 'base64' : 'hex');
  const plain =
    gzip === 3
      ? inflateRawSync(bytes, { dictionary: bodyDictionary, maxOutputLength: mostPackedBytes })
      : gunzipSync(bytes);
  return plain.toString('latin1');
}

/** With a window that the dictionary and the message fill, and tables for so much: a larger one finds nothing more. */
function withDictionary(bytes: Buffer): Buffer {
  return deflateRawSync(bytes, {
    dictionary: bodyDictionary,
    windowBits: Math.min(15, bitsOf(bytes.length + bodyDictionary.length)),
    memLevel: Math.min(8, Math.max(1, bitsOf(bytes.length) - 6)),
  });
}

function bitsOf(length: number): number {
  return Math.ceil(Math.log2(length));
}
