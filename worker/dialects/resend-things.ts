import { z } from 'zod';
import { numberOfUuid, uuidOfNumber } from '#domain/number-id.ts';
import { Problem } from '#domain/problem.ts';
import { eventNames, formatDeliveryId, parseDeliveryId, toldIn } from '#domain/webhook.ts';
import { domainAnswer } from '../api/answers/domains.ts';
import { newWebhookAnswer, webhookAnswer, webhookSecretAnswer } from '../api/answers/webhooks.ts';
import { domainOf } from '../api/domain-of.ts';
import { detailOf } from '../api/domain-view.ts';
import { askApi, callApi } from '../api/own-api.ts';
import { deliveryOf } from '../api/webhook-deliveries.ts';
import { endpointOf } from '../api/webhooks.ts';
import { type Call, newApp } from '../http/app.ts';
import { parseBody, readJson } from '../http/request-body.ts';
import { rowsOf, sees } from '../identity/rows.ts';
import { type Domain, listDomains } from '../store/domains.ts';
import { listDeliveries, type WebhookDelivery } from '../store/webhook-deliveries.ts';
import { type Endpoint, listEndpoints } from '../store/webhook-endpoints.ts';
import { fault } from './dialect.ts';
import { type ListSource, listOf } from './pages.ts';
import { listing, resendTime } from './resend-views.ts';

/** `/resend/domains…` and `/resend/webhooks…`. */
export const resendThingsApp = newApp();

const capability = z.enum(['enabled', 'disabled']);
const domainFields = {
  /** All that this installation sends goes out where its nodes are. */
  region: z.string().optional(),
  custom_return_path: z.string().optional(),
  capabilities: z.object({ sending: capability.optional(), receiving: capability.optional() }).optional(),
  open_tracking: z.literal(false, 'is said for each message, or for all on the page Settings').optional(),
  click_tracking: z.literal(false, 'is said for each message, or for all on the page Settings').optional(),
  tls: z.literal('opportunistic', 'must be opportunistic: TLS is asked for by each message').optional(),
  tracking_subdomain: z.string().optional(),
};
const newDomain = z.strictObject({ name: z.string(), ...domainFields });
const domainChange = z.strictObject(domainFields);

/** Our type of a domain for what it is to be able to do. */
function typeOf(
  asked: { sending?: string | undefined; receiving?: string | undefined } | undefined,
  before: { sending: boolean; receiving: boolean },
): 'outbound' | 'inbound' | 'both' {
  const sending = asked?.sending === undefined ? before.sending : asked.sending === 'enabled';
  const receiving = asked?.receiving === undefined ? before.receiving : asked.receiving === 'enabled';
  if (sending) return receiving ? 'both' : 'outbound';
  if (receiving) return 'inbound';
  throw fault('/capabilities', 'one of sending and receiving must be enabled');
}

const sends = (type: string) => type === 'outbound' || type === 'both';
const takes = (type: string) => type === 'inbound' || type === 'both';

function domainView(
  of: Pick<Domain, 'id' | 'name' | 'type' | 'status' | 'checkedAtMs'> & { createdAtMs: number | null },
) {
  const able = (is: boolean) => (is ? 'enabled' : 'disabled');
  return {
    id: uuidOfNumber('domain', of.id),
    name: of.name,
    status:
      of.status === 'verified'
        ? 'verified'
        : of.status === 'disabled'
          ? 'failed'
          : of.checkedAtMs === null
            ? 'not_started'
            : 'pending',
    created_at: resendTime(of.createdAtMs ?? 0),
    region: null,
    capabilities: { sending: able(sends(of.type)), receiving: able(takes(of.type)) },
  };
}

type FullDomain = z.output<typeof domainAnswer>;
function fullDomainView(domain: FullDomain) {
  const ms = (text: string | null) => (text === null ? null : Date.parse(text));
  return {
    object: 'domain',
    ...domainView({
      ...domain,
      id: numberOfUuid('domain', domain.id) ?? 0,
      name: domain.domain,
      createdAtMs: ms(domain.created_at),
      checkedAtMs: ms(domain.checked_at),
    }),
    open_tracking: false,
    click_tracking: false,
    ...(domain.link_label === null ? {} : { tracking_subdomain: domain.link_label }),
    records: domain.records.map((record) => recordView(domain.domain, record)),
  };
}

const recordStatuses = {
  ok: 'verified',
  missing: 'pending',
  wrong: 'failed',
  multiple: 'failed',
  lookup_failed: 'temporary_failure',
} as const;

/** Kinds that are not called there as they are here. */
const recordNames: Readonly<Record<string, string>> = { mx: 'Receiving', link_host: 'Tracking' };

function recordView(domain: string, { kind, type, name, value, status }: FullDomain['records'][number]) {
  const [, priority, host] = /^(\d+) (.+)$/.exec(type === 'MX' ? value : '') ?? [];
  return {
    record: recordNames[kind] ?? kind.toUpperCase().replaceAll('_', ' '),
    name: name === domain ? '@' : name.replace(`.${domain}`, ''),
    type,
    ttl: 'Auto',
    status: status === null ? 'not_started' : recordStatuses[status],
    value: host ?? value,
    ...(priority === undefined ? {} : { priority: Number(priority) }),
  };
}

/** Names below the domain that a request asks for. */
function labelsOf(body: Pick<z.output<typeof domainChange>, 'custom_return_path' | 'tracking_subdomain'>) {
  return {
    ...(body.custom_return_path ? { return_path_label: body.custom_return_path } : {}),
    ...(body.tracking_subdomain ? { link_label: body.tracking_subdomain } : {}),
  };
}

resendThingsApp.post('/domains', async (c) => {
  const body = parseBody(newDomain, await readJson(c));
  const domain = await callApi(
    c,
    null,
    {
      method: 'POST',
      path: '/domains',
      body: {
        domain: body.name,
        type: typeOf(body.capabilities, { sending: true, receiving: false }),
        ...labelsOf(body),
      },
    },
    domainAnswer,
  );
  return c.json(fullDomainView(domain), 201);
});

resendThingsApp.get('/domains', async (c) => {
  const rows = rowsOf(c);
  const all = await listDomains(c.get('store'), rows.accountId, { limit: 10_000, offset: 0 });
  const seen = all.filter(({ name }) => sees(rows, name)).sort((a, b) => b.id - a.id);
  return await listing(
    c,
    listOf(seen, ({ id }) => uuidOfNumber('domain', id)),
    domainView,
  );
});

const domainPath = (c: Call) => `/domains/${encodeURIComponent(c.req.param('id') ?? '')}`;
const readDomain = async (c: Call) => detailOf(c, await domainOf(c));

resendThingsApp.get('/domains/:id', async (c) => c.json(fullDomainView(await readDomain(c))));

resendThingsApp.patch('/domains/:id', async (c) => {
  const body = parseBody(domainChange, await readJson(c));
  const { id, type } = await readDomain(c);
  const change = {
    ...labelsOf(body),
    ...(body.capabilities
      ? { type: typeOf(body.capabilities, { sending: sends(type), receiving: takes(type) }) }
      : {}),
  };
  if (Object.keys(change).length > 0)
    await askApi(c, null, { method: 'PATCH', path: domainPath(c), body: change });
  return c.json({ object: 'domain', id });
});

resendThingsApp.delete('/domains/:id', async (c) => {
  const { id } = await readDomain(c);
  await askApi(c, null, { method: 'DELETE', path: domainPath(c) });
  return c.json({ object: 'domain', id, deleted: true });
});

resendThingsApp.post('/domains/:id/verify', async (c) => {
  const { id } = await callApi(c, null, { method: 'POST', path: `${domainPath(c)}/verify` }, domainAnswer);
  return c.json({ object: 'domain', id });
});

const events = z
  .array(
    z.string().refine((name) => eventNames.has(name) && /^(email|suppression)\./.test(name), {
      error: ({ input }) => `${String(input).slice(0, 64)} is no event that there is here`,
    }),
  )
  .min(1);
const newWebhook = z.strictObject({ endpoint: z.string(), events });
const webhookChange = z
  .strictObject({ endpoint: z.string(), events, status: z.enum(['enabled', 'disabled']) })
  .partial();

const webhookPath = (c: Call) => `/webhooks/${encodeURIComponent(c.req.param('id') ?? '')}`;

function webhookView({ publicId, url, events: names, state, createdAtMs }: Endpoint) {
  return {
    id: publicId,
    endpoint: url,
    events: names,
    status: state === 'active' ? 'enabled' : 'disabled',
    created_at: resendTime(createdAtMs),
  };
}

resendThingsApp.post('/webhooks', async (c) => {
  const { endpoint: url, events: names } = parseBody(newWebhook, await readJson(c));
  const body = { url, events: names, format: 'resend' };
  const { id, secret } = await callApi(
    c,
    null,
    { method: 'POST', path: '/webhooks', body },
    newWebhookAnswer,
  );
  return c.json({ object: 'webhook', id, signing_secret: secret }, 201);
});

resendThingsApp.get('/webhooks', async (c) => {
  const all = await listEndpoints(c.get('store'), c.get('credential').accountId);
  return await listing(
    c,
    listOf(all.reverse(), ({ publicId }) => publicId),
    webhookView,
  );
});

/** The secret is told when it is made, and never again. */
resendThingsApp.get('/webhooks/:id', async (c) =>
  c.json({ object: 'webhook', ...webhookView(await endpointOf(c)), signing_secret: null }),
);

resendThingsApp.patch('/webhooks/:id', async (c) => {
  const { endpoint: url, events: names, status } = parseBody(webhookChange, await readJson(c));
  const body = {
    ...(url === undefined ? {} : { url }),
    ...(names === undefined ? {} : { events: names }),
    ...(status === undefined ? {} : { state: status === 'enabled' ? 'active' : 'disabled' }),
  };
  const { id } = await callApi(c, null, { method: 'PATCH', path: webhookPath(c), body }, webhookAnswer);
  return c.json({ object: 'webhook', id });
});

resendThingsApp.delete('/webhooks/:id', async (c) => {
  await askApi(c, null, { method: 'DELETE', path: webhookPath(c) });
  return c.json({ object: 'webhook', id: c.req.param('id'), deleted: true });
});

resendThingsApp.post('/webhooks/:id/signing-secret/rotate', async (c) => {
  const path = `${webhookPath(c)}/rotate`;
  const { id, secret } = await callApi(c, null, { method: 'POST', path }, webhookSecretAnswer);
  return c.json({ object: 'webhook', id, signing_secret: secret });
});

/** What was posted to an endpoint: to one of the format `resend`, an event each. */
function postedView(delivery: WebhookDelivery) {
  return {
    id: formatDeliveryId(delivery),
    type: toldIn(delivery.body).event,
    created_at: resendTime(delivery.createdAtMs),
    status: {
      delivered: 'success',
      dead: 'failed',
      pending: delivery.attempts > 0 ? 'attempting' : 'pending',
    }[delivery.state],
  };
}

/** The delivery of the path, which must be of the endpoint of the path. */
async function postedOf(c: Call): Promise<WebhookDelivery> {
  const endpoint = await endpointOf(c);
  const delivery = await deliveryOf(c, parseDeliveryId(c.req.param('event') ?? ''));
  if (delivery.endpointId !== endpoint.id) throw new Problem('not_found', 'There is no such event.');
  return delivery;
}

resendThingsApp.get('/webhooks/:id/events', async (c) => {
  const { id } = await endpointOf(c);
  type Place = Parameters<typeof listDeliveries>[1]['before'];
  const source: ListSource<WebhookDelivery, NonNullable<Place>> = {
    idOf: formatDeliveryId,
    read: async (before, limit) => {
      const of = { endpointIds: [id], state: null, before };
      const { deliveries, next } = await listDeliveries(c.get('store'), of, limit, Date.now());
      return { entries: deliveries, next };
    },
    behind: async (text) => parseDeliveryId(text),
  };
  return await listing(c, source, postedView);
});

resendThingsApp.get('/webhooks/:id/events/:event', async (c) => {
  const delivery = await postedOf(c);
  return c.json({
    object: 'webhook_event',
    ...postedView(delivery),
    next_attempt_at: delivery.dueMs === null ? null : resendTime(delivery.dueMs),
    payload: JSON.parse(delivery.body),
  });
});

resendThingsApp.post('/webhooks/:id/events/:event/replay', async (c) => {
  const id = formatDeliveryId(await postedOf(c));
  await askApi(c, null, { method: 'POST', path: `${webhookPath(c)}/replay`, body: { delivery_id: id } });
  return c.json({ object: 'webhook_event', id });
});

resendThingsApp.get('/webhooks/:id/events/:event/attempts', async (c) => {
  const delivery = await postedOf(c);
  const tries = delivery.tries.map(({ at, status, answer, error }, i) => ({
    id: `${formatDeliveryId(delivery)}.${i + 1}`,
    http_status_code: status ?? 0,
    response: answer || error || '',
    sent_at: resendTime(Date.parse(at)),
  }));
  return await listing(
    c,
    listOf(tries.reverse(), ({ id }) => id),
    (view) => view,
  );
});
