import { assertNever } from '../assert-never.ts';
import { classOf, type MailClass } from '../message/class.ts';
import { type Consequence, consequenceOf, isSuppressed, type RecipientFacts } from './consequence.ts';
import type { EventDetails, NewEvent } from './event.ts';
import type { Failure, Outcome } from './outcome.ts';
import { workerNodeId } from './turn.ts';

/**
 * States of a delivery and the ways between them. "Delivered" means that a remote MX accepted it; a later
 * DSN moves it to `bounced`. An illegal transition is a bug and throws.
 */
export const transitions = {
  scheduled: ['queued', 'sending', 'canceled', 'suppressed', 'failed'],
  // What has been tried before may have been taken by the MX all the same: a late report or a DSN tells.
  queued: ['sending', 'canceled', 'suppressed', 'failed', 'delivered', 'bounced'],
  sending: ['queued', 'delivered', 'deferred', 'bounced', 'failed', 'suppressed'],
  deferred: ['sending', 'queued', 'delivered', 'bounced', 'failed', 'canceled', 'suppressed'],
  delivered: ['bounced'],
  bounced: [],
  failed: ['delivered'],
  suppressed: ['delivered'],
  canceled: ['delivered'],
  simulated: [],
} as const satisfies Record<string, readonly string[]>;

export type DeliveryState = keyof typeof transitions;
export const deliveryStates = Object.keys(transitions) as [DeliveryState, ...DeliveryState[]];

/** True when nothing further is attempted in this state. */
export function isFinal(state: DeliveryState): boolean {
  return !(transitions[state] as readonly string[]).some((next) => next === 'sending' || next === 'queued');
}

/** The next state; throws on a transition that the table does not have. */
export function moveTo(from: DeliveryState, to: DeliveryState): DeliveryState {
  if (!(transitions[from] as readonly string[]).includes(to)) {
    throw new Error(`illegal delivery transition ${from} -> ${to}`);
  }
  return to;
}

/** Names an attempt in the events of its delivery: the end of its lease's id, which is random. */
export function leaseMark(leaseId: string): string {
  return leaseId.slice(-12);
}

/** What the reducer needs to know of a delivery. */
export interface DeliveryFacts extends RecipientFacts {
  state: DeliveryState;
  class: MailClass;
  /** When the message was due for the first time (accepted, or `send_at`), Unix ms. */
  firstDueMs: number;
  /** Attempts begun, this one included. */
  attempts: number;
}

/** What follows from an outcome. */
export interface Reduction {
  state: DeliveryState;
  /** When to try again, Unix ms; null when nothing is left to do. */
  dueMs: number | null;
  /** Reason of `failed`. */
  reason: string | null;
  event: Omit<NewEvent, 'id'>;
  /** What it does to the address; null when nothing. */
  consequence: Consequence | null;
}

const minuteMs = 60_000;
const retryAfterMinutes = [1, 5, 15, 30, 60, 120, 240, 480] as const;

/**
 * How long to wait after a failed attempt: 1, 5, 15, 30 minutes, 1, 2, 4, 8 hours, then 8 hours each time,
 * jittered by ±10 % so that deliveries deferred together do not come back together.
 * @param attempts attempts made so far, from 1
 * @param jitter a number from 0 (inclusive) to 1
 * @returns milliseconds
 */
export function retryDelayMs(attempts: number, jitter: number): number {
  const minutes = retryAfterMinutes[Math.min(Math.max(attempts, 1), retryAfterMinutes.length) - 1] ?? 480;
  return Math.round(minutes * minuteMs * (0.9 + 0.2 * jitter));
}

/**
 * Decides what an outcome does to a delivery: next state, event, next attempt. Pure.
 * @param delivery the leased delivery, in state `sending`
 * @param nowMs the edge's clock, Unix ms
 * @param jitter a number from 0 (inclusive) to 1
 */
export function reduceDelivery(
  delivery: DeliveryFacts,
  outcome: Outcome,
  nowMs: number,
  jitter: number,
): Reduction {
  switch (outcome.type) {
    case 'delivered':
      return {
        state: moveTo(delivery.state, 'delivered'),
        dueMs: null,
        reason: null,
        event: {
          kind: 'delivered',
          atMs: timeOf(outcome, nowMs),
          details: { ...attemptDetails(delivery, outcome), reply: outcome.reply, dkim: outcome.dkim },
        },
        consequence: null,
      };
    case 'bounced': {
      const failure = { class: outcome.failure.class, permanent: true };
      const consequence = consequenceOf(failure, delivery, nowMs);
      return {
        state: moveTo(delivery.state, 'bounced'),
        dueMs: null,
        reason: outcome.failure.class,
        event: {
          kind: 'bounced',
          atMs: timeOf(outcome, nowMs),
          details: {
            ...attemptDetails(delivery, outcome),
            ...failureDetails(outcome.failure),
            source: 'smtp',
            suppresses: isSuppressed(consequence, delivery),
          },
        },
        consequence,
      };
    }
    case 'failed':
      return {
        state: moveTo(delivery.state, 'failed'),
        dueMs: null,
        reason: outcome.reason,
        event: {
          kind: 'failed',
          atMs: timeOf(outcome, nowMs),
          details: { ...attemptDetails(delivery, outcome), reason: outcome.reason, text: outcome.text },
        },
        consequence: null,
      };
    case 'deferred':
    case 'maybeAccepted':
      return deferOrExpire(delivery, outcome, nowMs, jitter);
    default:
      return assertNever(outcome);
  }
}

/** What a report says whose lease is not the delivery's any more: it ended, or the node was taken for dead. */
export interface LateReduction {
  /** Null: it stays what it is. */
  state: DeliveryState | null;
  reason: string | null;
  event: Omit<NewEvent, 'id'>;
}

/**
 * Decides what the outcome of a lease that is over still means; null when it tells nothing that matters: the attempt
 * is made again, or has been. What an MX took, or may have taken, is always told: it may reach the recipient twice. Pure.
 * @param delivery as it is now, perhaps under another lease or ended
 */
export function reduceLate(delivery: DeliveryFacts, outcome: Outcome, nowMs: number): LateReduction | null {
  const { state } = delivery;
  const late = { late: true, ...attemptDetails(delivery, outcome) };
  const atMs = timeOf(outcome, nowMs);
  const may = (to: DeliveryState) => (transitions[state] as readonly string[]).includes(to);
  switch (outcome.type) {
    case 'delivered': {
      // Delivered already: by another attempt, since repeats of a report are told apart by its lease.
      const maybeAccepted = state === 'delivered' || state === 'bounced' || state === 'sending';
      const details = {
        ...late,
        reply: outcome.reply,
        dkim: outcome.dkim,
        ...(maybeAccepted && { maybeAccepted }),
      };
      return {
        state: may('delivered') ? 'delivered' : null,
        reason: null,
        event: { kind: 'delivered', atMs, details },
      };
    }
    case 'maybeAccepted': {
      const details = { ...late, ...failureDetails(outcome.failure), maybeAccepted: true };
      return { state: null, reason: null, event: { kind: 'deferred', atMs, details } };
    }
    case 'bounced':
    case 'failed':
    case 'deferred':
      return null;
    default:
      return assertNever(outcome);
  }
}

/**
 * The event of a lease that ended without a report: the MX may have taken the message from a node that nobody has
 * heard of since.
 */
export function unreportedEvent(node: string | null, nowMs: number): Omit<NewEvent, 'id'> {
  return {
    kind: 'deferred',
    atMs: nowMs,
    details: {
      maybeAccepted: true,
      class: 'system',
      diagnostic: `${node === workerNodeId ? 'The Worker' : (node ?? 'A node')} had it and has not told what became of it. It is tried again.`,
      nextAttemptAt: new Date(nowMs).toISOString(),
    },
  };
}

function deferOrExpire(
  delivery: DeliveryFacts,
  outcome: Extract<Outcome, { type: 'deferred' | 'maybeAccepted' }>,
  nowMs: number,
  jitter: number,
): Reduction {
  const maybeAccepted = outcome.type === 'maybeAccepted';
  const details = { ...attemptDetails(delivery, outcome), ...failureDetails(outcome.failure), maybeAccepted };
  const dueMs = nowMs + retryDelayMs(delivery.attempts, jitter);
  if (dueMs > delivery.firstDueMs + classOf(delivery.class).retryForMs) {
    // A 4.2.2 to the end: the mailbox has stayed full. Nothing else that is temporary has a consequence.
    const failure = { class: outcome.failure.class, permanent: false };
    const consequence = consequenceOf(failure, delivery, nowMs);
    return {
      state: moveTo(delivery.state, 'failed'),
      dueMs: null,
      reason: 'expired',
      event: {
        kind: 'expired',
        atMs: timeOf(outcome, nowMs),
        details: {
          ...details,
          attempts: delivery.attempts,
          suppresses: isSuppressed(consequence, delivery),
        },
      },
      consequence,
    };
  }
  return {
    state: moveTo(delivery.state, 'deferred'),
    dueMs,
    reason: outcome.failure.class,
    event: {
      kind: 'deferred',
      atMs: timeOf(outcome, nowMs),
      details: { ...details, nextAttemptAt: new Date(dueMs).toISOString() },
    },
    consequence: null,
  };
}

/** Clocks differ a little; an end that lies in the future was taken from a wrong one. */
const clockToleranceMs = 60_000;

function timeOf({ endedAtMs }: Outcome, nowMs: number): number {
  return endedAtMs > nowMs + clockToleranceMs ? nowMs : endedAtMs;
}

function attemptDetails(delivery: DeliveryFacts, outcome: Outcome): EventDetails {
  const {
    transport,
    from,
    mx,
    tls,
    reused,
    steps,
    tried,
    relayId,
    passedOn = [],
    leftOut = [],
  } = outcome.session;
  return {
    attempt: delivery.attempts,
    ...(transport === undefined ? {} : { transport }),
    ...(from === undefined ? {} : { from }),
    mx,
    tls,
    reused,
    steps,
    ...(tried.length > 0 ? { tried } : {}),
    ...(passedOn.length > 0 ? { passedOn } : {}),
    ...(relayId === undefined ? {} : { relayId }),
    ...(leftOut.length > 0 ? { leftOut } : {}),
    durationMs: Math.max(0, Math.round(outcome.endedAtMs - outcome.startedAtMs)),
  };
}

function failureDetails(failure: Failure): EventDetails {
  return {
    reply: failure.reply,
    status: failure.reply?.status ?? failure.status,
    class: failure.class,
    diagnostic: failure.text,
    step: failure.step,
    ...(failure.code ? { error: failure.code } : {}),
  };
}

/** The states of a message's deliveries in one word: work left to do first, then the worst end. */
export function messageStatus(states: readonly DeliveryState[]): DeliveryState {
  const order: readonly DeliveryState[] = [
    'sending',
    'queued',
    'deferred',
    'scheduled',
    'bounced',
    'failed',
    'suppressed',
    'canceled',
    'delivered',
    'simulated',
  ];
  const found = order.find((state) => states.includes(state));
  if (!found) throw new Error('a message has at least one delivery');
  return found;
}
