import { reduceDelivery } from '#domain/delivery.ts';
import { uuidV7 } from '#domain/ids.ts';
import type { Result } from '#domain/node-contract.ts';
import type { Outcome } from '#domain/outcome.ts';
import { formatReply } from '#domain/smtp-reply.ts';
import {
  type LeasedFacts,
  leaseKey,
  readLeasedFacts,
  type Transition,
  writeTransitions,
} from '../store/results.ts';
import type { Store } from '../store/store.ts';

/** Work that will be due again. */
export interface Retry {
  messageId: string;
  class: string;
  dueMs: number;
}

export interface Recorded {
  /** One a result, in order. */
  verdicts: ('recorded' | 'stale')[];
  retries: Retry[];
  /** Accounts with active webhook endpoints among those whose deliveries have new events. */
  listening: Set<number>;
}

/**
 * Records the outcomes of a node in two D1 round trips. A result whose lease is no longer the delivery's is
 * `stale`: reported before, expired, or released.
 */
export async function recordResults(store: Store, results: Result[], nowMs: number): Promise<Recorded> {
  const firsts = new Map(results.map((result) => [leaseKey(result), result] as const).reverse());
  const facts = await readLeasedFacts(store, [...firsts.values()], nowMs);
  const retries: Retry[] = [];
  const transitions: Transition[] = [];
  const listening = new Set<number>();
  for (const [key, delivery] of facts) {
    const result = firsts.get(key);
    if (!result) continue;
    const { messageId, n, leaseId } = result;
    const { event, consequence, ...next } = reduceDelivery(delivery, result.outcome, nowMs, Math.random());
    const id = uuidV7(nowMs, crypto.getRandomValues(new Uint8Array(10)));
    transitions.push({
      messageId,
      n,
      leaseId,
      ...next,
      event: { id, ...event },
      consequence: consequence && { consequence, ...aboutAddress(delivery, result.outcome), atMs: nowMs },
    });
    if (delivery.webhooks) listening.add(delivery.accountId);
    const { dueMs } = next;
    if (dueMs !== null) retries.push({ messageId, class: delivery.class, dueMs });
  }
  const written =
    transitions.length > 0 ? await writeTransitions(store, transitions, nowMs) : new Set<string>();
  return {
    verdicts: results.map((result) =>
      firsts.get(leaseKey(result)) === result && written.has(leaseKey(result)) ? 'recorded' : 'stale',
    ),
    retries,
    listening,
  };
}

/** Whom a consequence is about, and the reply that proves it. */
function aboutAddress({ accountId, recipient }: LeasedFacts, outcome: Outcome) {
  const failure = 'failure' in outcome ? outcome.failure : null;
  const proof = failure?.reply ? formatReply(failure.reply) : (failure?.text ?? '');
  return { accountId, address: recipient, source: 'smtp' as const, proof };
}
