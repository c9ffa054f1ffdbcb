import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findDmarc, parseDmarc, treeWalk } from '#domain/dns/dmarc.ts';
import { type DnsTable, lookupIn } from '../support/dns-table.ts';

describe('a DMARC record', () => {
  it.each([
    ['v=DMARC1; p=none', { policy: 'none', dkimAlignment: 'r', spfAlignment: 'r', reportUris: [] }],
    [
      'v=DMARC1;p=REJECT;sp=none;adkim=s;aspf=S;',
      { policy: 'reject', subdomainPolicy: 'none', dkimAlignment: 's', spfAlignment: 's' },
    ],
    [
      'v=DMARC1; p=quarantine; rua=mailto:a@example.com!10m, mailto:b@example.org; pct=50; psd=n',
      { reportUris: ['mailto:a@example.com!10m', 'mailto:b@example.org'], publicSuffix: 'n', percent: 50 },
    ],
    ['v=DMARC1; rua=mailto:a@example.com', { policy: 'none', percent: 100, testing: false }],
    ['v=DMARC1; p=reject; pct=much; t=y', { policy: 'reject', percent: 100, testing: true }],
  ])('%j is read', (text, record) => {
    expect(parseDmarc(text)).toMatchObject(record);
  });

  it.each([
    ['v=DMARC1', '"p"'],
    ['v=DMARC1; p=block', '"p"'],
    ['v=DMARC1; p=block; rua=mailto:a@example.com', '"p"'],
    ['v=dmarc1; p=none', 'v=DMARC1'],
    ['p=none; v=DMARC1', 'v=DMARC1'],
    ['v=DMARC10; p=none', 'v=DMARC1'],
    ['v=DMARC1; p=none; p=reject', 'twice'],
    ['v=DMARC1; p=none; rua=a@example.com', 'mailto:'],
    ['v=DMARC1; p=none; rua=https://example.com', 'mailto:'],
    ['v=DMARC1; p=none; nonsense', 'not a tag'],
  ])('%j is refused because of its %s', (text, why) => {
    expect(parseDmarc(text)).toContain(why);
  });

  it('never makes the parser throw', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const parsed = parseDmarc(`v=DMARC1;${text}`);
        expect(typeof parsed === 'string' || Array.isArray(parsed.reportUris)).toBe(true);
      }),
    );
  });
});

describe('the policy of a domain', () => {
  const find = (domain: string, table: DnsTable) => findDmarc(domain, lookupIn(table));
  const at = (text: string) => ({ TXT: [text] });

  it('walks up the tree, in at most eight questions', () => {
    expect(treeWalk('mail.example.com')).toEqual(['mail.example.com', 'example.com', 'com']);
    const long = treeWalk('a.b.c.d.e.f.g.h.i.j.mail.example.com');
    expect(long).toHaveLength(8);
    expect(long.slice(0, 2)).toEqual(['a.b.c.d.e.f.g.h.i.j.mail.example.com', 'g.h.i.j.mail.example.com']);
  });

  it('is its own record before any other', async () => {
    const table = {
      '_dmarc.a.example.com': at('v=DMARC1; p=none'),
      '_dmarc.example.com': at('v=DMARC1; p=reject'),
    };
    expect(await find('a.example.com', table)).toMatchObject({ kind: 'found', at: 'a.example.com' });
  });

  it('is that of the organisational domain otherwise: the record with the fewest labels', async () => {
    const table = {
      '_dmarc.b.example.com': at('v=DMARC1; p=none'),
      '_dmarc.example.com': at('v=DMARC1; p=reject'),
    };
    expect(await find('a.b.example.com', table)).toMatchObject({ kind: 'found', at: 'example.com' });
  });

  it('ends the walk at psd=n, and below psd=y', async () => {
    const ended = {
      '_dmarc.b.example.com': at('v=DMARC1; p=none; psd=n'),
      '_dmarc.example.com': at('v=DMARC1; p=reject'),
    };
    expect(await find('a.b.example.com', ended)).toMatchObject({ at: 'b.example.com' });
    const suffix = {
      '_dmarc.example.co.test': at('v=DMARC1; p=none'),
      '_dmarc.co.test': at('v=DMARC1; p=reject; psd=y'),
    };
    expect(await find('a.example.co.test', suffix)).toMatchObject({ at: 'example.co.test' });
  });

  it('does not take other TXT records for one', async () => {
    expect(await find('a.example', { '_dmarc.a.example': { TXT: ['hello', 'v=spf1 -all'] } })).toEqual({
      kind: 'none',
    });
  });

  it('is none when there are several, and unknown when DNS fails', async () => {
    const several = { '_dmarc.a.example': { TXT: ['v=DMARC1; p=none', 'v=DMARC1; p=reject'] } };
    expect(await find('a.example', several)).toMatchObject({ kind: 'several' });
    expect(await find('a.example', { '_dmarc.a.example': 'timeout' })).toMatchObject({ kind: 'failed' });
  });
});
