import { sql } from 'drizzle-orm';
import PostalMime from 'postal-mime';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { dayOf, homeOf } from '#domain/message/home.ts';
import { stepHealth } from '../../worker/cron/health.ts';
import { parseEnv } from '../../worker/env.ts';
import { addMember, ensureOrganization } from '../../worker/store/auth.ts';
import { weekTables } from '../../worker/store/home-tables.ts';
import { batch } from '../../worker/store/sql.ts';
import { chooseSystemDomain } from '../../worker/store/system-mail.ts';
import { Browser } from '../support/browser.ts';
import { mailsTo, newMember, setUpOwner } from './dashboard-support.ts';
import {
  type Answer,
  allEvents,
  bindings,
  bounced,
  call,
  mail,
  meteredEnv,
  migrate,
  newAccount,
  nodeToken,
  request,
  result,
  type TestAccount,
  TestNode,
  testStore,
} from './support.ts';

const owner = { email: 'owner@people.example', password: 'a long enough sentence' };
const looker = { email: 'vera@people.example', password: 'another long sentence' };
let environment = meteredEnv;
const newBrowser = () => new Browser('https://api.test', (path, init) => request(path, init, environment));

/** The account of the operator, whose domain the mail comes from, and somebody who may only look. */
let own: TestAccount;
let viewer: Browser;

/** Asks for a link and for a reset; gives the ids of the messages. */
async function askForLinks(): Promise<string[]> {
  const before = new Set(await idsTo(owner.email));
  for (const path of ['/sign-in/link', '/sign-in/forgotten'])
    expect((await newBrowser().post(path, { email: owner.email })).status).toBe(303);
  return (await idsTo(owner.email)).filter((id) => !before.has(id));
}

async function idsTo(recipient: string): Promise<string[]> {
  const { results } = await bindings.DB.prepare(
    "SELECT name FROM sqlite_master WHERE name LIKE 'deliveries_%' AND type = 'table' ORDER BY name",
  ).all<{ name: string }>();
  const found = await Promise.all(
    results.map(({ name }) =>
      bindings.DB.prepare(`SELECT message_id AS id FROM "${name}" WHERE recipient = ?`)
        .bind(recipient)
        .all<{ id: string }>(),
    ),
  );
  return found.flatMap((table) => table.results.map(({ id }) => id));
}

beforeAll(async () => {
  await migrate();
  own = await newAccount();
  const browser = await setUpOwner(newBrowser(), owner);
  await browser.post('/operator/system-mail', { domain: own.domain });
  // Vera comes as a viewer of the operator's account, with a password of her own.
  const userId = crypto.randomUUID();
  await bindings.DB.batch([
    bindings.DB.prepare(
      "INSERT INTO auth_users (id, name, email, email_verified, created_at, updated_at) VALUES (?, 'Vera', ?, 1, 0, 0)",
    ).bind(userId, looker.email),
    bindings.DB.prepare(
      `INSERT INTO auth_identities (id, user_id, provider_id, account_id, password, created_at, updated_at)
        SELECT ?, ?, 'credential', ?, password, 0, 0 FROM auth_identities LIMIT 1`,
    ).bind(crypto.randomUUID(), userId, userId),
  ]);
  const nowMs = Date.now();
  const organizationId = await ensureOrganization(testStore(), { id: own.id, name: 'Demo' }, nowMs);
  await addMember(testStore(), { organizationId, userId, role: 'viewer', nowMs });
  viewer = newBrowser();
  expect((await viewer.post('/sign-in', { ...owner, email: looker.email })).status).toBe(303);
});
beforeEach(async () => {
  environment = meteredEnv;
  await bindings.DB.exec('DELETE FROM auth_rate_limits');
});

describe('mail of the installation itself', () => {
  it('is in no list, page, raw, search, event, statistic or resend of the account whose domain it comes from', async () => {
    const hook = await call('POST', '/v1/webhooks', own.live, { url: 'https://hooks.example/' });
    expect([201, 503]).toContain(hook.status);
    const ids = await askForLinks();
    expect(ids).toHaveLength(2);
    const mails = await mailsTo(owner.email);
    for (const { headers } of mails)
      expect(headers).toContainEqual({
        key: 'auto-submitted',
        originalKey: 'Auto-Submitted',
        value: 'auto-generated',
      });
    const texts = mails.map(({ text }) => text ?? '');
    const links = texts.flatMap((text) => text.match(/https:\/\/api\.test\/\S+/g) ?? []);
    expect(links).toHaveLength(2);
    const pages = [
      '/',
      '/messages',
      `/messages?to=${owner.email}`,
      '/messages?subject=password',
      '/messages?subject=link',
      '/events',
      '/statistics',
      '/suppressions',
      ...ids.flatMap((id) => [`/messages/${id}`, `/messages/${id}/raw`, `/messages/${id}/html`]),
    ];
    for (const path of pages) {
      const response = await viewer.get(path);
      const page = await response.text();
      for (const secret of [...links, ...ids.filter((id) => !path.includes(id)), 'Choose a new password'])
        expect(page.includes(secret), `${path} shows ${secret}`).toBe(false);
      if (ids.some((id) => path.includes(id))) expect([path, response.status]).toEqual([path, 404]);
    }
    const listed = await call('GET', '/v1/emails?limit=100', own.live);
    expect(listed.body.data.filter(({ id }: Answer) => ids.includes(id))).toEqual([]);
    expect((await allEvents(own.live)).filter((event) => ids.includes(event.email_id))).toEqual([]);
    for (const id of ids) {
      expect((await call('GET', `/v1/emails/${id}`, own.live)).status).toBe(404);
      expect((await call('GET', `/v1/emails/${id}/events`, own.live)).status).toBe(404);
      expect((await call('POST', `/v1/emails/${id}/cancel`, own.live)).status).toBe(404);
    }
    const again = newBrowser();
    await again.post('/sign-in', owner);
    for (const id of ids) expect((await again.post(`/messages/${id}/resend`)).status).toBe(404);
  });

  it('is nobody’s to join, to look into or to make keys for', async () => {
    const { body } = await call('GET', '/admin/v1/accounts', bindings.OPERATOR_TOKEN);
    expect(body.data.filter(({ id }: Answer) => id === 0)).toEqual([]);
    for (const path of ['', '/credentials', '/domains/x.example'])
      expect((await call('GET', `/admin/v1/accounts/0${path}`, bindings.OPERATOR_TOKEN)).status).toBe(404);
    expect((await call('POST', '/admin/v1/accounts/0/credentials', bindings.OPERATOR_TOKEN, {})).status).toBe(
      404,
    );
    const browser = newBrowser();
    await browser.post('/sign-in', owner);
    expect((await browser.post('/operator/accounts/0/join')).status).toBe(404);
  });

  it('is signed with the key of the domain that was chosen, and is delivered like any other', async () => {
    const [id = ''] = await askForLinks();
    const { body } = await call('POST', '/v1/send', own.live, mail(own));
    const { deliveries, keys } = await (await new TestNode().hello()).lease();
    const leased = (wanted: string) =>
      deliveries.find(({ messageId }: Answer) => messageId === wanted) as Answer;
    const ring = (delivery: Answer) => keys[delivery.keyRing ?? delivery.signingDomain];
    expect(leased(id).signingDomain).toBe(own.domain);
    expect(ring(leased(id))).toHaveLength(2);
    expect(ring(leased(id))).toEqual(ring(leased(body.message_id)));
  });

  it('is not signed by a tenant who has the domain by then', async () => {
    const [id = ''] = await askForLinks();
    const tenant = await newAccount();
    const hand = (to: TestAccount) =>
      bindings.DB.prepare('UPDATE domains SET account_id = ? WHERE name = ?').bind(to.id, own.domain).run();
    await hand(tenant);
    const { deliveries, keys } = await (await new TestNode().hello()).lease();
    await hand(own);
    const delivery = deliveries.find(({ messageId }: Answer) => messageId === id);
    expect(delivery).toBeDefined();
    expect(keys[delivery.keyRing ?? delivery.signingDomain]).toBeUndefined();
  });

  it('that bounces suppresses nobody: no page could lift it', async () => {
    const [id = ''] = await askForLinks();
    const node = await new TestNode().hello();
    const { deliveries } = await node.lease();
    const delivery = deliveries.find(({ messageId }: Answer) => messageId === id);
    const { body } = await node.post('results', { results: [result(delivery, bounced)] });
    expect(body.verdicts).toEqual(['recorded']);
    expect(await askForLinks()).toHaveLength(2);
  });
});

describe('the domain that mail of the installation comes from', () => {
  it('is never one that only happens to be verified: nothing is mailed, and the page says why', async () => {
    await bindings.DB.exec("DELETE FROM installation WHERE name = 'system-mail'");
    const response = await newBrowser().post('/sign-in/forgotten', { email: owner.email });
    expect(response.status).toBe(503);
    expect(await response.text()).toContain('the operator has not chosen which domain it comes from');
    await chooseSystemDomain(testStore(), own.domain, Date.now());
  });

  it('is never a tenant’s, whoever names it', async () => {
    const tenant = await newAccount();
    environment = { ...meteredEnv, MAIL_FROM: `no-reply@${tenant.domain}` };
    const response = await newBrowser().post('/sign-in/link', { email: owner.email });
    expect(response.status).toBe(503);
    expect(await response.text()).toContain(
      `${tenant.domain} (MAIL_FROM) is not a verified sending domain of an account that the operator owns.`,
    );
  });
});

describe('what the dashboard asks the API for', () => {
  it('needs no key of the account: there is none to leak, and none that outlives AUTH_SECRET', async () => {
    const browser = newBrowser();
    await browser.post('/sign-in', owner);
    const sent = await browser.post('/sending/test', {
      from: `hello@${own.domain}`,
      to: 'user@example.net',
      subject: 'Hello',
    });
    expect(sent.headers.get('Location')).toContain('done=sent');
    const { results } = await bindings.DB.prepare(
      "SELECT id FROM credentials WHERE username = 'dashboard'",
    ).all();
    expect(results).toEqual([]);
  });

  it('cannot be asked for from outside', async () => {
    const headers = { caller: JSON.stringify({ accountId: own.id, domainsOf: own.id }) };
    const response = await call('GET', '/v1/emails', null, undefined, headers);
    expect(response.status).toBe(401);
  });
});

describe('the sender health of an account', () => {
  const dayMs = 86_400_000;
  const judge = async (DIGEST_PAUSE: string) => {
    const env = parseEnv({ ...meteredEnv, DIGEST_PAUSE });
    const tick = { store: testStore(), env, nowMs: Date.now() };
    for (let place: number | null = 0; place !== null; ) place = await stepHealth(tick, place);
  };

  it('is told to its owners once when it declines; digest waits, priority never, until it is better', async () => {
    const tenant = await newAccount();
    const address = await newMember(tenant, 'owner');
    const colleague = await newMember(tenant, 'developer');
    const day = dayOf(Date.now() - 2 * dayMs);
    const counts = bindings.DB.prepare(
      `INSERT INTO stats (account_id, day, dimension, value, accepted, delivered, bounced)
        VALUES (?, ?, 'day', '', 100, 90, 10)`,
    );
    await counts.bind(tenant.id, day).run();
    await judge('warning');
    await judge('warning');
    const mails = await mailsTo(address);
    expect(mails.map(({ subject }) => subject)).toEqual([
      expect.stringMatching(/^The sender health of .+ is danger$/),
    ]);
    expect(mails[0]?.text).toContain('10.0 % of recipients bounced');
    expect(mails[0]?.text).toContain('Mail of class digest waits from now on');
    expect(await mailsTo(colleague)).toEqual([]);

    const send = async (of: TestAccount, kind: string) =>
      (await call('POST', '/v1/send', of.live, mail(of, { class: kind }))).body.message_id;
    const ids = {
      digest: await send(tenant, 'digest'),
      priority: await send(tenant, 'priority'),
      other: await send(own, 'digest'),
    };
    const node = await new TestNode('health').hello();
    const leased = async () => {
      const { deliveries } = await node.lease(500);
      return Object.entries(ids).flatMap(([name, id]) =>
        deliveries.some(({ messageId }: Answer) => messageId === id) ? [name] : [],
      );
    };
    expect(await leased()).toEqual(['priority', 'other']);
    const { deliveries } = weekTables(homeOf(ids.digest).week);
    await batch(testStore().d1, [
      sql`UPDATE ${deliveries} SET due_ms = due_ms - 120000 WHERE message_id = ${ids.digest}`,
    ]);
    const { body } = await call('GET', `/v1/emails/${ids.digest}`, tenant.live);
    expect(body.deliveries[0].waits_for).toContain('digest is paused until');

    await bindings.DB.prepare('DELETE FROM stats WHERE account_id = ?').bind(tenant.id).run();
    await judge('warning');
    expect(await mailsTo(address)).toHaveLength(1);
    expect(await leased()).toEqual(['digest']);
  });
});

describe('a report on TLS that a node asks to be mailed', () => {
  const report = {
    domain: 'example.net',
    to: 'tls@example.net',
    id: '2026-11-26.one.example.net',
    fileName: 'node.example!example.net!1795651200!1795737599!one.json.gz',
    submitter: 'node.example',
    report: btoa('x'.repeat(300)),
  };
  const ask = async (body: Record<string, unknown>, token?: string) =>
    await call('POST', '/node/v1/tls-report', token ?? (await nodeToken()), body);

  it('goes out in the form of RFC 8460, whatever the receiver asks of TLS', async () => {
    const node = await new TestNode('tls-report').hello();
    expect((await ask(report)).status).toBe(204);
    const { deliveries } = await node.lease();
    const sent = deliveries.find(({ rcptTo }: Answer) => rcptTo === report.to);
    expect(sent).toMatchObject({ tls: 'optional', signingDomain: own.domain });
    const parsed = await PostalMime.parse(sent.raw);
    expect(parsed.from?.address).toBe(`no-reply@${own.domain}`);
    expect(parsed.subject).toBe(
      'Report Domain: example.net Submitter: node.example Report-ID: <2026-11-26.one.example.net>',
    );
    const fields = Object.fromEntries(parsed.headers.map(({ key, value }) => [key, value]));
    expect(fields).toMatchObject({
      'tls-report-domain': 'example.net',
      'tls-report-submitter': 'node.example',
      'content-type': expect.stringMatching(/^multipart\/report; report-type="tlsrpt"/),
    });
    expect(parsed.attachments).toMatchObject([
      { mimeType: 'application/tlsrpt+gzip', filename: report.fileName },
    ]);
    expect(new TextDecoder().decode(parsed.attachments[0]?.content as ArrayBuffer)).toBe('x'.repeat(300));
  });

  it.each([
    ['domain', 'example.net\r\nBcc: x@y.test'],
    ['id', 'a b'],
    ['fileName', 'a"\r\n'],
    ['report', '!'],
    ['submitter', ''],
  ])('is refused with a %s that has no place in a mail', async (name, value) => {
    expect((await ask({ ...report, [name]: value })).status).toBe(400);
  });

  it('is for nodes to ask', async () => {
    expect((await ask(report, own.live)).status).toBe(401);
  });
});
