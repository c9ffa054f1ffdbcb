import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Courier, type CourierOptions, createCourier } from '../../smtp-node/outbound/courier.ts';
import { courierTo, failureOf, send, sendIfFree } from '../support/courier.ts';
import { FakeEdge, leased } from '../support/fake-edge.ts';
import { type FakeMx, startFakeMx } from '../support/fake-mx.ts';
import { aMessage, ed25519Key } from '../support/mail.ts';
import { nodeAtEdge } from '../support/node.ts';
import { resolverOf, type Zone } from '../support/zone.ts';

const addresses = Array.from({ length: 10 }, (_, i) => `127.0.1.${i + 1}`);
const othersAddresses = addresses.map((address) => address.replace('127.0.1', '127.0.3'));

/** A domain with equal MX, one at each address. */
const withEqualMx = (domain: string, at: readonly string[]): Zone => ({
  [domain]: { MX: at.map((_, i) => ({ exchange: `mx${i}.${domain}`, priority: 1 })) },
  ...Object.fromEntries(at.map((address, i) => [`mx${i}.${domain}`, { A: [address] }])),
});

/** `dead.test` and `gone.test` with ten equal MX each, and `quick.test` with one. */
const zone: Zone = {
  ...withEqualMx('dead.test', addresses),
  ...withEqualMx('gone.test', othersAddresses),
  'quick.test': { MX: [{ exchange: 'mx.quick.test', priority: 1 }] },
  'mx.quick.test': { A: ['127.0.0.2'] },
};

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function mxAt(address: string, port: number, more: Parameters<typeof startFakeMx>[0] = {}) {
  const mx = await startFakeMx({ address, port, ...more });
  open.push(mx);
  return mx;
}

/** Ten that take connections and say nothing, or more, and one that is well. */
async function deadAndQuick(at = addresses): Promise<{ dead: FakeMx[]; quick: FakeMx }> {
  const quick = await mxAt('127.0.0.2', 0);
  const dead = await Promise.all(
    at.map((address) => mxAt(address, quick.port, { onConnection: () => 'slow-banner' })),
  );
  return { dead, quick };
}

async function nodeWith(edge: FakeEdge, port: number, more: Partial<CourierOptions> = {}) {
  edge.keys['example.com'] = [ed25519Key('ed1').key];
  const courier = {
    port,
    resolveRecords: resolverOf(zone),
    blockLocalAddresses: false,
    ...more,
  } satisfies Partial<CourierOptions>;
  const at = await nodeAtEdge({ edge, deps: { createCourier, courier } });
  open.push({ close: () => at[Symbol.asyncDispose]() });
  return at;
}

const raw = aMessage.toString('latin1');
const to = (domain: string, i: number, more = {}) => leased(i, { rcptTo: `u${i}@${domain}`, raw, ...more });
const endsOf = (edge: FakeEdge) => edge.results.map(({ outcome }) => outcome.type);

describe('a domain whose hosts swallow connections', () => {
  it.each([{ domains: ['dead.test'] }, { domains: ['dead.test', 'gone.test'] }])(
    'delays neither priority nor standard mail to others, however much waits for $domains',
    async ({ domains }) => {
      const { dead, quick } = await deadAndQuick([...addresses, ...othersAddresses]);
      const edge = await new FakeEdge().start();
      const waiting = domains.flatMap((domain) => Array.from({ length: 200 }, () => domain));
      for (const [i, domain] of waiting.entries()) edge.queue.push(to(domain, i));
      const { node } = await nodeWith(edge, quick.port);
      // Every place that the dead may have is taken: five attempts each, with the default times.
      const connections = () => dead.reduce((sum, mx) => sum + mx.connections, 0);
      await vi.waitFor(() => expect(connections()).toBe(5 * domains.length));
      await vi.waitFor(async () => {
        const { destinations } = await node.state();
        expect(destinations.map(({ attempts }) => attempts)).toEqual(domains.map(() => 5));
        for (const { waiting: crowd } of destinations) expect(crowd).toBeGreaterThan(0);
      });
      edge.queue.push(to('quick.test', 500, { class: 'priority' }), to('quick.test', 501));
      edge.wake();
      await edge.until(() => edge.results.length === 2);
      // Nothing of what waits for the dead has ended, or been begun, to let them by.
      expect(endsOf(edge)).toEqual(['delivered', 'delivered']);
      expect(quick.messages.map((mail) => mail.to).sort()).toEqual(['u500@quick.test', 'u501@quick.test']);
      expect(connections()).toBe(5 * domains.length);
    },
  );

  it('has five attempts at once, however many hosts it has', async () => {
    const { dead, quick } = await deadAndQuick();
    const edge = await new FakeEdge().start();
    for (let i = 0; i < 60; i++) edge.queue.push(to('dead.test', i, { class: 'priority' }));
    await nodeWith(edge, quick.port);
    await edge.until(() => edge.queue.length === 0);
    const connections = () => dead.reduce((sum, mx) => sum + mx.connections, 0);
    await vi.waitFor(() => expect(connections()).toBe(5));
  });

  it('costs one delivery its time and not all: the others are put off and say why', async () => {
    const { dead, quick } = await deadAndQuick();
    const edge = await new FakeEdge().start();
    for (let i = 0; i < 200; i++) edge.queue.push(to('dead.test', i));
    // Each address gets its tenth of a second, until all are known.
    const timeouts = { greetingMs: 100 };
    await nodeWith(edge, quick.port, { timeouts });
    await edge.until(() => edge.results.length === 200);
    expect(new Set(endsOf(edge))).toEqual(new Set(['deferred']));
    const connections = dead.reduce((sum, mx) => sum + mx.connections, 0);
    expect(connections).toBeLessThan(60);
    const texts = edge.results.map(({ outcome }) => failureOf(outcome).text);
    expect(
      texts.filter((text) => /^mx\d\.dead\.test \[127\.0\.1\.\d+\] did not answer \d+ s ago/.test(text))
        .length,
    ).toBeGreaterThan(100);
  });
});

describe('an address that did not answer', () => {
  let nowMs = 1_790_000_000_000;
  let mx: FakeMx;
  let courier: Courier;
  let silent = true;

  async function meet(options: Partial<CourierOptions> = {}) {
    silent = true;
    mx = await mxAt('127.0.0.1', 0, { onConnection: () => (silent ? 'slow-banner' : null) });
    courier = courierTo(mx, { now: () => nowMs, timeouts: { greetingMs: 50 }, ...options });
    open.push(courier);
  }

  it('is left alone for half a minute, then tried by one, and served again when it answers', async () => {
    await meet();
    expect(await send(courier)).toMatchObject({ type: 'deferred', failure: { code: 'ETIMEDOUT' } });
    await Promise.all(Array.from({ length: 5 }, () => send(courier)));
    expect(mx.connections).toBe(1);
    nowMs += 31_000;
    await Promise.all(Array.from({ length: 5 }, () => send(courier)));
    expect(mx.connections).toBe(2);
    // Twice as long, since it was silent again.
    nowMs += 31_000;
    await send(courier);
    expect(mx.connections).toBe(2);
    nowMs += 30_000;
    silent = false;
    expect(await send(courier)).toMatchObject({ type: 'delivered' });
    expect(await send(courier)).toMatchObject({ type: 'delivered', session: { reused: true } });
  });

  it('is passed by for the next host of its domain', async () => {
    await meet({
      resolveRecords: resolverOf({
        'example.test': {
          MX: [
            { exchange: 'a.test', priority: 1 },
            { exchange: 'b.test', priority: 2 },
          ],
        },
        'a.test': { A: ['127.0.0.1'] },
        'b.test': { A: ['127.0.0.2'] },
      }),
    });
    await mxAt('127.0.0.2', mx.port);
    const first = await send(courier);
    expect(first).toMatchObject({ type: 'delivered', session: { tried: [{ host: 'a.test' }] } });
    const second = await send(courier);
    expect(second).toMatchObject({ type: 'delivered', session: { tried: [] } });
    expect(mx.connections).toBe(1);
  });
});

describe('an attempt', () => {
  async function silentZone(timeouts: CourierOptions['timeouts']) {
    const { dead, quick } = await deadAndQuick();
    const courier = courierTo(quick, { resolveRecords: resolverOf(zone), timeouts });
    open.push(courier);
    return { dead, courier };
  }

  it('tries five addresses at most, and its steps add up to its duration', async () => {
    const { courier } = await silentZone({ greetingMs: 60 });
    const outcome = await send(courier, { rcptTo: 'a@dead.test' });
    expect(outcome.session.tried).toHaveLength(5);
    const { session, startedAtMs, endedAtMs } = outcome;
    const sum = session.steps.reduce((total, { ms }) => total + ms, 0);
    // Each of the five greetings was waited for; nothing is told twice.
    expect(sum).toBeGreaterThanOrEqual(5 * 59);
    expect(sum).toBeLessThanOrEqual(endedAtMs - startedAtMs + 1);
  });

  it('has so long before MAIL for all hosts together, and less when very many wait', async () => {
    const { courier } = await silentZone({ beforeMailMs: 300 });
    const outcome = await send(courier, { rcptTo: 'a@dead.test' });
    expect(failureOf(outcome).text).toMatch(/no reply within 0\.[23]\d* s/);
    expect(outcome.session.tried).toHaveLength(1);
    const crowded = await send(courier, { rcptTo: 'a@dead.test' }, { hooks: { crowded: () => true } });
    expect(failureOf(crowded).text).toMatch(/no reply within 0\.0[0-5]\d* s/);
  });

  it('says that it waits, and that it goes on', async () => {
    const { courier } = await silentZone({ beforeMailMs: 1200 });
    const told: boolean[] = [];
    const hooks = { onWaiting: (waiting: boolean) => told.push(waiting) };
    await send(courier, { rcptTo: 'a@dead.test' }, { hooks });
    expect(told).toEqual([true, false]);
  });
});

describe('a host whose final reply takes long', () => {
  const slow = async () => {
    const quick = await mxAt('127.0.0.2', 0);
    const reply = Promise.withResolvers<void>();
    const hosts = await Promise.all(
      addresses.map((address) => mxAt(address, quick.port, { beforeFinalReply: () => reply.promise })),
    );
    return { quick, reply, messages: () => hosts.flatMap(({ messages }) => messages).length };
  };

  it('delays no mail to others, and what waits for a connection of ours is no failure', async () => {
    const { quick, reply, messages } = await slow();
    const edge = await new FakeEdge().start();
    for (let i = 0; i < 200; i++) edge.queue.push(to('dead.test', i));
    await nodeWith(edge, quick.port, { connectionsPerHost: 1 });
    await edge.until(() => edge.queue.length < 200);
    edge.queue.push(to('quick.test', 300, { class: 'priority' }), to('quick.test', 301));
    edge.wake();
    await edge.until(() => edge.results.length === 2);
    expect(endsOf(edge)).toEqual(['delivered', 'delivered']);
    reply.resolve();
    await edge.until(() => edge.results.length === 202);
    expect(new Set(endsOf(edge))).toEqual(new Set(['delivered']));
    expect(messages()).toBe(200);
  });

  it('leaves untried what did not come to its turn', async () => {
    const { quick, reply } = await slow();
    const courier = courierTo(quick, {
      resolveRecords: resolverOf(zone),
      connectionsPerHost: 1,
      attemptsPerDestination: 2,
      slotWaitMs: 100,
    });
    open.push(courier);
    const all = Array.from({ length: 6 }, (_, i) => sendIfFree(courier, { rcptTo: `u${i}@dead.test` }));
    const ends = await Promise.all(all.slice(2));
    expect(ends).toEqual(Array(4).fill('untried'));
    reply.resolve();
    await Promise.all(all);
  });
});
