import { z } from '@hono/zod-openapi';
import {
  direct,
  isOfWorker,
  mostTransportRules,
  mostTransports,
  relayEventsQueue,
  relayTls,
  type TransportRule,
  transportName,
  transportPresets,
  transportRule,
} from '#domain/delivery/transport.ts';
import { faultOfTransport } from '#domain/delivery/transport-health.ts';
import { Problem } from '#domain/problem.ts';
import { type Call, newApp } from '../http/app.ts';
import { readBody } from '../http/request-body.ts';
import { noted } from '../identity/audit.ts';
import { encryptKey, sealedTransport } from '../store/key-encryption.ts';
import { whyClosed } from '../store/routing.ts';
import {
  addTransport,
  changeTransport,
  isNodes,
  readTransports,
  removeTransport,
  replaceRules,
  type TransportState,
} from '../store/transports.ts';
import { feedPath } from '../tokens/feed-path.ts';

/** `/admin/v1/transports`: the relays that mail may leave by, and the rules that say which mail does. */
export const adminTransportsApp = newApp();

const hostName = z
  .string()
  .max(253)
  .regex(
    /^(?=.{1,253}$)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$|^[0-9.]+$|^[0-9A-Fa-f:]+$/,
    'must be a host name or an address',
  );
const printable = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^[^\p{Cc}]+$/u, 'must be on one line');

/** What can be changed of a relay. */
const settings = {
  host: hostName,
  port: z.number().int().min(1).max(65_535),
  tls: z.enum(relayTls),
  user: printable(255).nullable(),
  secret: printable(4096).nullable(),
  max_bytes: z
    .number()
    .int()
    .min(1024)
    .max(1024 ** 3)
    .nullable(),
  connections: z.number().int().min(1).max(100),
  daily_quota: z.number().int().min(1).max(1e9).nullable(),
  per_minute: z.number().int().min(1).max(1e6).nullable(),
  session_recipients: z.number().int().min(1).max(10_000).nullable(),
  paused: z.boolean(),
};
const presets = transportPresets.map(({ name }) => name) as [string, ...string[]];
export const transportChange = z.strictObject(settings).partial();
export const newTransport = transportChange.extend({
  name: transportName.refine(
    (name) => name !== direct,
    `must not be ${direct}: that is the way without a relay`,
  ),
  preset: z.enum(presets).default('smtp'),
});
/** In place of a host, which a row has. */
const bindingHost = 'send_email';
const rulesBody = z.strictObject({ rules: z.array(transportRule).max(mostTransportRules) });

adminTransportsApp.get('/transports', async (c) => {
  const nowMs = Date.now();
  const { transports, rules } = await readTransports(c.get('store'), nowMs);
  const data = await Promise.all(transports.map((one) => viewOf(c, one, nowMs)));
  return c.json({ data, rules, presets: transportPresets });
});

adminTransportsApp.post('/transports', async (c) => {
  const asked = await readBody(c, newTransport);
  await makeTransport(c, asked);
  return c.json(await shown(c, asked.name), 201);
});

adminTransportsApp.patch('/transports/:name', async (c) => {
  const name = c.req.param('name');
  await alterTransport(c, name, await readBody(c, transportChange));
  return c.json(await shown(c, name));
});

adminTransportsApp.delete('/transports/:name', async (c) => {
  await dropTransport(c, c.req.param('name'));
  return c.body(null, 204);
});

adminTransportsApp.put('/transport-rules', async (c) => {
  const { rules } = await readBody(c, rulesBody);
  await setRules(c, rules);
  return c.json({ rules });
});

function invalid(pointer: string, detail: string): Problem {
  return new Problem('invalid_body', detail, { errors: [{ pointer, detail }] });
}

/** What says how to reach a server, and how fast; the Worker's binding has none of it. */
const ofServers = ['host', 'port', 'tls', 'user', 'secret', 'per_minute', 'session_recipients'] as const;

/** @throws Problem where something is said of the Worker's binding that only a server has */
function ofBinding(asked: z.output<typeof transportChange>): void {
  const said = ofServers.find((name) => asked[name] !== undefined && asked[name] !== null);
  if (said !== undefined)
    throw invalid(`/${said}`, 'The binding of the Worker has no such thing: leave it out.');
}

/** Adds a relay; what is not said is as its preset says. @throws Problem */
export async function makeTransport(c: Call, asked: z.output<typeof newTransport>): Promise<void> {
  const { name } = asked;
  const preset = transportPresets.find((one) => one.name === asked.preset);
  const isBinding = isOfWorker(asked.preset);
  if (isBinding) ofBinding(asked);
  if (isBinding && c.get('env').bindings.EMAIL === undefined)
    throw invalid(
      '/preset',
      'The Worker has no binding EMAIL: run npm run deploy -- --relay cloudflare-binding, which makes it and adds this.',
    );
  const host = isBinding ? bindingHost : (asked.host ?? preset?.host);
  if (!preset || !host) throw invalid('/host', 'Give the host of the mail server.');
  const user = asked.user === undefined ? preset.user : asked.user;
  const secret = asked.secret ?? null;
  if (user !== null && secret === null) throw invalid('/secret', 'Give the secret that belongs to the user.');
  if (user === null && secret !== null) throw invalid('/user', 'Give the user that the secret belongs to.');
  const tls = asked.tls ?? preset.tls;
  inClear(tls, user, host);
  if ((await readTransports(c.get('store'), Date.now())).transports.length >= mostTransports)
    throw new Problem(
      'conflict',
      `There are ${mostTransports} transports, which is as many as there can be.`,
    );
  noted(c, { transport: name, host });
  const added = await addTransport(
    c.get('store'),
    {
      name,
      preset: preset.name,
      host,
      port: asked.port ?? preset.port,
      tls,
      user,
      secretEncrypted: secret === null ? null : await sealed(c, name, secret),
      maxBytes: asked.max_bytes === undefined ? preset.maxBytes : asked.max_bytes,
      connections: asked.connections ?? 10,
      dailyQuota: asked.daily_quota ?? null,
      perMinute: asked.per_minute ?? null,
      sessionRecipients:
        asked.session_recipients === undefined ? preset.sessionRecipients : asked.session_recipients,
      paused: asked.paused ?? false,
    },
    Date.now(),
  );
  if (!added) throw new Problem('conflict', `There is a transport ${name} already.`);
  c.get('isolate').knownRouting.forget();
}

/** A secret goes in clear to this machine alone. */
function inClear(tls: string, user: string | null, host: string): void {
  const isHere = /^(localhost|127\..*|::1)$/.test(host);
  if (tls === 'none' && user !== null && !isHere)
    throw invalid(
      '/tls',
      'A user and secret are never sent without TLS, but to localhost: choose starttls or implicit.',
    );
}

/** Changes a relay. @throws Problem */
export async function alterTransport(
  c: Call,
  name: string,
  change: z.output<typeof transportChange>,
): Promise<void> {
  const before = await find(c, name);
  if (isOfWorker(before.preset)) ofBinding(change);
  const user = change.user === undefined ? before.user : change.user;
  const isOther = user !== before.user || (change.host !== undefined && change.host !== before.host);
  // What was given for one server is not sent to another.
  if (user !== null && isOther && !change.secret)
    throw invalid('/secret', 'Give the secret again, as the host or the user is another.');
  inClear(change.tls ?? before.tls, user, change.host ?? before.host);
  noted(c, { transport: name, changed: Object.keys(change).join(', ') });
  await changeTransport(c.get('store'), name, {
    ...(change.host !== undefined && { host: change.host }),
    ...(change.port !== undefined && { port: change.port }),
    ...(change.tls !== undefined && { tls: change.tls }),
    ...(change.user !== undefined && {
      user: change.user,
      ...(change.user === null && { secretEncrypted: null }),
    }),
    ...(change.secret && user !== null && { secretEncrypted: await sealed(c, name, change.secret) }),
    ...(change.max_bytes !== undefined && { maxBytes: change.max_bytes }),
    ...(change.connections !== undefined && { connections: change.connections }),
    ...(change.daily_quota !== undefined && { dailyQuota: change.daily_quota }),
    ...(change.per_minute !== undefined && { perMinute: change.per_minute }),
    ...(change.session_recipients !== undefined && { sessionRecipients: change.session_recipients }),
    ...(change.paused !== undefined && { paused: change.paused }),
  });
  c.get('isolate').knownRouting.forget();
}

/** Removes a relay. @throws Problem while a rule names it */
export async function dropTransport(c: Call, name: string): Promise<void> {
  noted(c, { transport: name });
  const removed = await removeTransport(c.get('store'), name);
  if (removed === 'unknown') throw missing(name);
  if (removed === 'named')
    throw new Problem('conflict', `A rule names ${name}; take it out of the rules first.`);
  c.get('isolate').knownRouting.forget();
}

/** Puts rules in the place of those there are. @throws Problem */
export async function setRules(c: Call, rules: readonly TransportRule[]): Promise<void> {
  noted(c, { rules: String(rules.length) });
  await refuseProviders(c, rules);
  const unknown = await replaceRules(c.get('store'), rules);
  if (unknown !== null) {
    const at = rules.findIndex(({ route }) => route.includes(unknown));
    throw invalid(`/rules/${at}/route`, `There is no transport ${unknown}.`);
  }
  c.get('isolate').knownRouting.forget();
}

/** Who runs the recipient's hosts is found out by nodes alone. @throws Problem */
async function refuseProviders(c: Call, rules: readonly TransportRule[]): Promise<void> {
  if (rules.every(({ provider }) => provider === null)) return;
  const { transports } = await readTransports(c.get('store'), Date.now());
  const ofWorker = new Set(transports.filter((one) => !isNodes(one)).map(({ name }) => name));
  const at = rules.findIndex(
    ({ provider, route }) => provider !== null && route.some((name) => ofWorker.has(name)),
  );
  if (at >= 0)
    throw invalid(
      `/rules/${at}/route`,
      'A rule that asks for a provider is for nodes, which find out who that is: it cannot name a transport of the Worker.',
    );
}

async function sealed(c: Call, name: string, secret: string): Promise<string> {
  return await encryptKey(secret, c.get('env').encryptionKeys, sealedTransport(name));
}

function missing(name: string): Problem {
  return new Problem('not_found', `There is no transport ${name.slice(0, 63)}.`);
}

async function find(c: Call, name: string): Promise<TransportState> {
  const { transports } = await readTransports(c.get('store'), Date.now());
  const found = transports.find((one) => one.name === name);
  if (!found) throw missing(name);
  return found;
}

async function shown(c: Call, name: string) {
  return await viewOf(c, await find(c, name), Date.now());
}

/** A relay as it is shown: its secret never is. */
async function viewOf(c: Call, one: TransportState, nowMs: number) {
  const time = (ms: number | null) => ms && new Date(ms).toISOString();
  const closed = whyClosed(one, nowMs, c.get('env').bindings.EMAIL !== undefined);
  const server = isNodes(one) ? { host: one.host, port: one.port, tls: one.tls } : noServer;
  return {
    name: one.name,
    preset: one.preset,
    ...server,
    user: one.user,
    has_secret: one.secretEncrypted !== null,
    max_bytes: one.maxBytes,
    connections: one.connections,
    daily_quota: one.dailyQuota,
    per_minute: one.perMinute,
    session_recipients: one.sessionRecipients,
    taken_today: one.takenToday,
    paused: one.paused,
    closed: closed && { reason: closed.text, until: time(closed.untilMs) },
    took_at: time(one.tookAtMs),
    failed_at: time(one.failedAtMs),
    failed: one.failedText,
    feed: await feedOf(c, one),
    fault: faultOfTransport(one),
    created_at: time(one.createdAtMs),
  };
}

const noServer = { host: null, port: null, tls: null };

/** How it tells what became of what it took; null: by mail alone. */
async function feedOf(c: Call, one: TransportState) {
  const kind = transportPresets.find(({ name }) => name === one.preset)?.feed ?? null;
  if (kind === null) return null;
  return {
    kind,
    ...(kind === 'sns'
      ? { path: await feedPath(c.get('env').returnPathKeys, one.name) }
      : { queue: relayEventsQueue }),
    delivered_today: one.deliveredToday,
    told_at: one.toldAtMs && new Date(one.toldAtMs).toISOString(),
  };
}
