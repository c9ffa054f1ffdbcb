import { type FailureClass, suppresses } from '../failure/failure-class.ts';

/**
 * What a failure, a complaint or a wish to unsubscribe does to the address beyond this delivery. Classes about the recipient suppress
 * when permanent; a full mailbox only when it stays full; what is the sender's or the network's trouble never does.
 */
export type Consequence =
  | { kind: 'suppress'; reason: 'hard_bounce' | 'complaint' | 'unsubscribe'; expiresAtMs: null }
  /** One more for `mailbox_full`; the store suppresses when there are enough. */
  | { kind: 'strike'; expiresAtMs: number };

/** Full mailboxes: so many deliveries that ended for it within so long suppress the address for so long. */
export const fullMailbox = { strikes: 3, withinMs: 7 * 86_400_000, suppressForMs: 30 * 86_400_000 } as const;

/** What is known of the recipient when a consequence is decided. */
export interface RecipientFacts {
  /** Earlier strikes for a full mailbox that still count. */
  fullStrikes: number;
  /** A simulated recipient that was not asked to be suppressed. */
  exempt: boolean;
}

/** The consequence of a delivery that has ended in a failure; null when there is none. */
export function consequenceOf(
  failure: { class: FailureClass; permanent: boolean },
  recipient: RecipientFacts,
  nowMs: number,
): Consequence | null {
  if (recipient.exempt) return null;
  if (suppresses(failure.class, failure.permanent)) {
    return { kind: 'suppress', reason: 'hard_bounce', expiresAtMs: null };
  }
  return failure.class === 'mailbox_full'
    ? { kind: 'strike', expiresAtMs: nowMs + fullMailbox.suppressForMs }
    : null;
}

/** Whether the address is suppressed by it: what the event says as `suppresses`. */
export function isSuppressed(consequence: Consequence | null, recipient: RecipientFacts): boolean {
  if (consequence === null) return false;
  return consequence.kind === 'suppress' || recipient.fullStrikes + 1 >= fullMailbox.strikes;
}
