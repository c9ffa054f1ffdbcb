import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AggregateReport, AggregateRow } from '#domain/reports/aggregate-report.ts';
import { keptAggregate, keptBounds, keptTls, otherSources } from '#domain/reports/kept-report.ts';
import {
  parseReportAddress,
  reportAddress,
  reportPermission,
  reportToken,
  tlsReportRecord,
} from '#domain/reports/report-address.ts';
import type { TlsReport } from '#domain/reports/tls-report.ts';
import { tlsFailures, tlsMeaning, tlsPolicies } from '#domain/reports/tls-source.ts';

const now = Date.UTC(2026, 10, 27, 12);
const dayMs = 86_400_000;
const row = (more: Partial<AggregateRow> = {}): AggregateRow => ({
  ...{ sourceIp: '192.0.2.1', count: 1, disposition: 'none', dkimAligned: true, spfAligned: true },
  ...{ overrides: [], headerFrom: 'shop.test', envelopeFrom: '', dkim: [], spf: [] },
  ...more,
});
const report = (rows: AggregateRow[], more: Partial<AggregateReport> = {}): AggregateReport => ({
  ...{ reporter: 'Mail & Co', reportId: '1', fromMs: now - 2 * dayMs, toMs: now - dayMs },
  ...{ domain: 'shop.test', policy: 'reject', subdomainPolicy: '', rows },
  ...more,
});
const kept = (rows: AggregateRow[], more: Partial<AggregateReport> = {}, domain = 'shop.test') => {
  const found = keptAggregate(report(rows, more), domain, now);
  if (typeof found === 'string') throw new Error(found);
  return found.rows;
};

describe('an address for reports', () => {
  const domain = { id: 42, verificationToken: '0123456789abcdef0123456789abcdef' };
  it('names its domain, in any case of letters', () => {
    const token = reportToken(domain) ?? '';
    expect(token).toBe('42-0123456789abcdef');
    const address = reportAddress('tls', token, 'mail.test');
    expect(address).toBe('tlsrpt+42-0123456789abcdef@reports.mail.test');
    expect(parseReportAddress('TLSRPT+42-0123456789ABCDEF')).toEqual({ kind: 'tls', domainId: 42, token });
    expect(parseReportAddress('dmarc+42-0123456789abcdef')?.kind).toBe('dmarc');
  });
  it.each([
    'dmarc',
    'dmarc+',
    'dmarc+42',
    'dmarc+42-0123',
    'dmarc+-0123456789abcdef',
    'x+42-0123456789abcdef',
  ])('is not %j', (localPart) => {
    expect(parseReportAddress(localPart)).toBeNull();
  });
  it('is not there for a domain without a token', () => {
    expect(reportToken({ id: 1, verificationToken: '' })).toBeNull();
  });
  it('is allowed by a wildcard, and asked for by a record (RFC 8460 §3)', () => {
    expect(reportPermission('mail.test')).toEqual({
      name: '*._report._dmarc.reports.mail.test',
      value: 'v=DMARC1',
    });
    expect(tlsReportRecord('shop.test', '42-0123456789abcdef', 'mail.test')).toEqual({
      name: '_smtp._tls.shop.test',
      value: 'v=TLSRPTv1; rua=mailto:tlsrpt+42-0123456789abcdef@reports.mail.test',
    });
  });
});

describe('what is kept of a DMARC report', () => {
  it('is one row for what tells the same, with the names that passed', () => {
    const dkim = [
      { domain: 'shop.test', selector: 'a', result: 'pass' },
      { domain: 'esp.test', selector: 'b', result: 'fail' },
    ];
    const rows = kept([
      row({ count: 2, dkim }),
      row({ sourceIp: '192.0.2.9', count: 9 }),
      row({ count: 3, dkim }),
    ]);
    expect(rows.map(({ sourceIp, count }) => [sourceIp, count])).toEqual([
      ['192.0.2.9', 9],
      ['192.0.2.1', 5],
    ]);
    expect(rows[1]?.dkim).toEqual([{ domain: 'shop.test', selector: '', result: 'pass' }]);
  });
  it('is about the domain, and of a domain above only what is in its name', () => {
    expect(keptAggregate(report([], { domain: 'other.test' }), 'shop.test', now)).toBe(
      'it is about other.test, not shop.test',
    );
    const above = [row({ headerFrom: 'mail.shop.test' }), row({ headerFrom: 'shop.test', count: 7 })];
    expect(kept(above, {}, 'mail.shop.test')).toHaveLength(1);
    expect(kept([row({ headerFrom: '' })], { domain: 'sub.shop.test' })).toHaveLength(1);
  });
  it.each<[string, Partial<AggregateReport>]>([
    ['long over', { fromMs: now - 40 * dayMs, toMs: now - 39 * dayMs }],
    ['to come', { fromMs: now + 2 * dayMs, toMs: now + 3 * dayMs }],
    ['not about a day', { toMs: now - 3 * dayMs }],
    ['not about a day', { fromMs: now - 12 * dayMs }],
  ])('is nothing where its time is %s', (words, times) => {
    expect(keptAggregate(report([row()], times), 'shop.test', now)).toContain(words);
  });
  it('has a bound, beyond which all mail is summed up, none lost', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            sourceIp: fc.ipV6(),
            count: fc.integer({ min: 0, max: 1000 }),
            disposition: fc.constantFrom('none', 'reject'),
            dkimAligned: fc.boolean(),
          }),
          { maxLength: 400, size: 'max' },
        ),
        (some) => {
          const rows = kept(some.map((one) => row(one)));
          const sum = (all: { count: number }[]) => all.reduce((total, { count }) => total + count, 0);
          expect(sum(rows)).toBe(sum(some));
          const single = rows.filter(({ sourceIp }) => sourceIp !== otherSources);
          expect(JSON.stringify(single).length).toBeLessThanOrEqual(keptBounds.rowsCharacters + 2);
          expect(rows.length - single.length).toBeLessThanOrEqual(4);
        },
      ),
      { numRuns: 50 },
    );
  });
  it('adds up whatever reporters say', () => {
    const rows = kept(Array.from({ length: 20 }, () => row({ count: 999_999_999_999_999 })));
    expect(rows[0]?.count).toBe(1e9);
  });
});

describe('what is kept of a TLS report', () => {
  const failure = {
    ...{ type: 'certificate-expired', host: 'mx1.shop.test' },
    ...{ sender: '1.2.3.4', count: 2, code: 'x' },
  };
  const tls = (rows: TlsReport['rows']): TlsReport => ({
    ...{ reporter: 'Mail & Co', reportId: '1', fromMs: now - 2 * dayMs, toMs: now - dayMs },
    rows,
  });
  const policy = {
    domain: 'shop.test',
    policyType: 'sts',
    successful: 10,
    failed: 4,
    failures: [failure, failure],
  };
  it('is of the domain alone, failures of one kind added', () => {
    const found = keptTls(tls([policy, { ...policy, domain: 'other.test' }]), 'shop.test', now);
    expect(found).toMatchObject({
      rows: [{ successful: 10, failed: 4, failures: [{ count: 4, sender: '' }] }],
    });
    expect(keptTls(tls([{ ...policy, domain: 'other.test' }]), 'shop.test', now)).toBe(
      'it is about other.test, not shop.test',
    );
  });
  it('is told by kind and host, with what it means', () => {
    const reports = [tls([policy]), { ...tls([policy]), reporter: 'Second' }];
    expect(tlsFailures(reports)).toEqual([
      {
        ...{
          type: 'certificate-expired',
          host: 'mx1.shop.test',
          count: 8,
          reporters: ['Mail & Co', 'Second'],
        },
        meaning: 'The certificate of the host has expired: renew it.',
      },
    ]);
    expect(tlsPolicies(reports)).toEqual([{ policy: 'sts', successful: 20, failed: 8 }]);
    expect(tlsMeaning('constructor')).toMatch(/no kind that RFC 8460 knows/);
  });
});
