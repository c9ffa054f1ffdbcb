import { createScheduledController } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { weekOf } from '#domain/message/home.ts';
import worker from '../../worker/index.ts';
import { Browser } from '../support/browser.ts';
import type { DnsTable } from '../support/dns-table.ts';
import { setUpOwner } from './dashboard-support.ts';
import { answerDoh } from './doh-answer.ts';
import { Internet } from './receiver.ts';
import {
  bindings,
  call,
  mail,
  meteredEnv,
  migrate,
  newAccount,
  request,
  type TestAccount,
  TestNode,
} from './support.ts';
import { newEndpoint, setDeliveries } from './webhook-support.ts';

const service = 'mail.example.org';
const host = 'out1.mail.example.org';
const well: DnsTable = {
  [service]: { NS: ['ns.example.org'] },
  [host]: { A: ['192.0.2.1'], AAAA: ['2001:db8::1'] },
  '1.2.0.192.in-addr.arpa': { PTR: [host] },
  [`1.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`]: { PTR: [host] },
  [`_spf.${service}`]: { TXT: ['v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::1 -all'] },
  [`bounces.${service}`]: { TXT: [`v=spf1 include:_spf.${service} -all`], MX: [`10 ${host}`] },
  [`mx.${service}`]: { A: ['192.0.2.1'] },
  [`reports.${service}`]: { MX: [`10 ${host}`] },
  [`example.com._report._dmarc.reports.${service}`]: { TXT: ['v=DMARC1'] },
};

let account: TestAccount;
let owner: Browser;
let dns: DnsTable;
let environment = meteredEnv;

beforeAll(async () => {
  await migrate();
  account = await newAccount();
  owner = await setUpOwner(
    new Browser('https://api.test', (path, init) => request(path, init, environment)),
    { email: 'owner@people.example', password: 'a long enough sentence' },
  );
});
beforeEach(() => {
  dns = well;
  vi.spyOn(globalThis, 'fetch').mockImplementation((input) => answerDoh(input, dns));
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  environment = meteredEnv;
});

/** What `npm run deploy -- --dns` publishes of the sandbox, which is made with the first owner. */
async function sandboxKey(): Promise<DnsTable> {
  const key = await bindings.DB.prepare(
    "SELECT selector, public_key FROM dkim_keys WHERE algorithm = 'rsa-sha256' AND domain_id = (SELECT id FROM domains WHERE account_id = 0 AND name = ?)",
  )
    .bind(`sandbox.${service}`)
    .first<{ selector: string; public_key: string }>();
  const name = `${key?.selector}._domainkey.sandbox.${service}`;
  return { [name]: { TXT: [`v=DKIM1; k=rsa; p=${key?.public_key}`] } };
}

const tick = (at = Date.now()) =>
  worker.scheduled(createScheduledController({ scheduledTime: new Date(at) }), env);

/** Presses "Check now"; the rows of the page as `check state words`. */
async function checked(): Promise<string[]> {
  const pressed = await owner.post('/operator/check');
  expect(pressed.headers.get('Location')).toBe('/operator#checks');
  return await shown();
}

async function shown(): Promise<string[]> {
  const page = await (await owner.get('/operator')).text();
  const card = page.slice(page.indexOf('<h2 id="checks">'), page.indexOf('<h2 id="queues">'));
  return [...card.matchAll(/<tr><td.*?<\/tr>/gs)].map(([row]) =>
    row
      .replace(/<[^>]+>/g, ' ')
      .replaceAll('&quot;', '"')
      .replaceAll('&#39;', "'")
      .replace(/\s+/g, ' ')
      .trim(),
  );
}

describe('the domain of sign-in links and invitations', () => {
  it('is what the operator chooses among domains of accounts of their own', async () => {
    const { domain: foreign } = await newAccount();
    const page = await (await owner.get('/operator')).text();
    expect(page).toContain(`value="${account.domain}"`);
    expect(page).not.toContain(`value="${foreign}"`);
    expect((await owner.post('/operator/system-mail', { domain: foreign })).status).toBe(400);
    const chosen = await owner.post('/operator/system-mail', { domain: account.domain });
    expect(chosen.headers.get('Location')).toBe('/operator?done=system-mail#system-mail');
    expect(await (await owner.get('/operator')).text()).toContain(`value="${account.domain}" selected`);
  });
});

describe('a domain', () => {
  it('is switched to a relay before every other rule, to another way, and back to the rules', async () => {
    const operator = { Authorization: `Bearer ${bindings.OPERATOR_TOKEN}` };
    const rules = async () =>
      (await (await request('/admin/v1/transports', { headers: operator })).json<{ rules: object[] }>())
        .rules;
    const switched = async (by: string) => {
      const answer = await owner.post('/operator/transports/domains', { switched: 'Shop.Example', by });
      expect([answer.status, answer.headers.get('location')]).toEqual([303, '/operator/transports#rules']);
      return rules();
    };
    await owner.post('/operator/transports', { name: 'relay', preset: 'smtp', host: 'relay.example' });
    await owner.post('/operator/transports/rules', { class: 'digest', first: 'relay', second: '' });
    const other = await rules();
    expect(other).toHaveLength(1);
    const all = { domain: 'shop.example', class: null, recipient: null, provider: null };
    expect(await switched('relay')).toEqual([{ ...all, route: ['relay'] }, ...other]);
    expect(await switched('direct')).toEqual([{ ...all, route: ['direct'] }, ...other]);
    expect(await switched('')).toEqual(other);
  });
});

describe('the checks of the installation', () => {
  it('are not shown before somebody has looked', async () => {
    const page = await (await owner.get('/operator')).text();
    expect(page).toContain('Not looked at yet.');
    expect(page).toContain('npm run doctor');
  });

  it('show how full the database is, as it is now, and how fast it fills', async () => {
    const card = async () => {
      const page = await (await owner.get('/operator')).text();
      return page.slice(page.indexOf('<h2 id="database">'), page.indexOf('<h2 id="checks">'));
    };
    expect(await card()).toMatch(/ok.*It has \d\.\d MB, 0\.0 % of what one database may have\.</s);
    const days = [2, 1].map((ago) => ({ atMs: Date.now() - ago * 86_400_000, bytes: 10_000 }));
    await bindings.DB.prepare(
      `INSERT OR REPLACE INTO installation (name, at_ms, value) VALUES ('database', 1, ?)`,
    )
      .bind(JSON.stringify(days))
      .run();
    expect(await card()).toMatch(/It grows by 0\.\d MB a day: \d+ days until 70 %\./);
  });

  it('say what a new installation lacks, the worst first, with the fix', async () => {
    dns = {};
    const rows = await checked();
    for (const row of [
      'cron failed It has never ticked. Check [triggers]',
      'nodes failed No node has ever reported: nothing is delivered. Start a node',
      `bounces-mx failed bounces.${service} has no MX. Publish MX records`,
      `spf _spf.${service} not known No address of a node that was seen is known`,
    ])
      expect(
        rows.some((one) => one.startsWith(row)),
        row,
      ).toBe(true);
    const states = rows.map((row) => / (failed|warning|not known|ok) /.exec(row)?.[1]);
    expect(states).toEqual(states.toSorted((a, b) => order.indexOf(a) - order.indexOf(b)));
  });
  const order: (string | undefined)[] = ['failed', 'warning', 'not known', 'ok'];

  it('say that all is well when it is, and stay until the next look', async () => {
    await new TestNode('node-a').post('hello', { hostName: host, version: 'test' });
    await tick();
    dns = { ...well, ...(await sandboxKey()) };
    const rows = await checked();
    expect(rows.filter((row) => !/ ok /.test(row))).toEqual([]);
    expect(rows).toContain(`ptr 2001:db8::1 ok 2001:db8::1 is ${host}, and back.`);
    expect(rows).toContain('queue priority ok Nothing is due.');
    dns = {};
    expect(await shown()).toEqual(rows);
  });

  it('tell PTR, SPF and MX that are wrong, in the words of the doctor', async () => {
    dns = {
      ...well,
      '1.2.0.192.in-addr.arpa': { PTR: ['other.example'] },
      [`_spf.${service}`]: { TXT: ['v=spf1 ip4:198.51.100.1 -all'] },
      [`bounces.${service}`]: { TXT: ['v=spf1 a -all'], MX: ['10 dead.example'] },
    };
    const rows = await checked();
    const value = 'v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all';
    expect(rows).toContain(
      `ptr 192.0.2.1 failed 192.0.2.1 is other.example, which does not lead back to it. Have the PTR of 192.0.2.1 set to ${host} (where the address was rented).`,
    );
    expect(rows).toContain(
      `spf _spf.${service} failed "v=spf1 ip4:198.51.100.1 -all" says fail of 192.0.2.1. Add 192.0.2.1 to the record: ${value}`,
    );
    expect(rows).toContain(
      `spf bounces.${service} not known "v=spf1 a -all" has terms that only a node can judge. Ask the doctor on a node: npm run doctor.`,
    );
    expect(rows.find((row) => row.startsWith('bounces-mx'))).toContain(
      'names dead.example, which has no address',
    );
  });

  it('tell of key records that are to be published for domains with DKIM by CNAME', async () => {
    const rows = async () => (await checked()).filter((row) => row.startsWith('delegated-dkim'));
    expect(await rows()).toEqual([]);
    const body = { domain: 'delegating.example', dkim_delegated: true };
    expect((await call('POST', '/v1/domains', account.live, body)).status).toBe(201);
    expect(await rows()).toEqual([
      expect.stringMatching(/^delegated-dkim warning 2 of 2 .* Publish TXT s[12]\.\S+\.dkim\.\S+: v=DKIM1;/),
    ]);
    const listed = await call('GET', '/admin/v1/dkim-records', bindings.OPERATOR_TOKEN);
    for (const { name, value } of listed.body.data) dns = { ...dns, [name]: { TXT: [value] } };
    expect(await rows()).toEqual([
      'delegated-dkim ok The key records of domains that delegate DKIM are there (2 looked at).',
    ]);
  });

  it('blame the resolver, not the records, when DNS does not answer', async () => {
    vi.mocked(globalThis.fetch).mockRejectedValue(new TypeError('refused'));
    const rows = await checked();
    expect(rows.filter((row) => /^(resolver|bounces|spf|ptr)/.test(row))).toEqual([
      expect.stringMatching(/^resolver not known 127\.0\.0\.1:9 does not answer \(unreachable\)/),
    ]);
  });

  it('find cron that stands still, and what failed in its last tick', async () => {
    await tick(Date.now() - 7 * 60_000);
    expect(await checked()).toContainEqual(expect.stringMatching(/^cron failed It last ticked 7 min ago\./));
    await bindings.DB.exec('ALTER TABLE stats_progress RENAME TO stats_progress_away');
    await expect(tick()).rejects.toThrow('stats_progress');
    await bindings.DB.exec('ALTER TABLE stats_progress_away RENAME TO stats_progress');
    expect(await checked()).toContainEqual(
      expect.stringMatching(/^cron warning It ticks, but: cron: .*no such table: stats_progress/),
    );
    await tick();
    expect(await checked()).toContain('cron ok It ticks.');
  });

  it('find a database that lacks a migration', async () => {
    await bindings.DB.exec('ALTER TABLE counters RENAME COLUMN count TO counted');
    expect(await checked()).toContain(
      'database failed It lacks counters.count. Apply the migrations: npm run deploy.',
    );
    await bindings.DB.exec('ALTER TABLE counters RENAME COLUMN counted TO count');
    expect(await checked()).toContain('database ok It has every table and column.');
  });

  it('find mail that waits, nodes that are away and webhooks that are late', async () => {
    const internet = new Internet();
    const endpoint = await newEndpoint(account, internet, () => new Response(null, { status: 500 }));
    internet.names.set('late.example', []);
    await call('POST', '/v1/send', account.live, mail(account));
    await vi.waitFor(async () => {
      const { results } = await bindings.DB.prepare(
        `SELECT tries FROM webhook_deliveries_${weekOf(Date.now())} WHERE tries <> '[]'`,
      ).all();
      expect(results.length).toBeGreaterThan(0);
    });
    await setDeliveries(endpoint, `state = 'pending', due_ms = ${Date.now() - 11 * 60_000}`);
    await bindings.DB.exec(
      `UPDATE deliveries_${weekOf(Date.now())} SET due_ms = ${Date.now() - 41 * 60_000} WHERE due_ms IS NOT NULL`,
    );
    await bindings.DB.exec('UPDATE nodes SET last_seen_at_ms = 1');
    const rows = await checked();
    expect(rows).toContainEqual(
      expect.stringMatching(
        /^queue standard failed What waits longest has been due for 41 min\. See that a node/,
      ),
    );
    expect(rows).toContainEqual(expect.stringMatching(/^nodes failed No node is here: node-a is away\./));
    expect(rows).toContainEqual(
      expect.stringMatching(/^webhooks failed 1 endpoint has had something to post for 10 min\./),
    );
  });

  it('find that sign-in links cannot be mailed, and what is for development only', async () => {
    environment = { ...meteredEnv, MAIL_FROM: 'post@nowhere.example', ALLOW_LOCAL_WEBHOOKS: '1' };
    const rows = await checked();
    expect(rows).toContainEqual(
      expect.stringMatching(/^mail-from failed Mail cannot be sent yet: nowhere\.example \(MAIL_FROM\)/),
    );
    expect(rows).toContainEqual(expect.stringMatching(/^local-webhooks warning /));
  });
});
