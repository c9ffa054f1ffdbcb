import { describe, expect, it } from 'vitest';
import type { Finding } from '#domain/dns/finding.ts';
import { judgeRecord } from '#domain/dns/judge-record.ts';
import { type CheckKind, type CheckSubject, planChecks } from '#domain/dns/record-check.ts';
import { type DnsTable, lookupIn } from '../support/dns-table.ts';

const rsa = { selector: 'pennypost', algorithm: 'rsa-sha256', publicKey: 'MIIBIjANBg==' } as const;
const ed = { selector: 'pennypost-ed', algorithm: 'ed25519-sha256', publicKey: 'AAAA' } as const;
const subject: CheckSubject = {
  name: 'shop.example.com',
  type: 'both',
  token: 'abc123',
  returnPathLabel: 'pp-bounces',
  linkLabel: null,
  serviceDomain: 'mail.test',
  reportToken: '7-0123456789abcdef',
  keys: [rsa, ed],
};
const service: DnsTable = {
  '_spf.mail.test': { TXT: ['v=spf1 ip4:192.0.2.1 -all'] },
  'bounces.mail.test': { TXT: ['v=spf1 include:_spf.mail.test -all'], MX: ['10 mx.mail.test'] },
};

async function judge(kind: CheckKind, table: DnsTable, of: Partial<CheckSubject> = {}): Promise<Finding> {
  const label = kind === 'link_host' ? { linkLabel: 'links' } : {};
  const about = { ...subject, ...label, ...of };
  const planned = planChecks(about).find((one) => one.kind === kind);
  if (!planned) throw new Error(`no check ${kind}`);
  return await judgeRecord(planned, about, lookupIn({ ...service, ...table }));
}

describe('the records of a domain', () => {
  it.each([
    ['outbound', 'required', ['ownership', 'spf', 'dkim']],
    ['outbound', 'recommended', ['return_path', 'dmarc']],
    ['outbound', 'optional', ['dkim_ed25519', 'bimi']],
    ['inbound', 'optional', []],
    ['alias', 'optional', ['dkim_ed25519', 'bimi']],
    ['inbound', 'required', ['ownership', 'mx']],
    ['inbound', 'recommended', []],
    ['both', 'required', ['ownership', 'spf', 'dkim', 'mx']],
    ['alias', 'required', ['ownership', 'spf', 'dkim', 'mx']],
    ['alias', 'recommended', ['return_path', 'dmarc']],
  ] as const)('of type %s that are %s', (type, need, kinds) => {
    const planned = planChecks({ ...subject, type }).filter((one) => one.need === need);
    expect(planned.map((one) => one.kind)).toEqual(kinds);
  });

  it('have that of a link host where its label was chosen, and mail is sent that has links', () => {
    const kinds = (type: CheckSubject['type']) =>
      planChecks({ ...subject, type, linkLabel: 'links' })
        .filter(({ kind }) => kind === 'link_host')
        .map(({ need, wanted: { type: record, name, value } }) => [need, record, name, value]);
    const row = ['optional', 'CNAME', 'links.shop.example.com', 'links.mail.test'];
    expect(kinds('outbound')).toEqual([row]);
    expect(kinds('both')).toEqual([row]);
    expect([...kinds('inbound'), ...kinds('alias')]).toEqual([]);
  });

  it('are those of the contract', () => {
    const wanted = planChecks({ ...subject, name: 'example.com' }).map(
      ({ wanted: { type, name, value } }) => [type, name, value],
    );
    expect(wanted).toEqual([
      ['TXT', '_pennypost.example.com', 'pennypost-verification=abc123'],
      ['TXT', 'example.com', 'v=spf1 include:_spf.mail.test ~all'],
      ['TXT', 'pennypost._domainkey.example.com', 'v=DKIM1; k=rsa; p=MIIBIjANBg=='],
      ['TXT', 'pennypost-ed._domainkey.example.com', 'v=DKIM1; k=ed25519; p=AAAA'],
      ['CNAME', 'pp-bounces.example.com', 'bounces.mail.test'],
      [
        'TXT',
        '_dmarc.example.com',
        'v=DMARC1; p=quarantine; rua=mailto:dmarc+7-0123456789abcdef@reports.mail.test',
      ],
      [
        'TXT',
        'default._bimi.example.com',
        'v=BIMI1; l=https://example.com/logo.svg; a=https://example.com/logo.pem',
      ],
      ['MX', 'example.com', '10 mx.mail.test'],
    ]);
  });
});

const own = 'shop.example.com';
const dkim = `pennypost._domainkey.${own}`;
const path = `pp-bounces.${own}`;
const link = `links.${own}`;
const linkTarget: DnsTable = { 'links.mail.test': { AAAA: ['2001:db8::7'] } };
const cases: [CheckKind, string, DnsTable, Finding['status'], string | null][] = [
  ['ownership', 'nothing', {}, 'missing', 'pennypost-verification=abc123'],
  [
    'ownership',
    'our token',
    { [`_pennypost.${own}`]: { TXT: ['pennypost-verification=abc123'] } },
    'ok',
    null,
  ],
  [
    'ownership',
    "another account's token beside ours",
    { [`_pennypost.${own}`]: { TXT: ['pennypost-verification=other', 'pennypost-verification=abc123'] } },
    'ok',
    null,
  ],
  [
    'ownership',
    "only another account's token",
    { [`_pennypost.${own}`]: { TXT: ['pennypost-verification=other'] } },
    'wrong',
    'another token',
  ],
  ['ownership', 'a failing server', { [`_pennypost.${own}`]: 'servfail' }, 'lookup_failed', 'did not answer'],
  ['spf', 'nothing', {}, 'missing', 'v=spf1 include:_spf.mail.test ~all'],
  ['spf', 'other TXT records', { [own]: { TXT: ['google-site-verification=x'] } }, 'missing', 'Publish'],
  ['spf', 'our include', { [own]: { TXT: ['x', 'v=spf1 include:_spf.mail.test -all'] } }, 'ok', null],
  [
    'spf',
    'a record without us',
    { [own]: { TXT: ['v=spf1 mx -all'], MX: ['1 a'] } },
    'wrong',
    'include:_spf.mail.test mx -all',
  ],
  [
    'spf',
    'two records',
    { [own]: { TXT: ['v=spf1 mx -all', 'v=spf1 include:_spf.mail.test ~all'] } },
    'multiple',
    'v=spf1 include:_spf.mail.test mx -all',
  ],
  ['spf', 'a wrong term', { [own]: { TXT: ['v=spf1 include:_spf.mail.test ip4:x'] } }, 'wrong', 'ip4:x'],
  [
    'spf',
    'an include that fails',
    { [own]: { TXT: ['v=spf1 include:x.example include:_spf.mail.test'] }, 'x.example': 'timeout' },
    'lookup_failed',
    'x.example',
  ],
  ['dkim', 'nothing', {}, 'missing', 'p=MIIBIjANBg=='],
  ['dkim', 'the key', { [dkim]: { TXT: ['v=DKIM1; k=rsa; p=MIIBIjANBg=='] } }, 'ok', null],
  [
    'dkim',
    'the key behind a CNAME',
    { [dkim]: { CNAME: ['k.example'] }, 'k.example': { TXT: ['p=MIIBIjANBg=='] } },
    'ok',
    null,
  ],
  ['dkim', 'the key in testing', { [dkim]: { TXT: ['t=y; p=MIIBIjANBg=='] } }, 'ok', 't=y'],
  ['dkim', 'another key', { [dkim]: { TXT: ['v=DKIM1; p=MIIBBBBB'] } }, 'wrong', 'another key'],
  ['dkim', 'two records', { [dkim]: { TXT: ['p=MIIBIjANBg==', 'p=MIIBBBBB'] } }, 'multiple', 'Keep one'],
  ['dkim', 'a failing server', { [dkim]: 'servfail' }, 'lookup_failed', 'did not answer'],
  [
    'dkim',
    'the key at the parent',
    { 'pennypost._domainkey.example.com': { TXT: ['p=MIIBIjANBg=='] } },
    'ok',
    null,
  ],
  [
    'dkim',
    'a parent that fails',
    { 'pennypost._domainkey.example.com': 'servfail' },
    'lookup_failed',
    'did not answer',
  ],
  ['return_path', 'nothing', {}, 'missing', 'bounces.mail.test'],
  ['return_path', 'the CNAME', { [path]: { CNAME: ['bounces.mail.test'] } }, 'ok', null],
  [
    'return_path',
    'the CNAME by a detour',
    { [path]: { CNAME: ['x.example'] }, 'x.example': { CNAME: ['bounces.mail.test'] } },
    'ok',
    null,
  ],
  [
    'return_path',
    'a CNAME to elsewhere',
    { [path]: { CNAME: ['x.example'] }, 'x.example': { A: ['192.0.2.1'] } },
    'wrong',
    'leads to x.example',
  ],
  ['return_path', 'an address', { [path]: { A: ['192.0.2.1'] } }, 'wrong', 'plain CNAME'],
  [
    'return_path',
    'a target without SPF',
    { [path]: { CNAME: ['bounces.mail.test'] }, 'bounces.mail.test': { MX: ['1 x'] } },
    'wrong',
    'operator',
  ],
  ['return_path', 'a failing server', { [path]: 'timeout' }, 'lookup_failed', 'timeout'],
  ['link_host', 'nothing', {}, 'missing', 'links.mail.test'],
  ['link_host', 'the CNAME', { ...linkTarget, [link]: { CNAME: ['links.mail.test'] } }, 'ok', null],
  ['link_host', 'the CNAME to nothing', { [link]: { CNAME: ['links.mail.test'] } }, 'wrong', 'operator'],
  [
    'link_host',
    'the CNAME to what does not answer',
    { 'links.mail.test': 'servfail', [link]: { CNAME: ['links.mail.test'] } },
    'lookup_failed',
    'did not answer',
  ],
  [
    'link_host',
    'a CNAME to elsewhere',
    { [link]: { CNAME: ['x.example'] }, 'x.example': { A: ['192.0.2.1'] } },
    'wrong',
    'leads to x.example',
  ],
  ['link_host', 'an address', { [link]: { A: ['192.0.2.1'] } }, 'wrong', 'plain CNAME'],
  ['link_host', 'a failing server', { [link]: 'timeout' }, 'lookup_failed', 'timeout'],
  ['dmarc', 'nothing', {}, 'missing', 'v=DMARC1; p=quarantine'],
  [
    'dmarc',
    'a policy',
    { [`_dmarc.${own}`]: { TXT: ['v=DMARC1; p=reject; rua=mailto:a@b.example'] } },
    'ok',
    null,
  ],
  [
    'dmarc',
    'the policy of the organisational domain',
    { '_dmarc.example.com': { TXT: ['v=DMARC1; p=reject; rua=mailto:a@b.example'] } },
    'ok',
    null,
  ],
  ['dmarc', 'a policy without reports', { [`_dmarc.${own}`]: { TXT: ['v=DMARC1; p=reject'] } }, 'ok', 'rua='],
  [
    'dmarc',
    'p=none',
    { [`_dmarc.${own}`]: { TXT: ['v=DMARC1; p=none; rua=mailto:a@b.example'] } },
    'ok',
    'p=none',
  ],
  [
    'dmarc',
    'strict alignment',
    { [`_dmarc.${own}`]: { TXT: ['v=DMARC1; p=reject; adkim=s; rua=mailto:a@b.example'] } },
    'ok',
    'adkim',
  ],
  ['dmarc', 'a wrong policy', { [`_dmarc.${own}`]: { TXT: ['v=DMARC1; p=drop'] } }, 'wrong', '"p"'],
  [
    'dmarc',
    'two policies',
    { [`_dmarc.${own}`]: { TXT: ['v=DMARC1; p=none', 'v=DMARC1; p=reject'] } },
    'multiple',
    'Keep one',
  ],
  ['mx', 'nothing', {}, 'missing', '10 mx.mail.test'],
  ['mx', 'ours', { [own]: { MX: ['10 mx.mail.test'] } }, 'ok', null],
  ['mx', 'ours before another', { [own]: { MX: ['10 mx.mail.test', '20 x.example'] } }, 'ok', null],
  [
    'mx',
    'ours behind another',
    { [own]: { MX: ['10 mx.mail.test', '5 x.example'] } },
    'wrong',
    'lowest preference',
  ],
  ['mx', 'only another', { [own]: { MX: ['5 x.example'] } }, 'wrong', '10 mx.mail.test'],
];

describe('a check', () => {
  it.each(cases)('of %s that finds %s', async (kind, _, table, status, fix) => {
    const found = await judge(kind, table);
    expect(found.status).toBe(status);
    if (fix === null) expect(found.fix).toBeNull();
    else expect(found.fix).toContain(fix);
  });

  it('of SPF that needs eleven lookups is wrong, and says how many', async () => {
    const names = Array.from({ length: 10 }, (_, i) => `i${i}.example`);
    const record = `v=spf1 include:_spf.mail.test ${names.map((name) => `include:${name}`).join(' ')} ~all`;
    const table = Object.fromEntries(names.map((name) => [name, { TXT: ['v=spf1 -all'] }]));
    const found = await judge('spf', { ...table, [own]: { TXT: [record] } });
    expect(found).toMatchObject({ status: 'wrong', observed: [record] });
    expect(found.fix).toContain('it needs 11 DNS lookups, 10 are allowed');
  });

  describe('of SPF with ten lookups', () => {
    const names = Array.from({ length: 10 }, (_, i) => `i${i}.example`);
    const others = Object.fromEntries(names.map((name) => [name, { TXT: ['v=spf1 ip4:192.0.2.7 -all'] }]));
    const full = `v=spf1 ${names.map((name) => `include:${name}`).join(' ')} ~all`;
    const cname = `publish the CNAME ${path} to bounces.mail.test instead`;

    it('advises no record that receivers could not evaluate, but the return path', async () => {
      const found = await judge('spf', { ...others, [own]: { TXT: [full] } });
      expect(found).toMatchObject({ status: 'wrong', observed: [full] });
      expect(found.fix).toContain('as it is. With include:_spf.mail.test in it, it needs 11 DNS lookups');
      expect(found.fix).toContain(cname);
    });

    it('in two records as well', async () => {
      const [one, two] = [
        `v=spf1 ${names
          .slice(5)
          .map((name) => `include:${name}`)
          .join(' ')} ~all`,
        `${full.replace(/ include:i[5-9]\.example/g, '')}`,
      ];
      const found = await judge('spf', { ...others, [own]: { TXT: [one, two] } });
      expect(found).toMatchObject({ status: 'multiple' });
      expect(found.fix).toContain('Make one SPF record of the 2');
      expect(found.fix).toContain(cname);
    });

    it('of which we are none, over the limit', async () => {
      const over = full.replace('~all', 'include:i0.example mx ~all');
      const found = await judge('spf', { ...others, [own]: { TXT: [over] } });
      expect(found.fix).toContain(cname);
    });
  });

  describe('of a record that stands elsewhere', () => {
    const key = { TXT: ['v=DKIM1; k=rsa; p=MIIBIjANBg=='] };
    const spf = { TXT: ['v=spf1 include:_spf.mail.test ~all'] };
    it.each([
      [
        'dkim',
        { [`${dkim}.${own}`]: key },
        `It is at ${dkim}.${own}; leave the domain out of the name`,
        'the name is pennypost._domainkey.',
      ],
      [
        'dkim',
        { [`${dkim}.example.com`]: key },
        'leave the domain out of the name',
        'the name is pennypost._domainkey.shop.',
      ],
      ['spf', { [`${own}.${own}`]: spf }, 'leave the domain out of the name', 'the name is @.'],
      [
        'ownership',
        { '_pennypost.example.com': { TXT: ['pennypost-verification=abc123'] } },
        'the name lacks the subdomain',
        'it is _pennypost.shop.',
      ],
      [
        'return_path',
        { [`${path}.${own}`]: { CNAME: ['bounces.mail.test'] } },
        'leave the domain out',
        'pp-bounces.',
      ],
      [
        'mx',
        { [`${own}.example.com`]: { MX: ['10 mx.mail.test'] } },
        'leave the domain out',
        'the name is shop.',
      ],
    ] as [CheckKind, DnsTable, string, string][])('%s says where: %j', async (kind, table, where, label) => {
      const found = await judge(kind, table);
      expect(found.status).toBe('missing');
      expect(found.fix).toContain(where);
      expect(found.fix).toContain(label);
    });

    it('is not said of what would not do', async () => {
      const found = await judge('dkim', { [`${dkim}.${own}`]: { TXT: ['v=DKIM1; p=AAAA'] } });
      expect(found.fix).not.toContain('It is at');
    });
  });

  it.each([
    ['spf', own, '"v=spf1 include:_spf.mail.test ~all"'],
    ['spf', own, '\u00e2\u0080\u009cv=spf1 include:_spf.mail.test ~all\u00e2\u0080\u009d'],
    ['dkim', dkim, '"v=DKIM1; k=rsa; " "p=MIIBIjANBg=="'],
    ['dkim', dkim, '\\"v=DKIM1; k=rsa; p=MIIBIjANBg==\\"'],
    ['ownership', `_pennypost.${own}`, '"pennypost-verification=abc123"'],
    ['dmarc', `_dmarc.${own}`, '"v=DMARC1; p=quarantine; rua=mailto:a@example.com"'],
  ] as const)('of %s at %s says that quotation marks were pasted along: %s', async (kind, name, text) => {
    const found = await judge(kind, { [name]: { TXT: [text] } });
    expect(found).toMatchObject({ status: 'wrong', observed: [text] });
    expect(found.fix).toContain('Take the quotation marks out');
  });

  it('of DKIM says where the key is; the domain itself goes before its parent', async () => {
    const record = { TXT: ['p=MIIBIjANBg=='] };
    const parent = { 'pennypost._domainkey.example.com': record };
    expect(await judge('dkim', parent)).toMatchObject({ foundAt: 'example.com' });
    expect(await judge('dkim', { ...parent, [dkim]: record })).toMatchObject({ foundAt: own });
  });

  it('of DKIM does not look above a registrable name of two labels', async () => {
    const found = await judge(
      'dkim',
      { 'pennypost._domainkey.com': { TXT: ['p=MIIBIjANBg=='] } },
      { name: 'example.com' },
    );
    expect(found.status).toBe('missing');
  });

  it('of ownership is never satisfied without a token', async () => {
    const found = await judge(
      'ownership',
      { [`_pennypost.${own}`]: { TXT: ['pennypost-verification='] } },
      { token: '' },
    );
    expect(found.status).toBe('wrong');
  });

  it('of the return path uses the label that was chosen', async () => {
    const table = { [`mta.${own}`]: { CNAME: ['bounces.mail.test'] } };
    expect(await judge('return_path', table, { returnPathLabel: 'mta' })).toMatchObject({ status: 'ok' });
  });
});

describe('a selector that is delegated', () => {
  const target = 's1.7-0123456789abcdef.dkim.mail.test';
  const name = 'shop-s1._domainkey.shop.example.com';
  const keys = [{ ...rsa, selector: 'shop-s1', target }];
  const published = { TXT: ['v=DKIM1; k=rsa; p=MIIBIjANBg=='] };
  it.each<[string, DnsTable, Finding['status'], string | null]>([
    ['is right', { [name]: { CNAME: [target] }, [target]: published }, 'ok', null],
    [
      'leads there by a detour',
      { [name]: { CNAME: ['x.example'] }, 'x.example': { CNAME: [target] }, [target]: published },
      'ok',
      null,
    ],
    ['is not there', { [target]: published }, 'missing', `Publish a CNAME record at ${name}: ${target}`],
    ['is a copy', { [name]: published, [target]: published }, 'wrong', 'in place of the TXT record'],
    ['leads elsewhere', { [name]: { CNAME: ['x.example'] } }, 'wrong', 'it leads to x.example'],
    ['leads to nothing yet', { [name]: { CNAME: [target] } }, 'wrong', 'Your CNAME is right; the operator'],
    [
      'leads to another key',
      { [name]: { CNAME: [target] }, [target]: { TXT: ['v=DKIM1; k=rsa; p=AAAA'] } },
      'wrong',
      `publish one TXT record at ${target}: v=DKIM1`,
    ],
    [
      'leads to two keys',
      { [name]: { CNAME: [target] }, [target]: { TXT: [...published.TXT, 'v=DKIM1; p=AAAA'] } },
      'wrong',
      'there are several',
    ],
    ['is not answered', { [name]: 'servfail' }, 'lookup_failed', 'asked again'],
    [
      'has its name doubled',
      { [`${name}.shop.example.com`]: { CNAME: [target] }, [target]: published },
      'missing',
      'leave the domain out of the name',
    ],
  ])('%s', async (_, table, status, fix) => {
    const found = await judge('dkim', table, { keys });
    expect(found).toMatchObject({ status, fix: fix === null ? null : expect.stringContaining(fix) });
    expect(found.foundAt).toBe(status === 'ok' ? 'shop.example.com' : null);
  });
});
