import { sql } from 'drizzle-orm';
import type { MessageId } from '#domain/message/ids.ts';
import { bodiesName, oldestBodyDay, withHomeTables } from './home-tables.ts';
import { bodyColumns, textOf } from './row-body.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

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
