import { assertNever } from './assert-never.ts';
import { classOf, type MailClass } from './class.ts';
import { type Consequence, consequenceOf, isSuppressed, type RecipientFacts } from './consequence.ts';
import type { EventDetails, NewEvent } from './event.ts';
import type { Failure, Outcome } from './outcome.ts';

/**
 * States of a delivery and the ways between them. "Delivered" means that a remote MX accepted it; a later
 * DSN moves it to `bounced`. An illegal transition is a bug and throws.
 */
export const transitions = {
  scheduled: ['queued', 'sending', 'canceled', 'suppressed', 'failed'],
  queued: ['sending', 'canceled', 'suppressed', 'failed'],
  sending: ['queued', 'delivered', 'deferred', 'bounced', 'failed'],
  deferred: ['sending', 'queued', 'bounced', 'failed', 'canceled', 'suppressed'],
  delivered: ['bounced'],
  bounced: [],
  failed: [],
  suppressed: [],
  canceled: [],
  simulated: [],
} as const satisfies Record<string, readonly string[]>;

export type DeliveryState = keyof typeof transitions;
export const deliveryStates = Object.keys(transitions) as [DeliveryState, ...DeliveryState[]];

/** True when nothing further is attempted in this state. */
export function isFinal(state: DeliveryState): boolean {
  return !(transitions[state] as readonly string[]).some(
    (next) => next === 'sending' || next === 'delivered',
  );
}

/** The next state; throws on a transition that the table does not have. */
export function moveTo(from: DeliveryState, to: DeliveryState): DeliveryState {
  if (!(transitions[from] as readonly string[]).includes(to)) {
    throw new Error(`illegal delivery transition ${from} -> ${to}`);
  }
  return to;
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
          atMs: outcome.endedAtMs,
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
          atMs: outcome.endedAtMs,
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
          atMs: outcome.endedAtMs,
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
        atMs: outcome.endedAtMs,
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
      atMs: outcome.endedAtMs,
      details: { ...details, nextAttemptAt: new Date(dueMs).toISOString() },
    },
    consequence: null,
  };
}

function attemptDetails(delivery: DeliveryFacts, outcome: Outcome): EventDetails {
  const { mx, tls, reused, steps, tried } = outcome.session;
  return {
    attempt: delivery.attempts,
    mx,
    tls,
    reused,
    steps,
    ...(tried.length > 0 ? { tried } : {}),
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
