import { z } from '@hono/zod-openapi';
import { messageStatus } from '#domain/delivery/delivery.ts';
import { eventRow } from '#domain/delivery/event.ts';
import { statusCategory, statusQuery } from '#domain/inbound/incoming-status.ts';
import { Problem } from '#domain/problem.ts';
import { wantsReceived } from '#domain/webhook.ts';
import { type Call, newApp, queryOf } from '../http/app.ts';
import { authorize } from '../identity/authenticate.ts';
import { rowsOf } from '../identity/rows.ts';
import { anyMessage, readMessagePage } from '../store/message-pages.ts';
import type { ListedMessage } from '../store/messages.ts';
import type { ListedReceived } from '../store/received.ts';
import { anyReceived, listReceived } from '../store/received-search.ts';
import { type Endpoint, listEndpoints } from '../store/webhook-endpoints.ts';
import { answerShortly } from './cloudmailin.ts';
import { messageOf, timelineOf } from './emails.ts';

/** CloudMailin's reads, `/api/v0.1/:username/…`: what its own API tells of addresses and messages. */
export const cloudmailinReadsApp = newApp();
cloudmailinReadsApp.onError(answerShortly);

/** Entries of one answer; CloudMailin gives a fixed number too. */
const mostEntries = 100;
/** Rows of messages that one call looks at. */
const searchedRows = 450;
/** What CloudMailin calls our formats. */
const targetFormats: Partial<Record<Endpoint['format'], string>> = {
  cloudmailin: 'json+n',
  'cloudmailin-multipart': 'multipart+n',
};

export const incomingStatusesQuery = z.object({
  address_id: z
    .string()
    .max(64)
    .optional()
    .meta({ description: 'Of one endpoint (`id` of `/addresses`); left out: of all.' }),
  query: z.string().max(500).default('').meta({
    description:
      '`subject: order, status: 200`: all must be part of what they name (to, from, subject, status, status_category, message_id); words without a name, of any.',
  }),
});

cloudmailinReadsApp.get('/:username/addresses', async (c) => {
  ownKey(c);
  return c.json((await addressesOf(c)).map(addressView));
});

cloudmailinReadsApp.get('/:username/incoming_statuses', async (c) => {
  ownKey(c);
  const { address_id: addressId, query } = queryOf(c, incomingStatusesQuery);
  const addresses = addressId === undefined ? null : await addressesOf(c);
  const address = addresses?.find(({ publicId }) => publicId === addressId) ?? null;
  if (addressId !== undefined && !address) throw new Problem('not_found', 'There is no such address.');
  const page = { limit: mostEntries, before: null };
  const { received } = await listReceived(c.get('store'), rowsOf(c), anyReceived, page, Date.now());
  const fits = statusQuery(query);
  const told = received.flatMap((one) => statusesOf(one, address)).filter(fits);
  return c.json(told.slice(0, mostEntries));
});

cloudmailinReadsApp.get('/:username/outbound_messages', async (c) => {
  ownKey(c);
  const rows = rowsOf(c);
  const { messages } = await readMessagePage(
    c.get('store'),
    rows.accountId,
    { ...anyMessage, domains: rows.domains },
    { from: null, limit: mostEntries, offset: 0, rows: searchedRows, nowMs: Date.now() },
  );
  return c.json(messages.map(outboundView));
});

cloudmailinReadsApp.get('/:username/messages/:id', async (c) => {
  ownKey(c);
  const message = await messageOf(c);
  const events = timelineOf(message).map(({ kind, recipient, at, details }) => ({
    kind: eventRow(kind).cloudmailin,
    recipient,
    at,
    details,
  }));
  return c.json({ ...outboundView(message), events });
});

function outboundView(message: ListedMessage) {
  return {
    id: message.messageId,
    from: message.fromHeader,
    to: message.addressees.to,
    subject: message.subject,
    tags: message.tags,
    priority: message.class,
    test_mode: message.testMode,
    status: messageStatus(message.deliveries.map(({ state }) => state)),
    created_at: new Date(message.acceptedAtMs).toISOString(),
  };
}

/** @throws Problem when the path names another user than the key's */
function ownKey(c: Call): void {
  authorize(c.get('credential'), 'read', c.req.param('username') ?? '');
}

/** Endpoints that are told of received mail: what CloudMailin calls addresses. */
async function addressesOf(c: Call): Promise<Endpoint[]> {
  const endpoints = await listEndpoints(c.get('store'), rowsOf(c).accountId);
  return endpoints.filter(({ events }) => wantsReceived(events));
}

function addressView({ publicId, url, format, description }: Endpoint) {
  return {
    id: publicId,
    target: url,
    target_format: targetFormats[format] ?? format,
    nickname: description || null,
  };
}

/** What became of a mail, once for each endpoint that was told; once of a mail that none was. */
function statusesOf(received: ListedReceived, address: Endpoint | null) {
  const posts = address
    ? received.posts.filter(({ endpointId }) => endpointId === address.id)
    : received.posts;
  const none = { state: received.state === null ? 'delivered' : 'dead', status: null };
  const all = posts.length === 0 && address === null ? [none] : posts;
  return all.map((post) => ({
    message_id: received.messageIdHeader.replace(/^<|>$/g, '') || null,
    to: received.recipients[0] ?? null,
    from: received.envelopeFrom || null,
    status: post.status === null ? null : String(post.status),
    status_category: statusCategory(post.state),
    subject: received.subject,
    tls: String(received.client.tls),
    created_at: new Date(received.receivedAtMs).toISOString(),
  }));
}
