import { z } from 'zod';
import type { EventId, MessageId } from '../message/ids.ts';
import { templateView, type UsedTemplate } from '../template/used-template.ts';

/**
 * The event catalogue: one row an event. Names in the dialects, documentation and webhook filters derive from
 * it. `cloudmailin` is the `kind` in CloudMailin's format, `type` the Postscale name, `resend` and `postmark` (`RecordType`)
 * those of these services (null: not shown there).
 */
export const events = [
  {
    kind: 'accepted',
    cloudmailin: 'registration',
    type: 'email.sent',
    resend: 'email.sent',
    postmark: null,
    raised: 'the message is stored; from now on it is not lost',
    details: 'class, sizeBytes',
  },
  {
    kind: 'dispatched',
    cloudmailin: 'dispatch',
    type: null,
    resend: null,
    postmark: null,
    raised: 'a mail node has taken it on to deliver it',
    details: 'node',
  },
  {
    kind: 'rate_limited',
    cloudmailin: 'rate_limit',
    type: null,
    resend: null,
    postmark: null,
    raised: 'held back by warming or a throttle for longer than a minute',
    details: 'limit, until',
  },
  {
    kind: 'delivered',
    cloudmailin: 'delivery',
    type: 'email.delivered',
    resend: 'email.delivered',
    postmark: 'Delivery',
    raised: 'a remote MX answered 250 after DATA',
    details:
      'mx (host, address), reply, tls (version, cipher, verdict), dkim selectors, steps with durations, transport, relayId (what a transport that gives no reply calls the message), passedOn, leftOut (header fields that it does not take), from (the sending address, where the node has several)',
  },
  {
    kind: 'deferred',
    cloudmailin: 'soft_bounce',
    type: 'email.deferred',
    resend: 'email.delivery_delayed',
    postmark: null,
    raised: 'a temporary failure; delivery will be tried again',
    details: 'reply or error, class, attempt, nextAttemptAt, maybeAccepted',
  },
  {
    kind: 'bounced',
    cloudmailin: 'bounce',
    type: 'email.bounced',
    resend: 'email.bounced',
    postmark: 'Bounce',
    raised: 'a permanent failure, at once or by a later DSN',
    details:
      'reply code, enhanced status, diagnostic, bounce class, source (smtp, dsn, feed: the events of the relay that had it), suppresses; notSuppressed: why, when only words tell',
  },
  {
    kind: 'expired',
    cloudmailin: 'retries_exhausted',
    type: 'email.bounced',
    resend: 'email.bounced',
    postmark: 'Bounce',
    raised: 'the last attempt failed',
    details: 'attempts, last reply or error',
  },
  {
    kind: 'suppressed',
    cloudmailin: 'blocked',
    type: 'email.suppressed',
    resend: 'email.suppressed',
    postmark: null,
    raised: 'not attempted: suppressed address, content or domain',
    details: 'reason, entry',
  },
  {
    kind: 'complained',
    cloudmailin: 'complaint',
    type: 'email.complained',
    resend: 'email.complained',
    postmark: 'SpamComplaint',
    raised: 'an abuse report came (RFC 5965)',
    details:
      'feedback type, source, verified (by a token or a signed feedback loop), suppresses, scope (`account`, or `stream:` and a name)',
  },
  {
    kind: 'opened',
    cloudmailin: 'open',
    type: 'email.opened',
    resend: 'email.opened',
    postmark: 'Open',
    raised: 'the pixel was fetched',
    details: 'userAgent, machine (a guess that no person did it)',
  },
  {
    kind: 'clicked',
    cloudmailin: 'click',
    type: 'email.clicked',
    resend: 'email.clicked',
    postmark: 'Click',
    raised: 'a link was followed',
    details: 'url, userAgent, machine (a guess that no person did it)',
  },
  {
    kind: 'unsubscribed',
    cloudmailin: 'unsubscribe',
    type: 'email.unsubscribed',
    resend: null,
    postmark: null,
    raised: 'one-click unsubscribe (RFC 8058), or the page behind its link',
    details: 'suppresses, scope (`account`, a domain, or `class:`, `stream:`, `tag:` and a name)',
  },
  {
    kind: 'auto_replied',
    cloudmailin: 'auto_reply',
    type: 'email.auto_replied',
    resend: null,
    postmark: 'Bounce',
    raised: 'an automatic reply came to the return path (RFC 3834)',
    details: 'subject',
  },
  {
    kind: 'bounce_replied',
    cloudmailin: 'bounce_reply',
    type: 'email.bounce_replied',
    resend: null,
    postmark: null,
    raised: 'a person wrote to the return path',
    details: 'subject',
  },
  {
    kind: 'failed',
    cloudmailin: 'error',
    type: 'email.failed',
    resend: 'email.failed',
    postmark: null,
    raised: 'unsignable, too large, policy, or our own fault',
    details: 'reason, text',
  },
  {
    kind: 'canceled',
    cloudmailin: 'cancel',
    type: 'email.canceled',
    resend: null,
    postmark: null,
    raised: 'the sender called it back before it was handed to a node',
    details: '',
  },
] as const;

export type EventKind = (typeof events)[number]['kind'];
export const eventKinds = events.map((e) => e.kind) as [EventKind, ...EventKind[]];

/** What an event tells beyond its kind; JSON, so that it can be stored and sent as it is. */
export type EventDetails = Record<string, unknown>;

/** What happened, before it is stored: produced by the reducer. */
export interface NewEvent {
  id: EventId;
  kind: EventKind;
  atMs: number;
  details: EventDetails;
  /** Of an event that came by mail: equal for the same mail, so that repeats are one event. Not shown. */
  fingerprint?: string;
  /** Of an acceptance, sure or not, by an MX: `leaseMark` of the attempt, so that it is told once however often reported. Not shown. */
  lease?: string;
}

/** An event as the API and webhooks show it. */
export const eventSchema = z.object({
  id: z.string(),
  kind: z.enum(eventKinds),
  type: z.string().nullable(),
  at: z.string(),
  message_id: z.string(),
  recipient: z.string(),
  details: z.record(z.string(), z.unknown()),
  stream: z.string(),
  tags: z.array(z.string()),
  metadata: z.record(z.string(), z.string()),
  template: z
    .object({ id: z.uuid(), version: z.int() })
    .optional()
    .meta({ description: 'What the message was made of, where it was made of a template.' }),
});
export type PublicEvent = z.infer<typeof eventSchema>;

/** The catalogue row of a kind. */
export function eventRow(kind: EventKind): (typeof events)[number] {
  const row = events.find((e) => e.kind === kind);
  if (!row) throw new Error(`no event of kind ${kind}`);
  return row;
}

/**
 * False for an event that anybody could have caused (`verified: false`, a complaint without a token): it is told, and
 * counts in no figure, for figures set warming back. Older events do not say, and count.
 */
export function countsInFigures(event: Pick<NewEvent, 'details'>): boolean {
  return event.details.verified !== false;
}

/** An event of a simulated recipient says so in its details. */
export function markSimulated(event: NewEvent, simulated: boolean): NewEvent {
  return simulated ? { ...event, details: { ...event.details, simulated: true } } : event;
}

/** The API's form of a stored event. */
export function publicEvent(
  event: NewEvent,
  of: {
    messageId: MessageId;
    recipient: string;
    stream: string;
    tags: string[];
    metadata: Record<string, string>;
    template?: UsedTemplate | null;
  },
): PublicEvent {
  return {
    id: event.id,
    kind: event.kind,
    type: eventRow(event.kind).type,
    at: new Date(event.atMs).toISOString(),
    message_id: of.messageId,
    recipient: of.recipient,
    details: event.details,
    stream: of.stream,
    tags: of.tags,
    metadata: of.metadata,
    ...(of.template ? { template: templateView(of.template) } : {}),
  };
}
