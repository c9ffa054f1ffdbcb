import { looksLikeMachine, type Visit } from '../machine-guess.ts';
import type { DeliveryState } from './delivery.ts';
import type { NewEvent } from './event.ts';

/**
 * Bounds of what links of a mail may write: whoever has a link can fetch it without end. Beyond them links work as
 * before, and nothing is written.
 */
export const trackingLimits = {
  /** Opens and clicks of one delivery together. */
  events: 20,
  /** Unsubscribing of one delivery, in all scopes; beyond them it is done and not told in its timeline. */
  unsubscribed: 20,
  /** The same link again within this time is the same event. */
  sameWithinMs: 60_000,
  userAgentCharacters: 300,
  /** Longer targets are not tracked. */
  targetCharacters: 2048,
  /** Links of one message that are tracked; each costs an HMAC. */
  links: 500,
} as const;

/** A link of a mail that was fetched. */
export interface Hit extends Omit<Visit, 'deliveredAtMs' | 'sending'> {
  /** Where a click leads; null: it was the pixel. */
  url: string | null;
}

/** What must be known of the delivery that the link is about. */
export interface TrackedFacts {
  state: DeliveryState;
  deliveredAtMs: number | null;
}

/** The event of a pixel or link that was fetched. Pure. */
export function trackedEvent(hit: Hit, delivery: TrackedFacts): Omit<NewEvent, 'id'> {
  const { state, deliveredAtMs } = delivery;
  const machine = looksLikeMachine({ ...hit, deliveredAtMs, sending: state === 'sending' });
  const seen = { userAgent: boundedUserAgent(hit.userAgent), machine };
  return hit.url === null
    ? { kind: 'opened', atMs: hit.atMs, details: seen }
    : { kind: 'clicked', atMs: hit.atMs, details: { url: hit.url, ...seen } };
}

function boundedUserAgent(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '').slice(0, trackingLimits.userAgentCharacters);
}
