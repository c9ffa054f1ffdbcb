import type { EventId } from '#domain/message/ids.ts';
import { bodyDayOfReturned } from './home-tables.ts';
import { bodyKey } from './raw.ts';
import type { Store } from './store.ts';

/** A mail that came back, as it came. */
export interface KeptReturned {
  raw: Uint8Array;
  /** The envelope sender, empty for the null sender. */
  mailFrom: string;
}

/**
 * Keeps a mail beside its event, for as long as events are kept: an object of R2 among the bodies of a later day, so
 * that it goes with that day. Keeping the same again changes nothing.
 */
export async function keepReturned(
  store: Store,
  event: { id: EventId; atMs: number },
  { raw, mailFrom }: KeptReturned,
): Promise<void> {
  await store.raw.put(keyOf(event), raw, { customMetadata: { mailFrom: mailFrom.slice(0, 320) } });
}

/** The mail that an event tells of; null when its time is over, or when it came before any were kept. */
export async function readKeptReturned(
  store: Store,
  event: { id: EventId; atMs: number },
): Promise<KeptReturned | null> {
  const object = await store.raw.get(keyOf(event));
  if (!object) return null;
  return { raw: await object.bytes(), mailFrom: object.customMetadata?.mailFrom ?? '' };
}

function keyOf({ id, atMs }: { id: EventId; atMs: number }): string {
  return bodyKey(bodyDayOfReturned(atMs), `returned-${id}`);
}
