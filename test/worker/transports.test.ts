import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  allEvents,
  bindings,
  call,
  deferred,
  delivered,
  mail,
  migrate,
  newAccount,
  request,
  result,
  type TestAccount,
  TestNode,
} from './support.ts';

const operator = 'test-operator-token-0123456789abcdef01234';
const startMs = Date.UTC(2026, 10, 18, 12);
let nowMs = startMs;
let account: TestAccount;
let node: TestNode;
let ready = false;

/** Later by more than an isolate goes by what it has read. */
function later(ms = 31_000) {
  nowMs += ms;
  vi.setSystemTime(nowMs);
}

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  vi.setSystemTime(nowMs);
  if (!ready) await migrate();
  ready = true;
  await admin('PUT', '/transport-rules', { rules: [] });
  for (const { name } of (await admin('GET', '/transports')).body.data)
    await admin('DELETE', `/transports/${name}`);
  account = await newAccount();
  node = await new TestNode('node-a').hello();
  const { results } = await bindings.DB.prepare(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'deliveries_%'",
  ).all<{ name: string }>();
  for (const { name } of results) await bindings.DB.prepare(`UPDATE ${name} SET due_ms = NULL`).run();
});
afterEach(() => {
  vi.useRealTimers();
});

const admin = (method: string, path: string, body?: unknown) =>
  call(method, `/admin/v1${path}`, operator, body);
const session = {
  mx: { host: 'relay', address: '192.0.2.1' },
  tls: null,
  reused: false,
  steps: [],
  tried: [],
};
const relay = { name: 'ses', preset: 'ses', user: 'AKIA', secret: 'a secret of the relay' };
const send = async (more: Record<string, unknown> = {}) =>
  (await call('POST', '/v1/send', account.live, mail(account, more))).body.message_id as string;
const lease = async () => (await node.post('lease', { max: 10 })).body;
const report = async (delivery: unknown, outcome: Record<string, unknown>) =>
  await node.post('results', { results: [result(delivery, outcome)] });

describe('relays', () => {
  it('are made from a preset, and never show their secret again', async () => {
    const made = await admin('POST', '/transports', relay);
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      name: 'ses',
      host: 'email-smtp.eu-central-1.amazonaws.com',
      port: 465,
      tls: 'implicit',
      user: 'AKIA',
      has_secret: true,
      taken_today: 0,
      closed: null,
    });
    const list = await request('/admin/v1/transports', { headers: { Authorization: `Bearer ${operator}` } });
    expect(await list.text()).not.toContain(relay.secret);
    const row = await bindings.DB.prepare('SELECT secret_encrypted FROM transports').first<
      Record<string, string>
    >();
    expect(row?.secret_encrypted).toMatch(/^v2\./);
  });

  it.each([
    [{ name: 'direct', host: 'a.example' }, '/name'],
    [{ name: 'A b', host: 'a.example' }, '/name'],
    [{ name: 'a' }, '/host'],
    [{ name: 'a', host: 'a b' }, '/host'],
    [{ name: 'a', host: 'a.example', port: 0 }, '/port'],
    [{ name: 'a', host: 'a.example', user: 'me' }, '/secret'],
    [{ name: 'a', host: 'a.example', secret: 'x' }, '/user'],
    [{ name: 'a', host: 'a.example', tls: 'none', user: 'me', secret: 'x' }, '/tls'],
    [{ name: 'a', host: 'a.example', user: 'me\r\nRSET', secret: 'x' }, '/user'],
  ])('are refused with the field that is wrong: %j', async (body, pointer) => {
    const answer = await admin('POST', '/transports', body);
    expect(answer.status).toBe(400);
    expect(answer.body.errors[0].pointer).toBe(pointer);
  });

  it('send a secret to no other host than it was given for', async () => {
    await admin('POST', '/transports', relay);
    const moved = await admin('PATCH', '/transports/ses', { host: 'evil.example' });
    expect([moved.status, moved.body.errors[0].pointer]).toEqual([400, '/secret']);
    expect((await admin('PATCH', '/transports/ses', { port: 587, tls: 'starttls' })).body.port).toBe(587);
    expect((await admin('PATCH', '/transports/ses', { user: null })).body.has_secret).toBe(false);
  });

  it('stay as long as a rule names them', async () => {
    await admin('POST', '/transports', relay);
    await admin('PUT', '/transport-rules', { rules: [{ route: ['ses'] }] });
    expect((await admin('DELETE', '/transports/ses')).status).toBe(409);
    await admin('PUT', '/transport-rules', { rules: [] });
    expect((await admin('DELETE', '/transports/ses')).status).toBe(204);
    expect((await admin('DELETE', '/transports/ses')).status).toBe(404);
  });

  it('are named once only, and rules name none that is not there', async () => {
    await admin('POST', '/transports', relay);
    expect((await admin('POST', '/transports', relay)).status).toBe(409);
    const rules = [{ route: ['direct'] }, { route: ['nowhere'] }];
    const answer = await admin('PUT', '/transport-rules', { rules });
    expect([answer.status, answer.body.errors[0].pointer]).toEqual([400, '/rules/1/route']);
    expect((await admin('GET', '/transports')).body.rules).toEqual([]);
  });
});

describe('a lease', () => {
  it('tells no route where there is no rule', async () => {
    await admin('POST', '/transports', relay);
    later();
    await send();
    const { deliveries, relays } = await lease();
    expect(deliveries[0]).not.toHaveProperty('route');
    expect(relays).toEqual([]);
  });

  it('tells the route of the first rule that fits, with the relays that it names, signed in', async () => {
    await admin('POST', '/transports', relay);
    await admin('POST', '/transports', { name: 'own', host: 'relay.example', user: 'me', secret: 'mine' });
    await admin('PUT', '/transport-rules', {
      rules: [
        { class: 'priority', route: ['direct', 'own'] },
        { provider: 'google', route: ['own'] },
        { domain: account.domain, recipient: 'example.org', route: ['ses', 'direct'] },
      ],
    });
    later();
    await send({ to: ['a@example.org'] });
    await send({ to: ['a@example.net'] });
    await send({ to: ['a@example.org'], class: 'priority' });
    const { deliveries, relays } = await lease();
    const routes = Object.fromEntries(
      deliveries.map((one: Record<string, unknown>) => [
        `${one.class} ${one.rcptTo}`,
        [one.route, one.routeOfProvider],
      ]),
    );
    expect(routes).toEqual({
      'standard a@example.org': [['ses', 'direct'], { google: ['own'] }],
      'standard a@example.net': [undefined, { google: ['own'] }],
      'priority a@example.org': [['direct', 'own'], undefined],
    });
    expect(relays).toEqual([
      expect.objectContaining({
        name: 'own',
        login: { user: 'me', secret: 'mine' },
        tls: 'starttls',
        port: 587,
      }),
      expect.objectContaining({
        name: 'ses',
        login: { user: 'AKIA', secret: relay.secret },
        maxBytes: 41_943_040,
      }),
    ]);
  });

  it('tells no route of what the simulator plays', async () => {
    await admin('POST', '/transports', { ...relay, paused: true });
    await admin('PUT', '/transport-rules', { rules: [{ route: ['ses'] }] });
    later();
    const { simulatorDomain } = (await node.post('hello', { hostName: 'out.example', version: 'x' })).body;
    await send({ to: [`delivered@${simulatorDomain}`] });
    const { deliveries } = await lease();
    expect(deliveries).toHaveLength(1);
    expect(deliveries[0]).not.toHaveProperty('route');
  });

  it('leaves out what is paused, and says once why mail waits where nothing else is left', async () => {
    await admin('POST', '/transports', relay);
    await admin('PUT', '/transport-rules', {
      rules: [{ class: 'priority', route: ['ses', 'direct'] }, { route: ['ses'] }],
    });
    await admin('PATCH', '/transports/ses', { paused: true });
    later();
    await send({ class: 'priority' });
    const waiting = await send();
    const { deliveries, relays } = await lease();
    expect(deliveries.map(({ class: name, route }: Record<string, unknown>) => [name, route])).toEqual([
      ['priority', undefined],
    ]);
    expect(relays).toEqual([]);
    later(11 * 60_000);
    expect((await lease()).deliveries).toEqual([]);
    const told = (await allEvents(account.live)).filter(({ message_id: id }) => id === waiting);
    expect(told.map(({ kind, details }) => [kind, details])).toEqual([
      ['accepted', expect.anything()],
      ['dispatched', expect.anything()],
      ['rate_limited', { limit: 'transport', text: 'ses: it is paused' }],
    ]);
    await admin('PATCH', '/transports/ses', { paused: false });
    later(11 * 60_000);
    const [freed] = (await lease()).deliveries;
    expect(freed).toMatchObject({ messageId: waiting, route: ['ses'], attempt: 1 });
  });

  it('counts what a relay took, and gives it no more than its quota of the day', async () => {
    await admin('POST', '/transports', { ...relay, daily_quota: 2 });
    await admin('PUT', '/transport-rules', { rules: [{ route: ['ses'] }] });
    later();
    const took = { ...delivered, session: { ...session, transport: 'ses' } };
    for (let i = 0; i < 2; i++) {
      await send();
      const [one] = (await lease()).deliveries;
      await report(one, took);
    }
    later();
    const third = await send();
    expect((await lease()).deliveries).toEqual([]);
    const { body } = await admin('GET', '/transports');
    expect(body.data[0]).toMatchObject({
      taken_today: 2,
      closed: { reason: 'it has taken the 2 messages of today', until: '2026-11-19T00:00:00.000Z' },
    });
    const message = await call('GET', `/v1/emails/${third}`, account.live);
    expect(JSON.stringify(message.body)).toContain('2026-11-19T00:00:00.000Z');
    nowMs = Date.UTC(2026, 10, 19, 0, 0, 1);
    vi.setSystemTime(nowMs);
    expect((await lease()).deliveries).toMatchObject([{ messageId: third, route: ['ses'] }]);
  });

  it('gives a relay no message that is larger than it takes', async () => {
    await admin('POST', '/transports', { ...relay, max_bytes: 1024 });
    await admin('PUT', '/transport-rules', {
      rules: [{ class: 'priority', route: ['ses', 'direct'] }, { route: ['ses'] }],
    });
    later();
    const large = { text_body: 'x'.repeat(900) };
    await send({ ...large, class: 'priority' });
    const waiting = await send(large);
    expect((await lease()).deliveries).toMatchObject([{ class: 'priority' }]);
    const told = (await allEvents(account.live)).filter(({ message_id: id }) => id === waiting);
    expect(told.at(-1)).toMatchObject({
      kind: 'rate_limited',
      details: { text: expect.stringMatching(/^ses: it takes at most 1024 octets, and this has \d+$/) },
    });
    later(24 * 3_600_000 + 31_000);
    // So that it has an end, which says why.
    const last = (await lease()).deliveries.find(
      ({ messageId }: { messageId: string }) => messageId === waiting,
    );
    expect(last).toMatchObject({ route: ['ses'] });
  });

  it('gives out no more of a quota than is left, before it knows what was taken', async () => {
    await admin('POST', '/transports', { ...relay, daily_quota: 2 });
    await admin('PUT', '/transport-rules', { rules: [{ route: ['ses'] }] });
    later();
    for (let i = 0; i < 3; i++) await send();
    expect((await lease()).deliveries).toHaveLength(2);
    later(61_000);
    expect((await lease()).deliveries).toHaveLength(1);
  });

  it('tells each node its share of what a relay takes in a minute', async () => {
    await admin('POST', '/transports', { ...relay, per_minute: 840, session_recipients: 50 });
    await admin('PUT', '/transport-rules', { rules: [{ route: ['ses'] }] });
    later();
    await new TestNode('node-b').hello();
    await send();
    expect((await lease()).relays).toMatchObject([{ perMinute: 420, sessionRecipients: 50, fields: null }]);
  });

  it('tells which header fields the service takes', async () => {
    const secret = 'a token';
    await admin('POST', '/transports', { name: 'cloudflare', preset: 'cloudflare', secret });
    await admin('PUT', '/transport-rules', { rules: [{ route: ['cloudflare'] }] });
    later();
    await send();
    const [{ fields }] = (await lease()).relays;
    expect(fields).toContain('list-unsubscribe');
    expect(fields).not.toContain('dkim-signature');
  });

  it('says once which relay a message waits for that takes no more in a minute, and gives only its own back', async () => {
    await admin('POST', '/transports', { ...relay, per_minute: 1 });
    await admin('PUT', '/transport-rules', { rules: [{ route: ['ses'] }] });
    later();
    await send();
    await send();
    const other = await new TestNode('node-b').hello();
    for (let i = 0; i < 2; i++) {
      const { deliveries } = await lease();
      expect(deliveries.map(({ attempt }: { attempt: number }) => attempt)).toEqual([1, 1]);
      const given = deliveries.map(({ messageId, n, leaseId }: Record<string, unknown>) => ({
        messageId,
        n,
        leaseId,
        waitsFor: 'ses',
      }));
      expect((await other.post('release', { leases: given })).body).toEqual({ released: 0 });
      expect((await node.post('release', { leases: given })).body).toEqual({ released: 2 });
      later(1000);
    }
    const told = (await allEvents(account.live)).filter(({ kind }) => kind === 'rate_limited');
    const text = 'ses: more mail waits for it than it takes in a minute';
    expect(told.map(({ details }) => details)).toEqual(Array(2).fill({ limit: 'transport', text }));
  });

  it('has what a relay refused told of it, also where another took the mail', async () => {
    await admin('POST', '/transports', relay);
    await admin('PUT', '/transport-rules', { rules: [{ route: ['ses', 'direct'] }] });
    later();
    const id = await send();
    const [one] = (await lease()).deliveries;
    const error = 'relay refused the sign-in: 535 5.7.8 wrong';
    const tried = [{ host: 'relay', address: '192.0.2.1', error, transport: 'ses' }];
    await report(one, { ...delivered, session: { ...session, tried } });
    expect((await admin('GET', '/transports')).body.data[0]).toMatchObject({ failed: error, taken_today: 0 });
    const events = (await allEvents(account.live)).filter(({ message_id: of }) => of === id);
    expect(events.at(-1)).toMatchObject({ kind: 'delivered', details: { tried } });
  });

  it('names the transport in the event of what a relay took', async () => {
    await admin('POST', '/transports', relay);
    await admin('PUT', '/transport-rules', { rules: [{ route: ['ses'] }] });
    later();
    const id = await send();
    const [one] = (await lease()).deliveries;
    await report(one, { ...deferred, session: { ...session, transport: 'ses' } });
    const events = (await allEvents(account.live)).filter(({ message_id: of }) => of === id);
    expect(events.at(-1)).toMatchObject({ kind: 'deferred', details: { transport: 'ses' } });
  });
});
