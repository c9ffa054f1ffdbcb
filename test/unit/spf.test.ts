/// <reference path="../../smtp-node/operator/doctor/mailauth-spf.d.ts" />
import fc from 'fast-check';
import { spf } from 'mailauth/lib/spf/index.js';
import { describe, expect, it } from 'vitest';
import { isIpv6, isSpf, mergedSpf, parseSpf, walkSpf } from '#domain/dns/spf.ts';
import { resolverOf } from '../../smtp-node/operator/doctor/spf.ts';
import { type DnsTable, lookupIn } from '../support/dns-table.ts';

const service = '_spf.mail.test';
const ours = { [service]: { TXT: ['v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all'] } };

describe('an SPF record', () => {
  it.each([
    'v=spf1',
    'V=SPF1 -ALL',
    'v=spf1 +mx a:colo.example.com/28 -all',
    'v=spf1 a mx/24//64 ~all',
    'v=spf1 ip4:192.0.2.128/28 ip6:2001:db8::/32 ip6:::1 ip6:::ffff:1.2.3.4/96 ?all',
    'v=spf1 include:example.com include:example.org. -all',
    'v=spf1 exists:%{ir}.%{l1r+-}._spf.%{d}  -all',
    'v=spf1 ptr ptr:example.com',
    'v=spf1 redirect=_spf.example.com',
    'v=spf1 exp=explain._spf.%{d} mx moo=bar-%{d}-%%',
    'v=spf1 a:%{d2} include:_spf.%{d}',
    'v=spf1 include:1.2.3.example',
  ])('of the form %j is read', (text) => {
    expect(parseSpf(text)).toMatchObject({ directives: expect.any(Array) });
  });

  it.each([
    ['v=spf10', 'v=spf1'],
    ['spf1 -all', 'v=spf1'],
    ['v=spf1 all:example.com', 'no argument'],
    ['v=spf1 include', 'no domain'],
    ['v=spf1 include:', 'no domain'],
    ['v=spf1 include:localhost', 'not valid'],
    ['v=spf1 include:example.123', 'not valid'],
    ['v=spf1 include:example.com/24', 'not valid'],
    ['v=spf1 ip4:192.0.2', 'address'],
    ['v=spf1 ip4:192.0.2.1/33', 'prefix'],
    ['v=spf1 ip4:192.0.2.1/', 'prefix'],
    ['v=spf1 ip4:192.0.2.1/024', 'prefix'],
    ['v=spf1 ip4:192.0.2.256', 'address'],
    ['v=spf1 ip4:2001:db8::1', 'address'],
    ['v=spf1 ip6:2001:db8', 'address'],
    ['v=spf1 ip6:2001:db8::1/129', 'prefix'],
    ['v=spf1 a/33', 'prefix'],
    ['v=spf1 a//129', 'prefix'],
    ['v=spf1 a:example.com:8080', 'not valid'],
    ['v=spf1 mx/', 'not valid'],
    ['v=spf1 ptr/0', 'not valid'],
    ['v=spf1 redirect=a.example redirect=b.example', 'twice'],
    ['v=spf1 exp=a.example exp=b.example', 'twice'],
    ['v=spf1 redirect=', 'no domain'],
    ['v=spf1 exists:%{x}.example', 'macro'],
    ['v=spf1 moo=%abc', 'macro'],
    ['v=spf1 v=spf2 moo:%', 'mechanism'],
    ['v=spf1 ipv4:192.0.2.1', 'mechanism'],
    ['v=spf1 -', 'mechanism'],
    ['v=spf1 a\tmx', 'printable'],
    ['v=spf1 café -all', 'printable'],
  ])('%j is refused because of its %s', (text, why) => {
    expect(parseSpf(text)).toContain(why);
  });

  it('is told from other TXT records by its version alone', () => {
    expect(['v=spf1', 'v=spf1 x', 'v=SPF1 -all'].every(isSpf)).toBe(true);
    expect(['v=spf1x', 'v=spf10 -all', ' v=spf1 -all', 'x v=spf1 '].some(isSpf)).toBe(false);
  });

  it('never makes the parser throw', () => {
    const term = fc.oneof(
      fc.string(),
      fc.constantFrom('a:', 'mx', 'include:', 'ip6:', 'redirect=', '%{', '/', '//64'),
    );
    fc.assert(
      fc.property(fc.array(term), (terms) => {
        const parsed = parseSpf(`v=spf1 ${terms.join(' ')}`);
        expect(typeof parsed === 'string' || Array.isArray(parsed.directives)).toBe(true);
      }),
    );
  });

  it.each(['::', '::1', '1::', '1:2:3:4:5:6:7:8', '1::1.2.3.4', 'FFFF::'])('knows %s as IPv6', (text) => {
    expect(isIpv6(text)).toBe(true);
  });
  it.each(['', ':', ':::', '1:2:3', '1::2::3', '1:2:3:4:5:6:7:8:9', '12345::', '1.2.3.4', 'g::', '::1.2.3'])(
    'knows %j as no IPv6',
    (text) => {
      expect(isIpv6(text)).toBe(false);
    },
  );
});

describe('a walk through an SPF policy', () => {
  const walk = (record: string, table: DnsTable = {}, asked: string[] = []) =>
    walkSpf({ domain: 'a.example', record, wanted: service, lookup: lookupIn({ ...ours, ...table }, asked) });

  it.each([
    ['directly', `v=spf1 include:${service} ~all`, {}],
    ['in upper case', `v=spf1 INCLUDE:${service.toUpperCase()}. -ALL`, {}],
    [
      'through another include',
      'v=spf1 include:b.example -all',
      { 'b.example': { TXT: [`v=spf1 include:${service}`] } },
    ],
    [
      'through a redirect',
      'v=spf1 redirect=b.example',
      { 'b.example': { TXT: [`v=spf1 include:${service}`] } },
    ],
    ['as the redirect', `v=spf1 redirect=${service}`, {}],
  ])('finds the service %s', async (_, record, table) => {
    expect(await walk(record, table)).toMatchObject({ authorises: true, fault: null, failure: null });
  });

  it.each([
    ['nowhere', 'v=spf1 mx -all', { 'a.example': { MX: ['10 a.example'] } }],
    ['behind all', `v=spf1 -all include:${service}`, {}],
    ['in a redirect beside all', `v=spf1 ~all redirect=${service}`, {}],
    ['with a qualifier that does not pass', `v=spf1 ?include:${service} -all`, {}],
    [
      'in an include that does not pass',
      'v=spf1 -include:b.example',
      { 'b.example': { TXT: [`v=spf1 include:${service}`] } },
    ],
    ['by text only', `v=spf1 exists:${service} -all`, { [service]: { A: ['127.0.0.2'] } }],
  ])('does not find it %s', async (_, record, table) => {
    expect(await walk(record, table)).toMatchObject({ authorises: false, fault: null });
  });

  const includes = (count: number): DnsTable =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`i${i}.example`, { TXT: ['v=spf1 -all'] }]));
  const including = (count: number) =>
    `v=spf1 include:${service} ${Array.from({ length: count }, (_, i) => `include:i${i}.example`).join(' ')} -all`;

  it('allows ten lookups and not eleven', async () => {
    expect(await walk(including(9), includes(9))).toMatchObject({ lookups: 10, fault: null });
    const eleven = await walk(including(10), includes(10));
    expect(eleven).toMatchObject({ lookups: 11, authorises: true });
    expect(eleven.fault).toContain('11 DNS lookups');
  });

  it('counts the lookups of includes, and every term that asks', async () => {
    const table = {
      'a.example': { A: ['192.0.2.1'], MX: ['10 mx.example'] },
      'b.example': {
        TXT: ['v=spf1 a mx ptr exists:%{i}.c.example ip4:192.0.2.1 -all'],
        A: ['192.0.2.2'],
        MX: ['1 b.example'],
      },
    };
    expect(await walk('v=spf1 a mx include:b.example -all', table)).toMatchObject({
      lookups: 7,
      fault: null,
    });
  });

  it('allows two lookups that find nothing and not three', async () => {
    expect(await walk('v=spf1 a:x.example mx:y.example -all')).toMatchObject({ voidLookups: 2, fault: null });
    expect((await walk('v=spf1 a:x.example mx:y.example exists:z.example -all')).fault).toContain(
      'find nothing',
    );
  });

  it('does not call a name void that has an IPv6 address only', async () => {
    expect(await walk('v=spf1 a:x.example', { 'x.example': { AAAA: ['::1'] } })).toMatchObject({
      voidLookups: 0,
    });
  });

  it.each([
    [
      'an include without SPF',
      'v=spf1 include:b.example -all',
      { 'b.example': { TXT: ['hello'] } },
      'leads to no SPF record',
    ],
    ['a redirect to nowhere', 'v=spf1 redirect=b.example', {}, 'leads to no SPF record'],
    [
      'an include with two records',
      'v=spf1 include:b.example',
      { 'b.example': { TXT: ['v=spf1 a', 'v=spf1 mx'] } },
      '2 SPF records',
    ],
    [
      'a wrong term in an include',
      'v=spf1 include:b.example',
      { 'b.example': { TXT: ['v=spf1 ip4:x'] } },
      'cannot be read',
    ],
    [
      'eleven MX',
      'v=spf1 mx',
      { 'a.example': { MX: Array.from({ length: 11 }, (_, i) => `1 m${i}.example`) } },
      '11 MX records',
    ],
  ])('calls %s a fault', async (_, record, table, fault) => {
    expect((await walk(record, table)).fault).toContain(fault);
  });

  it('ends at a circle of includes', async () => {
    const asked: string[] = [];
    const found = await walk(
      'v=spf1 include:b.example',
      { 'b.example': { TXT: ['v=spf1 include:b.example'] } },
      asked,
    );
    expect(found.fault).toContain('lookups');
    expect(asked.length).toBeLessThan(40);
  });

  it('tells a failed lookup from a wrong policy', async () => {
    expect(
      await walk(`v=spf1 include:b.example include:${service}`, { 'b.example': 'servfail' }),
    ).toMatchObject({
      authorises: true,
      fault: null,
      failure: { name: 'b.example', failure: 'servfail' },
    });
  });
});

describe('a merged SPF record', () => {
  it.each([
    [[], `v=spf1 include:${service} ~all`],
    [['v=spf1 mx -all'], `v=spf1 include:${service} mx -all`],
    [
      ['v=spf1 include:x.example ?all', 'v=spf1 mx include:x.example -all'],
      `v=spf1 include:${service} include:x.example mx ?all`,
    ],
    [['v=spf1 redirect=x.example'], `v=spf1 include:${service} redirect=x.example`],
    [['v=spf1 mx +all'], `v=spf1 include:${service} mx ~all`],
    [[`v=spf1 mx include:${service} -all`], `v=spf1 include:${service} mx -all`],
  ])('of %j is %j', (records, merged) => {
    expect(mergedSpf(records, service)).toBe(merged);
  });

  it('keeps every term and authorises the service', async () => {
    const terms = fc.uniqueArray(
      fc.constantFrom('mx', 'a', 'ip4:192.0.2.1', 'include:x.example', 'exists:y.example'),
    );
    await fc.assert(
      fc.asyncProperty(terms, fc.constantFrom('', '-all', '~all', '?all'), async (some, all) => {
        const merged = mergedSpf([['v=spf1', ...some, all].filter(Boolean).join(' ')], service);
        for (const term of some) expect(merged.split(' ')).toContain(term);
        const found = await walkSpf({
          domain: 'a.example',
          record: merged,
          wanted: service,
          lookup: lookupIn(ours),
        });
        expect(found.authorises).toBe(true);
      }),
    );
  });
});

describe('the walk and an evaluation by another hand', () => {
  const zone: DnsTable = {
    ...ours,
    'x.example': { TXT: ['v=spf1 ip4:198.51.100.1 -all'], A: ['198.51.100.2'], MX: ['10 x.example'] },
    'deep.example': { TXT: [`v=spf1 include:x.example include:${service} -all`] },
    'plain.example': { TXT: ['hello'] },
    'two.example': { TXT: ['v=spf1 -all', 'v=spf1 +all'] },
  };
  const term = fc.constantFrom(
    'ip4:198.51.100.9',
    'a:x.example',
    'mx:x.example',
    'a:void.example',
    'exists:void.example',
    '-ip6:2001:db8:9::/48',
    'include:x.example',
    'include:deep.example',
    'include:plain.example',
    'include:two.example',
    'include:absent.example',
    '-include:deep.example',
    `include:${service}`,
    `?include:${service}`,
    'ip4:300.1.1.1',
    'nonsense',
  );
  const last = fc.constantFrom('', '-all', '~all', 'redirect=deep.example', 'redirect=absent.example');

  it('agree on whether mail from us passes', async () => {
    const ip = '192.0.2.1';
    await fc.assert(
      fc.asyncProperty(fc.array(term, { maxLength: 9 }), last, async (terms, end) => {
        const record = ['v=spf1', ...terms, end].filter(Boolean).join(' ');
        const lookup = lookupIn({ ...zone, 'a.example': { TXT: [record] } });
        const found = await walkSpf({ domain: 'a.example', record, wanted: service, lookup });
        const resolver = resolverOf(lookup);
        const { status } = await spf({
          ip,
          helo: 'h.example',
          sender: 'x@a.example',
          resolver,
          strict: true,
        });
        // What the walk finds faultless is judged alike; what it finds faulty may pass before the fault is reached.
        if (found.fault === null)
          expect([record, status.result === 'pass']).toEqual([record, found.authorises]);
        if (status.result === 'permerror') expect([record, found.fault]).not.toEqual([record, null]);
      }),
      { numRuns: 500 },
    );
  });
});
