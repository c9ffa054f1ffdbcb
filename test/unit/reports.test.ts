import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { readAggregateReport } from '#domain/reports/aggregate-report.ts';
import { dmarcDays, dmarcSources } from '#domain/reports/dmarc-source.ts';
import { readTlsReport } from '#domain/reports/tls-report.ts';
import { readReceived } from '../../worker/received/read-received.ts';
import { readReport } from '../../worker/received/read-report.ts';
import { readXml, xmlBounds } from '../../worker/received/read-xml.ts';
import { unpackBounds, unpackReport } from '../../worker/received/unpack-report.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const gzip = (data: Uint8Array) => new Uint8Array(gzipSync(data));

/** A report as RFC 7489 appendix C has it, with a namespace as RFC 9990 does. */
const xml = `<?xml version="1.0" encoding="UTF-8" ?>
<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">
  <version>1.0</version>
  <report_metadata>
    <org_name>Mail &amp; Co</org_name>
    <email>noreply@reporter.test</email>
    <report_id>12345</report_id>
    <date_range><begin>1795564800</begin><end>1795651199</end></date_range>
  </report_metadata>
  <policy_published>
    <domain>Example.COM</domain><adkim>r</adkim><aspf>r</aspf><p>quarantine</p><sp>reject</sp><pct>100</pct>
  </policy_published>
  <record>
    <row>
      <source_ip>192.0.2.1</source_ip><count>12</count>
      <policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>fail</spf>
        <reason><type>forwarded</type><comment>known</comment></reason></policy_evaluated>
    </row>
    <identifiers><envelope_from>bounces.example.com</envelope_from><header_from>example.com</header_from></identifiers>
    <auth_results>
      <dkim><domain>example.com</domain><selector>s1</selector><result>pass</result></dkim>
      <spf><domain>list.test</domain><result>pass</result></spf>
    </auth_results>
  </record>
  <record>
    <row><source_ip>2001:db8::1</source_ip><count>3</count>
      <policy_evaluated><disposition>reject</disposition><dkim>fail</dkim><spf>fail</spf></policy_evaluated></row>
    <identifiers><header_from>example.com</header_from></identifiers>
    <auth_results><spf><domain>forger.test</domain><result>none</result></spf></auth_results>
  </record>
</feedback>`;
const expected = {
  reporter: 'Mail & Co',
  reportId: '12345',
  fromMs: 1_795_564_800_000,
  toMs: 1_795_651_199_000,
  domain: 'example.com',
  policy: 'quarantine',
  subdomainPolicy: 'reject',
  rows: [
    {
      ...{ sourceIp: '192.0.2.1', count: 12, disposition: 'none', dkimAligned: true, spfAligned: false },
      ...{ overrides: ['forwarded'], headerFrom: 'example.com', envelopeFrom: 'bounces.example.com' },
      dkim: [{ domain: 'example.com', selector: 's1', result: 'pass' }],
      spf: [{ domain: 'list.test', result: 'pass' }],
    },
    {
      ...{ sourceIp: '2001:db8::1', count: 3, disposition: 'reject', dkimAligned: false, spfAligned: false },
      ...{ overrides: [], headerFrom: 'example.com', envelopeFrom: '', dkim: [] },
      spf: [{ domain: 'forger.test', result: 'none' }],
    },
  ],
};

const tls = {
  'organization-name': 'Company-X',
  'date-range': { 'start-datetime': '2026-11-25T00:00:00Z', 'end-datetime': '2026-11-25T23:59:59+01:00' },
  'contact-info': 'sts-reporting@company-x.test',
  'report-id': '5065427c-23d3',
  policies: [
    {
      policy: {
        'policy-type': 'sts',
        'policy-string': ['version: STSv1'],
        'policy-domain': 'Example.com',
        'mx-host': ['*.example.com'],
      },
      summary: { 'total-successful-session-count': 5326, 'total-failure-session-count': 303 },
      'failure-details': [
        {
          'result-type': 'certificate-expired',
          'sending-mta-ip': '2001:db8:abcd:12::1',
          'receiving-mx-hostname': 'mx1.example.com',
          'failed-session-count': 100,
        },
        {
          'result-type': 'starttls-not-supported',
          'receiving-ip': '203.0.113.58',
          'failed-session-count': 203,
          'failure-reason-code': 'X',
        },
      ],
    },
    {
      policy: { 'policy-type': 'no-policy-found', 'policy-domain': 'example.com' },
      summary: { 'total-successful-session-count': 1, 'total-failure-session-count': 0 },
    },
  ],
};
const tlsExpected = {
  reporter: 'Company-X',
  reportId: '5065427c-23d3',
  fromMs: Date.UTC(2026, 10, 25),
  toMs: Date.UTC(2026, 10, 25, 22, 59, 59),
  rows: [
    {
      ...{ domain: 'example.com', policyType: 'sts', successful: 5326, failed: 303 },
      failures: [
        {
          type: 'certificate-expired',
          host: 'mx1.example.com',
          sender: '2001:db8:abcd:12::1',
          count: 100,
          code: '',
        },
        { type: 'starttls-not-supported', host: '203.0.113.58', sender: '', count: 203, code: 'X' },
      ],
    },
    { domain: 'example.com', policyType: 'no-policy-found', successful: 1, failed: 0, failures: [] },
  ],
};

const packed: [string, string, string, Uint8Array][] = [
  ['gzip', 'application/gzip', 'reporter.test!example.com!1!2.xml.gz', gzip(bytes(xml))],
  ['zip', 'application/zip', 'reporter.test!example.com!1!2.zip', zipSync({ 'r.xml': bytes(xml) })],
  [
    'zip, stored',
    'application/x-zip-compressed',
    'r.zip',
    zipSync({ 'a.txt': bytes('x'), 'r.XML': bytes(xml) }, { level: 0 }),
  ],
  ['XML', 'text/xml', 'r.xml', bytes(xml)],
  ['a type that says nothing', 'application/octet-stream', 'r.xml.gz', gzip(bytes(xml))],
];

/** A mail that brings a report, as reporters send it. */
function reportMail(
  type: string,
  name: string,
  content: Uint8Array,
): Promise<Parameters<typeof readReport>[0]> {
  const lines = Buffer.from(content).toString('base64').replace(/.{76}/g, '$&\r\n');
  const head = `Content-Type: ${type}; name="${name}"\r\nContent-Disposition: attachment; filename="${name}"`;
  const text = '--b\r\n\r\nThis is a report.\r\n';
  return readReceived(
    bytes(
      `Content-Type: multipart/mixed; boundary=b\r\n\r\n${text}--b\r\n${head}\r\nContent-Transfer-Encoding: base64\r\n\r\n${lines}\r\n--b--\r\n`,
    ),
  );
}

describe('a DMARC aggregate report', () => {
  it.each(packed)('is read from %s', async (_, type, name, content) => {
    expect(readReport(await reportMail(type, name, content))).toEqual({ kind: 'dmarc', report: expected });
  });
  it('is read from a mail that is the report', async () => {
    const body = Buffer.from(gzip(bytes(xml))).toString('base64');
    const mail = `Content-Type: application/gzip; name=r.xml.gz\r\nContent-Transfer-Encoding: base64\r\n\r\n${body}\r\n`;
    expect(readReport(await readReceived(bytes(mail)))).toEqual({ kind: 'dmarc', report: expected });
  });
  it.each([
    ['org_name', xml.replace(/<org_name>.*<\/org_name>/, ''), { reporter: 'noreply@reporter.test' }],
    ['sp', xml.replace('<sp>reject</sp>', ''), { subdomainPolicy: '' }],
    ['record', xml.replace(/<record>[\s\S]*<\/record>/, ''), { rows: [] }],
  ])('is read without %s', (_, text, more) => {
    const root = readXml(text);
    expect(typeof root === 'string' ? root : readAggregateReport(root)).toEqual({ ...expected, ...more });
  });
  it.each([
    ['<domain>Example.COM</domain>', '', '"domain" of "policy_published" is empty: ""'],
    [
      '<begin>1795564800</begin>',
      '<begin>soon</begin>',
      '"begin" of "date_range" is no Unix time in seconds: "soon"',
    ],
    ['<count>12</count>', '<count>-1</count>', '"count" of "row" is no number: "-1"'],
    ['192.0.2.1', '<b>x</b>', '"source_ip" of "row" is no IP address: ""'],
    [
      '<header_from>example.com',
      '<header_from>&lt;script&gt;',
      '"header_from" of "identifiers" is no domain: "<script>"',
    ],
    ['feedback', 'html', 'its root is "html", not "feedback"'],
    ['<?xml', '<!DOCTYPE a [<!ENTITY b "c">]><?xml', 'the XML has a DOCTYPE, which a report has not'],
  ])('with %s as %s is refused with a reason', (from, to, fault) => {
    const root = readXml(xml.replaceAll(from, to));
    expect(typeof root === 'string' ? root : readAggregateReport(root)).toBe(fault);
  });
});

describe('a TLS report', () => {
  it.each<[string, string, Uint8Array]>([
    ['application/tlsrpt+gzip', 'r.json.gz', gzip(bytes(JSON.stringify(tls)))],
    ['application/tlsrpt+json', 'r.json', bytes(JSON.stringify(tls))],
  ])('is read from %s', async (type, name, content) => {
    expect(readReport(await reportMail(type, name, content))).toEqual({ kind: 'tls', report: tlsExpected });
  });
  it.each([
    ['{', 'it is not valid JSON'],
    ['{}', expect.stringContaining('"report-id" is wrong')],
    [JSON.stringify({ ...tls, policies: 7 }), expect.stringContaining('"policies" is wrong')],
    [JSON.stringify({ ...tls, 'date-range': {} }), expect.stringContaining('"date-range.start-datetime"')],
    ['['.repeat(1_000_000), 'it is not valid JSON'],
  ])('that is broken is refused with a reason', (text, fault) => {
    expect(readTlsReport(text)).toEqual(fault);
  });
});

describe('a bomb', () => {
  const zeros = new Uint8Array(200 * 1_048_576);
  const fault = `the report has more than ${unpackBounds.unpacked} octets unpacked`;
  it('of gzip is not unpacked', () => {
    expect(unpackReport(gzip(zeros))).toBe(fault);
  });
  it('of zip is not unpacked, whatever size it says', () => {
    const bomb = zipSync({ 'r.xml': zeros });
    const view = new DataView(bomb.buffer, bomb.byteOffset);
    view.setUint32(22, 100, true); // size in the local header
    expect(unpackReport(bomb)).toBe(fault);
  });
  it('of many octets is not even tried', () => {
    const packedSize = unpackBounds.packed + 1;
    expect(unpackReport(new Uint8Array(packedSize))).toBe(
      `the report has more than ${unpackBounds.packed} octets`,
    );
  });
  it('of depth is not read', () => {
    const deep = xml.replace('<version>', '<a>'.repeat(100_000));
    expect(readXml(deep)).toBe(`the XML is nested deeper than ${xmlBounds.depth}`);
  });
  it('of elements is not read', () => {
    const many = xml.replace('<version>', '<a/>'.repeat(xmlBounds.elements));
    expect(readXml(many)).toBe(`the XML has more than ${xmlBounds.elements} elements`);
  });
  it('is told from a large report: of eight thousand records each one is read', () => {
    const [record = ''] = /<record>[\s\S]*?<\/record>/.exec(xml) ?? [];
    const large = xml.replace(record, record.repeat(8000));
    const packedReport = unpackReport(gzip(bytes(large)));
    const root = readXml(new TextDecoder().decode(packedReport as Uint8Array));
    const report = typeof root === 'string' ? root : readAggregateReport(root);
    expect(typeof report === 'string' ? report : report.rows.length).toBe(8001);
  });
  it('never has room beside other work of an isolate: 16 MiB, and 200,000 elements', () => {
    expect(unpackReport(gzip(new Uint8Array(16 * 1_048_576)))).toHaveLength(16 * 1_048_576);
    expect(unpackReport(gzip(new Uint8Array(16 * 1_048_576 + 1)))).toBe(fault);
    const of = (elements: number) => readXml(`<a>${'<b/>'.repeat(elements - 1)}</a>`);
    expect(of(200_000)).toMatchObject({ name: 'a' });
    expect(of(200_001)).toBe('the XML has more than 200000 elements');
  });
  it('of entities is not expanded', () => {
    expect(readXml('<a>&b;&amp;</a>')).toMatchObject({ text: '&b;&' });
  });
  it.each([
    ['a cut gzip', gzip(bytes(xml)).subarray(0, 60), 'the report cannot be unpacked: it is broken'],
    ['a zip without a report', zipSync({ 'a.exe': bytes('x') }), 'the archive has no report'],
    ['a broken zip', bytes('PK\x03\x04broken'), 'the archive has no report'],
  ])('%s is refused with a reason', (_, content, reason) => {
    expect(unpackReport(content)).toBe(reason);
  });
});

describe('any report', () => {
  it('is refused or read, never an error', () => {
    const element = fc.constantFrom(
      '<record>',
      '</record>',
      '<row>',
      '<count>1</count>',
      '<feedback>',
      '<a',
      '&#x0;',
      '<![CDATA[',
    );
    const broken = fc
      .array(
        fc.oneof(
          element,
          fc.string(),
          fc.integer({ min: 0, max: xml.length }).map((at) => xml.slice(at, at + 200)),
        ),
      )
      .map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(
        fc.oneof(
          broken,
          fc.tuple(broken, fc.nat(xml.length)).map(([piece, at]) => xml.slice(0, at) + piece + xml.slice(at)),
        ),
        (text) => {
          const content = bytes(text);
          for (const one of [content, gzip(content), zipSync({ 'a.xml': content })]) {
            const report = readReport({
              text: '',
              attachments: [{ contentType: 'text/xml', filename: '', content: new Uint8Array(one) }],
            });
            expect(typeof report === 'string' || report.kind === 'dmarc' || report.kind === 'tls').toBe(true);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
  it('of any bytes is refused or read', () => {
    const start = fc.constantFrom(
      [],
      [0x1f, 0x8b, 8],
      [0x50, 0x4b, 3, 4],
      [...zipSync({ 'a.xml': bytes(xml) })],
    );
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 300 }), (head, tail) => {
        const unpacked = unpackReport(new Uint8Array([...head, ...tail]));
        expect(unpacked.length).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

describe('the page of DMARC', () => {
  const row = (more: Partial<(typeof expected.rows)[0]>) =>
    ({ ...expected.rows[1], ...more }) as (typeof expected.rows)[0];
  const meaningOf = (...rows: ReturnType<typeof row>[]) =>
    dmarcSources([{ reporter: 'a', rows }])[0]?.meaning;

  it('has a source for each address, most mail first', () => {
    const reports = [
      { reporter: 'a', rows: expected.rows },
      { reporter: 'b', rows: [row({ sourceIp: '2001:db8::1', count: 40, disposition: 'quarantine' })] },
    ];
    expect(dmarcSources(reports)).toMatchObject([
      { sourceIp: '2001:db8::1', count: 43, passed: 0, quarantined: 40, rejected: 3, reporters: ['a', 'b'] },
      {
        sourceIp: '192.0.2.1',
        count: 12,
        passed: 12,
        byDkim: 12,
        bySpf: 0,
        domains: ['example.com', 'list.test'],
      },
    ]);
  });
  it.each([
    ['Set up right', [row({ dkimAligned: true, spfAligned: true })]],
    ['Passes by DKIM alone', [row({ dkimAligned: true })]],
    [
      'Passes by DKIM, and partly',
      [row({ dkimAligned: true }), row({ dkimAligned: true, spfAligned: true })],
    ],
    ['Passes by SPF alone', [row({ spfAligned: true })]],
    ['Passes by SPF, and partly', [row({ spfAligned: true }), row({ dkimAligned: true, spfAligned: true })]],
    ['Passes, by SPF for some', [row({ spfAligned: true }), row({ dkimAligned: true })]],
    ['Passes in part: 3 of 6', [row({ spfAligned: true }), row({})]],
    ['A mailing list', [row({ overrides: ['mailing_list'] })]],
    ['Somebody forwards', [row({ overrides: ['forwarded'] })]],
    ['Sends as other.test', [row({ dkim: [{ domain: 'other.test', selector: 's', result: 'pass' }] })]],
    ['Nobody speaks for it: forged mail that your policy stopped', [row({})]],
    ['Nobody speaks for it: forged mail, or', [row({ disposition: 'none' })]],
    ['No mail was counted', [row({ count: 0 })]],
  ])('says what a source means: %s', (sentence, rows) => {
    expect(meaningOf(...rows)).toMatch(new RegExp(`^${sentence}`));
  });
  it('has every day from the first report to the last', () => {
    const day = 86_400_000;
    const later = { fromMs: expected.fromMs + 2 * day, toMs: expected.toMs + 2 * day };
    const fates = [row({ count: 1, disposition: 'none' }), row({ count: 2, disposition: 'quarantine' })];
    expect(dmarcDays([expected, { ...later, rows: fates }])).toEqual([
      { dayMs: expected.fromMs, passed: 12, failed: 0, quarantined: 0, rejected: 3 },
      { dayMs: expected.fromMs + day, passed: 0, failed: 0, quarantined: 0, rejected: 0 },
      { dayMs: expected.fromMs + 2 * day, passed: 0, failed: 1, quarantined: 2, rejected: 0 },
    ]);
    expect(dmarcDays([])).toEqual([]);
  });
  it('has 400 days at most', () => {
    const old = { fromMs: 0, toMs: 1, rows: [] };
    expect(dmarcDays([old, expected])).toHaveLength(400);
  });
});
