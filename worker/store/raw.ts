import { sql } from 'drizzle-orm';
import type { MessageId } from '#domain/ids.ts';
import { bodiesName, oldestBodyDay } from './home-tables.ts';
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
  const rows = await batch(
    store.d1,
    days.map((day, i) => {
      const ids = JSON.stringify((perDay[i] ?? []).map((p) => p.bodyId));
      return sql`SELECT id, raw FROM ${bodiesName(day)} WHERE id IN (SELECT value FROM json_each(${ids}))`;
    }),
  );
  days.forEach((_, i) => {
    const texts = new Map((rows[i] ?? []).map((row) => [Number(row.id), String(row.raw)]));
    for (const place of perDay[i] ?? []) {
      const text = place.bodyId === null ? undefined : texts.get(place.bodyId);
      if (text !== undefined) found.set(place.messageId, text);
    }
  });
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

/** The bytes of latin1 text. */
export function latin1Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** R2 lists and deletes at most so many objects at once. */
const purgePage = 1000;
/** So many pages a call: a Worker may make a bounded number of requests. */
const mostPurgePages = 100;

/** Removes large bodies whose day is over, a bounded number at a time. */
export async function purgeBodies(store: Store, nowMs: number): Promise<number> {
  const keepFrom = `raw/${oldestBodyDay(nowMs)}`;
  let purged = 0;
  for (let page = 0; page < mostPurgePages; page++) {
    // Keys begin with their day, so the oldest come first and the list ends where keeping begins.
    const { objects } = await store.raw.list({ prefix: 'raw/', limit: purgePage });
    const old = objects.map((object) => object.key).filter((key) => key < keepFrom);
    if (old.length > 0) await store.raw.delete(old);
    purged += old.length;
    if (old.length < purgePage) break;
  }
  return purged;
}
