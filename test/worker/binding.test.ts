import { createMessageBatch, runInDurableObject } from 'cloudflare:test';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { homeOf } from '#domain/message/home.ts';
import { tlsWishes } from '#domain/message/tls-wish.ts';
import { hubOf } from '../../worker/hub/hub-of.ts';
import worker from '../../worker/index.ts';
import { carryNow, RecordingBinding } from './binding-support.ts';
import {
  type Answer,
  allEvents,
  bindings,
  call,
  costOf,
  counted,
  delivered,
  incompressible,
  mail,
  meteredEnv,
  migrate,
  newAccount,
  result,
  sendRaw,
  type TestAccount,
  TestNode,
} from './support.ts';

const operator = 'test-operator-token-0123456789abcdef01234';
const minuteMs = 60_000;
let nowMs = Date.UTC(2026, 10, 18, 12);
let account: TestAccount;
let ready = false;

let binding: RecordingBinding;
let environment: Record<string, unknown>;

function later(ms = 31_000) {
  nowMs += ms;
  vi.setSystemTime(nowMs);
}

const admin = (method: string, path: string, body?: unknown, env = environment) =>
  call(method, `/admin/v1${path}`, operator, body, {}, env);
const rules = (...routes: string[][]) =>
  admin('PUT', '/transport-rules', { rules: routes.map((route) => ({ route })) });
const send = async (more: Record<string, unknown> = {}) =>
  (await call('POST', '/v1/send', account.live, mail(account, more))).body.message_id as string;
const carry = (env = environment) => carryNow(env);
const told = async (id: string): Promise<Answer[]> =>
  (await allEvents(account.live)).filter(({ message_id: of }) => of === id);
const kinds = async (id: string) => (await told(id)).map(({ kind }) => kind);
const coded = (code: string) => Object.assign(new Error(`words about ${code}`), { code });

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  vi.setSystemTime(nowMs);
  if (!ready) await migrate();
  ready = true;
  binding = new RecordingBinding();
  environment = { ...meteredEnv, EMAIL: binding };
  await rules();
  for (const { name } of (await admin('GET', '/transports')).body.data)
    await admin('DELETE', `/transports/${name}`);
  await bindings.DB.prepare('DELETE FROM nodes').run();
  const { results } = await bindings.DB.prepare(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'deliveries_%'",
  ).all<{ name: string }>();
  for (const { name } of results)
    await bindings.DB.prepare(`UPDATE ${name} SET due_ms = NULL, lease_id = NULL`).run();
  account = await newAccount();
  await admin('POST', '/transports', { name: 'cf', preset: 'cloudflare-binding' });
  later();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('the transport of the Worker', () => {
  it('needs its binding, and has nothing that a server has', async () => {
    const preset = 'cloudflare-binding';
    const without = await admin('POST', '/transports', { name: 'b', preset }, meteredEnv);
    expect([without.status, without.body.errors[0].pointer]).toEqual([400, '/preset']);
    for (const [name, value] of Object.entries({ host: 'a.example', secret: 'x', per_minute: 5 })) {
      const answer = await admin('POST', '/transports', { name: 'b', preset, [name]: value });
      expect([answer.status, answer.body.errors[0].pointer]).toEqual([400, `/${name}`]);
    }
    const changed = await admin('PATCH', '/transports/cf', { port: 25 });
    expect([changed.status, changed.body.errors[0].pointer]).toEqual([400, '/port']);
    expect((await admin('PATCH', '/transports/cf', { daily_quota: 10 })).body).toMatchObject({
      preset,
      host: null,
      port: null,
      tls: null,
      has_secret: false,
      max_bytes: 5 * 1024 * 1024,
      daily_quota: 10,
      closed: null,
      feed: { kind: 'queue' },
    });
    const { data } = (await admin('GET', '/transports', undefined, meteredEnv)).body;
    expect(data[0].closed.reason).toMatch(/no binding EMAIL/);
  });

  it('is in no rule that asks who runs the recipient’s hosts', async () => {
    const answer = await admin('PUT', '/transport-rules', {
      rules: [{ route: ['direct'] }, { provider: 'google', route: ['direct', 'cf'] }],
    });
    expect([answer.status, answer.body.errors[0].pointer]).toEqual([400, '/rules/1/route']);
  });

  it('has a name that no node may have', async () => {
    const answer = await admin('POST', '/nodes', { node_id: '@worker' });
    expect([answer.status, answer.body.errors[0].pointer]).toEqual([400, '/node_id']);
  });
});

describe('without a node', () => {
  it('mail leaves by the binding, with the fields that Cloudflare takes and no signature of ours', async () => {
    await rules(['direct', 'cf']);
    const id = await send({ to: ['a@example.net', 'b@example.net'] });
    await carry();
    expect(binding.taken.map(({ from, to }) => [from, to]).sort()).toEqual([
      [`shop@${account.domain}`, 'a@example.net'],
      [`shop@${account.domain}`, 'b@example.net'],
    ]);
    expect(binding.taken[0]?.raw).toMatch(/^Message-ID: </im);
    expect(binding.taken[0]?.raw).not.toMatch(/^(DKIM-Signature|Feedback-ID|Received):/im);
    const [event] = (await told(id)).filter(({ kind }) => kind === 'delivered');
    expect(event.details).toMatchObject({
      attempt: 1,
      transport: 'cf',
      relayId: expect.stringMatching(/^id-\d+@cloudflare\.example$/),
      reply: null,
      dkim: [],
      mx: null,
    });
    expect((await admin('GET', '/transports')).body.data[0]).toMatchObject({ name: 'cf', taken_today: 2 });
    expect((await admin('GET', '/nodes')).body.data).toEqual([]);
    await carry();
    expect(binding.taken).toHaveLength(2);
  });

  it('what it says later by an event is about the same delivery', async () => {
    await rules(['cf']);
    const id = await send();
    await carry();
    const body = {
      type: 'cf.email.sending.message.bounced',
      payload: {
        eventId: 'e-1',
        messageId: binding.taken[0]?.id,
        sender: `shop@${account.domain}`,
        recipient: 'user@example.net',
        delivery: { smtpStatusCode: '550', smtpEnhancedStatusCode: '5.1.1', smtpResponse: 'no such user' },
        bounce: { type: 'hard', reason: 'no such user' },
      },
    };
    const message = { id: '1', timestamp: new Date(), attempts: 1, body };
    await worker.queue(createMessageBatch<unknown>('pennypost-relay-events', [message]), environment);
    expect((await told(id)).at(-1)).toMatchObject({
      kind: 'bounced',
      details: { source: 'feed', transport: 'cf' },
    });
  });

  it('content from the bucket, octets over 127 and fields that are left out go as they are to go', async () => {
    await rules(['cf']);
    const text = `é: ${incompressible(90_000)}`;
    const raw = `From: shop@${account.domain}\r\nTo: user@example.net\r\nSubject: x\r\nErrors-To: y@example.org\r\n\r\n${text}`;
    const { body } = await sendRaw(account.live, raw, 'rcpt_to=user@example.net');
    await carry();
    const [one] = binding.taken;
    expect(one?.raw).not.toMatch(/^Errors-To/im);
    expect(one?.raw.replaceAll('\r\n', '\n')).toContain(text);
    expect((await told(body.message_id)).at(-1)).toMatchObject({
      kind: 'delivered',
      details: { leftOut: expect.arrayContaining(['Errors-To']) },
    });
  });

  it('mail whose rules name no transport of the Worker stays as it is', async () => {
    await admin('PUT', '/transport-rules', {
      rules: [{ class: 'priority', route: ['cf'] }, { route: ['direct'] }],
    });
    const waits = await send();
    const goes = await send({ class: 'priority' });
    await carry();
    expect(binding.taken).toHaveLength(1);
    expect(await kinds(goes)).toContain('delivered');
    expect(await kinds(waits)).toEqual(['accepted']);
  });

  it('mail stands in nobody’s way that waits for a node, however much', async () => {
    await rules(['direct']);
    for (let i = 0; i < 30; i++) await send();
    await admin('PUT', '/transport-rules', {
      rules: [{ recipient: 'example.org', route: ['cf'] }, { route: ['direct'] }],
    });
    const last = await send({ to: ['user@example.org'] });
    later();
    await carry();
    expect(await kinds(last)).toContain('delivered');
    expect(binding.taken).toHaveLength(1);
  });

  it('says once why mail waits while the transport is paused', async () => {
    await rules(['direct', 'cf']);
    await admin('PATCH', '/transports/cf', { paused: true });
    const id = await send();
    await carry();
    later(11 * minuteMs);
    await carry();
    expect(binding.taken).toEqual([]);
    const text = 'direct: no node asks for mail; cf: it is paused';
    const waits = (await told(id)).filter(({ kind }) => kind === 'rate_limited');
    expect(waits.map(({ details }) => details)).toEqual([{ limit: 'transport', text }]);
    await admin('PATCH', '/transports/cf', { paused: false });
    later(11 * minuteMs);
    await carry();
    expect((await told(id)).at(-1)).toMatchObject({ kind: 'delivered', details: { attempt: 1 } });
  });

  it('a message is given to it neither over its size nor over its quota', async () => {
    const [{ taken_today: today }] = (await admin('GET', '/transports')).body.data;
    await admin('PATCH', '/transports/cf', { max_bytes: 2048, daily_quota: today + 1 });
    await rules(['cf']);
    const large = await send({ text_body: 'x'.repeat(3000) });
    const first = await send();
    const second = await send();
    await carry();
    expect(binding.taken).toHaveLength(1);
    const [taken, waiting] = (await kinds(first)).includes('delivered') ? [first, second] : [second, first];
    expect(await kinds(taken)).toContain('delivered');
    expect(await kinds(waiting)).toContain('rate_limited');
    expect((await told(large)).at(-1)).toMatchObject({
      kind: 'rate_limited',
      details: { text: expect.stringMatching(/^cf: it takes at most 2048 octets/) },
    });
  });

  it.each([
    ['E_RECIPIENT_SUPPRESSED', 'bounced', { class: 'policy', suppresses: false }],
    ['E_HEADER_NOT_ALLOWED', 'bounced', { class: 'policy', suppresses: false }],
    ['E_SENDER_NOT_VERIFIED', 'deferred', { class: 'relay_denied', maybeAccepted: false }],
    ['E_DAILY_LIMIT_EXCEEDED', 'deferred', { class: 'rate_limited', maybeAccepted: false }],
    ['E_INTERNAL_SERVER_ERROR', 'deferred', { class: 'system', maybeAccepted: false }],
  ])('%s is %s, in its own words', async (code, kind, details) => {
    await rules(['cf']);
    binding.answers.push(coded(code));
    const id = await send();
    await carry();
    expect((await told(id)).at(-1)).toMatchObject({
      kind,
      details: {
        ...details,
        transport: 'cf',
        error: code,
        diagnostic: expect.stringContaining(`words about ${code}`),
      },
    });
    later(2 * minuteMs);
    await carry();
    expect(binding.taken).toHaveLength(kind === 'deferred' ? 2 : 1);
  });

  it('a run has the statements of an invocation, and the next goes on', async () => {
    await rules(['cf']);
    for (let i = 0; i < 40; i++) await send();
    const { cost, environment: counting } = counted();
    await carry({ ...counting, EMAIL: binding });
    expect(binding.taken).toHaveLength(40);
    expect(new Set(binding.taken.map(({ raw }) => raw)).size).toBe(40);
    expect(cost.statements).toBeLessThanOrEqual(150);
  });

  it('an error without a code says that it may have been taken', async () => {
    await rules(['cf']);
    binding.answers.push(new Error('Network connection lost.'));
    const id = await send();
    await carry();
    expect((await told(id)).at(-1)).toMatchObject({
      kind: 'deferred',
      details: { maybeAccepted: true, class: 'network' },
    });
  });

  it('an answer that names no message is one that it was taken', async () => {
    await rules(['cf']);
    const id = await send();
    await carry({ ...meteredEnv, EMAIL: { send: async () => undefined } });
    const { kind, details } = (await told(id)).at(-1) ?? {};
    expect([kind, details]).toEqual([
      'delivered',
      expect.not.objectContaining({ relayId: expect.anything() }),
    ]);
  });

  it('a message that asks for REQUIRETLS bounces, as the wish cannot be passed on', async () => {
    await rules(['cf']);
    const id = await send();
    // As a client of a node's submission asks for it (RFC 8689 §2).
    const { week } = homeOf(id);
    const asks = bindings.DB.prepare(`UPDATE messages_${week} SET tls = ? WHERE account_id = ?`);
    await asks.bind(tlsWishes.indexOf('requiretls'), account.id).run();
    await carry();
    expect(binding.taken).toEqual([]);
    expect((await told(id)).at(-1)).toMatchObject({ kind: 'bounced', details: { status: '5.7.30' } });
  });
});

describe('the lease of the Worker', () => {
  it('ends where a run was cut off, and tells that the message may have been taken', async () => {
    await rules(['cf']);
    const id = await send();
    const lost = Promise.withResolvers<void>();
    binding.answers.push(lost.promise);
    const run = carry();
    await vi.waitFor(() => expect(binding.taken).toHaveLength(1));
    // Another run while it is held gives it to nobody.
    await carry();
    expect(binding.taken).toHaveLength(1);
    later(6 * minuteMs);
    await carry();
    expect(binding.taken).toHaveLength(2);
    const events = await told(id);
    expect(events.map(({ kind }) => kind)).toEqual(['accepted', 'dispatched', 'deferred', 'delivered']);
    expect(events[2]).toMatchObject({
      details: { maybeAccepted: true, diagnostic: expect.stringMatching(/^The Worker had it/) },
    });
    // The run was not dead after all: what it tells is told, once.
    lost.resolve();
    await run;
    expect((await told(id)).at(-1)).toMatchObject({
      kind: 'delivered',
      details: { late: true, maybeAccepted: true },
    });
  });

  it('goes to a node after it has ended, and not before', async () => {
    await rules(['cf', 'direct']);
    const id = await send();
    const lost = Promise.withResolvers<void>();
    binding.answers.push(lost.promise);
    const run = carry();
    await vi.waitFor(() => expect(binding.taken).toHaveLength(1));
    await rules(['direct']);
    const node = await new TestNode('node-a').hello();
    later();
    expect((await node.lease()).deliveries).toEqual([]);
    later(6 * minuteMs);
    const [one] = (await node.lease()).deliveries;
    expect(one).toMatchObject({ messageId: id, attempt: 2 });
    lost.resolve();
    await run;
    await node.post('results', { results: [result(one, delivered)] });
    expect((await told(id)).filter(({ kind }) => kind === 'delivered')).toHaveLength(2);
  });

  it('is given back where the message’s turn does not come in time', async () => {
    await rules(['cf']);
    const ids = [];
    for (let i = 0; i < 6; i++) ids.push(await send());
    // The first four take longer than a run begins attempts for.
    const slow = Promise.withResolvers<void>();
    for (let i = 0; i < 4; i++) binding.answers.push(slow.promise);
    const run = carry({ ...environment, DELIVERY: { send: () => {}, sendBatch: () => {} } });
    await vi.waitFor(() => expect(binding.taken).toHaveLength(4));
    later(16_000);
    slow.resolve();
    await run;
    expect(binding.taken).toHaveLength(4);
    await carry();
    expect(binding.taken).toHaveLength(6);
    for (const id of ids)
      expect((await told(id)).at(-1)).toMatchObject({ kind: 'delivered', details: { attempt: 1 } });
  });

  it('is of the Worker alone: no node can report it', async () => {
    await rules(['cf']);
    const id = await send();
    const lost = Promise.withResolvers<void>();
    binding.answers.push(lost.promise);
    const run = carry();
    await vi.waitFor(() => expect(binding.taken).toHaveLength(1));
    const node = await new TestNode('node-a').hello();
    const { week } = homeOf(id);
    const held = await bindings.DB.prepare(
      `SELECT lease_id AS leaseId FROM deliveries_${week} WHERE message_id = ?`,
    )
      .bind(id)
      .first<{ leaseId: string }>();
    const foreign = result({ messageId: id, n: 0, leaseId: held?.leaseId }, delivered);
    expect((await node.post('results', { results: [foreign] })).body.verdicts).toEqual(['stale']);
    lost.resolve();
    await run;
    expect(await kinds(id)).toEqual(['accepted', 'dispatched', 'delivered']);
  });
});

describe('beside a node', () => {
  let node: TestNode;
  beforeEach(async () => {
    node = await new TestNode('node-a', environment).hello();
    later(1000);
  });
  const refusal = (name: string) => ({
    type: 'deferred',
    failure: { reply: null, status: null, class: name, text: name, step: 'connect', code: null },
  });

  it('mail that only the binding sends is leased to no node, and that writes no row', async () => {
    await rules(['cf']);
    later();
    const id = await send();
    const answer = await node.post('lease', { max: 10 });
    expect(answer.body.deliveries).toEqual([]);
    expect(costOf(answer).written).toBe(0);
    await carry();
    expect(await kinds(id)).toEqual(['accepted', 'dispatched', 'delivered']);
  });

  it('mail that begins with a node’s transports is the node’s, with those alone', async () => {
    await admin('POST', '/transports', { name: 'ses', preset: 'ses', user: 'AKIA', secret: 's' });
    await rules(['direct', 'ses', 'cf']);
    later();
    const id = await send();
    await carry();
    expect(binding.taken).toEqual([]);
    const { deliveries, relays } = (await node.post('lease', { max: 10 })).body;
    expect(deliveries).toMatchObject([{ messageId: id, route: ['direct', 'ses'] }]);
    expect(relays).toMatchObject([{ name: 'ses' }]);
  });

  it('has the next attempt where the sender was refused, and gives it back where Cloudflare refuses it too', async () => {
    await rules(['direct', 'cf']);
    later();
    const id = await send();
    const [first] = (await node.post('lease', { max: 10 })).body.deliveries;
    await node.post('results', { results: [result(first, refusal('network'))] });
    later(2 * minuteMs);
    expect((await node.lease()).deliveries).toEqual([]);
    binding.answers.push(coded('E_SENDER_NOT_VERIFIED'));
    await carry();
    expect(binding.taken).toHaveLength(1);
    later(10 * minuteMs);
    await node.hello();
    await carry();
    expect(binding.taken).toHaveLength(1);
    const [again] = (await node.lease()).deliveries;
    expect(again).toMatchObject({ messageId: id, attempt: 3 });
    expect(again).not.toHaveProperty('route');
    // What became of that attempt nobody tells: it is no reason to give it to another transport.
    later(31 * minuteMs);
    await node.hello();
    await carry();
    expect(binding.taken).toHaveLength(1);
    expect((await node.lease()).deliveries).toMatchObject([{ messageId: id, attempt: 4 }]);
    expect((await told(id)).at(-1)).toMatchObject({ kind: 'deferred', details: { maybeAccepted: true } });
  });

  it('mail that a node’s transport may have taken is no other’s', async () => {
    await rules(['direct', 'cf']);
    later();
    await send();
    const [first] = (await node.post('lease', { max: 10 })).body.deliveries;
    const maybe = { ...refusal('network'), type: 'maybeAccepted' };
    await node.post('results', { results: [result(first, maybe)] });
    later(2 * minuteMs);
    await node.hello();
    await carry();
    expect(binding.taken).toEqual([]);
    expect((await node.lease()).deliveries).toHaveLength(1);
  });

  it('mail that was put off for another reason is the node’s again', async () => {
    await rules(['direct', 'cf']);
    later();
    await send();
    const [first] = (await node.post('lease', { max: 10 })).body.deliveries;
    await node.post('results', { results: [result(first, refusal('greylisted'))] });
    later(2 * minuteMs);
    await node.hello();
    await carry();
    expect(binding.taken).toEqual([]);
    expect((await node.lease()).deliveries).toHaveLength(1);
  });

  it('what the simulator plays is the node’s', async () => {
    await rules(['cf']);
    const { simulatorDomain } = (await node.post('hello', { hostName: 'out.example', version: 'x' })).body;
    later();
    await send({ to: [`delivered@${simulatorDomain}`] });
    await carry();
    expect(binding.taken).toEqual([]);
    expect((await node.lease()).deliveries).toHaveLength(1);
  });

  it('a Worker without its binding leaves it to nodes to say why mail waits', async () => {
    await rules(['cf']);
    later();
    const id = await send();
    await carry(meteredEnv);
    const { body } = await new TestNode('node-a', meteredEnv, node.bootId).post('lease', { max: 10 });
    expect(body.deliveries).toEqual([]);
    expect((await told(id)).at(-1)).toMatchObject({
      kind: 'rate_limited',
      details: { text: expect.stringMatching(/^cf: the Worker has no binding EMAIL/) },
    });
  });
});

describe('the hub', () => {
  it('asks for a run at once, and then once a second, with nothing lost', async () => {
    const sent: (number | undefined)[] = [];
    const places: (string | null)[] = [];
    const queue = {
      send: async ({ place }: { place: string | null }, options?: { delaySeconds?: number }) => {
        places.push(place);
        sent.push(options?.delaySeconds);
      },
    };
    await runInDurableObject(hubOf(bindings.HUB), async (hub) => {
      Object.defineProperty(hub, 'env', { value: { EMAIL: binding, DELIVERY: queue }, configurable: true });
      await hub.askToCarry();
      await hub.askToCarry();
      await hub.askToCarry();
      expect(sent).toEqual([0, 1]);
      later(1500);
      await hub.askToCarry();
      expect(sent).toEqual([0, 1, 1]);
      later(5000);
      await hub.askToCarry();
      expect(sent).toEqual([0, 1, 1, 0]);
      // While a run goes on no other begins; what is asked for meanwhile is one run after it, from the beginning.
      const run = await hub.beginToCarry();
      if (run === null) throw new Error('a run goes on');
      expect(await hub.beginToCarry()).toBeNull();
      later(5000);
      await hub.askToCarry();
      expect(sent).toHaveLength(4);
      await hub.endToCarry(run, { isMore: true, place: 'there' });
      expect(places).toEqual([null, null, null, null, null]);
      // One that was cut off holds nobody up for long, and its late end is nobody else's.
      const lost = await hub.beginToCarry();
      later(3 * minuteMs);
      const next = await hub.beginToCarry();
      if (lost === null || next === null) throw new Error('a run goes on');
      await hub.endToCarry(lost, { isMore: false, place: null });
      expect(await hub.beginToCarry()).toBeNull();
      await hub.endToCarry(next, { isMore: false, place: null });
      expect(sent).toHaveLength(6);
      const last = await hub.beginToCarry();
      if (last === null) throw new Error('a run goes on');
      await hub.endToCarry(last, { isMore: true, place: 'there' });
      expect(places.at(-1)).toBe('there');
      Object.defineProperty(hub, 'env', { value: {}, configurable: true });
      await hub.askToCarry();
      expect(sent).toHaveLength(7);
    });
  });
});
