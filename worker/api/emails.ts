import { messageStatus } from '#domain/delivery.ts';
import { markSimulated, publicEvent } from '#domain/event.ts';
import { acceptedEventId, isUuidV7, uuidV7 } from '#domain/ids.ts';
import { Problem } from '#domain/problem.ts';
import { cancelDeliveries, findMessage, listMessages, type StoredMessage } from '../store/messages.ts';
import { type Call, newApp, queryOf } from './app.ts';
import { announceEvents, needs } from './authenticated.ts';
import { listQuery } from './queries.ts';

/** `GET /v1/emails…` and cancel. */
export const emailsApp = newApp();

emailsApp.get('/emails', needs('read'), async (c) => {
  const { limit, offset, ...filter } = queryOf(c, listQuery);
  const { messages, hasMore } = await listMessages(
    c.get('store'),
    c.get('credential').accountId,
    filter,
    { limit, offset },
    Date.now(),
  );
  return c.json({ data: messages.map(summaryOf), limit, offset, has_more: hasMore });
});

emailsApp.get('/emails/:id', needs('read'), async (c) => c.json(detailOf(await messageOf(c))));

emailsApp.get('/emails/:id/events', needs('read'), async (c) =>
  c.json({ data: timelineOf(await messageOf(c)) }),
);

emailsApp.post('/emails/:id/cancel', needs('send'), async (c) => {
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

/** The message of the path; 404 for another account's, an unknown or a malformed id alike. */
async function messageOf(c: Call): Promise<StoredMessage> {
  const id = (c.req.param('id') ?? '').toLowerCase();
  const message = isUuidV7(id)
    ? await findMessage(c.get('store'), c.get('credential').accountId, id, Date.now())
    : null;
  if (!message) throw new Problem('not_found', `There is no message ${id.slice(0, 64)}.`);
  return message;
}

function summaryOf(message: StoredMessage) {
  return {
    id: message.messageId,
    message_id: message.messageId,
    status: messageStatus(message.deliveries.map((delivery) => delivery.state)),
    from: message.fromHeader,
    to: message.addressees.to,
    cc: message.addressees.cc,
    subject: message.subject,
    class: message.class,
    tags: message.tags,
    metadata: message.metadata,
    environment: message.testMode ? 'test' : 'live',
    source: message.source,
    size_bytes: message.sizeBytes,
    created_at: new Date(message.acceptedAtMs).toISOString(),
    send_at: message.firstDueMs > message.acceptedAtMs ? new Date(message.firstDueMs).toISOString() : null,
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
    })),
  };
}

/**
 * Every event of a message, oldest first; `accepted` is told by the message itself. The events of one delivery stay
 * in the order in which they were written: their times come from two clocks, the edge's and the node's.
 */
function timelineOf(message: StoredMessage) {
  return message.deliveries
    .flatMap((delivery) => {
      const of = {
        messageId: message.messageId,
        recipient: delivery.recipient,
        tags: message.tags,
        metadata: message.metadata,
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
