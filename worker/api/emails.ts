import { z } from '@hono/zod-openapi';
import { messageStatus } from '#domain/delivery/delivery.ts';
import { markSimulated, publicEvent } from '#domain/delivery/event.ts';
import { acceptedEventId, isUuidV7, uuidV7 } from '#domain/message/ids.ts';
import { sendAtFault } from '#domain/message/submission.ts';
import { Problem } from '#domain/problem.ts';
import { templateView } from '#domain/template/used-template.ts';
import { time } from '#domain/time.ts';
import { type Call, invalidBody, newApp, queryOf } from '../http/app.ts';
import { readBody } from '../http/request-body.ts';
import { rowsOf, sees } from '../identity/rows.ts';
import { anyMessage, type PageCursor, readMessagePage } from '../store/message-pages.ts';
import { cancelDeliveries, findMessage, type ListedMessage, type StoredMessage } from '../store/messages.ts';
import { rescheduleDeliveries } from '../store/reschedule.ts';
import { announceEvents } from './announce-events.ts';
import { listQuery, offsetTooFar, offsetWithCursor } from './queries.ts';

/** `GET /v1/emails…` and cancel. */
export const emailsApp = newApp();

/** Rows that one call looks at; what it found is read beside. */
const searchedRows = 1400;

function formatCursor({ week, seq }: PageCursor): string {
  return `${week}-${seq}`;
}

emailsApp.get('/emails', async (c) => {
  const { limit, offset, cursor, to, ...filter } = queryOf(c, listQuery);
  if (cursor !== null && offset > 0) throw offsetWithCursor();
  const rows = rowsOf(c);
  const search = {
    ...anyMessage,
    ...filter,
    domains: rows.domains,
    recipient: to === null ? null : { address: to },
  };
  const page = await readMessagePage(c.get('store'), rows.accountId, search, {
    from: cursor,
    limit,
    offset,
    rows: searchedRows,
    nowMs: Date.now(),
  });
  const { messages, next, searchedToMs } = page;
  if (next !== null && page.skipped < offset) throw offsetTooFar(formatCursor(next));
  const data = messages.map(summaryOf);
  return c.json({
    data,
    emails: data,
    total: page.skipped + messages.length + (next === null ? 0 : 1),
    limit,
    offset,
    has_more: next !== null,
    next: next && formatCursor(next),
    searched_to: searchedToMs === null ? null : new Date(searchedToMs).toISOString(),
  });
});

emailsApp.get('/emails/:id', async (c) => {
  const email = detailOf(await messageOf(c));
  return c.json({ ...email, email });
});

emailsApp.get('/emails/:id/events', async (c) => {
  const data = timelineOf(await messageOf(c));
  const events = data.map((event) => ({ ...event, event_type: event.type ?? `email.${event.kind}` }));
  return c.json({ data, events });
});

export const emailChange = z.strictObject({
  send_at: time.meta({ description: 'When delivery may begin, at most 30 days ahead.' }),
});

emailsApp.patch('/emails/:id', async (c) => {
  const message = await messageOf(c);
  const { send_at: sendAtMs } = await readBody(c, emailChange);
  const nowMs = Date.now();
  const fault = sendAtFault(sendAtMs, nowMs);
  if (fault) throw invalidBody([{ path: ['send_at'], message: fault }]);
  const dueMs = Math.max(sendAtMs, nowMs);
  const { contentDays } = c.get('credential').mail;
  const moved = await rescheduleDeliveries(c.get('store'), message, { dueMs, contentDays }, nowMs);
  const after = await messageOf(c);
  if (moved === 0)
    throw new Problem(
      'conflict',
      `It does not wait for its time any more: the message is ${summaryOf(after).status}.`,
    );
  const { messageId, class: mailClass } = message;
  const { DELIVERY } = c.get('env').bindings;
  c.executionCtx.waitUntil(
    c.get('isolate').announcer.announceAt(DELIVERY, [{ messageId, class: mailClass, dueMs }], nowMs),
  );
  return c.json(detailOf(after));
});

emailsApp.post('/emails/:id/cancel', async (c) => {
  const message = await messageOf(c);
  const nowMs = Date.now();
  const canceled = await cancelDeliveries(
    c.get('store'),
    message,
    () => ({
      id: uuidV7(nowMs, crypto.getRandomValues(new Uint8Array(10))),
      kind: 'canceled',
      atMs: nowMs,
      details: {},
    }),
    nowMs,
  );
  if (canceled > 0) announceEvents(c, c.get('credential'));
  const after = await messageOf(c);
  if (canceled === 0) {
    throw new Problem('conflict', `Nothing is left to cancel: the message is ${summaryOf(after).status}.`);
  }
  return c.json({ ...detailOf(after), canceled });
});

/** The message of the path, or of an id; 404 for another account's, one of a domain that the key is not for, an unknown or a malformed id alike. */
export async function messageOf(c: Call, given = c.req.param('id') ?? ''): Promise<StoredMessage> {
  const id = given.toLowerCase();
  const rows = rowsOf(c);
  const message = isUuidV7(id) ? await findMessage(c.get('store'), rows.accountId, id, Date.now()) : null;
  if (!message || !sees(rows, message.signingDomain))
    throw new Problem('not_found', `There is no message ${id.slice(0, 64)}.`);
  return message;
}

function summaryOf(message: ListedMessage) {
  return {
    id: message.messageId,
    message_id: message.messageId,
    status: messageStatus(message.deliveries.map((delivery) => delivery.state)),
    from: message.fromHeader,
    to: message.addressees.to,
    cc: message.addressees.cc,
    subject: message.subject,
    class: message.class,
    stream: message.stream,
    tags: message.tags,
    metadata: message.metadata,
    environment: message.testMode ? 'test' : 'live',
    source: message.source,
    size_bytes: message.sizeBytes,
    created_at: new Date(message.acceptedAtMs).toISOString(),
    send_at: message.firstDueMs > message.acceptedAtMs ? new Date(message.firstDueMs).toISOString() : null,
    template: message.template && templateView(message.template),
  };
}

function detailOf(message: StoredMessage) {
  return {
    ...summaryOf(message),
    message_id_header: message.messageIdHeader,
    track_opens: message.tracked.opens,
    track_clicks: message.tracked.clicks,
    unsubscribe: message.tracked.unsubscribe,
    deliveries: message.deliveries.map((delivery) => ({
      recipient: delivery.recipient,
      status: delivery.state,
      reason: delivery.reason,
      attempts: delivery.attempts,
      next_attempt_at: delivery.dueMs === null ? null : new Date(delivery.dueMs).toISOString(),
      node: delivery.node,
      waits_for: delivery.waitsFor,
    })),
  };
}

/**
 * Every event of a message, oldest first; `accepted` is told by the message itself. The events of one delivery stay
 * in the order in which they were written: their times come from two clocks, the edge's and the node's.
 */
export function timelineOf(message: StoredMessage) {
  return message.deliveries
    .flatMap((delivery) => {
      const of = {
        messageId: message.messageId,
        recipient: delivery.recipient,
        stream: message.stream,
        tags: message.tags,
        metadata: message.metadata,
        template: message.template,
      };
      const accepted = {
        id: acceptedEventId(message.messageId, delivery.n),
        kind: 'accepted' as const,
        atMs: message.acceptedAtMs,
        details: { class: message.class, sizeBytes: message.sizeBytes },
      };
      const first = delivery.accepted ? [markSimulated(accepted, delivery.simulated)] : [];
      let notBeforeMs = 0;
      return [...first, ...delivery.timeline].map((event) => {
        notBeforeMs = Math.max(notBeforeMs, event.atMs);
        return { sortMs: notBeforeMs, event: publicEvent(event, of) };
      });
    })
    .sort((a, b) => a.sortMs - b.sortMs)
    .map(({ event }) => event);
}
