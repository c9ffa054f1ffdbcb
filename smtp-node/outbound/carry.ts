import type { Outcome } from '#domain/delivery/outcome.ts';
import type { DkimKey, LeasedDelivery } from '#domain/node-contract.ts';
import type { Log } from '../log.ts';
import type { Meters } from '../metrics.ts';
import { EdgeRefusal } from '../worker-client.ts';
import type { AttemptHooks } from './attempt.ts';
import type { Courier } from './courier.ts';
import type { Journal } from './journal.ts';
import type { LeaseRef } from './journal-record.ts';
import type { RawLoan, RawStore } from './raw-store.ts';
import type { Reporter } from './reporter.ts';

const minuteMs = 60_000;
/** No transaction is begun on a lease with less left: its result could come too late. */
export const leastLeaseMs = 15 * minuteMs;
/** RFC 5321 §4.5.3.2.6: the reply to the final dot may take ten minutes. */
const leastLeaseForDataMs = 11 * minuteMs;

export interface CarryContext {
  courier: Pick<Courier, 'deliver'>;
  raws: Pick<RawStore, 'lend'>;
  journal: Pick<Journal, 'sending' | 'outcome' | 'attemptOf'>;
  reporter: Pick<Reporter, 'add'>;
  log: Log;
  meters: Meters;
  /** The edge's clock, Unix ms. */
  edgeNowMs: () => number;
  /** Aborted when the node stops: nothing new may be begun. */
  stopped: AbortSignal;
  /** Calls back when that happens, until what it gives is called. */
  whenStopped: (callback: () => void) => () => void;
  /** True when a newer boot of the node has taken over: its hello has released this lease. */
  superseded: () => boolean;
  /** Very many deliveries wait for their peers. */
  crowded: () => boolean;
}

/**
 * Tries one leased delivery, from fetching the message to handing in the outcome. Never rejects.
 * @param onWaiting told `true` when it has waited for a second, and `false` when it goes on
 * @returns `untried` when the lease should be given back, with the relay that it waited for where that takes no more in a minute
 */
export async function carry(
  delivery: LeasedDelivery,
  keys: readonly DkimKey[],
  context: CarryContext,
  onWaiting: (waiting: boolean) => void,
): Promise<'tried' | 'untried' | { untriedBy: string }> {
  const { log } = context;
  const ref = refOf(delivery);
  const startedAtMs = context.edgeNowMs();
  const earlier = context.journal.attemptOf(delivery);
  // The edge has not heard of an attempt that was made here, and leases the delivery again: it is not made twice.
  if (earlier === 'sending') return 'untried';
  if (earlier && earlier.outcome.type !== 'deferred') {
    log.warn(
      { ...ref, outcome: earlier.outcome.type, of: earlier.leaseId },
      'tried before under another lease; told again',
    );
    await handIn(delivery, earlier.outcome, context);
    return 'tried';
  }
  let loan: RawLoan;
  try {
    loan = await context.raws.lend(delivery);
  } catch (error) {
    log.warn({ ...ref, err: error }, 'the raw message could not be fetched');
    if (!isGone(error)) return 'untried';
    await handIn(delivery, withoutMessage(startedAtMs, context.edgeNowMs(), String(error)), context);
    return 'tried';
  }
  try {
    if (context.stopped.aborted || delivery.leaseUntilMs - context.edgeNowMs() < leastLeaseMs)
      return 'untried';
    const pacedBy: string[] = [];
    const hooks = { onWaiting, onPaced: (relay: string) => void pacedBy.push(relay) };
    const outcome = await attempt(delivery, loan, keys, startedAtMs, context, hooks);
    if (outcome === 'untried') return pacedBy[0] === undefined ? outcome : { untriedBy: pacedBy[0] };
    await handIn(delivery, outcome, context);
    return 'tried';
  } finally {
    await loan.done().catch((error) => log.warn({ ...ref, err: error }, 'a spool file could not be removed'));
  }
}

/**
 * One attempt, to its end once DATA has begun. Before, a stop ends it at once: it may wait for minutes for a
 * connection or a greeting. What goes on of it then comes to nothing, since `beforeData` refuses.
 */
async function attempt(
  delivery: LeasedDelivery,
  { raw }: RawLoan,
  keys: readonly DkimKey[],
  startedAtMs: number,
  context: CarryContext,
  told: Pick<AttemptHooks, 'onWaiting' | 'onPaced'>,
): Promise<Outcome | 'untried'> {
  const stop = Promise.withResolvers<'untried'>();
  const goOn = context.whenStopped(() => stop.resolve('untried'));
  const beforeData = () => {
    if (context.stopped.aborted) throw new Error('the node stops');
    goOn();
    return noteSending(delivery, startedAtMs, context);
  };
  try {
    const hooks = { ...told, beforeData, crowded: context.crowded };
    return await Promise.race([stop.promise, context.courier.deliver(delivery, raw, keys, hooks)]);
  } finally {
    goOn();
  }
}

/** Makes it durable that DATA is about to be sent; throws when it must not be. */
async function noteSending(
  delivery: LeasedDelivery,
  startedAtMs: number,
  context: CarryContext,
): Promise<void> {
  if (context.superseded()) throw new Error('a newer run of this node has taken over');
  if (delivery.leaseUntilMs - context.edgeNowMs() < leastLeaseForDataMs)
    throw new Error('the lease ends soon');
  await context.journal.sending({
    ...refOf(delivery),
    class: delivery.class,
    attempt: delivery.attempt,
    startedAtMs,
  });
}

async function handIn(delivery: LeasedDelivery, outcome: Outcome, context: CarryContext): Promise<void> {
  const ref = refOf(delivery);
  const { log } = context;
  const durationMs = outcome.endedAtMs - outcome.startedAtMs;
  context.meters.deliveries.inc({ outcome: outcome.type });
  context.meters.deliverySeconds.observe({ outcome: outcome.type }, durationMs / 1000);
  log.info(
    { ...ref, outcome: outcome.type, class: delivery.class, attempt: delivery.attempt, durationMs },
    'attempted',
  );
  try {
    await context.journal.outcome(delivery, outcome);
  } catch (error) {
    // reported all the same: better known to the edge than to nobody
    log.error({ ...ref, err: error }, 'the outcome could not be written to the journal');
  }
  context.reporter.add({ ...ref, outcome }, delivery.class === 'digest');
}

function refOf({ messageId, n, leaseId }: LeasedDelivery): LeaseRef {
  return { messageId, n, leaseId };
}

/** The edge has no such message (any more), which will not change by asking again at once. */
function isGone(error: unknown): boolean {
  return error instanceof EdgeRefusal && (error.status === 404 || error.status === 410);
}

function withoutMessage(startedAtMs: number, endedAtMs: number, text: string): Outcome {
  return {
    type: 'deferred',
    startedAtMs,
    endedAtMs,
    session: { mx: null, tls: null, reused: false, steps: [], tried: [] },
    failure: {
      reply: null,
      status: null,
      class: 'unknown',
      text: text.slice(0, 4096),
      step: null,
      code: null,
    },
  };
}
