import { z } from 'zod';
import type { EventKind, NewEvent } from '#domain/delivery/event.ts';
import {
  bounceId,
  bounceOf,
  bounceTypes,
  postmarkTime,
  timeOfBounceId,
  visitOf,
} from '#domain/event-formats/postmark.ts';
import { saidBy, textOf } from '#domain/event-formats/source.ts';
import { Problem } from '#domain/problem.ts';
import type { WebhookEvent } from '#domain/webhook.ts';
import { messageOf } from '../api/emails.ts';
import { askApi, callApi } from '../api/own-api.ts';
import { type Call, newApp } from '../http/app.ts';
import { rowsOf } from '../identity/rows.ts';
import { anyMessage, type MessageSearch, readMessagePage } from '../store/message-pages.ts';
import {
  type DeliveryHistory,
  type ListedMessage,
  readHistories,
  type StoredMessage,
} from '../store/messages.ts';
import { countSuppressions } from '../store/suppressions.ts';
import { postmarkQuery } from './postmark-views.ts';
import { type StatsRow, statsSchema } from './stats.ts';

/** `/postmark/bounces…`, `/postmark/messages/outbound/opens…`, `…/clicks…` and `/postmark/stats…`. */
export const postmarkEventsApp = newApp();

const bounceKinds: readonly EventKind[] = ['bounced', 'expired', 'complained', 'auto_replied'];

function factsOf(message: ListedMessage, recipient: string, event: NewEvent): WebhookEvent {
  const {
    messageId,
    fromHeader: from,
    subject,
    messageIdHeader,
    stream,
    tags,
    metadata,
    testMode,
    template,
  } = message;
  return {
    ...{ event, messageId, recipient, from, subject, messageIdHeader, stream, tags, metadata },
    ...{ testMode, template },
  };
}

/** Messages that one list looks for, and rows that it looks at for them. */
const mostMessages = 500;
const searchedRows = 5_000;

/** What happened of some kinds to the newest messages that match, newest first. */
async function eventsOf(
  c: Call,
  search: Partial<MessageSearch>,
  kinds: readonly EventKind[],
): Promise<WebhookEvent[]> {
  const { accountId, domains } = rowsOf(c);
  const nowMs = Date.now();
  const store = c.get('store');
  const of = { from: null, limit: mostMessages, rows: searchedRows, nowMs };
  const { messages } = await readMessagePage(store, accountId, { ...anyMessage, ...search, domains }, of);
  const ids = messages.map(({ messageId }) => messageId);
  const histories = await readHistories(store, accountId, ids, nowMs);
  return messages
    .flatMap((message) => happened(message, histories.get(message.messageId) ?? [], kinds))
    .sort((a, b) => b.event.atMs - a.event.atMs);
}

function happened(
  message: ListedMessage,
  deliveries: readonly Pick<DeliveryHistory, 'recipient' | 'timeline'>[],
  kinds: readonly EventKind[],
): WebhookEvent[] {
  return deliveries.flatMap(({ recipient, timeline }) =>
    timeline.filter(({ kind }) => kinds.includes(kind)).map((event) => factsOf(message, recipient, event)),
  );
}

/** The last that came back of each recipient: it has one number. */
function bouncesAmong(events: readonly WebhookEvent[]): WebhookEvent[] {
  const last = new Map<number, WebhookEvent>();
  for (const one of events) {
    const id = bounceId(one.messageId, one.recipient);
    if ((last.get(id)?.event.atMs ?? 0) <= one.event.atMs) last.set(id, one);
  }
  return [...last.values()];
}

postmarkEventsApp.get('/bounces', async (c) => {
  const { count, offset, filter, stream, fromMs, beforeMs } = postmarkQuery(c);
  const { tag, type, inactive, emailfilter, messageid } = filter;
  const search = { tag, stream, fromMs, beforeMs };
  const events =
    messageid === null
      ? // What came back of a delivery ends it bounced or failed, or comes when it is delivered already.
        await Promise.all(
          (['bounced', 'failed', null] as const).map((status) =>
            eventsOf(c, { ...search, status }, bounceKinds),
          ),
        )
      : [happened(await messageOf(c, messageid), (await messageOf(c, messageid)).deliveries, bounceKinds)];
  const bounces = bouncesAmong(events.flat())
    .map(bounceOf)
    .filter((one) => type === null || one.Type === type)
    .filter((one) => inactive === null || String(one.Inactive) === inactive)
    .filter((one) => emailfilter === null || one.Email.toLowerCase().includes(emailfilter.toLowerCase()))
    .sort((a, b) => (a.BouncedAt < b.BouncedAt ? 1 : -1));
  return c.json({
    TotalCount: bounces.length,
    Bounces: bounces.slice(offset, offset + count).map((one) => ({ RecordType: 'Bounce', ...one })),
  });
});

postmarkEventsApp.get('/bounces/:id', async (c) =>
  c.json({ RecordType: 'Bounce', ...bounceOf(await bounceOfPath(c)) }),
);

/** The report itself is on the page of the message. */
postmarkEventsApp.get('/bounces/:id/dump', async (c) => {
  await bounceOfPath(c);
  return c.json({ Body: '' });
});

postmarkEventsApp.put('/bounces/:id/activate', async (c) => {
  const bounce = await bounceOfPath(c);
  const path = `/suppressions/${encodeURIComponent(bounce.recipient)}`;
  await askApi(c, null, { method: 'DELETE', path });
  const view = { RecordType: 'Bounce', ...bounceOf(bounce), Inactive: false, CanActivate: false };
  return c.json({ Message: 'OK', Bounce: view });
});

/** What came back by the number of the path. @throws Problem 404 */
async function bounceOfPath(c: Call): Promise<WebhookEvent> {
  const id = Number(c.req.param('id'));
  const fromMs = Number.isSafeInteger(id) && id > 0 ? timeOfBounceId(id) : null;
  const events = fromMs === null ? [] : await eventsOf(c, { fromMs, beforeMs: fromMs + 1 }, bounceKinds);
  const found = bouncesAmong(events).find((one) => bounceId(one.messageId, one.recipient) === id);
  if (!found) throw new Problem('not_found', `There is no bounce ${c.req.param('id')?.slice(0, 20)}.`);
  return found;
}

for (const [name, kind, list] of [
  ['opens', 'opened', 'Opens'],
  ['clicks', 'clicked', 'Clicks'],
] as const) {
  const answer = (c: Call, events: readonly WebhookEvent[]) => {
    const { count, offset } = postmarkQuery(c);
    const some = events.slice(offset, offset + count).map(visitOf);
    return c.json({ TotalCount: events.length, [list]: some });
  };
  postmarkEventsApp.get(`/messages/outbound/${name}`, async (c) =>
    answer(c, await eventsOf(c, postmarkQuery(c).search, [kind])),
  );
  postmarkEventsApp.get(`/messages/outbound/${name}/:id`, async (c) => {
    const message = await messageOf(c);
    return answer(c, happened(message, message.deliveries, [kind]));
  });
}

/** Their types of what a message's details tell. */
const eventTypes: Partial<Record<EventKind, string>> = {
  delivered: 'Delivered',
  deferred: 'Transient',
  bounced: 'Bounced',
  expired: 'Bounced',
  complained: 'Bounced',
  unsubscribed: 'SubscriptionChanged',
  opened: 'Opened',
  clicked: 'LinkClicked',
};

/** What happened to a message, oldest first. */
export function messageEvents(message: StoredMessage) {
  const kinds = Object.keys(eventTypes) as EventKind[];
  return happened(message, message.deliveries, kinds)
    .sort((a, b) => a.event.atMs - b.event.atMs)
    .map(({ event, recipient }) => ({
      Recipient: recipient,
      Type: eventTypes[event.kind],
      ReceivedAt: postmarkTime(event.atMs),
      Details: detailsOf(message, recipient, event),
    }));
}

function detailsOf(message: StoredMessage, recipient: string, event: NewEvent): object {
  const { mx } = z
    .object({ mx: z.object({ host: z.string(), address: z.string() }).partial().nullish() })
    .catch({})
    .parse(event.details);
  switch (event.kind) {
    case 'delivered':
    case 'deferred':
      return {
        DeliveryMessage: saidBy(event),
        DestinationServer: mx?.host ?? '',
        DestinationIP: mx?.address ?? '',
      };
    case 'clicked':
      return { Summary: textOf(event, 'url'), Link: textOf(event, 'url'), ClickLocation: 'HTML' };
    case 'opened':
      return { Summary: textOf(event, 'userAgent') };
    case 'unsubscribed':
      return { Origin: 'Recipient', SuppressSending: 'True' };
    default:
      return { Summary: saidBy(event), BounceID: String(bounceId(message.messageId, recipient)) };
  }
}

/** Counters of a time, by day; of one tag or stream, summed up. */
async function statsOf(c: Call): Promise<StatsRow[]> {
  const { filter, stream, fromMs, beforeMs } = postmarkQuery(c);
  const by = filter.tag !== null ? 'tag' : stream !== null ? 'stream' : 'day';
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  const query = new URLSearchParams({ by });
  if (fromMs !== null) query.set('from', day(fromMs));
  if (beforeMs !== null) query.set('to', day(beforeMs - 1));
  const { data } = await callApi(c, null, { method: 'GET', path: `/stats?${query}` }, statsSchema);
  return by === 'day' ? data : data.filter((row) => row[by] === (filter.tag ?? stream));
}

type Counts = (row: StatsRow) => Record<string, number>;
/** Their figures of each report, of our counters. */
const reports: Record<string, Counts> = {
  sends: (row) => ({ Sent: row.accepted }),
  bounces: (row) => ({ HardBounce: row.bounced, SoftBounce: row.expired }),
  spam: (row) => ({ SpamComplaint: row.complained }),
  opens: (row) => ({ Opens: row.opened }),
  clicks: (row) => ({ Clicks: row.clicked }),
};

function sumOf(rows: readonly StatsRow[], counts: Counts): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const row of rows)
    for (const [name, value] of Object.entries(counts(row))) sum[name] = (sum[name] ?? 0) + value;
  return sum;
}

for (const [report, counts] of Object.entries(reports)) {
  postmarkEventsApp.get(`/stats/outbound/${report}`, async (c) => {
    const rows = await statsOf(c);
    const days = rows.flatMap((row) => (row.day === undefined ? [] : [{ Date: row.day, ...counts(row) }]));
    return c.json({ Days: days, ...sumOf(rows, counts) });
  });
}

postmarkEventsApp.get('/stats/outbound', async (c) => {
  const all = sumOf(await statsOf(c), (row) => ({
    Sent: row.accepted,
    Bounced: row.bounced + row.expired,
    SMTPApiErrors: row.failed,
    SpamComplaints: row.complained,
    Opens: row.opened,
    TotalClicks: row.clicked,
  }));
  const rate = (part = 0) => (all.Sent ? (100 * part) / all.Sent : 0);
  return c.json({
    ...all,
    BounceRate: rate(all.Bounced),
    SpamComplaintsRate: rate(all.SpamComplaints),
  });
});

postmarkEventsApp.get('/deliveryStats', async (c) => {
  const rows = await statsOf(c);
  const any = { query: null, reason: null, scope: null };
  const sum = sumOf(rows, (row) => ({
    HardBounce: row.bounced,
    SoftBounce: row.expired,
    SpamComplaint: row.complained,
    AutoResponder: row.auto_replied,
  }));
  const there = Object.entries(sum).filter(([, count]) => count > 0);
  const bounces = there.map(([type, count]) => ({
    Type: type,
    Name: bounceTypes[type as keyof typeof bounceTypes][1],
    Count: count,
  }));
  return c.json({
    InactiveMails: await countSuppressions(c.get('store'), rowsOf(c), any, Date.now()),
    Bounces: [{ Name: 'All', Count: bounces.reduce((all, { Count }) => all + Count, 0) }, ...bounces],
  });
});
