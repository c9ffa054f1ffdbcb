import { leaseMark, reduceDelivery, reduceLate } from '#domain/delivery/delivery.ts';
import type { NewEvent } from '#domain/delivery/event.ts';
import type { Outcome } from '#domain/delivery/outcome.ts';
import { formatReply } from '#domain/failure/smtp-reply.ts';
import { uuidV7 } from '#domain/message/ids.ts';
import type { Result } from '#domain/node-contract.ts';
import type { FailedDelivery } from '../inbound/tell-failure.ts';
import { withHomes } from '../store/homes-memory.ts';
import { byHomeOfMessage } from '../store/message-homes.ts';
import {
  type LateReport,
  type LeasedFacts,
  leaseKey,
  readLeasedFacts,
  type Transition,
  writeLate,
  writeTransitions,
} from '../store/results.ts';
import type { Store } from '../store/store.ts';
import { deliveryKey } from '../store/timeline.ts';
import { leaseOwner } from '../tokens/lease-id.ts';

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
  /** Deliveries that have come to nothing. */
  failed: FailedDelivery[];
}

/**
 * Records the outcomes of a node in two D1 round trips. A result whose lease is no longer the delivery's is `stale`
 * (reported before, expired, or released), unless it says that an MX has taken the message, or may have: that is told
 * however late it comes, once. Of leases that were another node's nothing is recorded.
 */
export async function recordResults(
  store: Store,
  results: Result[],
  by: Reporting,
  nowMs: number,
): Promise<Recorded> {
  const recorded: Recorded = {
    verdicts: results.map(() => 'stale'),
    retries: [],
    listening: new Set(),
    failed: [],
  };
  const written = new Set<string>();
  const owner = leaseOwner(by.keys, by.nodeId);
  const owners = await Promise.all(results.map(({ leaseId }) => owner(leaseId)));
  const own = results.filter((_, i) => owners[i] !== 'foreign');
  const unnamed = new Set(results.filter((_, i) => owners[i] === 'unknown').map(leaseKey));
  for (const round of roundsOf(own))
    await withHomes(store, async () => {
      const homes = await byHomeOfMessage(store, round, ({ messageId }) => messageId);
      const ended = await Promise.allSettled(
        homes.map(([home, some]) => recordRound(home, some, { ...by, unnamed }, nowMs, recorded, written)),
      );
      for (const one of ended) if (one.status === 'rejected') throw one.reason;
    });
  for (const [i, result] of results.entries()) {
    // Of doubles within one report the first is the one that was recorded.
    if (written.delete(leaseKey(result))) recorded.verdicts[i] = 'recorded';
  }
  return recorded;
}

/** The node that reports, and the keys by which ids of leases say whose they are. */
export interface Reporting {
  nodeId: string;
  keys: readonly Uint8Array[];
}

/** Results of one delivery under several leases are recorded one after the other; usually there is one round. */
function roundsOf(results: Result[]): Result[][] {
  const rounds: Map<string, Result>[] = [];
  const seen = new Set<string>();
  for (const result of results) {
    if (seen.has(leaseKey(result))) continue;
    seen.add(leaseKey(result));
    const key = deliveryKey(result);
    const free = rounds.find((round) => !round.has(key));
    if (free) free.set(key, result);
    else rounds.push(new Map([[key, result]]));
  }
  return rounds.map((round) => [...round.values()]);
}

async function recordRound(
  store: Store,
  results: Result[],
  { nodeId, unnamed }: { nodeId: string; unnamed: ReadonlySet<string> },
  nowMs: number,
  { retries, listening, failed }: Recorded,
  written: Set<string>,
): Promise<void> {
  const facts = await readLeasedFacts(store, results, nowMs);
  const transitions: Transition[] = [];
  const late: LateReport[] = [];
  for (const result of results) {
    const delivery = facts.get(leaseKey(result));
    if (delivery?.node == null || delivery.told) continue;
    // An id that does not say whose it is counts from the node that had the delivery last.
    if (unnamed.has(leaseKey(result)) && delivery.node !== nodeId) continue;
    const { messageId, n, leaseId, outcome } = result;
    const ref = { messageId, n, leaseId };
    if (!delivery.held) {
      const reduction = reduceLate(delivery, outcome, nowMs);
      if (!reduction) continue;
      late.push({
        ...ref,
        ...reduction,
        from: delivery.state,
        event: eventOf(reduction.event, result, nowMs),
      });
    } else {
      const { event, consequence, ...next } = reduceDelivery(delivery, outcome, nowMs, Math.random());
      transitions.push({
        ...ref,
        ...next,
        event: eventOf(event, result, nowMs),
        consequence: consequence && { consequence, ...aboutAddress(delivery, outcome), atMs: nowMs },
      });
      const { dueMs } = next;
      if (dueMs !== null) retries.push({ messageId, class: delivery.class, dueMs });
    }
    if (delivery.webhooks) listening.add(delivery.accountId);
  }
  if (transitions.length > 0) {
    const own = await writeTransitions(store, transitions, nowMs);
    for (const key of own) written.add(key);
    const ended = transitions.filter(({ state }) => state === 'bounced' || state === 'failed');
    failed.push(...ended.filter((one) => own.has(leaseKey(one))).map(failedDelivery));
  }
  if (late.length > 0) for (const key of await writeLate(store, late, nowMs)) written.add(key);
}

function failedDelivery({ messageId, event }: Transition): FailedDelivery {
  const { status } = event.details;
  return { messageId, status: typeof status === 'string' ? status : null };
}

/** The event with its id; an acceptance, sure or not, names its attempt. */
function eventOf(event: Omit<NewEvent, 'id'>, { leaseId, outcome }: Result, nowMs: number): NewEvent {
  const id = uuidV7(nowMs, crypto.getRandomValues(new Uint8Array(10)));
  const accepted = outcome.type === 'delivered' || outcome.type === 'maybeAccepted';
  return { id, ...event, ...(accepted && { lease: leaseMark(leaseId) }) };
}

/** Whom a consequence is about, and the reply that proves it. */
function aboutAddress({ accountId, recipient }: LeasedFacts, outcome: Outcome) {
  const failure = 'failure' in outcome ? outcome.failure : null;
  const proof = failure?.reply ? formatReply(failure.reply) : (failure?.text ?? '');
  return { accountId, address: recipient, source: 'smtp' as const, proof };
}
