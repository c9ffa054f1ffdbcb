import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { homeOf, weekOf } from '#domain/message/home.ts';
import { parseEnv } from '../../../worker/env.ts';
import worker from '../../../worker/index.ts';
import { consume } from '../../../worker/queue/consume.ts';
import { isLinkHost } from '../../../worker/store/domain-names.ts';
import { Browser } from '../../support/browser.ts';
import { newMember, setUpOwner, textOf } from '../dashboard-support.ts';
import { Internet } from '../receiver.ts';
import {
  type Answer,
  allEvents,
  bindings,
  call,
  delivered,
  mail,
  migrate,
  parsedMail,
  request,
  result,
  type TestAccount,
  TestNode,
  testStore,
} from '../support.ts';
import { accountAt, countedHomes, databases, inEach, send, tickIn } from './support.ts';

let accounts: TestAccount[];
let node: TestNode;
const at = (home: number) => accounts[home] as TestAccount;

beforeAll(async () => {
  await migrate();
  accounts = [await accountAt(0), await accountAt(1), await accountAt(2)];
  node = await new TestNode('node-a').hello();
});

describe('an account in a home', () => {
  it('has keys that name it, the first home none', () => {
    expect(at(0).live).toMatch(/^pp_live_[0-9A-Za-z]{32}$/);
    expect(at(1).live).toMatch(/^pp_live_01[0-9A-Za-z]{32}$/);
    expect(at(2).test).toMatch(/^pp_test_02[0-9A-Za-z]{32}$/);
  });

  it('has its mail there and nowhere else', async () => {
    for (const home of [0, 1, 2]) {
      const id = await send(at(home));
      expect(homeOf(id).shard).toBe(home);
      const found = await inEach(`SELECT id FROM messages_${weekOf(Date.now())} WHERE id = ?`, id);
      expect(found.map((rows) => rows.length)).toEqual([0, 1, 2].map((one) => (one === home ? 1 : 0)));
      const { body } = await call('GET', `/v1/emails/${id}`, at(home).live);
      expect(body.message_id).toBe(id);
    }
  });

  it('sends in two round trips, and asks control for nothing', async () => {
    for (const home of [1, 2]) {
      await send(at(home));
      const { asked, environment } = countedHomes();
      const sent = await call('POST', '/v1/send', at(home).live, mail(at(home)), {}, environment);
      expect(sent.status).toBe(202);
      expect(asked).toEqual([0, 1, 2].map((one) => (one === home ? 2 : 0)));
    }
  });

  it('sends while control is away, by whatever name it is asked', async () => {
    await send(at(1));
    const away = new Proxy(databases[0], {
      get: (database, name) => {
        if (name === 'batch') return () => Promise.reject(new Error('control is away'));
        const value = Reflect.get(database, name);
        return typeof value === 'function' ? value.bind(database) : value;
      },
    });
    for (const host of ['api.test', 'pennypost.shop.example']) {
      const context = createExecutionContext();
      const asked = new Request(`https://${host}/v1/send`, {
        method: 'POST',
        body: JSON.stringify(mail(at(1))),
        headers: { Authorization: `Bearer ${at(1).live}`, 'Content-Type': 'application/json' },
      });
      const answer = await worker.fetch(asked, { ...countedHomes().environment, DB: away }, context);
      await waitOnExecutionContext(context);
      expect([host, answer.status]).toEqual([host, 202]);
    }
  });

  it('logs in by SMTP with its key', async () => {
    const { body } = await call('GET', '/v1/credential', at(2).live);
    expect(body).toMatchObject({ environment: 'live', username: 'pennypost' });
  });

  it('is unknown to keys that name another home, or one that there is not', async () => {
    for (const home of ['00', '02', '7f']) {
      const key = at(1).live.replace('pp_live_01', `pp_live_${home}`);
      expect((await call('POST', '/v1/send', key, mail(at(1)))).status).toBe(401);
    }
  });

  it('has numbers that no other home makes', async () => {
    const numbers = await inEach('SELECT id FROM credentials UNION ALL SELECT id FROM domains');
    const all = numbers.flatMap((rows, home) =>
      rows.map(({ id }) => [home, Math.floor(Number(id) / 2 ** 40)]),
    );
    expect(all.length).toBeGreaterThan(6);
    for (const [home, made] of all) expect(made).toBe(home);
  });

  it('is made in the emptiest home when nobody says where', async () => {
    const big = 'x'.repeat(500_000);
    for (const home of [0, 2])
      await databases[home as 0 | 2]
        .prepare('INSERT INTO installation (name, at_ms, value) VALUES (?, 0, ?)')
        .bind('filler', JSON.stringify(big))
        .run();
    const { body } = await call('POST', '/admin/v1/accounts', bindings.OPERATOR_TOKEN, { name: 'anywhere' });
    expect(body.home).toBe(1);
    const refused = await call('POST', '/admin/v1/accounts', bindings.OPERATOR_TOKEN, { name: 'x', home: 3 });
    expect([refused.status, refused.body.errors[0].pointer]).toEqual([400, '/home']);
  });

  it('may send from the sandbox', async () => {
    const from = `account-${at(1).id}@sandbox.mail.example.org`;
    const to = ['delivered@simulator.mail.example.org'];
    const id = await send(at(1), { from, to });
    const { deliveries, keys } = await node.lease();
    const one = deliveries.find((leased: Answer) => leased.messageId === id);
    expect(keys[one.keyRing ?? one.signingDomain]).toHaveLength(2);
    await node.post('results', { results: deliveries.map((leased: Answer) => result(leased, delivered)) });
  });
});

describe('what the operator decides', () => {
  const decide = (account: TestAccount, status: string) =>
    call('PUT', `/admin/v1/accounts/${account.id}/status`, bindings.OPERATOR_TOKEN, { status });

  it('holds in the home at once', async () => {
    await decide(at(2), 'suspended');
    expect((await call('POST', '/v1/send', at(2).live, mail(at(2)))).body.code).toBe('account_suspended');
    await decide(at(2), 'active');
    await send(at(2));
  });

  it('reaches a home that was away, by cron', async () => {
    const db = databases[1];
    await db.exec('ALTER TABLE accounts RENAME TO accounts_away');
    expect((await decide(at(1), 'suspended')).status).toBe(500);
    await db.exec('ALTER TABLE accounts_away RENAME TO accounts');
    const { body } = await call('GET', `/admin/v1/accounts/${at(1).id}`, bindings.OPERATOR_TOKEN);
    expect(body.status).toBe('suspended');
    await send(at(1));
    await tickIn(1);
    expect((await call('POST', '/v1/send', at(1).live, mail(at(1)))).body.code).toBe('account_suspended');
    await decide(at(1), 'active');
  });
});

describe('a domain', () => {
  const operator = bindings.OPERATOR_TOKEN;
  const add = (account: TestAccount, domain: string) =>
    call('POST', `/admin/v1/accounts/${account.id}/domains`, operator, { domain, verified: true });

  it('is verified by one account only, whatever the homes', async () => {
    for (const [first, second] of [
      [1, 2],
      [2, 0],
      [0, 1],
    ] as const) {
      const name = `wanted${first}${second}.example`;
      expect((await add(at(first), name)).status).toBe(201);
      expect((await add(at(second), name)).status).toBe(409);
    }
  });

  it('may be had by another once it is given up', async () => {
    expect((await add(at(1), 'given.example')).status).toBe(201);
    const { body } = await call('GET', `/admin/v1/accounts/${at(1).id}/domains/given.example`, operator);
    expect((await call('DELETE', `/v1/domains/${body.id}?confirm=true`, at(1).live)).status).toBeLessThan(
      300,
    );
    expect((await add(at(2), 'given.example')).status).toBe(201);
  });
});

describe('a link host', () => {
  it('is known wherever its domain lives, and links of its mail alone lead to it', async () => {
    for (const [home, database] of databases.entries()) {
      const { domain } = at(home);
      const label = async (set: string) =>
        await database.prepare(`UPDATE domains SET ${set} WHERE name = ?`).bind(domain).run();
      await label("link_label = 'links', link_state = 'active'");
      expect(await isLinkHost(testStore(), `links.${domain}`)).toBe(true);
      expect(await isLinkHost(testStore(), `go.${domain}`)).toBe(false);
      const { html } = await parsedMail(await send(at(home), { html_body: '<p>a</p>', track_opens: true }));
      expect(html).toContain(`src="https://links.${domain}/t/`);
      await label("link_label = NULL, link_state = 'pending'");
    }
  });
});

describe('cron', () => {
  it('sends a message for each other home, and a home does its jobs by it', async () => {
    await databases[2].exec(`DROP TABLE IF EXISTS audit_${weekOf(Date.now())}`);
    await databases[2].exec("DELETE FROM installation WHERE name = 'progress'");
    await tickIn(2);
    const made = await inEach(
      `SELECT count(*) AS n FROM sqlite_master WHERE name = 'audit_${weekOf(Date.now())}'`,
    );
    expect(made[2]).toEqual([{ n: 1 }]);
    const [[first], , [third]] = (await inEach("SELECT value FROM installation WHERE name = 'progress'")) as [
      Answer[],
      Answer[],
      Answer[],
    ];
    expect(first).toBeUndefined();
    expect(Object.keys(JSON.parse(String(third?.value)))).toEqual(
      expect.arrayContaining(['copies', 'accounts']),
    );
    expect(Object.keys(JSON.parse(String(third?.value)))).not.toContain('sessions');
  });

  it('does one home in an invocation, and sends the others on', async () => {
    const sent: Answer[] = [];
    const acked: string[] = [];
    const parsed = parseEnv(env);
    const delivery = { sendBatch: async (all: Answer[]) => sent.push(...all), send: async () => undefined };
    const messages = [1, 2, 1].map((home) => ({
      body: { home, tickMs: Date.now(), goesOn: false },
      ack: () => acked.push('one'),
    }));
    const batch = { queue: 'pennypost-delivery', messages, ackAll: () => acked.push('all') };
    const changed = { ...parsed, bindings: { ...parsed.bindings, DELIVERY: delivery } };
    await consume(batch as never, changed as never);
    expect(acked).toEqual(['all']);
    expect(sent.map(({ body }) => body.home)).toEqual([2]);
  });
});

describe('pages', () => {
  it('show an account of another home to its people', async () => {
    const browser = await setUpOwner(new Browser('https://api.test', (path, init) => request(path, init)), {
      email: 'first@people.example',
      password: 'a long enough sentence',
    });
    const { body: made } = await call('POST', '/admin/v1/accounts', bindings.OPERATOR_TOKEN, {
      name: 'x',
      home: 2,
    });
    expect(made.home).toBe(2);
    await newMember(at(2), 'viewer');
    const id = await send(at(2), { subject: 'Seen on a page' });
    const store = (await import('../support.ts')).testStore();
    const { addMember, ensureOrganization } = await import('../../../worker/store/auth.ts');
    const [[user]] = (await inEach("SELECT id FROM auth_users WHERE email = 'first@people.example'")) as [
      Answer[],
    ];
    const organizationId = await ensureOrganization(store, { id: at(2).id, name: 'Demo' }, Date.now());
    await addMember(store, { organizationId, userId: user?.id, role: 'owner', nowMs: Date.now() });
    await databases[0]
      .prepare('UPDATE auth_sessions SET active_organization_id = ?')
      .bind(organizationId)
      .run();
    expect(await textOf(await browser.get('/messages'))).toContain('Seen on a page');
    expect(await textOf(await browser.get(`/messages/${id}`))).toContain('Seen on a page');
    const made2 = await browser.post('/sending/keys', {
      name: 'of a page',
      environment: 'live',
      scopes: 'send',
    });
    expect(made2.status).toBeLessThan(400);
    const keys = await inEach("SELECT hint FROM credentials WHERE name = 'of a page'");
    expect(keys.map((rows) => rows.length)).toEqual([0, 0, 1]);
    const operator = await textOf(await browser.get('/operator'));
    expect(operator).toContain('Installation');
  });
});

describe('events', () => {
  it('are of the account, in the order of its home', async () => {
    const [account] = [await accountAt(1)];
    const ids = [await send(account), await send(account)];
    const { deliveries } = await node.lease();
    await node.post('results', { results: deliveries.map((one: Answer) => result(one, delivered)) });
    const events = await allEvents(account.live);
    expect(events.filter(({ kind }) => kind === 'accepted').map((one) => one.message_id)).toEqual(ids);
    expect(events.filter(({ kind }) => kind === 'delivered')).toHaveLength(2);
  });

  it('are posted to the endpoint of an account of another home', async () => {
    const internet = new Internet();
    const account = await accountAt(2);
    const { newEndpoint, eventually } = await import('../webhook-support.ts');
    const endpoint = await newEndpoint(account, internet);
    const id = await send(account);
    await eventually(() => {
      const posted = internet.received.filter(({ url }) => url.includes(endpoint.host));
      expect(posted.some(({ text }) => text.includes(id))).toBe(true);
    });
  });
});
