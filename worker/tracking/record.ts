import { type Hit, trackedEvent } from '#domain/delivery/tracked-event.ts';
import { uuidV7 } from '#domain/message/ids.ts';
import type { LinkToken } from '#domain/message/tracking.ts';
import { shownScope } from '#domain/suppression/scope.ts';
import type { Env } from '../env.ts';
import { isMoving, withHomes } from '../store/homes-memory.ts';
import { storeOfMessage } from '../store/message-homes.ts';
import type { Store } from '../store/store.ts';
import { addSuppressions } from '../store/suppressions.ts';
import { findTracked, type TrackedDelivery, writeTracked, writeUnsubscribed } from '../store/tracked.ts';
import { eventsCommitted } from '../webhook/poke.ts';

/**
 * Records that the pixel or a link of a mail was fetched. Runs behind the answer, which nobody who reads a mail waits
 * for; so it never throws, and a failure is logged.
 */
export async function recordHit(env: Env, first: Store, link: LinkToken, hit: Hit): Promise<void> {
  try {
    await patiently(() => withHomes(first, () => record(env, first, link, hit)));
  } catch (error) {
    const msg = 'an open or a click is not recorded';
    console.error(JSON.stringify({ level: 'error', msg, messageId: link.messageId, error: String(error) }));
  }
}

async function record(env: Env, first: Store, link: LinkToken, hit: Hit): Promise<void> {
  const store = await storeOfMessage(first, link.messageId);
  const delivery = store && (await findTracked(store, link, hit.atMs));
  if (!delivery) return;
  const event = { id: newEventId(hit.atMs), ...trackedEvent(hit, delivery) };
  const { messageId, n, accountId } = delivery;
  if (await writeTracked(store, { messageId, n, event }, hit.atMs)) await eventsCommitted(env, [accountId]);
}

/** While an account moves to another home nothing of it can be written; that is over in a few seconds. */
const triesAfterMs = [1_000, 3_000, 8_000, 12_000] as const;

async function patiently(work: () => Promise<void>): Promise<void> {
  for (const waitMs of triesAfterMs) {
    try {
      return await work();
    } catch (error) {
      if (!isMoving(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
  await work();
}

/**
 * Sees to it that the recipient gets no more mail in a scope. When it returns, that is durable; doing it again changes
 * nothing.
 * @returns true when something was written, so that it is to be announced
 */
export async function unsubscribe(
  store: Store,
  delivery: TrackedDelivery,
  scope: string,
  nowMs: number,
): Promise<boolean> {
  const { messageId, n, accountId, recipient, exempt } = delivery;
  const details = { suppresses: !exempt, scope: shownScope(scope) };
  const event = { id: newEventId(nowMs), kind: 'unsubscribed' as const, atMs: nowMs, details };
  const entry = {
    address: recipient,
    scope,
    source: 'one_click' as const,
    proof: 'one-click unsubscribe (RFC 8058)',
  };
  const suppress = { kind: 'suppress' as const, reason: 'unsubscribe' as const, expiresAtMs: null };
  const consequence = exempt ? null : { ...entry, accountId, consequence: suppress, atMs: nowMs };
  if (await writeUnsubscribed(store, { messageId, n, event }, consequence, nowMs)) return true;
  if (exempt) return false;
  const { reason, expiresAtMs } = suppress;
  const added = { ...entry, reason, messageId, createdAtMs: nowMs, expiresAtMs };
  return (await addSuppressions(store, accountId, [added], nowMs)) > 0;
}

function newEventId(nowMs: number): string {
  return uuidV7(nowMs, crypto.getRandomValues(new Uint8Array(10)));
}
