/**
 * Changes of suppressions that webhooks tell. `kind` is the name in CloudMailin's format, `type` that in the formats `event`,
 * `postscale` and `resend`; Postmark has one name for both. They are of no delivery, so the feed of events does not have them.
 */
export const suppressionEvents = [
  {
    kind: 'suppression_added',
    type: 'suppression.added',
    raised:
      'an address is suppressed that was not: by a bounce, a complaint, an unsubscribe, the API, an import, the dashboard',
  },
  {
    kind: 'suppression_removed',
    type: 'suppression.removed',
    raised: 'somebody has taken a suppression away; one that has run out is not told',
  },
] as const;

export type SuppressionEventKind = (typeof suppressionEvents)[number]['kind'];
/** Postmark's name (https://postmarkapp.com/developer/webhooks/subscription-change-webhook). */
export const subscriptionChange = 'SubscriptionChange';

/** The names by which an endpoint asks for a kind. */
export function suppressionNames(kind: SuppressionEventKind): string[] {
  const types = suppressionEvents.flatMap((row) => (row.kind === kind ? [row.type] : []));
  return [kind, ...types, subscriptionChange];
}

/** A change of a suppression as it is kept for an endpoint, in the words of the store. */
export interface SuppressionChange {
  kind: SuppressionEventKind;
  /** UUIDv7; the same for all endpoints. */
  id: string;
  atMs: number;
  /** Number of the entry. */
  entry: number | null;
  address: string;
  /** See `scope.ts`. */
  scope: string;
  reason: string;
  source: string;
  /** Of the message that it came of; null: of none. */
  messageId: string | null;
  createdAtMs: number;
  expiresAtMs: number | null;
  /** Of that message. */
  tags: string[];
  metadata: Record<string, string>;
}
