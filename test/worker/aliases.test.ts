import { beforeAll, describe, expect, it } from 'vitest';
import { agreeAs, agreed, linkTo, newAlias, setUpSystemMail } from './alias-support.ts';
import { mailsTo } from './dashboard-support.ts';
import { bringMail, doors, letterTo, newReceivingDomain } from './received-support.ts';
import {
  type Answer,
  bindings,
  call,
  migrate,
  newAccount,
  newKey,
  request,
  type TestAccount,
} from './support.ts';

let account: TestAccount;
let domain: string;
beforeAll(async () => {
  await migrate();
  await setUpSystemMail();
  account = await newAccount();
  domain = await newReceivingDomain(account, 'alias');
}, 60_000);

const post = (body: Record<string, unknown>, key = account.live) => call('POST', '/v1/aliases', key, body);
const read = async (id: number): Promise<Answer> =>
  (await call('GET', `/v1/aliases/${id}`, account.live)).body.alias;
const fresh = async (): Promise<{ account: TestAccount; domain: string }> => {
  const made = await newAccount();
  return { account: made, domain: await newReceivingDomain(made, 'alias') };
};

describe('an alias', () => {
  it('is made with the address that was asked for, or one that nobody guesses', async () => {
    const to = await agreed(account, 'made@people.example');
    const { body } = await post({ domain, address: 'Shop', forward_to: [to], description: 'the shop' });
    expect(body.alias).toMatchObject({
      org_id: account.id,
      address: `shop@${domain}`,
      domain,
      forward_to: [to],
      destinations: [{ address: to, state: 'verified' }],
      action: 'forward',
      description: 'the shop',
      emails_received: 0,
      emails_forwarded: 0,
      last_received_at: null,
      active: true,
    });
    const random = await newAlias(account, { domain, forward_to: [to] });
    expect(random.address).toMatch(new RegExp(`^[a-z2-9]{10}@${domain}$`));
    expect((await post({ domain, address: `shop@${domain}`, forward_to: [to] })).status).toBe(409);
  });

  it.each([
    [{ forward_to: [] }, '/forward_to'],
    [{ forward_to: ['nobody'] }, '/forward_to/0'],
    [{ address: 'a b' }, '/address'],
    [{ address: 'x@other.example' }, '/address'],
    [{ address: 'postmaster' }, '/address'],
    [{ address: 'b-abc' }, '/address'],
    [{ domain: 'nowhere.example' }, '/domain'],
    [{ webhook: 'nothing' }, '/webhook'],
    [{ is_masked: 'yes' }, '/is_masked'],
    [{ description: 'x'.repeat(201) }, '/description'],
  ])('%j is refused by name', async (more, pointer) => {
    const answer = await post({ domain, forward_to: ['made@people.example'], ...more });
    expect([answer.status, answer.body.errors?.[0].pointer]).toEqual([400, pointer]);
  });

  it('may not be sent on to itself', async () => {
    const { body } = await post({ domain, address: 'self', forward_to: [`self@${domain}`] });
    expect(body.errors[0].pointer).toBe('/forward_to/0');
  });

  it('is listed, found by its parts, changed and removed', async () => {
    const own = await fresh();
    const to = await agreed(own.account, 'listed@people.example');
    const one = await newAlias(own.account, { domain: own.domain, address: 'one', forward_to: [to] });
    await newAlias(own.account, {
      domain: own.domain,
      address: 'two',
      forward_to: [to],
      description: 'Zebra',
    });
    const list = async (query: string) => (await call('GET', `/v1/aliases?${query}`, own.account.live)).body;
    expect(await list('limit=1')).toMatchObject({
      total: 2,
      limit: 1,
      offset: 0,
      aliases: [{ description: 'Zebra' }],
    });
    expect((await list('q=zebra')).aliases).toHaveLength(1);
    expect((await list('q=listed@')).total).toBe(2);
    const at = `/v1/aliases/${one.id}`;
    const { body } = await call('PATCH', at, own.account.live, { active: false, description: 'off' });
    expect(body.alias).toMatchObject({ active: false, description: 'off', forward_to: [to] });
    expect(await doors(`one@${own.domain}`)).toMatchObject([{ door: 'refused', reply: '550 5.1.1' }]);
    expect((await call('PATCH', at, account.live, { active: true })).status).toBe(404);
    expect((await call('DELETE', at, own.account.live)).status).toBe(204);
    expect((await call('GET', at, own.account.live)).status).toBe(404);
  });

  it('is not for a key that is limited to other domains', async () => {
    const to = await agreed(account, 'limited@people.example');
    const alias = await newAlias(account, { domain, forward_to: [to] });
    const { secret } = await newKey(account, { domains: [account.domain] });
    expect((await call('GET', `/v1/aliases/${alias.id}`, secret)).status).toBe(404);
    expect((await post({ domain, forward_to: [to] }, secret)).status).toBe(403);
    expect((await call('GET', '/v1/aliases', secret)).body.total).toBe(0);
  });
});

describe('a destination', () => {
  it('gets a mail with a link that is good once, and for it alone', async () => {
    const own = await fresh();
    const alias = await newAlias(own.account, {
      domain: own.domain,
      address: 'a',
      forward_to: ['New@People.example'],
    });
    expect(alias.destinations).toEqual([{ address: 'New@people.example', state: 'pending' }]);
    const path = await linkTo('New@people.example');
    const { results } = await bindings.DB.prepare('SELECT secret_hash AS hash FROM destinations').all();
    expect(JSON.stringify(results)).not.toContain(path.split('/').at(-1));
    // Whatever looks at links changes nothing.
    expect(await (await request(path)).text()).toContain('New@people.example');
    expect(await doors(`a@${own.domain}`)).toMatchObject([{ reply: '450 4.2.1' }]);
    expect((await request(path, { method: 'POST' })).status).toBe(200);
    expect((await request(path, { method: 'POST' })).status).toBe(404);
    expect((await request(path)).status).toBe(404);
    expect(await doors(`a@${own.domain}`, `A+tag@${own.domain}`)).toMatchObject([
      { door: 'received', refuseDmarc: true },
      { door: 'received' },
    ]);
  });

  it('is asked once for all aliases of the account, and not by another account for it', async () => {
    const own = await fresh();
    const to = 'once@people.example';
    await newAlias(own.account, { domain: own.domain, forward_to: [to] });
    await newAlias(own.account, { domain: own.domain, forward_to: [to] });
    expect(await mailsTo(to)).toHaveLength(1);
    await agreeAs(to);
    const other = await fresh();
    const alias = await newAlias(other.account, { domain: other.domain, forward_to: [to] });
    expect(alias.destinations[0].state).toBe('pending');
  });

  it('is one of at most five new ones a day', async () => {
    const own = await fresh();
    const five = [1, 2, 3, 4, 5].map((n) => `many${n}@people.example`);
    await newAlias(own.account, { domain: own.domain, forward_to: five.slice(0, 3) });
    const tooMany = {
      domain: own.domain,
      address: 'late',
      forward_to: [...five.slice(3), 'many6@people.example'],
    };
    const refused = await post(tooMany, own.account.live);
    expect([refused.status, refused.headers.get('Retry-After')]).toEqual([429, '86400']);
    expect(await mailsTo('many4@people.example')).toHaveLength(0);
    expect((await call('GET', '/v1/aliases?q=late', own.account.live)).body.total).toBe(0);
    await newAlias(own.account, { domain: own.domain, forward_to: five.slice(3) });
    await bindings.DB.prepare(
      'UPDATE destinations SET sent_at_ms = sent_at_ms - 86400000 WHERE account_id = ?',
    )
      .bind(own.account.id)
      .run();
    expect((await post(tooMany, own.account.live)).status).toBe(201);
  });

  it('is asked again a day later, by a new link', async () => {
    const own = await fresh();
    const to = 'again@people.example';
    const { id } = await newAlias(own.account, { domain: own.domain, forward_to: [to] });
    const again = () => call('POST', `/v1/aliases/${id}/verify`, own.account.live);
    expect((await again()).status).toBe(429);
    const first = await linkTo(to);
    await bindings.DB.prepare('UPDATE destinations SET sent_at_ms = sent_at_ms - 86400001 WHERE address = ?')
      .bind(to)
      .run();
    expect((await again()).status).toBe(200);
    expect(await linkTo(to)).not.toBe(first);
    expect((await request(first, { method: 'POST' })).status).toBe(404);
    await agreeAs(to);
  });

  it('has seven days to agree, and mail for it waits one', async () => {
    const own = await fresh();
    const to = 'slow@people.example';
    await newAlias(own.account, { domain: own.domain, address: 'slow', forward_to: [to] });
    const earlier = (ms: number) =>
      bindings.DB.prepare(
        'UPDATE destinations SET sent_at_ms = sent_at_ms - ?1, created_at_ms = created_at_ms - ?1 WHERE address = ?2',
      )
        .bind(ms, to)
        .run();
    await earlier(86_400_000);
    expect(await doors(`slow@${own.domain}`)).toMatchObject([{ reply: '550 5.1.1' }]);
    await earlier(5.9 * 86_400_000);
    expect((await request(await linkTo(to))).status).toBe(200);
    await earlier(0.2 * 86_400_000);
    expect((await request(await linkTo(to), { method: 'POST' })).status).toBe(404);
  });

  it('is not written to when no mail of the installation can be sent, and may be named again', async () => {
    const own = await fresh();
    await bindings.DB.exec("UPDATE installation SET name = 'system-mail-off' WHERE name = 'system-mail'");
    const body = { domain: own.domain, forward_to: ['unasked@people.example'] };
    expect((await post(body, own.account.live)).status).toBe(503);
    await bindings.DB.exec("UPDATE installation SET name = 'system-mail' WHERE name = 'system-mail-off'");
    expect((await post(body, own.account.live)).status).toBe(201);
  });
});

describe('the shared alias domain of the installation', () => {
  it('is everybody’s, and its aliases are of those who made them', async () => {
    const { env } = await import('cloudflare:workers');
    const operator = await fresh();
    const other = await newAccount();
    const environment = { ...(env as object), METER: '1', ALIAS_DOMAIN: operator.domain };
    const shield = (method: string, path: string, key: string, body?: unknown) =>
      call(method, `/v1/shield/aliases${path}`, key, body, {}, environment);
    expect(
      (await call('POST', '/v1/shield/aliases', other.live, { forward_to: ['x@y.example'] })).status,
    ).toBe(409);
    const to = await agreed(other, 'shield@people.example');
    const { status, body } = await shield('POST', '', other.live, { address: 'mine', forward_to: [to] });
    expect([status, body.alias.address]).toEqual([201, `mine@${operator.domain}`]);
    expect((await shield('GET', `/${body.alias.id}`, operator.account.live)).status).toBe(404);
    expect((await shield('GET', '', other.live)).body.aliases).toHaveLength(1);
    const [mine, theirs] = await doors(`mine@${operator.domain}`, `postmaster@${operator.domain}`);
    expect(mine.group).toBe(`${other.id}:ad`);
    expect(theirs.group).toBe(`${operator.account.id}:ad`);
    const changed = await shield('PATCH', `/${body.alias.id}`, other.live, { description: 'x' });
    expect(changed.body.alias.description).toBe('x');
    expect((await shield('DELETE', `/${body.alias.id}`, other.live)).status).toBe(204);
  });
});

describe('a domain of type alias', () => {
  it('asks for SPF and DKIM too, and refuses what is no alias', async () => {
    const { body } = await call('POST', '/v1/domains', account.live, {
      domain: `new.${account.domain}`,
      type: 'alias',
    });
    const required = body.records.filter((one: Answer) => one.need === 'required');
    expect(required.map((one: Answer) => one.kind)).toEqual(['ownership', 'spf', 'dkim', 'mx']);
    expect(await doors(`nobody@${domain}`, `postmaster@${domain}`)).toMatchObject([
      { door: 'refused', reply: '550 5.1.1' },
      { door: 'received' },
    ]);
  });

  it('has no routes, and nobody sends from it by hand', async () => {
    const route = await call('POST', `/v1/domains/${domain}/routes`, account.live, {
      pattern: '*',
      action: 'drop',
    });
    expect(route.status).toBe(409);
    const sent = await call('POST', '/v1/send', account.live, {
      from: `a@${domain}`,
      to: ['x@people.example'],
      subject: 'x',
      text_body: 'x',
    });
    expect(sent.status).toBe(403);
  });
});

describe('the link in a mail that was sent on', () => {
  it('switches the alias off by its button, and by nothing else', async () => {
    const to = await agreed(account, 'off@people.example');
    const alias = await newAlias(account, { domain, address: 'off', forward_to: [to] });
    const { id } = await bringMail(`off@${domain}`, letterTo(`off@${domain}`));
    const { body } = await call('GET', `/v1/inbound-emails/${id}`, account.live);
    const { rawOf } = await import('./support.ts');
    const raw = await rawOf(body.email.forwarded_message);
    const path = /^List-Unsubscribe: <https:\/\/[^/>]+(\/alias\/off\/[a-z2-7]+)>/m.exec(raw)?.[1] ?? '';
    expect(await (await request(path)).text()).toContain(`off@${domain}`);
    expect((await read(alias.id)).active).toBe(true);
    expect(
      (await request(`${path.slice(0, -1)}${path.endsWith('a') ? 'e' : 'a'}`, { method: 'POST' })).status,
    ).toBe(404);
    expect((await request(path, { method: 'POST' })).status).toBe(200);
    expect((await read(alias.id)).active).toBe(false);
    expect(await doors(`off@${domain}`)).toMatchObject([{ reply: '550 5.1.1' }]);
  });
});
