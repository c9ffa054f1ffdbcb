import { gzipSync, strToU8 } from 'fflate';
import { beforeAll, describe, expect, it } from 'vitest';
import { numberOfUuid } from '#domain/number-id.ts';
import { purgeReports } from '../../worker/store/domain-reports.ts';
import { Browser } from '../support/browser.ts';
import { setUpOwner } from './dashboard-support.ts';
import { doors, routeMail } from './received-support.ts';
import { bring } from './returned-mail.ts';
import {
  type Answer,
  bindings,
  call,
  migrate,
  newAccount,
  newKey,
  request,
  type TestAccount,
  testStore,
} from './support.ts';

let browser: Browser;
let account: TestAccount;
let stranger: TestAccount;
let domain: Answer;
let domainNumber: number | null;
const rua = /rua=mailto:(dmarc\+[0-9a-f-]+@reports\.mail\.example\.org)/;
let address = '';
let tlsAddress = '';

beforeAll(async () => {
  await migrate();
  browser = new Browser('https://api.test', (path, init) => request(path, init));
  await setUpOwner(browser, { email: 'root@people.example', password: 'a long enough sentence' });
  const row = await bindings.DB.prepare('SELECT min(id) AS id FROM accounts WHERE id > 0').first<{
    id: number;
  }>();
  const made = await newAccount();
  const { body } = await call(
    'POST',
    `/admin/v1/accounts/${row?.id}/credentials`,
    bindings.OPERATOR_TOKEN,
    {},
  );
  account = { ...made, id: row?.id ?? 0, live: body.secret };
  stranger = await newAccount();
  const added = await call('POST', '/v1/domains', account.live, { domain: 'reported.example', type: 'both' });
  domain = added.body;
  domainNumber = numberOfUuid('domain', domain.id);
  const record = domain.records.find((one: Answer) => one.kind === 'dmarc');
  address = rua.exec(record.value)?.[1] ?? '';
  tlsAddress = (await call('GET', `/v1/domains/${domain.id}/tls-reports`, account.live)).body.address;
});

const dayMs = 86_400_000;
const yesterday = Math.floor(Date.now() / dayMs) * dayMs - dayMs;
let reports = 0;

/** An aggregate report as receivers send it. */
function aggregate(
  rows: [ip: string, count: number, dkim: string, spf: string, disposition: string][],
  more: { domain?: string; id?: string; begin?: number } = {},
): string {
  reports += 1;
  const { domain: about = 'reported.example', id = `r${reports}`, begin = yesterday / 1000 } = more;
  const records = rows.map(
    ([ip, count, dkim, spf, disposition]) => `<record><row><source_ip>${ip}</source_ip><count>${count}</count>
      <policy_evaluated><disposition>${disposition}</disposition><dkim>${dkim}</dkim><spf>${spf}</spf></policy_evaluated></row>
      <identifiers><header_from>${about}</header_from></identifiers>
      <auth_results><dkim><domain>${about}</domain><selector>s</selector><result>${dkim}</result></dkim></auth_results></record>`,
  );
  return `<?xml version="1.0"?><feedback><report_metadata><org_name>Mailbox Inc</org_name><email>x@mailbox.example</email>
    <report_id>${id}</report_id><date_range><begin>${begin}</begin><end>${begin + 86_399}</end></date_range></report_metadata>
    <policy_published><domain>${about}</domain><p>quarantine</p></policy_published>${records.join('')}</feedback>`;
}

function letter(to: string, type: string, name: string, content: Uint8Array): string {
  const lines = Buffer.from(content).toString('base64').replace(/.{76}/g, '$&\r\n');
  return [
    'From: reports@mailbox.example',
    `To: ${to}`,
    `Subject: Report Domain: reported.example`,
    'MIME-Version: 1.0',
    `Content-Type: ${type}; name="${name}"`,
    'Content-Transfer-Encoding: base64',
    `Content-Disposition: attachment; filename="${name}"`,
    '',
    lines,
    '',
  ].join('\r\n');
}
const dmarcMail = (xml: string, to = address) =>
  letter(to, 'application/gzip', 'mailbox.example!reported.example!1!2.xml.gz', gzipSync(strToU8(xml)));
const tlsMail = (json: unknown, to = tlsAddress) =>
  letter(to, 'application/tlsrpt+gzip', 'x.json.gz', gzipSync(strToU8(JSON.stringify(json))));
const read = async (query = '', key = account.live) =>
  await call('GET', `/v1/domains/${domain.id}/dmarc${query}`, key);

describe('an address for reports', () => {
  it('is offered in the DMARC record, and taken at the door', async () => {
    expect(address).toMatch(/^dmarc\+\d+-[0-9a-f]{16}@/);
    expect(tlsAddress).toBe(address.replace(/^dmarc/, 'tlsrpt'));
    const other = address.replace(/-([0-9a-f])/, (_, digit) => `-${digit === '0' ? '1' : '0'}`);
    const gone = address.replace(/\+\d+-/, '+999999-');
    const host = address.slice(address.indexOf('@'));
    const asked = [address, tlsAddress.toUpperCase(), other, gone, `abuse${host}`, `info${host}`];
    expect((await doors(...asked)).map(({ door, reply }) => reply ?? door)).toEqual([
      'returned', 'returned', '550 5.1.1', '550 5.1.1', 'returned', '550 5.1.1',
    ]); // biome-ignore format: one line reads better
  });

  it('is not one at another host', async () => {
    const elsewhere = address.replace('@reports.', '@bounces.');
    expect(await doors(elsewhere)).toMatchObject([{ door: 'refused', reply: '550 5.1.1' }]);
  });
});

describe('DMARC reports', () => {
  it('are told by day and by source, with what each source means', async () => {
    const first = aggregate([
      ['192.0.2.1', 40, 'pass', 'pass', 'none'],
      ['198.51.100.7', 5, 'fail', 'fail', 'quarantine'],
    ]);
    expect(await bring(dmarcMail(first), [address])).toEqual(['taken']);
    const older = aggregate([['192.0.2.1', 10, 'pass', 'fail', 'none']], {
      begin: yesterday / 1000 - 86_400,
    });
    expect(await routeMail(address, dmarcMail(older))).toBeNull();
    const { status, body } = await read();
    expect(status).toBe(200);
    const iso = (ms: number) => new Date(ms).toISOString().slice(0, 10);
    expect(body).toMatchObject({
      domain: 'reported.example',
      address,
      reports: 2,
      complete: true,
      policy: 'quarantine',
      days: [
        { day: iso(yesterday - dayMs), passed: 10, failed: 0, quarantined: 0, rejected: 0 },
        { day: iso(yesterday), passed: 40, failed: 0, quarantined: 5, rejected: 0 },
      ],
      sources: [
        {
          ...{ source_ip: '192.0.2.1', count: 50, passed: 50, dkim_aligned: 50, spf_aligned: 40 },
          ...{ domains: ['reported.example'], reporters: ['Mailbox Inc'] },
          meaning: expect.stringContaining('Passes by DKIM'),
        },
        { source_ip: '198.51.100.7', count: 5, passed: 0, quarantined: 5, meaning: expect.any(String) },
      ],
    });
    const only = await read(`?from=${iso(yesterday)}&to=${iso(yesterday)}`);
    expect(only.body).toMatchObject({ reports: 1, sources: [{ count: 40 }, { count: 5 }] });
  });

  it('count once, however often one comes', async () => {
    const again = aggregate([['192.0.2.99', 3, 'pass', 'pass', 'none']], { id: 'again' });
    await bring(dmarcMail(again), [address]);
    expect(await bring(dmarcMail(again), [address])).toEqual(['taken']);
    const { body } = await read();
    expect(body.sources.find((one: Answer) => one.source_ip === '192.0.2.99').count).toBe(3);
  });

  it('that are none, or about another domain or time, are refused in the session', async () => {
    const plain = `From: a@b.example\r\nTo: ${address}\r\nSubject: Hello?\r\n\r\nHello\r\n`;
    const other = dmarcMail(
      aggregate([['192.0.2.1', 1, 'pass', 'pass', 'none']], { domain: 'other.example' }),
    );
    const old = dmarcMail(aggregate([['192.0.2.1', 1, 'pass', 'pass', 'none']], { begin: 1_600_000_000 }));
    const bomb = dmarcMail('<!DOCTYPE a [<!ENTITY b "c">]><feedback>&b;</feedback>');
    for (const mail of [plain, other, old, bomb]) expect(await bring(mail, [address])).toEqual(['refused']);
    expect(await bring(dmarcMail(aggregate([]), tlsAddress), [tlsAddress])).toEqual(['refused']);
    expect(await routeMail(address, plain)).toMatch(/^5\.7\.1 /);
  });

  it('have no consequence: nobody is suppressed, and no event is made', async () => {
    const count = async (table: string) =>
      (await bindings.DB.prepare(`SELECT count(*) AS n FROM ${table}`).first<{ n: number }>())?.n;
    const before = await count('suppressions');
    await bring(dmarcMail(aggregate([['203.0.113.1', 900, 'fail', 'fail', 'reject']])), [address]);
    expect(await count('suppressions')).toBe(before);
    expect((await call('GET', `/v1/domains/${domain.id}`, account.live)).body.status).toBe('pending');
  });

  it('are kept to a bound a day, and for a time', async () => {
    const insert = `INSERT INTO domain_reports (domain_id, kind, day, key, reporter, from_ms, to_ms, policy, rows)
      VALUES (?1, 'dmarc', ?2, ?3, 'x', ?4, ?4, 'none', '[]')`;
    const at = yesterday - 9 * dayMs;
    const day = new Date(at).toISOString().slice(0, 10).replaceAll('-', '');
    await bindings.DB.batch(
      Array.from({ length: 100 }, (_, i) => bindings.DB.prepare(insert).bind(domainNumber, day, `k${i}`, at)),
    );
    const over = aggregate([['192.0.2.50', 1, 'pass', 'pass', 'none']], { begin: at / 1000 });
    expect(await bring(dmarcMail(over), [address])).toEqual(['taken']);
    expect(JSON.stringify((await read()).body.sources)).not.toContain('192.0.2.50');
    const left = async () =>
      (
        await bindings.DB.prepare(`SELECT count(*) AS n FROM domain_reports WHERE day = ?`)
          .bind(day)
          .first<{ n: number }>()
      )?.n;
    await purgeReports(testStore(), at + 91 * dayMs);
    expect(await left()).toBe(100);
    await purgeReports(testStore(), at + 94 * dayMs);
    expect(await left()).toBe(0);
  });

  it.each([
    ['?from=2026-13-01', 'from'],
    ['?from=2026-11-02&to=2026-11-01', 'from'],
    ['?from=2026-01-01&to=2026-11-01', 'from'],
  ])('are asked for by %s in vain', async (query, pointer) => {
    const { status, body } = await read(query);
    expect([status, body.errors?.[0].pointer]).toEqual([400, pointer]);
  });

  it('are for those who see the domain', async () => {
    expect((await read('', stranger.live)).status).toBe(404);
    const { secret } = await newKey(account, { domains: ['other.example'] });
    expect((await read('', secret)).status).toBe(404);
  });
});

describe('TLS reports', () => {
  const said = (more: Record<string, unknown> = {}) => ({
    'organization-name': 'Mailbox Inc',
    'report-id': 'tls-1',
    'date-range': {
      'start-datetime': new Date(yesterday).toISOString(),
      'end-datetime': new Date(yesterday + dayMs - 1000).toISOString(),
    },
    policies: [
      {
        policy: { 'policy-type': 'no-policy-found', 'policy-domain': 'reported.example' },
        summary: { 'total-successful-session-count': 120, 'total-failure-session-count': 3 },
        'failure-details': [
          {
            'result-type': 'certificate-expired',
            'receiving-mx-hostname': 'mx.reported.example',
            'failed-session-count': 3,
          },
        ],
      },
    ],
    ...more,
  });

  it('are told by policy and failure', async () => {
    expect(await bring(tlsMail(said()), [tlsAddress])).toEqual(['taken']);
    const { body } = await call('GET', `/v1/domains/${domain.id}/tls-reports`, account.live);
    expect(body).toMatchObject({
      record: {
        type: 'TXT',
        name: '_smtp._tls.reported.example',
        value: `v=TLSRPTv1; rua=mailto:${tlsAddress}`,
      },
      reports: 1,
      policies: [{ policy: 'no-policy-found', successful: 120, failed: 3 }],
      failures: [
        {
          type: 'certificate-expired',
          host: 'mx.reported.example',
          count: 3,
          meaning: expect.stringMatching(/expired/),
        },
      ],
    });
  });
});

describe('the page of reports', () => {
  const page = async (path: string) => await (await browser.get(path)).text();

  it('shows the picture, sources with a sentence each, and TLS', async () => {
    const at = `/domains/${domainNumber}/dmarc`;
    expect(await page(`/domains/${domainNumber}`)).toContain(`href="${at}"`);
    const text = await page(at);
    expect(text).toContain('<bdi>Reports about reported.example</bdi>');
    expect(text).toContain('class="fate-passed"');
    expect(text).toContain('<code>198.51.100.7</code>');
    expect(text).toContain('told by Mailbox Inc');
    expect(text).toContain('The certificate of the host has expired: renew it.');
    expect(await page(`${at}?days=7`)).toMatch(/days=7"\s+aria-current="page"/);
  });

  it('says how to get some where there is none', async () => {
    const { body } = await call('POST', '/v1/domains', account.live, { domain: 'fresh.example' });
    const number = numberOfUuid('domain', body.id);
    const text = await page(`/domains/${number}/dmarc`);
    expect(text).toContain(`rua=mailto:dmarc+${number}-`);
    expect(text).toContain('_smtp._tls.fresh.example TXT v=TLSRPTv1; rua=mailto:tlsrpt+');
  });
});
