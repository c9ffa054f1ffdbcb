import { Buffer } from 'node:buffer';
import { gunzipSync, gzipSync } from 'node:zlib';
import { type SQL, sql } from 'drizzle-orm';
import type { MessageId } from '#domain/message/ids.ts';
import { bodiesName, oldestBodyDay, withHomeTables } from './home-tables.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

/** A body as a row of D1 keeps it. */
export interface RowBody {
  /** Null: the message itself, as latin1. 1: base64 of its gzip. 2: hexadecimal of its gzip, which the row has as octets. */
  gzip: null | 1 | 2;
  text: string;
}

/** The values of a body's row, `(raw, gzip)`. Octets cross as hexadecimal: D1 would make a list of numbers of them. */
export function bodyValues({ text, gzip }: { text: unknown; gzip: unknown }): SQL {
  return gzip === 2 ? sql`(unhex(${text}), 2)` : sql`(${text}, ${gzip})`;
}

/** The columns of a body's row, what is octets as hexadecimal. */
export const bodyColumns = sql`id, iif(gzip = 2, hex(raw), raw) AS raw, gzip`;

/**
 * Up to this size a body is a row of D1, above it an object of R2. By list price: a row costs 1.00 a million
 * and 0.75 per GB-month for about four days, unless the account keeps it longer (0.10 a million messages per kilobyte);
 * an object costs 4.50 to write, 0.36 to read and almost nothing to keep. They meet near 38 kB; below that D1 also saves
 * a round trip.
 */
export const largestRowBytes = 32 * 1024;

/** Smaller messages leave a page as empty as they find it. */
const leastGzipBytes = 1024;
/** Larger ones would hardly come below `largestRowBytes`. */
const mostGzipBytes = 256 * 1024;
/** What is left of a message by compressing it, at most, as a share: else it stays as it is. */
const mostKept = 0.75;

/** How D1 keeps a raw message (latin1 text): as it is, or compressed where that saves; null: it belongs into R2. */
export function rowBodyOf({ writesRows }: Pick<Store, 'writesRows'>, raw: string): RowBody | null {
  const plain = raw.length <= largestRowBytes ? { text: raw, gzip: null } : null;
  if (raw.length < leastGzipBytes || raw.length > mostGzipBytes) return plain;
  // In one call: a stream costs several times what there is to do.
  const octets = gzipSync(Buffer.from(raw, 'latin1'));
  const body: RowBody =
    writesRows >= 2
      ? { text: octets.toString('hex'), gzip: 2 }
      : { text: octets.toString('base64'), gzip: 1 };
  const kept = body.gzip === 2 ? octets.length : body.text.length;
  return kept <= Math.min(largestRowBytes, raw.length * mostKept) ? body : plain;
}

function textOf({ raw, gzip }: Record<string, unknown>): string {
  const text = String(raw);
  if (gzip === null) return text;
  return gunzipSync(Buffer.from(text, gzip === 2 ? 'hex' : 'base64')).toString('latin1');
}

/** Where a raw message is kept. */
export interface BodyPlace {
  messageId: MessageId;
  bodyDay: string;
  bodyId: number | null;
}

/** The object of a large body. Its day is first so that a day's bodies can be listed and removed. */
export function bodyKey(day: string, messageId: MessageId): string {
  return `raw/${day}/${messageId}`;
}

/** Latin1 texts of the given D1 bodies, by message id; those that are in R2 or past their time are left out. */
export async function readSmallBodies(
  store: Store,
  places: BodyPlace[],
  nowMs: number,
): Promise<Map<MessageId, string>> {
  const kept = places.filter((p) => p.bodyId !== null && p.bodyDay >= oldestBodyDay(nowMs));
  const days = [...new Set(kept.map((p) => p.bodyDay))];
  const found = new Map<MessageId, string>();
  const perDay = days.map((day) => kept.filter((p) => p.bodyDay === day));
  const queries = days.map((day, i) => {
    const ids = JSON.stringify((perDay[i] ?? []).map((p) => p.bodyId));
    return sql`SELECT ${bodyColumns} FROM ${bodiesName(day)} WHERE id IN (SELECT value FROM json_each(${ids}))`;
  });
  const rows = await withHomeTables(store, nowMs, () => batch(store.d1, queries));
  for (const [i, places] of perDay.entries()) {
    const bodies = new Map((rows[i] ?? []).map((row) => [Number(row.id), row]));
    for (const { bodyId, messageId } of places) {
      const row = bodyId === null ? undefined : bodies.get(bodyId);
      if (row) found.set(messageId, textOf(row));
    }
  }
  return found;
}

/** The raw message; null when its time is over. Streams from R2, latin1 text from D1. */
export async function readBody(
  store: Store,
  place: BodyPlace,
  nowMs: number,
): Promise<ReadableStream | string | null> {
  if (place.bodyId === null) {
    const object = await store.raw.get(bodyKey(place.bodyDay, place.messageId));
    return object ? object.body : null;
  }
  const bodies = await readSmallBodies(store, [place], nowMs);
  return bodies.get(place.messageId) ?? null;
}

/** Puts a large body into R2: as text in pieces, then a stream behind it, so that neither is in memory twice. */
export async function putBody(
  store: Store,
  key: string,
  text: string,
  behind: { sizeBytes: number; stream: ReadableStream<Uint8Array> } | null = null,
): Promise<void> {
  // R2 must know the length of what it is given.
  const { readable, writable } = new FixedLengthStream(text.length + (behind?.sizeBytes ?? 0));
  const put = store.raw.put(key, readable);
  const writer = writable.getWriter();
  const written = (async () => {
    for (let at = 0; at < text.length; at += pieceCharacters) {
      await writer.write(latin1Bytes(text.slice(at, at + pieceCharacters)));
    }
    writer.releaseLock();
    if (behind) await behind.stream.pipeTo(writable);
    else await writable.close();
  })();
  await Promise.all([put, written]);
}

const pieceCharacters = 64 * 1024;

/** The bytes of latin1 text. */
export function latin1Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** R2 lists and deletes at most so many objects at once. */
const purgePage = 1000;
/** So many pages a call, of two requests each: a Worker may make a bounded number of them. */
const mostPurgePages = 10;

/** What is kept in R2 by day: bodies of messages, and received mail (`received.ts`). */
const dailyPrefixes = ['raw/', 'received/'] as const;

/** Removes objects whose day is over, a bounded number at a time; true when there are more of them. */
export async function purgeBodies(store: Store, nowMs: number): Promise<boolean> {
  let left = false;
  for (const prefix of dailyPrefixes) left = (await purgeBelow(store, prefix, nowMs)) || left;
  return left;
}

async function purgeBelow(store: Store, prefix: string, nowMs: number): Promise<boolean> {
  const keepFrom = prefix + oldestBodyDay(nowMs);
  for (let page = 0; page < mostPurgePages; page++) {
    // Keys begin with their day, so the oldest come first and the list ends where keeping begins.
    const { objects } = await store.raw.list({ prefix, limit: purgePage });
    const old = objects.map((object) => object.key).filter((key) => key < keepFrom);
    if (old.length > 0) await store.raw.delete(old);
    if (old.length < purgePage) return false;
  }
  return true;
}
