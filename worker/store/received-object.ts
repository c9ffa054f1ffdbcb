import { Buffer } from 'node:buffer';
import { bodyDayOf, oldestBodyDay } from './home-tables.ts';
import type { Store } from './store.ts';

/** Where a raw mail that was received is kept: in R2. */
export interface ReceivedPlace {
  bodyDay: string;
  bodyId: string;
}

/** The object of a raw mail that was received. Its day is first so that a day's objects can be listed and removed. */
export function receivedKey({ bodyDay, bodyId }: ReceivedPlace): string {
  return `received/${bodyDay}/${bodyId}`;
}

/** The day of the object of a mail. @param days how long the account keeps content */
export function receivedDay(receivedAtMs: number, days: number): string {
  return bodyDayOf(receivedAtMs, days);
}

/** Puts a raw mail into R2, as it comes. */
export async function putReceived(
  store: Store,
  place: ReceivedPlace,
  raw: ReadableStream | Uint8Array,
): Promise<void> {
  await store.raw.put(receivedKey(place), raw);
}

export async function removeReceived(store: Store, place: ReceivedPlace): Promise<void> {
  await store.raw.delete(receivedKey(place));
}

/** The raw mail, or its first bytes; null when its time is over. */
export async function readReceived(
  store: Store,
  place: ReceivedPlace,
  nowMs: number,
  mostBytes?: number,
): Promise<R2ObjectBody | null> {
  if (place.bodyDay < oldestBodyDay(nowMs)) return null;
  const range = mostBytes === undefined ? {} : { range: { offset: 0, length: mostBytes } };
  return await store.raw.get(receivedKey(place), range);
}

/** The octets of a mail that was put into R2 just now, from one of them on. */
export async function readReceivedFrom(
  store: Store,
  place: ReceivedPlace,
  offset: number,
): Promise<ReadableStream<Uint8Array>> {
  const object = await store.raw.get(receivedKey(place), { range: { offset } });
  if (!object) throw new Error('a mail that was put into R2 is not there');
  return object.body;
}

/** The same as latin1 text, without its octets besides. */
export async function receivedText(store: Store, place: ReceivedPlace): Promise<string> {
  const pieces: string[] = [];
  const reader = (await readReceivedFrom(store, place, 0)).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const { buffer, byteOffset, byteLength } = part.value;
    pieces.push(Buffer.from(buffer, byteOffset, byteLength).toString('latin1'));
  }
  return pieces.join('');
}

/** All octets of a mail that was put into R2 just now. */
export async function receivedBytes(
  store: Store,
  place: ReceivedPlace,
  nowMs: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const object = await readReceived(store, place, nowMs);
  if (!object) throw new Error('a mail that was put into R2 is not there');
  return new Uint8Array(await object.arrayBuffer());
}
