import { beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../support/browser.ts';
import { newMember, setUpOwner, textOf } from './dashboard-support.ts';
import { Internet } from './receiver.ts';
import {
  type Answer,
  bindings,
  call,
  costOf,
  mail,
  migrate,
  newAccount,
  newKey,
  request,
  type TestAccount,
  TestNode,
} from './support.ts';
import { newEndpoint } from './webhook-support.ts';

let account: TestAccount;
let other: TestAccount;
let member: string;
let owner: Browser;
const service = 'mail.example.org';
const simulated = `delivered@simulator.${service}`;

beforeAll(async () => {
  await migrate();
  account = await newAccount();
  owner = await setUpOwner(new Browser('https://api.test', (path, init) => request(path, init)), {
    email: 'first@people.example',
    password: 'a long enough sentence',
  });
  other = await newAccount();
  member = await newMember(account, 'developer');
});

const addressOf = ({ id }: TestAccount) => `account-${id}@sandbox.${service}`;
const send = (more: Record<string, unknown>, of = account, key = of.live) =>
  call('POST', '/v1/send', key, mail(of, { from: addressOf(of), to: [simulated], ...more }));

describe('the sandbox', () => {
  it('lets an account send to the simulator that has no domain, signed by keys of the installation', async () => {
    const { body: empty } = await call('POST', '/admin/v1/accounts', bindings.OPERATOR_TOKEN, {
      name: 'new',
    });
    const fresh = { ...empty, domain: '', live: '', test: '' } as TestAccount;
    const { secret } = await newKey(fresh);
    const node = await new TestNode('sandbox-node').hello();
    const answers = [await send({}, fresh, secret), await send({}, other)];
    expect(answers.map(({ status }) => status)).toEqual([202, 202]);
    const lease = await node.lease();
    const leased: Answer[] = lease.deliveries;
    expect(leased.map(({ messageId }) => messageId).sort()).toEqual(
      answers.map(({ body }) => body.message_id).sort(),
    );
    for (const one of leased) {
      expect(one).toMatchObject({ rcptTo: simulated, signingDomain: `sandbox.${service}` });
      const keys = lease.keys[one.keyRing ?? one.signingDomain];
      expect(keys.map(({ selector }: Answer) => selector).sort()).toEqual(['pennypost', 'pennypost-ed']);
    }
    const { body: domains } = await call('GET', '/v1/domains', secret);
    expect(domains.data).toEqual([]);
  });

  it('costs no round trip more than any domain, once it is there', async () => {
    await send({});
    expect(costOf(await send({})).trips).toBe(costOf(await send({ from: `a@${account.domain}` })).trips);
  });

  it('sends to members of the account whose address was proven, and to nobody else', async () => {
    expect(
      (await send({ to: [member.toUpperCase().replace('@PEOPLE.EXAMPLE', '@people.example')] })).status,
    ).toBe(202);
    const unproven = await newMember(account, 'viewer');
    await bindings.DB.prepare('UPDATE auth_users SET email_verified = 0 WHERE email = ?')
      .bind(unproven)
      .run();
    for (const to of [unproven, await newMember(other, 'owner'), 'anybody@example.net']) {
      const { status, body } = await send({ to: [member, to] });
      expect([status, body.code]).toEqual([403, 'domain_not_allowed']);
      expect(body.errors).toEqual([{ pointer: '/to', detail: expect.stringContaining(to) }]);
    }
  });

  it('has one address an account', async () => {
    for (const from of [addressOf(other), `hello@sandbox.${service}`]) {
      const { status, body } = await send({ from });
      expect([status, body.errors[0].pointer]).toEqual([403, '/from']);
      expect(body.detail).toContain(addressOf(account));
    }
  });

  it('is closed to a key that is limited to other domains', async () => {
    const { secret } = await newKey(account, { domains: [account.domain] });
    expect((await send({}, account, secret)).status).toBe(403);
  });

  it('lets 100 messages a day go to people, and the simulator is not counted', async () => {
    const of = await newAccount();
    const someone = await newMember(of, 'owner');
    const drafts = Array.from({ length: 100 }, () => mail(of, { from: addressOf(of), to: [someone] }));
    const { body: first } = await call('POST', '/v1/send/batch', of.live, drafts);
    expect(first.filter(({ status }: Answer) => status === 'queued')).toHaveLength(100);
    const { status, body } = await send({ to: [someone] }, of);
    expect([status, body.limit_type, body.limit]).toEqual([429, 'daily', 100]);
    expect(body.retry_after_seconds).toBeGreaterThan(86_000);
    expect((await send({}, of)).status).toBe(202);
  });

  it('is told by the key, and by a dry run', async () => {
    expect((await call('GET', '/v1/credential', account.live)).body.sandbox_address).toBe(addressOf(account));
    const dry = { from: addressOf(account), to: ['anybody@example.net'] };
    const { body } = await call('POST', '/v1/send?dry_run=true', account.live, mail(account, dry));
    expect(body.checks[0]).toMatchObject({ check: 'domain', ok: false });
  });
});

describe('a test key', () => {
  it('sends from any domain, since nothing leaves', async () => {
    const { status, body } = await send(
      { from: 'a@not-yet.example', to: ['anybody@example.net'] },
      account,
      account.test,
    );
    expect([status, body.status]).toEqual([202, 'simulated']);
    const { body: shown } = await call('GET', `/v1/emails/${body.message_id}`, account.live);
    expect(shown.status).toBe('simulated');
  });

  it('that is limited to domains sends from no other', async () => {
    const { secret } = await newKey(account, { environment: 'test', domains: [account.domain] });
    expect((await send({ from: 'a@not-yet.example' }, account, secret)).status).toBe(403);
  });
});

describe('a newcomer’s first steps', () => {
  const steps = async () => {
    const page = await (await owner.get('/')).text();
    const list = /<ol class="first-steps">.*?<\/ol>/s.exec(page)?.[0] ?? '';
    return [...list.matchAll(/<li.*?<\/li>/gs)].map(([item]) => ({
      state: />(done|next|to do)</.exec(item)?.[1],
      href: /href="([^"]+)"/.exec(item)?.[1],
    }));
  };
  const states = async () => (await steps()).map(({ state }) => state);

  it('begin with a test from the sandbox, and each knows when it is done', async () => {
    for (const table of ['dkim_keys', 'domain_warming', 'domains', 'credentials'])
      await bindings.DB.exec(`DELETE FROM ${table}`);
    const tables =
      "SELECT name FROM sqlite_master WHERE type = 'table' AND (name LIKE 'messages_%' OR name LIKE 'deliveries_%')";
    for (const { name } of (await bindings.DB.prepare(tables).all<{ name: string }>()).results)
      await bindings.DB.exec(`DELETE FROM "${name}"`);
    expect(await states()).toEqual(['next', 'to do', 'to do', 'to do', 'to do', 'to do']);
    expect((await steps())[0]?.href).toBe('/sending#test');
    const page = await (await owner.get('/sending')).text();
    expect(page).toContain(`value="${addressOf(account)}"`);
    const sent = await owner.post('/sending/test', {
      from: addressOf(account),
      to: simulated,
      subject: 'Hi',
    });
    expect(sent.headers.get('Location')).toMatch(/^\/messages\/[0-9a-f-]{36}\?done=sent$/);
    const refused = await owner.post('/sending/test', { from: addressOf(account), to: 'x@example.net' });
    expect(await textOf(refused)).toContain('add a domain to send to everybody');
    expect(await states()).toEqual(['done', 'next', 'to do', 'to do', 'to do', 'to do']);
    const { secret } = await newKey(account);
    expect(await states()).toEqual(['done', 'next', 'to do', 'done', 'to do', 'to do']);
    await send({}, account, secret);
    await call('POST', '/v1/domains', (await newKey(account, { scopes: ['manage'] })).secret, {
      domain: 'shop.example',
    });
    expect(await states()).toEqual(['done', 'done', 'next', 'done', 'done', 'to do']);
    expect((await steps())[2]?.href).toMatch(/^\/domains\/\d+#records$/);
    await bindings.DB.exec("UPDATE domains SET status = 'verified' WHERE name = 'shop.example'");
    expect(await states()).toEqual(['done', 'done', 'done', 'done', 'done', 'next']);
    await newEndpoint(
      { ...account, live: (await newKey(account, { scopes: ['manage'] })).secret },
      new Internet(),
    );
    expect(await steps()).toEqual([]);
  });
});
