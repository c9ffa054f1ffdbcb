import { z } from '@hono/zod-openapi';
import { sampleSuppression } from '#domain/event-formats/sample.ts';
import { suppressionBody } from '#domain/event-formats/suppression.ts';
import { noVerdicts } from '#domain/inbound/verdicts.ts';
import { uuidV7 } from '#domain/message/ids.ts';
import { defaultStream } from '#domain/message/stream.ts';
import { Problem } from '#domain/problem.ts';
import { time } from '#domain/time.ts';
import {
  chosenKinds,
  eventNames,
  isSynchronous,
  parseDeliveryId,
  rotationOverlapMs,
  type WebhookFormat,
  wantsReceived,
  wantsSuppressions,
  webhookBodies,
  webhookFormats,
  webhookLimits,
} from '#domain/webhook.ts';
import { type Call, invalidBody, newApp } from '../http/app.ts';
import { apiOrigin } from '../http/public-origin.ts';
import { parseBody, readBody, readJson } from '../http/request-body.ts';
import { noted } from '../identity/audit.ts';
import { formatHeaders } from '../received/format-headers.ts';
import { writtenBody } from '../received/post-body.ts';
import { encryptKey, sealedWebhookSecret } from '../store/key-encryption.ts';
import type { Received } from '../store/received.ts';
import { replayRange } from '../store/webhook-deliveries.ts';
import {
  createEndpoint,
  deleteEndpoint,
  type Endpoint,
  findEndpoint,
  listEndpoints,
  updateEndpoint,
} from '../store/webhook-endpoints.ts';
import { targetGuard } from '../webhook/guard.ts';
import { postWebhook } from '../webhook/post.ts';
import { newWebhookSecret, signingOf } from '../webhook/secrets.ts';
import { senderOf } from '../webhook/sender-of.ts';
import { replayOne } from './webhook-deliveries.ts';
import { publicKeyPath } from './webhook-keys.ts';
import { own, ownOf } from './webhook-own.ts';
import { ownEvents, requireTarget, scope, scopeOf, url } from './webhook-scope.ts';

/** `/v1/webhooks`: endpoints, their secrets, a test, replays. */
export const webhooksApp = newApp();

const format = z.enum(webhookFormats);
const events = z
  .array(z.string().refine((name) => eventNames.has(name), 'must be the name of an event'))
  .min(1)
  .max(eventNames.size)
  .nullable()
  .meta({
    description:
      'Names of events; null: every event of mail that the format has a name for. `suppression.added` and `suppression.removed` are told to who names them, and in the format `postmark`.',
  });
const synchronous = z.boolean().nullable().meta({
  description:
    'Whether its answer to received mail is the reply in the SMTP session: 2xx takes it, 4xx refuses it, anything else makes its sender try again; null: as the format has it (yes for the CloudMailin formats).',
});
const description = z.string().max(webhookLimits.descriptionCharacters);
/** Postscale's names of a new endpoint's fields stand for ours, and for its format. */
function oursOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('webhook_url' in value || 'event_types' in value))
    return value;
  const { webhook_url: theirUrl, event_types: names, ...rest } = value as Record<string, unknown>;
  return {
    format: 'postscale',
    ...rest,
    ...(theirUrl === undefined ? {} : { url: theirUrl }),
    ...(names === undefined ? {} : { events: names }),
  };
}
export const newWebhook = z.strictObject({
  url,
  format: format.default('event'),
  events: events.default(null),
  description: description.default(''),
  synchronous: synchronous.default(null),
  domain: scope.domain.default(null),
  address_pattern: scope.address_pattern.default(null),
  authorization_url: scope.authorization_url.default(null),
  headers: own.headers.default(null),
  username: own.username.default(null),
  password: own.password.default(null),
  sending_domains: own.sending_domains.default(null),
  tags: own.tags.default(null),
  streams: own.streams.default(null),
});
export const webhookChange = z
  .strictObject({
    ...{ url, format, events, description, synchronous, ...scope, ...own },
    state: z.enum(['active', 'disabled']),
  })
  .partial();
export const webhookReplay = z.union([
  z.strictObject({ delivery_id: z.string().max(64) }),
  z
    .strictObject({ from: time, to: time })
    .refine(({ from, to }) => from < to, { path: ['to'], message: 'must be after from' }),
]);

webhooksApp.post('/webhooks', async (c) => {
  const read = parseBody(newWebhook, oursOf(await readJson(c)));
  const { domain, address_pattern, authorization_url, ...rest } = read;
  const { headers: _, username, password, sending_domains, tags, streams: __, ...given } = rest;
  const body = { ...given, events: given.events ?? ownEvents(given.format, domain) };
  requireNames(body.format, body.events);
  await requireTarget(c, body.format, body.url);
  const scoped = await scopeOf(c, { domain, address_pattern, authorization_url }, null);
  const store = c.get('store');
  const { accountId } = c.get('credential');
  if ((await listEndpoints(store, accountId)).length >= webhookLimits.endpoints) {
    throw new Problem('conflict', `An account may have ${webhookLimits.endpoints} webhook endpoints.`);
  }
  const nowMs = Date.now();
  const secret = newWebhookSecret();
  const publicId = uuidV7(nowMs, crypto.getRandomValues(new Uint8Array(10)));
  const owned = await ownOf(c, read, { publicId }, null);
  const { encryptionKeys } = c.get('env');
  const endpoint = await createEndpoint(
    store,
    {
      ...body,
      ...scoped,
      ...owned,
      accountId,
      publicId,
      secretEncrypted: await encryptKey(secret, encryptionKeys, sealedWebhookSecret(publicId)),
      createdAtMs: nowMs,
    },
    nowMs,
  );
  noted(c, { endpoint: placeOf(endpoint.url) });
  const webhook = endpointView(c, endpoint);
  return c.json({ ...webhook, webhook, secret }, 201);
});

webhooksApp.get('/webhooks', async (c) => {
  const endpoints = await listEndpoints(c.get('store'), c.get('credential').accountId);
  const data = endpoints.map((endpoint) => endpointView(c, endpoint));
  return c.json({ data, webhooks: data });
});

webhooksApp.get('/webhooks/:id', async (c) => c.json(endpointView(c, await endpointOf(c))));

webhooksApp.patch('/webhooks/:id', async (c) => {
  const endpoint = await endpointOf(c);
  const read = await readBody(c, webhookChange);
  const { state, domain, address_pattern, authorization_url, ...rest } = read;
  const { headers: _, username, password, sending_domains, tags, streams: __, ...body } = rest;
  requireNames(body.format ?? endpoint.format, body.events === undefined ? endpoint.events : body.events);
  if (body.url !== undefined || body.format !== undefined)
    await requireTarget(c, body.format ?? endpoint.format, body.url ?? endpoint.url);
  const scoped = await scopeOf(c, { domain, address_pattern, authorization_url }, endpoint);
  const owned = await ownOf(c, read, endpoint, endpoint);
  const changed = await change(c, endpoint, { ...body, ...scoped, ...owned, ...stateChange(state) });
  return c.json(endpointView(c, changed));
});

webhooksApp.delete('/webhooks/:id', async (c) => {
  const endpoint = await endpointOf(c);
  await deleteEndpoint(c.get('store'), endpoint);
  await senderOf(c.get('env').bindings.SENDER, endpoint.id).reload(endpoint.id);
  return c.body(null, 204);
});

/** A new secret; the one before it signs as well until the overlap is over. */
webhooksApp.post('/webhooks/:id/rotate', async (c) => {
  const endpoint = await endpointOf(c);
  const secret = newWebhookSecret();
  const { encryptionKeys } = c.get('env');
  const rotated = await change(c, endpoint, {
    secretEncrypted: await encryptKey(secret, encryptionKeys, sealedWebhookSecret(endpoint.publicId)),
    previousSecretEncrypted: endpoint.secretEncrypted,
    previousSecretUntilMs: Date.now() + rotationOverlapMs,
  });
  return c.json({ ...endpointView(c, rotated), secret });
});

/** Posts a signed event that never happened, once, and tells what came of it. */
webhooksApp.post('/webhooks/:id/test', async (c) => {
  const endpoint = await endpointOf(c);
  const env = c.get('env');
  const nowMs = Date.now();
  const id = `msg_test_${uuidV7(nowMs, crypto.getRandomValues(new Uint8Array(10)))}`;
  const signing = await signingOf(endpoint, env, nowMs);
  const { format } = endpoint;
  const first = { deliveryId: id, attempt: 1, secrets: signing.secrets };
  const mail = { ...testMail(endpoint.accountId, nowMs), origin: apiOrigin(c) };
  const told =
    chosenKinds(format, endpoint.events).size > 0
      ? testBody(format, nowMs)
      : wantsSuppressions(format, endpoint.events) && !wantsReceived(endpoint.events)
        ? JSON.stringify(suppressionBody(format, sampleSuppression('suppression_added', nowMs)))
        : null;
  const written =
    told === null
      ? await writtenBody(env, format, mail, first, nowMs)
      : { body: told, headers: await formatHeaders(format, told, first, nowMs) };
  const { at, durationMs, status, answer, error } = await postWebhook(
    { url: endpoint.url, ...signing, id, ...written },
    targetGuard(env),
  );
  const body = typeof written.body === 'string' ? written.body : new TextDecoder().decode(written.body);
  return c.json({
    delivered: status !== null && status >= 200 && status < 300,
    webhook_id: id,
    at,
    duration_ms: durationMs,
    status,
    answer,
    error,
    body,
  });
});

webhooksApp.post('/webhooks/:id/replay', async (c) => {
  const endpoint = await endpointOf(c);
  const body = await readBody(c, webhookReplay);
  if ('delivery_id' in body) {
    const place = parseDeliveryId(body.delivery_id);
    await replayOne(c, place, endpoint.id);
    return c.json({ replayed: 1, next_from: null }, 202);
  }
  const store = c.get('store');
  const range = { fromMs: body.from, toMs: body.to };
  const { replayed, nextMs } = await replayRange(store, endpoint.id, range, webhookLimits.replay, Date.now());
  await senderOf(c.get('env').bindings.SENDER, endpoint.id).poke(endpoint.id);
  return c.json({ replayed, next_from: nextMs === null ? null : new Date(nextMs).toISOString() }, 202);
});

/** Where an endpoint is; its query may hold a secret. */
function placeOf(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

/** The endpoint of the path; 404 for another account's and an unknown id alike. */
export async function endpointOf(c: Call): Promise<Endpoint> {
  const id = (c.req.param('id') ?? '').toLowerCase();
  const endpoint = await findEndpoint(c.get('store'), c.get('credential').accountId, id);
  if (!endpoint) throw new Problem('not_found', `There is no webhook endpoint ${id.slice(0, 64)}.`);
  noted(c, { endpoint: placeOf(endpoint.url) });
  return endpoint;
}

/** Changes an endpoint and has its sender look at it anew. */
async function change(
  c: Call,
  endpoint: Endpoint,
  values: Parameters<typeof updateEndpoint>[2],
): Promise<Endpoint> {
  const changed =
    Object.keys(values).length === 0 ? endpoint : await updateEndpoint(c.get('store'), endpoint, values);
  if (!changed) throw new Problem('not_found', 'The webhook endpoint is gone.');
  await senderOf(c.get('env').bindings.SENDER, endpoint.id).reload(endpoint.id);
  return changed;
}

/** An endpoint that is enabled again goes on where it stood: its events have waited in the feed. */
function stateChange(state: Endpoint['state'] | undefined): Parameters<typeof updateEndpoint>[2] {
  if (state === undefined) return {};
  return state === 'active'
    ? { state, stateReason: null, failingSinceMs: null }
    : { state, stateReason: 'Disabled by its owner.' };
}

function requireNames(endpointFormat: WebhookFormat, names: string[] | null): void {
  if (chosenKinds(endpointFormat, names).size > 0 || wantsReceived(names)) return;
  if (wantsSuppressions(endpointFormat, names)) return;
  throw invalidBody([
    { path: ['events'], message: `must name an event that the format ${endpointFormat} has` },
  ]);
}

function testBody(endpointFormat: WebhookFormat, nowMs: number): string {
  const random = () => crypto.getRandomValues(new Uint8Array(10));
  const [body] = webhookBodies(endpointFormat, [
    {
      event: {
        id: uuidV7(nowMs, random()),
        kind: 'delivered',
        atMs: nowMs,
        details: { simulated: true, reply: { code: 250, status: '2.0.0', text: 'This is a test.' } },
      },
      messageId: uuidV7(nowMs, random()),
      recipient: 'user@example.net',
      from: 'Example <sender@example.com>',
      subject: 'A test of this webhook',
      messageIdHeader: '<test@example.com>',
      stream: defaultStream,
      tags: ['test'],
      metadata: {},
      testMode: false,
    },
  ]);
  if (!body) throw new Error('an event gave no body');
  return body.text;
}

/** A mail that never came. */
function testMail(accountId: number, nowMs: number): { received: Received; raw: Uint8Array<ArrayBuffer> } {
  const lines = [
    'From: Example <sender@example.com>',
    'To: user@example.net',
    'Subject: A test of this webhook',
    `Date: ${new Date(nowMs).toUTCString().replace('GMT', '+0000')}`,
    'Message-ID: <test@example.com>',
    '',
    'This is a test.',
    '',
  ];
  const raw = Uint8Array.from(lines.join('\r\n'), (char) => char.charCodeAt(0));
  const received: Received = {
    accountId,
    id: uuidV7(nowMs, crypto.getRandomValues(new Uint8Array(10))),
    receivedAtMs: nowMs,
    domain: 'example.net',
    decision: { action: 'webhook', by: 'test', text: '' },
    envelopeFrom: 'sender@example.com',
    recipients: ['user@example.net'],
    fromHeader: 'Example <sender@example.com>',
    subject: 'A test of this webhook',
    messageIdHeader: '<test@example.com>',
    sizeBytes: raw.length,
    hasAttachments: false,
    client: { remoteIp: '192.0.2.1', helo: 'mail.example.com', tls: true },
    verdicts: noVerdicts,
    inReplyTo: null,
    bodyDay: '',
    bodyId: '',
    deliveries: [],
    state: null,
  };
  return { received, raw };
}

function endpointView(c: Call, endpoint: Endpoint) {
  const at = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
  return {
    id: endpoint.publicId,
    url: endpoint.url,
    webhook_url: endpoint.url,
    format: endpoint.format,
    events: endpoint.events,
    event_types: endpoint.events,
    has_secret: true as const,
    synchronous: isSynchronous(endpoint.format, endpoint.synchronous),
    domain: endpoint.domain,
    address_pattern: endpoint.addressPattern,
    authorization_url: endpoint.authorizationUrl,
    sending_domains: endpoint.sendingDomains,
    tags: endpoint.tags,
    streams: endpoint.streams,
    header_names: endpoint.headerNames ?? [],
    username: endpoint.username,
    public_key_url: `${apiOrigin(c)}${publicKeyPath(endpoint.publicId)}`,
    description: endpoint.description,
    state: endpoint.state,
    state_reason: endpoint.stateReason,
    failing_since: at(endpoint.failingSinceMs),
    previous_secret_until: at(endpoint.previousSecretUntilMs),
    created_at: at(endpoint.createdAtMs),
  };
}
