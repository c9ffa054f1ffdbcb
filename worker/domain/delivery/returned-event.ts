import { assertNever } from '../assert-never.ts';
import { complains } from '../bounce/arf.ts';
import type { Returned, ReturnedRecipient } from '../bounce/returned-mail.ts';
import type { CounterName } from '../counter.ts';
import { defaultStream } from '../message/stream.ts';
import { scopeText, shownScope } from '../suppression/scope.ts';
import { type Consequence, consequenceOf, isSuppressed, type RecipientFacts } from './consequence.ts';
import { type DeliveryState, isFinal, transitions } from './delivery.ts';
import type { EventDetails, NewEvent } from './event.ts';

/** What must be known of a delivery to which a mail came back. */
export interface ReturnFacts extends RecipientFacts {
  state: DeliveryState;
  /** The envelope recipient, as it was mailed. */
  recipient: string;
  /** A node has had it: an MX may have taken it whatever state it is in now. */
  dispatched: boolean;
  /** The stream of its message (`domain/message/stream.ts`). */
  stream: string;
}

/** How a mail came back. */
export interface Arrival {
  atMs: number;
  /** RFC 5321 §4.5.5: only notifications come from the null sender; no person writes so. */
  nullSender: boolean;
  /** A token that verifies, or a feedback loop that signs, names the delivery; else the report may be anybody's, and suppresses nobody. */
  verified: boolean;
  /** The transport whose events told it; left out: a mail did. */
  transport?: string | undefined;
}

/** What follows from a mail that came back. `state: null`: the delivery stays what it is. */
export interface ReturnReduction {
  state: DeliveryState | null;
  reason: string | null;
  event: Omit<NewEvent, 'id' | 'fingerprint'>;
  consequence: Consequence | null;
  /** Of the suppression, where it is not of the whole account: see `domain/suppression/scope.ts`. */
  scope?: string;
}

/** States in which nothing has been handed to anybody, unless a node has had the delivery before. */
const unsent: readonly DeliveryState[] = ['scheduled', 'queued', 'suppressed', 'simulated'];

/**
 * Decides what a mail to a return path does to the one delivery that its token names, whomever else it speaks of.
 * Pure.
 * @returns what to write, or the name of the counter when there is nothing to write
 */
export function reduceReturn(
  delivery: ReturnFacts,
  reading: Returned,
  { atMs: nowMs, nullSender, verified, transport }: Arrival,
): ReturnReduction | CounterName {
  const by = transport === undefined ? { source: 'dsn' } : { source: 'feed', transport };
  if (unsent.includes(delivery.state) && !delivery.dispatched) return 'returned_unsent';
  switch (reading.kind) {
    case 'bounce':
      // RFC 3464 §2.3.3 `failed` ends it, also after `delivered`; what has bounced cannot bounce again.
      return delivery.state === 'bounced' ? 'returned_repeated' : bounced(delivery, reading, nowMs, by);
    case 'delay':
      return delayed(delivery, reading, nowMs, by);
    case 'delivered':
      return 'returned_confirmation';
    case 'complaint':
      return complained(delivery, reading, nowMs, verified);
    case 'autoreply':
      return plain('auto_replied', nowMs, { subject: reading.subject, source: 'return_path' });
    case 'none':
      // A notification that proves nothing: not known to be a failure, and nobody's reply.
      if (nullSender) return 'returned_unread';
      return plain('bounce_replied', nowMs, { subject: reading.subject, source: 'return_path' });
    default:
      return assertNever(reading.kind);
  }
}

function bounced(delivery: ReturnFacts, reading: Returned, nowMs: number, by: EventDetails): ReturnReduction {
  const told = aboutDelivery(delivery, reading, 'failed');
  const failure = { class: told?.class ?? 'unknown', permanent: told?.permanent ?? false } as const;
  const consequence = consequenceOf(failure, delivery, nowMs);
  // A wrong suppression is worse than a missing one: what only words tell, and not surely, has no consequence.
  const unsure = consequence !== null && told?.certain === false;
  const mayBounce = includes(transitions[delivery.state], 'bounced');
  return {
    state: mayBounce ? 'bounced' : null,
    reason: failure.class,
    event: {
      kind: 'bounced',
      atMs: nowMs,
      details: {
        ...failureDetails(told),
        ...by,
        suppresses: !unsure && isSuppressed(consequence, delivery),
        ...(unsure && { notSuppressed: unsureText }),
      },
    },
    consequence: unsure ? null : consequence,
  };
}

/** Why a bounce that reads like one of a dead address suppressed nobody. */
const unsureText =
  'Only words tell of this failure, without a status or a reply of a known mail system, so the address stays mailable.';

/** A warning that the peer still tries (RFC 3464 §2.3.3 `delayed`): told, and nothing else. */
function delayed(
  delivery: ReturnFacts,
  reading: Returned,
  nowMs: number,
  by: EventDetails,
): ReturnReduction | CounterName {
  if (delivery.state !== 'delivered' && isFinal(delivery.state)) return 'returned_repeated';
  const told = aboutDelivery(delivery, reading, 'delayed');
  return plain('deferred', nowMs, { ...failureDetails(told), ...by });
}

function complained(
  delivery: ReturnFacts,
  reading: Returned,
  nowMs: number,
  verified: boolean,
): ReturnReduction | CounterName {
  const type = reading.feedbackType ?? 'abuse';
  if (!complains(type)) return 'feedback_other';
  const consequence: Consequence | null =
    delivery.exempt || !verified ? null : { kind: 'suppress', reason: 'complaint', expiresAtMs: null };
  const scope = complaintScope(delivery.stream);
  return {
    ...plain('complained', nowMs, {
      feedbackType: type,
      source: reading.feedbackSource,
      suppresses: consequence !== null,
      ...(consequence !== null && { scope: shownScope(scope) }),
      verified,
    }),
    consequence,
    scope,
  };
}

/**
 * Who complains about a stream with a name does not want that stream; who complains of mail that is of none wants no mail at
 * all. A mailbox that is gone is gone for all streams.
 */
function complaintScope(stream: string): string {
  return stream === defaultStream ? scopeText('account', '') : scopeText('stream', stream);
}

function plain(kind: NewEvent['kind'], atMs: number, details: EventDetails): ReturnReduction {
  return { state: null, reason: null, event: { kind, atMs, details }, consequence: null };
}

/**
 * What the report says of our recipient; when it names another one (forwarding changes the address) what it says
 * of the first of that action. The token, not the report, tells whom it is about.
 */
function aboutDelivery(
  delivery: ReturnFacts,
  reading: Returned,
  action: ReturnedRecipient['action'],
): ReturnedRecipient | null {
  const fitting = reading.recipients.filter((one) => one.action === action);
  const own = delivery.recipient.toLowerCase();
  const names = (one: ReturnedRecipient) => [one.recipient, one.finalRecipient].map((a) => a?.toLowerCase());
  return fitting.find((one) => names(one).includes(own)) ?? fitting[0] ?? null;
}

function failureDetails(told: ReturnedRecipient | null): EventDetails {
  return {
    status: told?.status ?? null,
    replyCode: told?.replyCode ?? null,
    class: told?.class ?? 'unknown',
    diagnostic: told?.diagnostic ?? '',
    remoteMta: told?.remoteMta ?? null,
    finalRecipient: (told?.finalRecipient ?? told?.recipient) || null,
  };
}

function includes<T>(list: readonly T[], value: T): boolean {
  return list.includes(value);
}
