import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Courier, type CourierOptions, createCourier } from '../../smtp-node/outbound/courier.ts';
import {
  type Provider,
  pauseAsked,
  providerOf,
  providers,
  withOverrides,
} from '../../smtp-node/outbound/providers.ts';
import { courierTo, failureOf, send, sendIfFree } from '../support/courier.ts';
import { FakeEdge, leased } from '../support/fake-edge.ts';
import { type FakeMx, type FakeMxOptions, startFakeMx } from '../support/fake-mx.ts';
import { aMessage, ed25519Key } from '../support/mail.ts';
import { nodeAtEdge } from '../support/node.ts';
import { freshDirectory } from '../support/submission.ts';
import { resolverOf, type Zone } from '../support/zone.ts';

const hostsOf = (...names: string[]) => names.map((host) => ({ host, preference: 1, ipv4: [], ipv6: [] }));

describe('the provider of a domain', () => {
  it.each([
    ['google', ['gmail-smtp-in.l.google.com', 'alt1.gmail-smtp-in.l.google.com.']],
    ['google', ['ASPMX.L.GOOGLE.COM', 'aspmx2.googlemail.com']],
    ['microsoft-consumer', ['outlook-com.olc.protection.outlook.com']],
    ['microsoft-business', ['example-com.mail.protection.outlook.com']],
    ['microsoft-business', ['example-com.a-v1.mx.microsoft']],
    ['yahoo', ['mta5.am0.yahoodns.net', 'mta6.am0.yahoodns.net']],
    [null, ['mx.notgoogle.com']],
    [null, ['aspmx.l.google.com', 'mx.example.com']],
    [null, []],
  ])('is %s for %j', (name, hosts) => {
    expect(providerOf(hostsOf(...hosts), providers)?.name ?? null).toBe(name);
  });

  it.each([
    [
      'google',
      421,
      '4.7.28',
      'Gmail has detected an unusual rate of unsolicited mail originating from your IP address',
      300,
    ],
    [
      'google',
      450,
      '4.2.1',
      'The user you are trying to contact is receiving mail at a rate that prevents',
      null,
    ],
    ['google', 550, '5.1.1', 'The email account that you tried to reach does not exist', null],
    [
      'microsoft-consumer',
      550,
      '5.7.1',
      'Unfortunately, messages from [192.0.2.1] weren’t sent (S3150).',
      1800,
    ],
    [
      'microsoft-consumer',
      451,
      '4.7.650',
      'The mail server has been temporarily rate limited due to IP reputation',
      600,
    ],
    ['microsoft-business', 451, '4.7.500', 'Server busy. Please try again later', 300],
    ['yahoo', 421, '4.7.0', '[TSS04] Messages from 192.0.2.1 temporarily deferred', 900],
    ['yahoo', 421, '4.3.2', 'Too many messages', null],
  ])('%s, told %i %s %s, is left alone for %j seconds', (name, code, status, text, seconds) => {
    const provider = providers.find((one) => one.name === name);
    expect(provider && pauseAsked(provider, { code, status, text })).toBe(seconds);
  });

  it('has the limits that an operator gives, and may be a new one', () => {
    const own = withOverrides(
      '{"google": {"attempts": 40}, "mine": {"hosts": [".mx.example"], "attempts": 2}}',
    );
    expect(providerOf(hostsOf('a.l.google.com'), own)).toMatchObject({
      attempts: 40,
      reactions: { length: 2 },
    });
    expect(providerOf(hostsOf('a.mx.example'), own)).toMatchObject({ name: 'mine', attempts: 2 });
    expect(() => withOverrides('{"mine": {}}')).toThrow(/mine: hosts are required/);
    expect(() => withOverrides('{"google": {"attempts": 0}}')).toThrow(/attempts/);
  });
});

it('each reaction names the page of its provider that tells of it', () => {
  for (const { reactions } of providers)
    for (const { source } of reactions) expect(source).toMatch(/^https:\/\/\S+$/);
});

const big: Provider = {
  name: 'big',
  hosts: ['.big.test'],
  attempts: 2,
  reactions: [{ reply: /Scripted at rcpt/, pauseSeconds: 300, source: 'this test' }],
};

describe('all hosts of one provider', () => {
  const zone: Zone = {
    'one.test': { MX: [{ exchange: 'a.big.test', priority: 1 }] },
    'two.test': { MX: [{ exchange: 'b.big.test', priority: 1 }] },
    'other.test': { MX: [{ exchange: 'mx.other.test', priority: 1 }] },
    'a.big.test': { A: ['127.0.0.1'] },
    'b.big.test': { A: ['127.0.0.2'] },
    'mx.other.test': { A: ['127.0.0.1'] },
  };
  let nowMs = 1_790_000_000_000;
  let hosts: FakeMx[] = [];
  let courier: Courier;

  async function meet(options: FakeMxOptions = {}, more: Partial<CourierOptions> = {}) {
    const first = await startFakeMx(options);
    hosts = [first, await startFakeMx({ ...options, address: '127.0.0.2', port: first.port })];
    const resolveRecords = resolverOf(zone);
    courier = courierTo(first, { resolveRecords, providers: [big], now: () => nowMs, ...more });
  }

  afterEach(async () => {
    await courier.close();
    for (const host of hosts) await host.close();
  });

  it('are left alone when one of them says that we send too much; the timeline says why, and longer the next time', async () => {
    await meet();
    await send(courier, { rcptTo: 'ann@two.test' });
    await send(courier, { rcptTo: '451-rcpt@one.test' });
    const held = await send(courier, { rcptTo: 'bob@two.test' });
    expect(held.type).toBe('deferred');
    expect(failureOf(held)).toMatchObject({
      class: 'rate_limited',
      reply: null,
      text: `big is left alone until ${new Date(nowMs + 300_000).toISOString()}, since it said: 451 4.7.0 Scripted at rcpt`,
    });
    expect(courier.throttledDomains().sort()).toEqual(['one.test', 'two.test']);
    expect(courier.destinations()).toMatchObject([
      { name: 'big', because: '451 4.7.0 Scripted at rcpt', most: 2, window: 1 },
    ]);
    expect(await send(courier, { rcptTo: 'ann@other.test' })).toMatchObject({ type: 'delivered' });
    nowMs += 300_001;
    await send(courier, { rcptTo: '451-rcpt@one.test' });
    nowMs += 300_001;
    expect(await send(courier, { rcptTo: 'bob@two.test' })).toMatchObject({ type: 'deferred' });
    nowMs += 300_000;
    expect(await send(courier, { rcptTo: 'bob@two.test' })).toMatchObject({ type: 'delivered' });
    expect(courier.throttledDomains()).toEqual([]);
  });

  it('have their attempts at once together', async () => {
    const reply = Promise.withResolvers<void>();
    await meet({ beforeFinalReply: () => reply.promise });
    const sends = Array.from({ length: 8 }, (_, i) =>
      sendIfFree(courier, { rcptTo: `u${i}@${i % 2 ? 'one' : 'two'}.test` }),
    );
    await vi.waitFor(() => expect(hosts.reduce((sum, { connections }) => sum + connections, 0)).toBe(2));
    expect(courier.stats().waitingDeliveries).toBe(6);
    reply.resolve();
    for (const outcome of await Promise.all(sends)) expect(outcome).toMatchObject({ type: 'delivered' });
  });
});

describe('a node', () => {
  it('tells on a page what it sends to whom at once, and why it leaves one alone', async () => {
    const mx = await startFakeMx();
    const zone: Zone = {
      'one.test': { MX: [{ exchange: 'a.big.test', priority: 1 }] },
      'a.big.test': { A: ['127.0.0.1'] },
    };
    const edge = await new FakeEdge().start();
    edge.keys['example.com'] = [ed25519Key('ed1').key];
    const raw = aMessage.toString('latin1');
    edge.queue.push(leased(1, { rcptTo: '451-rcpt@one.test', raw }));
    const courier = {
      port: mx.port,
      resolveRecords: resolverOf(zone),
      blockLocalAddresses: false,
      providers: [big],
    };
    await using at = await nodeAtEdge({ edge, deps: { createCourier, courier } });
    const page = async () => {
      const answer = await fetch(`http://127.0.0.1:${at.node.metricsPort}/shaping`);
      return (await answer.json()) as { destinations: object[] };
    };
    expect(await page()).toHaveProperty('destinations');
    await edge.until(() => edge.results.length === 1);
    const { destinations } = await page();
    expect(destinations).toMatchObject([{ name: 'big', attempts: 0, window: 1, most: 2 }]);
    const [{ because, pausedUntil } = { because: '', pausedUntil: '' }] = destinations as {
      because: string;
      pausedUntil: string;
    }[];
    expect(because).toBe('451 4.7.0 Scripted at rcpt');
    expect(Date.parse(pausedUntil)).toBeGreaterThan(Date.now());
    // Meanwhile no more of it is leased.
    edge.wake();
    await edge.until(({ asked }) =>
      asked.some(
        ({ path, json }) =>
          path === 'lease' && JSON.stringify(json).includes('"excludeDomains":["one.test"]'),
      ),
    );
    await mx.close();
  });

  it('does not start with a shaping file that cannot be read, and names what is wrong', async () => {
    const path = join(await freshDirectory(), 'shaping.json');
    await writeFile(path, '{"google": {"attempts": "many"}}');
    const env = { PENNYPOST_SHAPING_FILE: path };
    await expect(nodeAtEdge({ env })).rejects.toThrow(/PENNYPOST_SHAPING_FILE .*shaping\.json: .*attempts/s);
  });
});
