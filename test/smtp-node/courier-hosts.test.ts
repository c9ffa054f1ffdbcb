import { afterEach, describe, expect, it } from 'vitest';
import { type Courier, type CourierOptions, createCourier } from '../../smtp-node/outbound/courier.ts';
import { courierTo, send } from '../support/courier.ts';
import { type FakeMx, type FakeMxOptions, startFakeMx } from '../support/fake-mx.ts';
import { resolverOf, type Zone } from '../support/zone.ts';

const zone: Zone = {
  'example.test': {
    MX: [
      { exchange: 'first.test', priority: 10 },
      { exchange: 'second.test', priority: 20 },
    ],
  },
  'first.test': { A: ['127.0.0.1'] },
  'second.test': { A: ['127.0.0.2'] },
};

let first: FakeMx;
let second: FakeMx;
let courier: Courier;

async function meet(
  one: FakeMxOptions,
  options: Partial<CourierOptions> = {},
  two: FakeMxOptions = {},
): Promise<void> {
  first = await startFakeMx(one);
  second = await startFakeMx({ ...two, address: '127.0.0.2', port: first.port });
  courier = courierTo(first, { resolveRecords: resolverOf(zone), ...options });
}

afterEach(async () => {
  await courier.close();
  await first.close();
  await second.close();
});

describe('a domain with two MX', () => {
  it('gets its mail at the preferred one', async () => {
    await meet({});
    expect((await send(courier)).session).toMatchObject({ mx: { host: 'first.test' }, tried: [] });
    expect(second.connections).toBe(0);
  });

  it.each(['421-banner', '554-banner', 'drop-before-banner', '550-ehlo'] as const)(
    'gets it at the second when the first refuses or breaks the connection (%s)',
    async (fault) => {
      await meet({ onConnection: () => fault });
      const outcome = await send(courier);
      expect(outcome).toMatchObject({
        type: 'delivered',
        session: {
          mx: { host: 'second.test', address: '127.0.0.2' },
          tried: [{ host: 'first.test', address: '127.0.0.1' }],
        },
      });
      expect(outcome.session.steps.filter((step) => step.name === 'connect')).toHaveLength(1);
    },
  );

  it.each(['bad-tls', 'refuse-tls', 'inject-tls'] as const)(
    'gets it encrypted at the second when encryption fails at the first (%s)',
    async (fault) => {
      await meet({ tls: true, onConnection: () => fault }, {}, { tls: true });
      for (const attempt of [1, 2]) {
        expect(await send(courier, { attempt })).toMatchObject({
          type: 'delivered',
          session: { mx: { host: 'second.test' }, tls: { version: 'TLSv1.3' } },
        });
      }
      expect(first.messages).toEqual([]);
    },
  );

  it('gets an address with SMTPUTF8 at the host that has it', async () => {
    await meet({ extensions: [] });
    expect(await send(courier, { rcptTo: 'zoë@example.test' })).toMatchObject({
      type: 'delivered',
      session: { mx: { host: 'second.test' }, tried: [{ host: 'first.test' }] },
    });
  });

  it('waits for the host that may have SMTPUTF8 and cannot be reached', async () => {
    await meet({ extensions: [] });
    await second.close();
    expect(await send(courier, { attempt: 5, rcptTo: 'zoë@example.test' })).toMatchObject({
      type: 'deferred',
    });
    second = await startFakeMx();
  });

  it('gets it at the second when the first breaks off before the final dot', async () => {
    await meet({});
    const outcome = await send(courier, { rcptTo: 'drop-at-rcpt@example.test' });
    expect(outcome).toMatchObject({ type: 'deferred' });
    expect(outcome.session.tried.map((tried) => tried.host)).toEqual(['first.test', 'second.test']);
  });

  it.each([
    '451-rcpt@example.test',
    '550-rcpt@example.test',
    '451-dot@example.test',
    'drop-after-dot@example.test',
  ])('is not asked a second time once the message was judged or may be accepted (%s)', async (rcptTo) => {
    await meet({});
    await send(courier, { rcptTo });
    expect(second.connections).toBe(0);
  });

  it('is deferred with the network error when no host can be reached', async () => {
    await meet({});
    await first.close();
    await second.close();
    const outcome = await send(courier);
    expect(outcome).toMatchObject({
      type: 'deferred',
      failure: { class: 'network', code: 'ECONNREFUSED', reply: null, status: null, step: 'connect' },
      session: { mx: null },
    });
    expect(outcome.session.tried).toHaveLength(2);
    first = await startFakeMx();
    second = await startFakeMx();
  });

  it('is left alone when the lease has ended meanwhile', async () => {
    await meet({ onConnection: () => '554-banner' });
    const outcome = await send(courier, { leaseUntilMs: Date.now() - 1 });
    expect(outcome).toMatchObject({ type: 'deferred', failure: { reply: { code: 554 } } });
    expect(second.connections).toBe(0);
  });

  it('is told the words of a server rather than that another was down', async () => {
    await meet({ onConnection: () => '554-banner' });
    await second.close();
    expect(await send(courier)).toMatchObject({ type: 'deferred', failure: { reply: { code: 554 } } });
    second = await startFakeMx();
  });
});

describe('what DNS proves', () => {
  const cases: [string, Zone, object][] = [
    [
      'a null MX bounces',
      { 'example.test': { MX: [{ exchange: '', priority: 0 }] } },
      { type: 'bounced', failure: { status: '5.1.10', class: 'bad_domain', step: 'dns' } },
    ],
    ['no such domain bounces', {}, { type: 'bounced', failure: { status: '5.1.2', class: 'bad_domain' } }],
    [
      'a domain without MX and address bounces',
      { 'example.test': {} },
      { type: 'bounced', failure: { status: '5.4.4', class: 'bad_domain' } },
    ],
    [
      'a failing server defers',
      { 'example.test': 'SERVFAIL' },
      { type: 'deferred', failure: { status: null, class: 'network', step: 'dns', code: 'ESERVFAIL' } },
    ],
    [
      'an MX whose address cannot be looked up defers',
      { 'example.test': { MX: [{ exchange: 'mx.test', priority: 1 }] }, 'mx.test': 'SERVFAIL' },
      { type: 'deferred', failure: { class: 'network', step: 'dns' } },
    ],
    [
      'an MX without an address defers',
      { 'example.test': { MX: [{ exchange: 'mx.test', priority: 1 }] } },
      { type: 'deferred', failure: { class: 'bad_domain', step: 'dns' } },
    ],
    ['a domain without MX is its own', { 'example.test': { A: ['127.0.0.1'] } }, { type: 'delivered' }],
  ];
  it.each(cases)('%s', async (_name, records, expected) => {
    await meet({}, { resolveRecords: resolverOf(records) });
    const outcome = await send(courier);
    expect(outcome).toMatchObject(expected);
    if ('failure' in outcome) expect(outcome.failure.reply).toBeNull();
  });

  it('never connects to a local address when those are blocked', async () => {
    await meet({}, { blockLocalAddresses: true });
    expect(await send(courier)).toMatchObject({ type: 'deferred', failure: { class: 'bad_domain' } });
    expect(first.connections).toBe(0);
  });

  it('blocks local addresses unless told otherwise', async () => {
    await meet({}, { blockLocalAddresses: undefined });
    expect(await send(courier)).toMatchObject({ type: 'deferred' });
    expect(first.connections).toBe(0);
  });
});

describe('a fixed route', () => {
  it('takes the mail of every domain, and asks no DNS', async () => {
    await meet({});
    await courier.close();
    const asked: string[] = [];
    courier = createCourier({
      hostName: 'node.pennypost.test',
      route: { host: '127.0.0.1', port: first.port },
      resolveRecords: resolverOf({}, asked),
    });
    expect(await send(courier)).toMatchObject({ type: 'delivered' });
    expect(await send(courier, { rcptTo: 'bob@other.test' })).toMatchObject({
      type: 'delivered',
      session: { reused: true },
    });
    expect(asked).toEqual([]);
  });

  it('may be a name of the hosts file, and bounces nothing when it cannot be resolved', async () => {
    await meet({});
    await courier.close();
    courier = createCourier({ hostName: 'n.test', route: { host: 'localhost', port: first.port } });
    expect(await send(courier)).toMatchObject({ type: 'delivered', session: { mx: { host: 'localhost' } } });
    await courier.close();
    courier = createCourier({ hostName: 'n.test', route: { host: 'nowhere.invalid', port: first.port } });
    expect(await send(courier)).toMatchObject({
      type: 'deferred',
      failure: { class: 'network', step: 'dns' },
    });
  });
});
