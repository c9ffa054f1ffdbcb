import { reduceDelivery } from '#domain/delivery.ts';
import { uuidV7 } from '#domain/ids.ts';
import type { Result } from '#domain/node-contract.ts';
import { leaseKey, readLeasedFacts, type Transition, writeTransitions } from '../store/results.ts';
import type { Store } from '../store/store.ts';

/** Work that will be due again. */
export interface Retry {
  messageId: string;
  class: string;
  dueMs: number;
}

/**
 * Records the outcomes of a node in two D1 round trips. A result whose lease is no longer the delivery's is
 * `stale`: reported before, expired, or released.
 */
export async function recordResults(
  store: Store,
  results: Result[],
  nowMs: number,
): Promise<{ verdicts: ('recorded' | 'stale')[]; retries: Retry[] }> {
  const firsts = new Map(results.map((result) => [leaseKey(result), result] as const).reverse());
  const facts = await readLeasedFacts(store, [...firsts.values()], nowMs);
  const retries: Retry[] = [];
  const transitions: Transition[] = [];
  for (const [key, delivery] of facts) {
    const result = firsts.get(key);
    if (!result) continue;
    const { messageId, n, leaseId } = result;
    const { state, dueMs, reason, event } = reduceDelivery(delivery, result.outcome, nowMs, Math.random());
    const id = uuidV7(nowMs, crypto.getRandomValues(new Uint8Array(10)));
    transitions.push({ messageId, n, leaseId, state, dueMs, reason, event: { id, ...event } });
    if (dueMs !== null) retries.push({ messageId, class: delivery.class, dueMs });
  }
  const written =
    transitions.length > 0 ? await writeTransitions(store, transitions, nowMs) : new Set<string>();
  return {
    verdicts: results.map((result) =>
      firsts.get(leaseKey(result)) === result && written.has(leaseKey(result)) ? 'recorded' : 'stale',
    ),
    retries,
  };
}
