import { z } from 'zod';
import { postmarkStream, streamOfPostmark } from '#domain/event-formats/postmark.ts';
import { defaultStream } from '#domain/message/stream.ts';
import { numberOfUuid } from '#domain/number-id.ts';
import { Problem } from '#domain/problem.ts';
import { readScope, scopeText } from '#domain/suppression/scope.ts';
import type { SuppressionReason } from '#domain/suppression/suppression.ts';
import { subscriptionChange } from '#domain/suppression/suppression-event.ts';
import { chosenKinds, wantsSuppressions } from '#domain/webhook.ts';
import { domainAnswer } from '../api/answers/domains.ts';
import { webhookAnswer } from '../api/answers/webhooks.ts';
import { domainOf } from '../api/domain-of.ts';
import { detailOf } from '../api/domain-view.ts';
import { askApi, callApi } from '../api/own-api.ts';
import { type Call, newApp } from '../http/app.ts';
import { parseBody, readJson } from '../http/request-body.ts';
import { rowsOf, sees } from '../identity/rows.ts';
import { listDomains } from '../store/domains.ts';
import { listSuppressions, type Suppression } from '../store/suppressions.ts';
import { type Endpoint, listEndpoints } from '../store/webhook-endpoints.ts';
import { fault } from './dialect.ts';
import { entriesFrom } from './pages.ts';
import { postmarkQuery } from './postmark-views.ts';

/** `/postmark/message-streams/…/suppressions…`, `/postmark/webhooks…`, `/postmark/domains…`. */
export const postmarkThingsApp = newApp();

const reasons: Record<SuppressionReason, string> = {
  hard_bounce: 'HardBounce',
  complaint: 'SpamComplaint',
  manual: 'ManualSuppression',
  unsubscribe: 'ManualSuppression',
};
/** What is suppressed in their first stream is so in all mail; in another, in that alone. */
function scopeOf(c: Call): string {
  const stream = streamOfPostmark(c.req.param('stream') ?? '');
  return stream === defaultStream ? 'account' : scopeText('stream', stream);
}

/** Whether an entry keeps an address from getting mail of the stream of the path, as far as that is all that decides. */
function isOfStream(c: Call, { scope }: Suppression): boolean {
  const { type, value } = readScope(scope);
  return type !== 'stream' || value === streamOfPostmark(c.req.param('stream') ?? '');
}

/** So many entries stand in one answer. */
const mostListed = 5_000;

function suppressionView({ address, reason, source, createdAtMs }: Suppression) {
  return {
    EmailAddress: address,
    SuppressionReason: reasons[reason],
    Origin: source === 'api' || source === 'import' || source === 'dashboard' ? 'Customer' : 'Recipient',
    CreatedAt: new Date(createdAtMs).toISOString().replace(/\.\d+Z$/, '+00:00'),
  };
}

postmarkThingsApp.get('/message-streams/:stream/suppressions/dump', async (c) => {
  const { filter, fromMs, beforeMs } = postmarkQuery(c);
  const { emailaddress, suppressionreason, origin } = filter;
  const any = { query: emailaddress, reason: null, scope: null };
  const source = {
    idOf: ({ id }: Suppression) => String(id),
    read: async (before: number | null, limit: number) =>
      await listSuppressions(c.get('store'), rowsOf(c), any, { limit, before }, Date.now()),
    behind: async () => null,
  };
  const { entries } = await entriesFrom(source, null, mostListed);
  return c.json({
    Suppressions: entries
      .filter((entry) => isOfStream(c, entry))
      .filter(
        ({ createdAtMs }) =>
          createdAtMs >= (fromMs ?? 0) && createdAtMs < (beforeMs ?? Number.POSITIVE_INFINITY),
      )
      .map(suppressionView)
      .filter((one) => suppressionreason === null || one.SuppressionReason === suppressionreason)
      .filter((one) => origin === null || one.Origin === origin),
  });
});

/** Each is a call of its own to the database, of which a request may make a bounded number. */
const addresses = z.object({
  Suppressions: z
    .array(z.object({ EmailAddress: z.string().max(320) }))
    .min(1)
    .max(50),
});

/** Does the same to each address, and tells of each what came of it. */
async function eachAddress(
  c: Call,
  status: string,
  work: (email: string) => Promise<unknown>,
): Promise<Response> {
  const body = parseBody(addresses, await readJson(c));
  const told: { EmailAddress: string; Status: string; Message: string | null }[] = [];
  for (const { EmailAddress } of body.Suppressions) {
    const refusal = await work(EmailAddress).then(
      () => null,
      (error: unknown) => {
        if (error instanceof Problem && error.status < 429 && error.status !== 401 && error.status !== 403)
          return error.detail;
        throw error;
      },
    );
    told.push({ EmailAddress, Status: refusal === null ? status : 'Failed', Message: refusal });
  }
  return c.json({ Suppressions: told });
}

postmarkThingsApp.post('/message-streams/:stream/suppressions', (c) =>
  eachAddress(c, 'Suppressed', (email) =>
    askApi(c, null, { method: 'POST', path: '/suppressions', body: { email, scope: scopeOf(c) } }),
  ),
);

postmarkThingsApp.post('/message-streams/:stream/suppressions/delete', (c) =>
  eachAddress(c, 'Deleted', (email) =>
    askApi(c, null, { method: 'DELETE', path: `/suppressions/${encodeURIComponent(email)}${removedIn(c)}` }),
  ),
);

/** From their first stream an address is taken out of every scope, from another of that alone. */
function removedIn(c: Call): string {
  const scope = scopeOf(c);
  return scope === 'account' ? '' : `?${new URLSearchParams({ scope })}`;
}

const triggers = ['Open', 'Click', 'Delivery', 'Bounce', 'SpamComplaint', subscriptionChange] as const;
const kindOf = {
  Open: 'opened',
  Click: 'clicked',
  Delivery: 'delivered',
  Bounce: 'bounced',
  SpamComplaint: 'complained',
} as const;
const trigger = z.object({ Enabled: z.boolean() });
const webhookFields = z.object({
  Url: z.string().optional(),
  MessageStream: z.string().optional(),
  HttpAuth: z.object({ Username: z.string(), Password: z.string() }).optional(),
  HttpHeaders: z.array(z.never('are not sent: tell posts by HttpAuth or by their signature')).optional(),
  Triggers: z.partialRecord(z.enum(triggers), trigger).optional(),
});
type WebhookFields = z.output<typeof webhookFields>;

/** The URL with user and password in it, as endpoints keep them. */
function urlOf({ Url, HttpAuth }: WebhookFields, before?: string): string {
  const text = Url ?? before ?? '';
  if (!URL.canParse(text)) throw fault('/Url', 'must be an https URL');
  const url = new URL(text);
  const old = before === undefined || Url === undefined ? null : new URL(before);
  if (HttpAuth) {
    url.username = encodeURIComponent(HttpAuth.Username);
    url.password = encodeURIComponent(HttpAuth.Password);
  } else if (old) {
    url.username = old.username;
    url.password = old.password;
  }
  return url.href;
}

function triggersOf({ events }: Pick<Endpoint, 'events'>): Set<(typeof triggers)[number]> {
  const kinds = chosenKinds('postmark', events);
  return new Set(
    triggers.filter((name) =>
      name === subscriptionChange ? wantsSuppressions('postmark', events) : kinds.has(kindOf[name]),
    ),
  );
}

/** Theirs hear of one stream. */
function streamsOf({ MessageStream }: WebhookFields): string[] {
  return [streamOfPostmark(MessageStream ?? '')];
}

/** The events that are chosen. @throws Problem when none is */
function chosen({ Triggers = {} }: WebhookFields, before: ReadonlySet<string> = new Set()): string[] {
  const names = triggers.filter((name) => Triggers[name]?.Enabled ?? before.has(name));
  if (names.length === 0) throw fault('/Triggers', 'at least one must be enabled');
  return [...names];
}

function webhookView(endpoint: Endpoint) {
  const on = triggersOf(endpoint);
  const url = new URL(endpoint.url);
  const { username, password } = url;
  url.username = url.password = '';
  const auth = { Username: decodeURIComponent(username), Password: decodeURIComponent(password) };
  return {
    ID: endpoint.id,
    Url: url.href,
    MessageStream: postmarkStream(endpoint.streams?.[0] ?? defaultStream),
    ...(username === '' ? {} : { HttpAuth: auth }),
    HttpHeaders: [],
    Triggers: {
      Open: { Enabled: on.has('Open'), PostFirstOpenOnly: false },
      Click: { Enabled: on.has('Click') },
      Delivery: { Enabled: on.has('Delivery') },
      Bounce: { Enabled: on.has('Bounce'), IncludeContent: false },
      SpamComplaint: { Enabled: on.has('SpamComplaint'), IncludeContent: false },
      SubscriptionChange: { Enabled: on.has('SubscriptionChange') },
    },
  };
}

/** Endpoints of their format; others' events they would not know. */
async function endpointsOf(c: Call): Promise<Endpoint[]> {
  const all = await listEndpoints(c.get('store'), c.get('credential').accountId);
  return all.filter(({ format }) => format === 'postmark');
}

async function endpointOf(c: Call): Promise<Endpoint> {
  const endpoint = (await endpointsOf(c)).find(({ id }) => String(id) === c.req.param('id'));
  if (endpoint) return endpoint;
  throw new Problem('not_found', `There is no webhook ${c.req.param('id')?.slice(0, 20)}.`);
}

postmarkThingsApp.get('/webhooks', async (c) =>
  c.json({ Webhooks: (await endpointsOf(c)).map(webhookView) }),
);
postmarkThingsApp.get('/webhooks/:id', async (c) => c.json(webhookView(await endpointOf(c))));

postmarkThingsApp.post('/webhooks', async (c) => {
  const fields = parseBody(webhookFields, await readJson(c));
  const body = { url: urlOf(fields), format: 'postmark', events: chosen(fields), streams: streamsOf(fields) };
  const { id } = await callApi(c, null, { method: 'POST', path: '/webhooks', body }, webhookIdAnswer);
  const made = (await endpointsOf(c)).find(({ publicId }) => publicId === id);
  if (!made) throw new Error('an endpoint was made and is not there');
  return c.json(webhookView(made));
});
const webhookIdAnswer = z.object({ id: webhookAnswer.shape.id });

postmarkThingsApp.put('/webhooks/:id', async (c) => {
  const before = await endpointOf(c);
  const fields = parseBody(webhookFields, await readJson(c));
  const body = { url: urlOf(fields, before.url), events: chosen(fields, triggersOf(before)) };
  await askApi(c, null, { method: 'PATCH', path: `/webhooks/${before.publicId}`, body });
  return c.json(webhookView(await endpointOf(c)));
});

postmarkThingsApp.delete('/webhooks/:id', async (c) => {
  const { id, publicId } = await endpointOf(c);
  await askApi(c, null, { method: 'DELETE', path: `/webhooks/${publicId}` });
  return c.json({ ErrorCode: 0, Message: `Webhook ${id} removed.` });
});

type FullDomain = z.output<typeof domainAnswer>;

function domainView(of: FullDomain) {
  const { id, domain, records, return_path_label: label } = of;
  const one = (kind: string) => records.find((record) => record.kind === kind);
  // While a new key is not published the old one goes on.
  const keys = records.filter(({ kind }) => kind === 'dkim');
  const active = keys.find(({ status }) => status === 'ok') ?? (of.dkim_verified ? keys[0] : undefined);
  const pending = keys.find((record) => record !== active && record.status !== 'ok');
  return {
    ID: numberOfUuid('domain', id),
    Name: domain,
    SPFVerified: of.spf_verified,
    DKIMVerified: active !== undefined,
    WeakDKIM: false,
    ReturnPathDomainVerified: one('return_path')?.status === 'ok',
    SPFHost: one('spf')?.name ?? '',
    SPFTextValue: one('spf')?.value ?? '',
    DKIMHost: active?.name ?? '',
    DKIMTextValue: active?.value ?? '',
    DKIMPendingHost: pending?.name ?? '',
    DKIMPendingTextValue: pending?.value ?? '',
    DKIMRevokedHost: '',
    DKIMRevokedTextValue: '',
    SafeToRemoveRevokedKeyFromDNS: false,
    DKIMUpdateStatus: pending ? 'Pending' : 'Verified',
    ReturnPathDomain: `${label}.${domain}`,
    ReturnPathDomainCNAMEValue: one('return_path')?.value ?? '',
  };
}

const domainPath = (c: Call, more = '') => `/domains/${encodeURIComponent(c.req.param('id') ?? '')}${more}`;
const readDomain = async (c: Call) => detailOf(c, await domainOf(c));
const askDomain = (c: Call, method: 'POST' | 'PATCH', more?: string, body?: unknown) =>
  callApi(c, null, { method, path: domainPath(c, more), ...(body ? { body } : {}) }, domainAnswer);

/** Their name of the host of the return path, or ours of its label. */
function labelOf(host: string, domain: string): { return_path_label: string } {
  const label = host.toLowerCase().endsWith(`.${domain.toLowerCase()}`)
    ? host.slice(0, -domain.length - 1)
    : host;
  return { return_path_label: label };
}

postmarkThingsApp.get('/domains', async (c) => {
  const { count, offset } = postmarkQuery(c);
  const rows = rowsOf(c);
  const all = await listDomains(c.get('store'), rows.accountId, { limit: 10_000, offset: 0 });
  const seen = all.filter(({ name }) => sees(rows, name));
  return c.json({
    TotalCount: seen.length,
    Domains: seen.slice(offset, offset + count).map(({ id, name, status, returnPathHost }) => ({
      ID: id,
      Name: name,
      SPFVerified: status === 'verified',
      DKIMVerified: status === 'verified',
      WeakDKIM: false,
      ReturnPathDomainVerified: returnPathHost !== null,
    })),
  });
});

const newDomain = z.object({ Name: z.string(), ReturnPathDomain: z.string().optional() });

const addDomain = async (c: Call) => {
  const { Name, ReturnPathDomain } = parseBody(newDomain, await readJson(c));
  const body = { domain: Name, ...(ReturnPathDomain ? labelOf(ReturnPathDomain, Name) : {}) };
  return c.json(domainView(await callApi(c, null, { method: 'POST', path: '/domains', body }, domainAnswer)));
};
postmarkThingsApp.post('/domains', addDomain);
postmarkThingsApp.post('/domains/', addDomain);

postmarkThingsApp.get('/domains/:id', async (c) => c.json(domainView(await readDomain(c))));

postmarkThingsApp.put('/domains/:id', async (c) => {
  const { ReturnPathDomain } = parseBody(newDomain.pick({ ReturnPathDomain: true }), await readJson(c));
  const { domain } = await readDomain(c);
  return c.json(domainView(await askDomain(c, 'PATCH', '', labelOf(ReturnPathDomain ?? '', domain))));
});

postmarkThingsApp.delete('/domains/:id', async (c) => {
  const { domain } = await readDomain(c);
  await askApi(c, null, { method: 'DELETE', path: domainPath(c) });
  return c.json({ ErrorCode: 0, Message: `Domain ${domain} removed.` });
});

/** All records are looked at together, whichever is asked about. */
const verify = async (c: Call) => c.json(domainView(await askDomain(c, 'POST', '/verify')));
postmarkThingsApp.put('/domains/:id/verifyDKIM', verify);
postmarkThingsApp.put('/domains/:id/verifyReturnPath', verify);
postmarkThingsApp.post('/domains/:id/verifySPF', verify);

postmarkThingsApp.post('/domains/:id/rotateDKIM', async (c) => {
  await askApi(c, null, { method: 'POST', path: domainPath(c, '/dkim/rotate') });
  return c.json(domainView(await readDomain(c)));
});
