import { z } from 'zod';
import { messageStatus } from '#domain/delivery/delivery.ts';
import type { PublicEvent } from '#domain/delivery/event.ts';
import { eventRow } from '#domain/delivery/event.ts';
import { mailboxesIn } from '#domain/inbound/formats/addressees.ts';
import { type Call, queryOf } from '../http/app.ts';
import type { ListedMessage } from '../store/messages.ts';
import { fault } from './dialect.ts';
import { entriesBefore, entriesFrom, type ListSource } from './pages.ts';
import type { StatsRow } from './stats.ts';

/** Unix ms as Resend writes times: microseconds and an offset. */
export function resendTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000+00:00');
}

const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  after: z.string().max(100).optional(),
  before: z.string().max(100).optional(),
});

/** A list as Resend pages through it: `limit`, and `after` or `before` an id. */
export async function listing<T, C>(
  c: Call,
  source: ListSource<T, C>,
  view: (entry: T) => object,
): Promise<Response> {
  const { limit, after, before } = queryOf(c, pageQuery);
  if (after !== undefined && before !== undefined) throw fault('/before', 'must not be given with after');
  const behind = after === undefined ? null : await source.behind(after);
  if (after !== undefined && behind === null) throw fault('/after', 'must be the id of an entry');
  const page =
    before === undefined
      ? await entriesFrom(source, behind, limit)
      : await entriesBefore(source, before, limit);
  if (page === null) throw fault('/before', 'must be the id of one of the newest thousand entries');
  return c.json({ object: 'list', has_more: page.hasMore, data: page.entries.map(view) });
}

/** What a message is, as lists tell it. */
export function factsOf(message: ListedMessage) {
  const plain = (list: string[]) => list.flatMap((one) => mailboxesIn(one).map(({ address }) => address));
  const { to, cc } = message.addressees;
  const seen = new Set([...plain(to), ...plain(cc)].map((address) => address.toLowerCase()));
  const hidden = message.deliveries.map(({ recipient }) => recipient);
  const waits = message.firstDueMs > message.acceptedAtMs;
  return {
    id: message.messageId,
    message_id: message.messageIdHeader,
    from: message.fromHeader,
    to: plain(to),
    cc: plain(cc),
    bcc: hidden.filter((address) => !seen.has(address.toLowerCase())),
    reply_to: [] as string[],
    subject: message.subject,
    created_at: resendTime(message.acceptedAtMs),
    scheduled_at: waits ? resendTime(message.firstDueMs) : null,
    last_event: stateNames[messageStatus(message.deliveries.map(({ state }) => state))],
  };
}

/** Their word for each state of a message. */
const stateNames = {
  scheduled: 'scheduled',
  queued: 'queued',
  sending: 'sent',
  delivered: 'delivered',
  deferred: 'delivery_delayed',
  bounced: 'bounced',
  failed: 'failed',
  suppressed: 'suppressed',
  canceled: 'canceled',
  simulated: 'delivered',
} as const;

/** What happened last: an opening, click or complaint goes before the state. */
export function lastEventOf(message: ListedMessage, events: readonly PublicEvent[]): string {
  const last = events.findLast(
    ({ kind }) => kind === 'opened' || kind === 'clicked' || kind === 'complained',
  );
  const name = last && eventRow(last.kind).resend;
  return name?.slice('email.'.length) ?? factsOf(message).last_event;
}

type Counter = Exclude<keyof StatsRow, 'day' | 'domain' | 'tag' | 'stream'>;

/** Their metrics of our counters. */
export function metricsOf(rows: readonly StatsRow[]) {
  const sum = (...names: Counter[]) =>
    rows.reduce((total, row) => total + names.reduce((part, name) => part + row[name], 0), 0);
  const share = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);
  const sent = sum('accepted');
  const delivered = sum('delivered');
  const bounced = sum('bounced', 'expired');
  return {
    sent,
    delivered,
    delivery_delayed: sum('deferred'),
    bounced,
    bounced_permanent: sum('bounced'),
    bounced_transient: sum('expired'),
    complained: sum('complained'),
    suppressed: sum('suppressed'),
    failed: sum('failed'),
    opened: sum('opened'),
    clicked: sum('clicked'),
    unsubscribed: sum('unsubscribed'),
    delivery_rate: share(delivered, sent),
    bounce_rate: share(bounced, sent),
    complaint_rate: share(sum('complained'), delivered),
    open_rate: share(sum('opened'), delivered),
    click_rate: share(sum('clicked'), delivered),
    unsubscribe_rate: share(sum('unsubscribed'), delivered),
  };
}
