import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMxResolver } from '../../smtp-node/outbound/mx.ts';
import { type MxHost, orderTargets } from '../../smtp-node/outbound/mx-order.ts';
import { resolverOf, type Zone } from '../support/zone.ts';

const host = (name: string, preference: number, ipv4: string[] = [], ipv6: string[] = []): MxHost => ({
  host: name,
  preference,
  ipv4,
  ipv6,
});

describe('the order of hosts', () => {
  it('is by preference', () => {
    const hosts = [host('b', 20, ['192.0.2.2']), host('a', 10, ['192.0.2.1']), host('c', 30, ['192.0.2.3'])];
    expect(orderTargets(hosts, () => 0.5).map((target) => target.host)).toEqual(['a', 'b', 'c']);
  });

  it('is random among equals', () => {
    const hosts = ['a', 'b', 'c'].map((name, i) => host(name, 10, [`192.0.2.${i}`]));
    const order = (draws: number[]) =>
      orderTargets(hosts, () => draws.shift() ?? 0).map((target) => target.host);
    expect(order([0, 0, 0])).toEqual(['a', 'b', 'c']);
    expect(order([0.99, 0.99, 0])).toEqual(['c', 'b', 'a']);
    expect(order([0.5, 0.99, 0])).toEqual(['b', 'c', 'a']);
  });

  it("alternates a host's families and keeps the resolver's order within each", () => {
    const hosts = [host('a', 1, ['192.0.2.1', '192.0.2.2', '192.0.2.3'], ['2001:db8::1', '2001:db8::2'])];
    expect(orderTargets(hosts, () => 0).map((target) => target.address)).toEqual([
      '192.0.2.1',
      '2001:db8::1',
      '192.0.2.2',
      '2001:db8::2',
      '192.0.2.3',
    ]);
  });

  it('has every address once, never a worse preference before a better one', () => {
    const anAddress = fc.integer({ min: 1, max: 20 }).map((n) => `192.0.2.${n}`);
    const aHost = fc.record({
      host: fc.constantFrom('a', 'b', 'c', 'd'),
      preference: fc.integer({ min: 0, max: 3 }),
      ipv4: fc.uniqueArray(anAddress, { maxLength: 4 }),
      ipv6: fc.constant<string[]>([]),
    });
    fc.assert(
      fc.property(
        fc.array(aHost, { maxLength: 6 }),
        fc.infiniteStream(fc.double({ min: 0, max: 0.999 })),
        (hosts, draws) => {
          const targets = orderTargets(hosts, () => draws.next().value ?? 0);
          const addresses = targets.map((target) => target.address);
          expect([...addresses].sort()).toEqual([...new Set(hosts.flatMap((one) => one.ipv4))].sort());
          const best = addresses.map((address) =>
            Math.min(...hosts.filter((one) => one.ipv4.includes(address)).map((one) => one.preference)),
          );
          expect(best).toEqual([...best].sort((a, b) => a - b));
        },
      ),
    );
  });
});

describe('an MX answer', () => {
  const zone: Zone = {
    'example.test': { MX: [{ exchange: 'mx.test', priority: 10 }] },
    'mx.test': { A: ['192.0.2.1'], AAAA: ['2001:db8::1'] },
  };

  function resolver(records: Zone, options: { cacheMs?: number; cacheEntries?: number } = {}) {
    const asked: string[] = [];
    const clock = { nowMs: 0 };
    const made = createMxResolver({
      resolveRecords: resolverOf(records, asked),
      blockLocalAddresses: true,
      now: () => clock.nowMs,
      ...options,
    });
    return { ...made, asked, clock };
  }

  it('has the addresses of both families', async () => {
    expect(await resolver(zone).resolve('example.test')).toEqual({
      kind: 'hosts',
      hosts: [host('mx.test', 10, ['192.0.2.1'], ['2001:db8::1'])],
    });
  });

  it('is kept for a while, and asked anew afterwards', async () => {
    const { resolve, asked, clock } = resolver(zone, { cacheMs: 1000 });
    await resolve('example.test');
    clock.nowMs = 999;
    await resolve('EXAMPLE.test');
    expect(asked.filter((question) => question.endsWith(' MX'))).toHaveLength(1);
    clock.nowMs = 1000;
    await resolve('example.test');
    expect(asked.filter((question) => question.endsWith(' MX'))).toHaveLength(2);
  });

  it('is not kept when it is a failure', async () => {
    const records: Zone = { 'example.test': 'SERVFAIL' };
    const { resolve } = resolver(records);
    expect(await resolve('example.test')).toMatchObject({ kind: 'none', permanent: false });
    Object.assign(records, zone);
    expect(await resolve('example.test')).toMatchObject({ kind: 'hosts' });
  });

  it('makes room for others when there are many', async () => {
    const { resolve, asked } = resolver(
      { 'a.test': { A: ['192.0.2.1'] }, 'b.test': { A: ['192.0.2.2'] } },
      { cacheEntries: 1 },
    );
    for (const domain of ['a.test', 'b.test', 'a.test']) await resolve(domain);
    expect(asked.filter((question) => question === 'a.test MX')).toHaveLength(2);
  });

  it('ignores a null MX beside real ones', async () => {
    const mixed: Zone = {
      ...zone,
      'example.test': {
        MX: [
          { exchange: '', priority: 0 },
          { exchange: 'mx.test', priority: 5 },
        ],
      },
    };
    expect(await resolver(mixed).resolve('example.test')).toMatchObject({ hosts: [{ host: 'mx.test' }] });
  });

  it('of an address literal is the address', async () => {
    expect(await resolver({}).resolve('[192.0.2.7]')).toMatchObject({ hosts: [{ ipv4: ['192.0.2.7'] }] });
  });
});
