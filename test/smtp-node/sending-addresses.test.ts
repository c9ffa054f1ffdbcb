import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LeasedDelivery } from '#domain/node-contract.ts';
import { parseConfig } from '../../smtp-node/config.ts';
import { readAddresses } from '../../smtp-node/node-options.ts';
import type { Courier } from '../../smtp-node/outbound/courier.ts';
import { type SendingAddress, SendingAddresses } from '../../smtp-node/outbound/sending-addresses.ts';
import { SendingCounts } from '../../smtp-node/outbound/sending-counts.ts';
import { courierTo, send, sendIfFree } from '../support/courier.ts';
import { type FakeMx, startFakeMx } from '../support/fake-mx.ts';
import { aDelivery } from '../support/mail.ts';
import { resolverOf } from '../support/zone.ts';

const day = 86_400_000;
let nowMs = Date.UTC(2026, 10, 28, 12);
const general = { name: 'out1.test.example', ipv4: '127.0.0.2' };
const fresh = { name: 'out2.test.example', ipv4: '127.0.0.3', since: '2026-11-28' };
const hosts = [{ host: 'mx.test', preference: 10, ipv4: ['192.0.2.9'], ipv6: [] }];

function addressesOf(
  list: SendingAddress[],
  { counts = new SendingCounts(), workers = 1 }: { counts?: SendingCounts; workers?: number } = {},
): SendingAddresses {
  return new SendingAddresses(list, counts, {
    share: (limit) => Math.ceil(limit / workers),
    now: () => nowMs,
  });
}

/** Names in the order chosen for deliveries of one message. */
function namesOf(addresses: SendingAddresses, count: number, of: Partial<LeasedDelivery> = {}): string[] {
  return Array.from(
    { length: count },
    (_, n) => addresses.choose(aDelivery({ n, ...of }), hosts).address.name,
  );
}

const times = (names: readonly string[], name: string) => names.filter((one) => one === name).length;

beforeEach(() => {
  nowMs = Date.UTC(2026, 10, 28, 12);
});

describe('the address that a delivery leaves from', () => {
  it('is one of its account, else of its class, else one for all mail', () => {
    const digests: SendingAddress = { name: 'out3.test.example', ipv4: '127.0.0.4', classes: ['digest'] };
    const own: SendingAddress = { name: 'out4.test.example', ipv4: '127.0.0.5', accounts: [7] };
    const addresses = addressesOf([general, digests, own]);
    expect(namesOf(addresses, 1, { account: 7, class: 'digest' })).toEqual([own.name]);
    expect(namesOf(addresses, 1, { account: 8, class: 'digest' })).toEqual([digests.name]);
    expect(namesOf(addresses, 1, { account: 8 })).toEqual([general.name]);
    expect(namesOf(addresses, 1)).toEqual([general.name]);
  });

  it('is spread over equals, and the same for each attempt of a delivery', () => {
    const addresses = addressesOf([general, { name: 'out5.test.example', ipv4: '127.0.0.6' }]);
    const first = namesOf(addresses, 400);
    expect(times(first, general.name)).toBeGreaterThan(150);
    expect(times(first, general.name)).toBeLessThan(250);
    expect(namesOf(addresses, 400, { attempt: 2 })).toEqual(first);
  });

  it('has a family in common with the hosts', () => {
    const addresses = addressesOf([general, { name: 'out6.test.example', ipv6: '2001:db8::6' }]);
    const only6 = [{ host: 'mx.test', preference: 10, ipv4: [], ipv6: ['2001:db8::9'] }];
    for (let n = 0; n < 20; n++) {
      expect(addresses.choose(aDelivery({ n }), only6).address.name).toBe('out6.test.example');
      expect(addresses.choose(aDelivery({ n }), hosts).address.name).toBe(general.name);
    }
  });
});

describe('the ramp of a new address', () => {
  it('lets five leave in an hour of its first day and fifty in the day; warm ones take the rest', () => {
    const addresses = addressesOf([general, fresh]);
    nowMs = Date.UTC(2026, 10, 28);
    expect(times(namesOf(addresses, 200), fresh.name)).toBe(5);
    expect(times(namesOf(addresses, 200), fresh.name)).toBe(0);
    let today = 5;
    for (let hour = 1; hour < 24; hour++) {
      nowMs += day / 24;
      today += times(namesOf(addresses, 200), fresh.name);
    }
    expect(today).toBe(50);
    expect(addresses.stats()).toMatchObject([
      { name: general.name, rampDay: null, allowedToday: null, today: 24 * 200 + 200 - 50 },
      { name: fresh.name, rampDay: 1, allowedToday: 50, today: 50 },
    ]);
    nowMs += day / 24;
    expect(addresses.stats()[1]).toMatchObject({ rampDay: 2, allowedToday: 162, today: 0 });
  });

  it('is over after 56 days, and each worker has its share of it', () => {
    nowMs = Date.UTC(2026, 10, 28) + 55 * day;
    expect(addressesOf([general, fresh], { workers: 4 }).stats()[1]).toMatchObject({
      rampDay: 56,
      allowedToday: 50_000,
    });
    nowMs += day;
    expect(addressesOf([general, fresh]).stats()[1]).toMatchObject({ rampDay: null, allowedToday: null });
  });

  it('spills from an address of an account to those for all mail', () => {
    const own: SendingAddress = { ...fresh, accounts: [7] };
    const names = namesOf(addressesOf([general, own]), 20, { account: 7 });
    expect(times(names, own.name)).toBe(5);
    expect(times(names, general.name)).toBe(15);
  });

  it('gets back the place of a delivery that was not tried, in its own day and hour alone', () => {
    const addresses = addressesOf([fresh, general]);
    const choices = Array.from({ length: 200 }, (_, n) => addresses.choose(aDelivery({ n }), hosts));
    const own = choices.filter(({ address }) => address.name === fresh.name);
    expect(own).toHaveLength(5);
    for (const one of own.slice(0, 2)) one.giveBack();
    expect(addresses.stats()[0]).toMatchObject({ today: 3 });
    expect(times(namesOf(addresses, 200), fresh.name)).toBe(2);
    nowMs += day / 24;
    own[2]?.giveBack();
    expect(addresses.stats()[0]).toMatchObject({ today: 4 });
    expect(times(namesOf(addresses, 200), fresh.name)).toBe(5);
    nowMs += day;
    expect(times(namesOf(addresses, 200), fresh.name)).toBeGreaterThan(0);
    const { today } = addresses.stats()[0] ?? {};
    own[3]?.giveBack();
    expect(addresses.stats()[0]).toMatchObject({ today });
  });

  it('makes no mail wait where every address ramps', () => {
    expect(namesOf(addressesOf([fresh]), 20)).toEqual(Array(20).fill(fresh.name));
  });

  it('goes on after a restart where it was', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'pennypost-')), 'counts.json');
    const fail = (error: unknown) => {
      throw error;
    };
    const before = await SendingCounts.open(path, fail);
    namesOf(addressesOf([general, fresh], { counts: before }), 40);
    await before.close();
    const after = await SendingCounts.open(path, fail);
    expect(after.of(fresh.name, nowMs)).toEqual({ today: 5, thisHour: 5 });
    expect(after.of(fresh.name, nowMs + day / 24)).toEqual({ today: 5, thisHour: 0 });
    expect(after.of(fresh.name, nowMs + day)).toEqual({ today: 0, thisHour: 0 });
  });

  it('begins anew, and says so, where the file is no counts', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'pennypost-')), 'counts.json');
    await writeFile(path, '{"day": "today"}');
    const faults: unknown[] = [];
    const counts = await SendingCounts.open(path, (error) => faults.push(error));
    expect(faults).toHaveLength(1);
    counts.add('a.test', nowMs);
    await counts.close();
    expect(JSON.parse(await readFile(path, 'utf8')).counts).toEqual({ 'a.test': { today: 1, thisHour: 1 } });
  });
});

describe('mail by several addresses', () => {
  let mx: FakeMx;
  let courier: Courier;

  beforeEach(async () => {
    mx = await startFakeMx();
  });
  afterEach(async () => {
    await courier.close();
    await mx.close();
  });

  it('comes from each with its name and over its own connections; the outcome tells which', async () => {
    const digests: SendingAddress = { name: 'out3.test.example', ipv4: '127.0.0.4', classes: ['digest'] };
    courier = courierTo(mx, { sendingAddresses: addressesOf([general, digests]), now: () => nowMs });
    const standard = await send(courier);
    const digest = await send(courier, { class: 'digest' });
    const again = await send(courier, { class: 'digest' });
    expect([standard, digest, again].map(({ session }) => [session.from, session.reused])).toEqual([
      [general.name, false],
      [digests.name, false],
      [digests.name, true],
    ]);
    expect(mx.messages.map(({ peer }) => peer)).toEqual(['127.0.0.2', '127.0.0.4', '127.0.0.4']);
    expect(mx.commands.filter((line) => line.startsWith('EHLO'))).toEqual([
      `EHLO ${general.name}`,
      `EHLO ${digests.name}`,
    ]);
    expect(courier.stats()).toMatchObject({ openConnections: 2, idleConnections: 2 });
    expect(courier.sendingAddresses().map(({ today }) => today)).toEqual([1, 2]);
  });

  it('counts no delivery that no connection was free for', async () => {
    courier = courierTo(mx, { sendingAddresses: addressesOf([general]), now: () => nowMs });
    await send(courier);
    await courier.close();
    expect(await sendIfFree(courier, { n: 1 })).toBe('untried');
    expect(courier.sendingAddresses()).toMatchObject([{ today: 1 }]);
  });

  it('is paused for one of them alone: priority and all other classes', async () => {
    const digests: SendingAddress = { name: 'out3.test.example', ipv4: '127.0.0.4', classes: ['digest'] };
    courier = courierTo(mx, {
      sendingAddresses: addressesOf([general, digests]),
      throttlePauseMs: 60_000,
      now: () => nowMs,
    });
    await send(courier, { class: 'digest', rcptTo: '421-rcpt@example.test' });
    expect(courier.throttledDomains()).toEqual([]);
    expect(courier.busyDomains()).toEqual(['example.test']);
    expect(courier.sendingAddresses().map(({ paused }) => paused)).toEqual([[], ['example.test']]);
    expect(await send(courier)).toMatchObject({ type: 'delivered', session: { from: general.name } });
    await send(courier, { rcptTo: '421-rcpt@example.test' });
    expect(courier.throttledDomains()).toEqual(['example.test']);
  });

  it('never goes to an address of a family that ours lacks', async () => {
    courier = courierTo(mx, {
      sendingAddresses: addressesOf([general]),
      resolveRecords: resolverOf({
        'example.test': { MX: [{ exchange: 'mx.test', priority: 10 }] },
        'mx.test': { A: [mx.address], AAAA: ['::1'] },
      }),
      now: () => nowMs,
    });
    for (let i = 0; i < 5; i++) await send(courier);
    expect(mx.messages).toHaveLength(5);
    expect((await send(courier)).session.tried).toEqual([]);
  });
});

describe('the file of sending addresses', () => {
  const read = async (content: unknown) => {
    const path = join(await mkdtemp(join(tmpdir(), 'pennypost-')), 'addresses.json');
    await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
    return await readAddresses(
      parseConfig({
        PENNYPOST_EDGE_URL: 'https://edge.example',
        PENNYPOST_NODE_TOKEN: 'token-0123456789abcdef',
        PENNYPOST_HOST_NAME: 'mail.example',
        PENNYPOST_SENDING_ADDRESSES_FILE: path,
      }),
    );
  };

  it('is read', async () => {
    const list = [general, { ...fresh, classes: ['digest'], accounts: [7, 9], ipv6: '2001:db8::1' }];
    expect(await read(list)).toEqual(list);
  });

  it.each([
    ['no JSON', '[', 'JSON'],
    ['no address for all mail', [{ ...general, classes: ['digest'] }], 'without classes and accounts'],
    ['no address at all', [{ name: 'out1.test.example' }], 'one of ipv4 and ipv6'],
    ['an address twice', [general, { ...general, name: 'out9.test.example' }], 'is there twice'],
    ['a name twice', [general, { ...general, ipv4: '127.0.0.9' }], 'is there twice'],
    ['a day that is none', [{ ...general, since: '28.11.2026' }], 'since'],
    ['a family for another', [{ ...general, ipv4: '::1' }], 'must be an IPv4 address'],
    ['a class that is unknown', [general, { ...fresh, classes: ['bulk'] }], 'classes'],
    ['a field that is unknown', [{ ...general, weight: 1 }], 'weight'],
  ])('is refused with %s, by its name and what is wrong', async (_, content, text) => {
    await expect(read(content)).rejects.toThrow(/PENNYPOST_SENDING_ADDRESSES_FILE .*addresses\.json/s);
    await expect(read(content)).rejects.toThrow(text);
  });
});
