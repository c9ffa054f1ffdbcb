import { z } from 'zod';
import { assertNever } from './assert-never.ts';
import { type EventKind, events } from './delivery/event.ts';
import { cloudmailinEntry } from './event-formats/cloudmailin.ts';
import { eventBody, postscaleBody } from './event-formats/event.ts';
import { postmarkBody } from './event-formats/postmark.ts';
import { resendBody } from './event-formats/resend.ts';
import type { WebhookEvent } from './event-formats/source.ts';
import { weekOf, weekStartMs } from './message/home.ts';
import type { MessageId } from './message/ids.ts';
import { subscriptionChange, suppressionEvents, suppressionNames } from './suppression/suppression-event.ts';
import { receivedOnly, type WebhookFormat } from './webhook-format.ts';

/** What is posted to webhook endpoints, when it is tried again, and what an answer means. Pure. */

export type { WebhookEvent } from './event-formats/source.ts';

export { receivedOnly, type WebhookFormat, webhookFormats } from './webhook-format.ts';

/** The name by which an endpoint chooses received mail. */
export const receivedEvent = 'email.received';

/** Whether an endpoint wants received mail. @param names as it was chosen; null: all */
export function wantsReceived(names: readonly string[] | null): boolean {
  return names === null || names.includes(receivedEvent);
}

/**
 * Whether an endpoint hears of changes of suppressions: if it asks for them by name, and Postmark's as theirs do.
 * @param names as it was chosen; null: all that its format tells of messages
 */
export function wantsSuppressions(format: WebhookFormat, names: readonly string[] | null): boolean {
  if (receivedOnly.includes(format)) return false;
  if (names === null) return format === 'postmark';
  return suppressionEvents.some(({ kind }) => suppressionNames(kind).some((name) => names.includes(name)));
}

/** Whether its answer to received mail is the reply in the SMTP session, as the services do whose formats these are. */
export function isSynchronous(format: WebhookFormat, own: boolean | null): boolean {
  return own ?? (format === 'cloudmailin' || format === 'cloudmailin-multipart' || format === 'raw');
}

/** Formats whose receivers are told who posts by user and password in the URL. */
export function mayHaveUser(format: WebhookFormat): boolean {
  return format === 'postmark' || isSynchronous(format, null);
}

export const webhookLimits = {
  /** Endpoints of an account. */
  endpoints: 20,
  urlCharacters: 2000,
  descriptionCharacters: 200,
  /** Header fields of its own, and the characters of a value, a user or a password. */
  headers: 20,
  headerCharacters: 1024,
  /** Sending domains, tags or streams that it is limited to. */
  filters: 50,
  /** Events in one POST of the format `cloudmailin`. */
  eventsPerPost: 50,
  /** A body is closed when it has grown to this; a single event may make it larger. */
  bodyCharacters: 256 * 1024,
  /** Deliveries that one replay by time range puts up again. */
  replay: 1000,
} as const;

/** A success is a 2xx within this time. */
export const postTimeoutMs = 15_000;
/** How much of an answer is kept. */
export const answerBytes = 1024;
/** Both secrets sign for this long after a rotation. */
export const rotationOverlapMs = 24 * 3_600_000;
/** An endpoint without a success for this long is disabled. */
export const disableAfterMs = 5 * 24 * 3_600_000;

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
/** Waits between the tries of a delivery; after the last one it is dead. */
export const retryWaitsMs = [
  5 * secondMs,
  30 * secondMs,
  2 * minuteMs,
  10 * minuteMs,
  30 * minuteMs,
  hourMs,
  2 * hourMs,
  4 * hourMs,
  8 * hourMs,
  16 * hourMs,
  24 * hourMs,
] as const;
/** The longest `Retry-After` that is honoured. */
export const longestRetryAfterMs = 24 * hourMs;

/** Every name that an event has in any dialect: what an endpoint may choose from. */
export const eventNames: ReadonlySet<string> = new Set([
  ...events.flatMap((row) => [...namesOf(row)]),
  receivedEvent,
  ...suppressionEvents.flatMap(({ kind }) => suppressionNames(kind)),
]);

/** An event's names in all dialects. */
function namesOf({ kind, cloudmailin, type, resend, postmark }: (typeof events)[number]): string[] {
  return [kind, cloudmailin, type, resend, postmark].filter((name) => name !== null);
}

/** An event's name in a format; null: it has none there. */
function nameIn(format: WebhookFormat, row: (typeof events)[number]): string | null {
  switch (format) {
    case 'cloudmailin':
      return row.cloudmailin;
    case 'event':
    case 'postscale':
      return row.type;
    case 'resend':
    case 'postmark':
      return row[format];
    case 'cloudmailin-multipart':
    case 'raw':
      return null;
    default:
      return assertNever(format);
  }
}

/**
 * The kinds that an endpoint gets: those it chose by any of their names (`email.bounced` stands for two kinds),
 * without those that have no name in its format.
 * @param names null: all
 */
export function chosenKinds(format: WebhookFormat, names: readonly string[] | null): Set<EventKind> {
  return new Set(
    events
      .filter((row) => nameIn(format, row) !== null)
      .filter((row) => names === null || namesOf(row).some((name) => names.includes(name)))
      .map((row) => row.kind),
  );
}

/** Whether an endpoint hears of an event of a sent message, by whose mail it is, by its tags and its stream; null: of all. */
export function isWanted(
  endpoint: {
    sendingDomains: readonly string[] | null;
    tags: readonly string[] | null;
    streams: readonly string[] | null;
  },
  event: { signingDomain: string; tags: readonly string[]; stream: string },
): boolean {
  const { sendingDomains, tags, streams } = endpoint;
  const isOfDomain = sendingDomains === null || sendingDomains.includes(event.signingDomain);
  const isOfStream = streams === null || streams.includes(event.stream);
  return isOfDomain && isOfStream && (tags === null || event.tags.some((tag) => tags.includes(tag)));
}

/** A body to post, and the messages that it speaks of. */
export interface WebhookBody {
  text: string;
  messageIds: MessageId[];
}

/** Formats that tell one event each. */
const single: Partial<Record<WebhookFormat, (event: WebhookEvent) => unknown>> = {
  event: eventBody,
  postscale: postscaleBody,
  resend: resendBody,
  postmark: postmarkBody,
};

/** The bodies for events in their order: one each, or up to `eventsPerPost` together. */
export function webhookBodies(format: WebhookFormat, events: readonly WebhookEvent[]): WebhookBody[] {
  const bodyOf = single[format];
  if (bodyOf) {
    return events.map((event) => ({ text: JSON.stringify(bodyOf(event)), messageIds: [event.messageId] }));
  }
  const bodies: WebhookBody[] = [];
  let open: string[] = [];
  let messageIds = new Set<MessageId>();
  let size = 0;
  const close = () => {
    if (open.length > 0) bodies.push({ text: `{"events":[${open.join(',')}]}`, messageIds: [...messageIds] });
    [open, messageIds, size] = [[], new Set(), 0];
  };
  for (const event of events) {
    const entry = JSON.stringify(cloudmailinEntry(event));
    const full = open.length === webhookLimits.eventsPerPost;
    if (full || size + entry.length > webhookLimits.bodyCharacters) close();
    open.push(entry);
    messageIds.add(event.messageId);
    size += entry.length;
  }
  close();
  return bodies;
}

/**
 * What stands for a body that tells of a received mail: it is written anew at each try, from the mail as it is kept, so
 * that no row holds a mail.
 */
export interface ReceivedPointer {
  received: string;
  sizeBytes: number;
  /** Where attachments are fetched from. */
  origin: string;
}

/** The received mail that a body stands for; null: it is a body. */
export function receivedPointerOf(text: string): ReceivedPointer | null {
  return text.startsWith('{"received":') ? (JSON.parse(text) as ReceivedPointer) : null;
}

/** Of received mails that are larger one at a time is taken apart: an isolate has little memory. */
const largeReceivedBytes = 2 * 1024 * 1024;

/** The messages that a body speaks of, read back from it: bodies that share one are posted one after the other. */
export function messageIdsOf(text: string): MessageId[] {
  const pointer = receivedPointerOf(text);
  if (pointer) return [pointer.sizeBytes > largeReceivedBytes ? 'large' : pointer.received];
  const { events, data, ...flat } = bodySchema.parse(JSON.parse(text));
  const entries = events ?? [data ?? flat];
  // Changes of one address come in their order.
  const told = toldIn(text);
  if (told.event !== null && changeNames.has(told.event)) return [told.recipient ?? ''];
  return [...new Set(entries.flatMap((one) => one.email_id ?? one.MessageID ?? one.message_id ?? []))];
}

/** What a body tells of: the name of its first event, whom that is about, and how many events there are. */
export function toldIn(text: string): { event: string | null; recipient: string | null; events: number } {
  if (receivedPointerOf(text)) return { event: receivedEvent, recipient: null, events: 1 };
  const body = bodySchema.safeParse(JSON.parse(text));
  if (!body.success) return { event: null, recipient: null, events: 0 };
  const { events, type, data, event, RecordType, ...flat } = body.data;
  const one = events?.[0] ?? data ?? flat;
  return {
    event: events?.[0]?.kind ?? type ?? event ?? RecordType ?? null,
    recipient: one.recipient ?? [one.to ?? []].flat()[0] ?? one.Recipient ?? one.Email ?? one.email ?? null,
    events: events?.length ?? 1,
  };
}

const changeNames: ReadonlySet<string> = new Set([
  subscriptionChange,
  ...suppressionEvents.flatMap(({ kind, type }) => [kind, type]),
]);

/** What the formats call the message and whom it is about. */
const aboutSchema = z.object({
  message_id: z.string().optional(),
  email_id: z.string().optional(),
  MessageID: z.string().optional(),
  kind: z.string().optional(),
  recipient: z.string().optional(),
  to: z.union([z.string(), z.array(z.string())]).optional(),
  Recipient: z.string().optional(),
  Email: z.string().optional(),
  email: z.string().optional(),
});
/** A body of any format, read back. */
const bodySchema = aboutSchema.extend({
  events: z.array(aboutSchema).optional(),
  data: aboutSchema.optional(),
  type: z.string().optional(),
  event: z.string().optional(),
  RecordType: z.string().optional(),
});

/** One try to post a delivery, as it is kept. */
export interface WebhookTry {
  at: string;
  durationMs: number;
  /** The HTTP status; null when there was no answer. */
  status: number | null;
  /** The first kilobyte of the answer. */
  answer: string;
  /** Why there was no answer, or why it was not asked for. */
  error: string | null;
}

/** What a try came to. */
export interface TryResult extends WebhookTry {
  /** Media type of the answer; null: it said none. */
  answerType: string | null;
  /** From `Retry-After`, milliseconds from the answer; null when it had none. */
  retryAfterMs: number | null;
}

export const webhookDeliveryStates = ['pending', 'delivered', 'dead'] as const;

/** What follows from a try. */
export interface TryReduction {
  state: (typeof webhookDeliveryStates)[number];
  /** When to try again, Unix ms; null when nothing is left to do. */
  dueMs: number | null;
  /** The endpoint has said that it is gone for good (RFC 9110 §15.5.11). */
  gone: boolean;
}

/**
 * Decides what a try does to a delivery. Only a 2xx is a success: redirects are not followed, since each hop
 * would have to be judged again and an endpoint should be named by where it is.
 * @param attempts tries made, this one included
 * @param jitter a number from 0 (inclusive) to 1
 */
export function reduceTry(
  result: Pick<TryResult, 'status' | 'retryAfterMs'>,
  attempts: number,
  nowMs: number,
  jitter: number,
): TryReduction {
  const { status } = result;
  if (status !== null && status >= 200 && status < 300)
    return { state: 'delivered', dueMs: null, gone: false };
  const wait = retryWaitsMs[attempts - 1];
  if (wait === undefined) return { state: 'dead', dueMs: null, gone: status === 410 };
  const asked = Math.min(result.retryAfterMs ?? 0, longestRetryAfterMs);
  const dueMs = nowMs + Math.max(Math.round(wait * (0.9 + 0.2 * jitter)), asked);
  return { state: 'pending', dueMs, gone: status === 410 };
}

/** `Retry-After` (RFC 9110 §10.2.3): seconds or a date; milliseconds from now, null when it is neither. */
export function parseRetryAfter(field: string | null, nowMs: number): number | null {
  if (field === null) return null;
  const text = field.trim();
  if (/^\d{1,10}$/.test(text)) return Number(text) * 1000;
  const date = /^[A-Z][a-z]{2}/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? null : Math.max(0, date - nowMs);
}

/** Whether an endpoint that has failed since a time must be disabled now. */
export function hasFailedTooLong(failingSinceMs: number | null, nowMs: number): boolean {
  return failingSinceMs !== null && nowMs - failingSinceMs >= disableAfterMs;
}

/**
 * A delivery's number within its week: milliseconds since Monday and 22 random bits. It orders deliveries by
 * when they were made, tells nobody how many there are, and is the key of its row.
 */
export function deliveryKey(madeMs: number, random22: number): number {
  return (madeMs - weekStartMs(weekOf(madeMs))) * keysPerMs + random22;
}
const keysPerMs = 2 ** 22;

/** The smallest key of a delivery made at a time or later. */
export function firstKeyAt(week: string, ms: number): number {
  return Math.max(0, ms - weekStartMs(week)) * keysPerMs;
}

/** Where a delivery's row is. */
export interface DeliveryPlace {
  week: string;
  key: number;
}

/** The public id of a delivery, its `webhook-id` on the wire: the same over all tries. */
export function formatDeliveryId({ week, key }: DeliveryPlace): string {
  return `msg_${week}${key.toString(36).padStart(11, '0')}`;
}

/** Reads a public id; null when it is none. */
export function parseDeliveryId(id: string): DeliveryPlace | null {
  const [, week, text] = /^msg_(\d{4}w\d{2})([0-9a-z]{11})$/.exec(id) ?? [];
  if (week === undefined || text === undefined) return null;
  const key = Number.parseInt(text, 36);
  return Number.isSafeInteger(key) ? { week, key } : null;
}
