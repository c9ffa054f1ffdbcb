import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeBimi, parseBimi } from '#domain/dns/bimi.ts';
import { judgeRecord } from '#domain/dns/judge-record.ts';
import { planChecks } from '#domain/dns/record-check.ts';
import { type DnsTable, lookupIn } from '../support/dns-table.ts';

const own = 'shop.example.com';
const at = (text: string) => ({ TXT: [text] });
const whole = 'v=BIMI1; l=https://example.com/logo.svg; a=https://example.com/logo.pem';
const enforced = { '_dmarc.example.com': at('v=DMARC1; p=reject') };
const subject = {
  name: own,
  type: 'outbound',
  token: 'abc123',
  returnPathLabel: 'pp-bounces',
  linkLabel: null,
  serviceDomain: 'mail.test',
  reportToken: null,
  keys: [],
} as const;

async function judge(table: DnsTable, name: string = own, asked: string[] = []) {
  const about = { ...subject, name };
  const planned = planChecks(about).find(({ kind }) => kind === 'bimi');
  if (!planned) throw new Error('no check');
  return await judgeRecord(planned, about, lookupIn(table, asked));
}

describe('a BIMI record', () => {
  it.each([
    [whole, { logo: 'https://example.com/logo.svg', evidence: 'https://example.com/logo.pem' }],
    ['v=BIMI1;l=https://example.com/logo.svg', { logo: 'https://example.com/logo.svg', evidence: '' }],
    ['v=BIMI1; l=https://e.com/l.svg; a=self; avp=brand', { logo: 'https://e.com/l.svg', evidence: '' }],
    ['v=BIMI1; l=; a=;', { logo: '', evidence: '' }],
  ])('%j is read', (text, record) => {
    expect(parseBimi(text)).toEqual(record);
  });

  it.each([
    ['v=BIMI2; l=https://e.com/l.svg', 'v=BIMI1'],
    ['l=https://e.com/l.svg; v=BIMI1', 'v=BIMI1'],
    ['v=BIMI1', 'no "l" tag'],
    ['v=BIMI1; l=http://e.com/l.svg', 'its "l" tag has "http://e.com/l.svg"'],
    ['v=BIMI1; l=logo.svg', 'not an https URI'],
    ['v=BIMI1; l=https://e.com/l.svg; a=http://e.com/l.pem', 'its "a" tag'],
    ['v=BIMI1; l=; a=https://e.com/l.pem', 'is empty'],
    ['v=BIMI1; l=https://e.com/a.svg; l=https://e.com/b.svg', 'twice'],
  ])('%j is refused because of %s', (text, why) => {
    expect(parseBimi(text)).toContain(why);
  });

  it('never makes the parser throw', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const parsed = parseBimi(`v=BIMI1;${text}`);
        expect(typeof parsed === 'string' || typeof parsed.logo === 'string').toBe(true);
      }),
    );
  });
});

describe('the check of BIMI', () => {
  const found = (text: string) => ({ [`default._bimi.${own}`]: at(text) });
  it.each([
    ['nothing', {}, 'missing', 'First publish a DMARC record with p=quarantine'],
    ['nothing beside an enforced policy', enforced, 'missing', 'of your own files.'],
    ['a record, logo and certificate', { ...enforced, ...found(whole) }, 'ok', null],
    ['a refusal to have a logo', found('v=BIMI1; l=; a='), 'ok', null],
    ['no certificate', { ...enforced, ...found('v=BIMI1; l=https://e.com/l.svg') }, 'ok', 'VMC or CMC'],
    ['another file', { ...enforced, ...found('v=BIMI1; l=https://e.com/l.png') }, 'ok', '.svg'],
    ['a logo over plain HTTP', found('v=BIMI1; l=http://e.com/l.svg'), 'wrong', 'Mend'],
    ['two records', { [`default._bimi.${own}`]: { TXT: [whole, whole] } }, 'multiple', 'Keep one'],
    ['a failing server', { [`default._bimi.${own}`]: 'servfail' }, 'lookup_failed', 'did not answer'],
  ] as const)('that finds %s', async (_, table, status, fix) => {
    const finding = await judge(table as DnsTable);
    expect(finding.status).toBe(status);
    if (fix === null) expect(finding.fix).toBeNull();
    else expect(finding.fix).toContain(fix);
  });

  it.each([
    ['v=DMARC1; p=none', 'raise p=none at _dmarc.example.com to p=quarantine'],
    ['v=DMARC1; p=quarantine; pct=20', 'take pct=20 out of _dmarc.example.com'],
    ['v=DMARC1; p=reject; sp=none', 'take sp=none out of _dmarc.example.com'],
    ['v=DMARC1; p=reject; t=y', 'take t=y out of _dmarc.example.com'],
  ])('asks for an enforced policy: %j', async (policy, fix) => {
    const table = { ...found(whole), '_dmarc.example.com': at(policy) };
    expect(await judge(table)).toMatchObject({ status: 'ok', fix: expect.stringContaining(fix) });
    // An enforced policy of the domain alone does not make up for the one above.
    const both = { ...table, [`_dmarc.${own}`]: at('v=DMARC1; p=reject') };
    expect((await judge(both)).fix).toContain(fix);
  });

  it('finds the record of the organisational domain, when there is none of its own', async () => {
    const table = { ...enforced, 'default._bimi.example.com': at(whole) };
    expect(await judge(table)).toMatchObject({ status: 'ok', foundAt: 'example.com', fix: null });
    const two = { ...table, ...found('v=BIMI1; l=; a=') };
    expect(await judge(two)).toMatchObject({ foundAt: own });
  });

  it('asks one question of a domain that has none, beside those about DMARC', async () => {
    const asked: string[] = [];
    await judge(enforced, 'example.com', asked);
    const own = asked.filter((question) => !question.startsWith('_dmarc.'));
    expect([...new Set(own)]).toEqual(['default._bimi.example.com TXT']);
  });

  it('is the one of the catalogue', () => {
    const planned = planChecks(subject).find(({ kind }) => kind === 'bimi');
    expect(planned?.check.judge).toBe(judgeBimi);
    expect(planned?.need).toBe('optional');
  });
});
