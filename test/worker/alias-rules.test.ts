import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { numberOfUuid } from '#domain/number-id.ts';
import { Browser } from '../support/browser.ts';
import { agreed, newAlias, passing } from './alias-support.ts';
import { setUpOwner } from './dashboard-support.ts';
import { bringMail, doors, letterTo, newReceivingDomain } from './received-support.ts';
import { type Answer, call, migrate, newAccount, rawOf, request, type TestAccount } from './support.ts';

let account: TestAccount;
let domain: string;
beforeAll(async () => {
  await migrate();
  account = await newAccount();
  domain = await newReceivingDomain(account, 'alias');
}, 60_000);

let aliases = 0;
async function aliasOf(of: TestAccount = account, more: Record<string, unknown> = {}): Promise<Answer> {
  aliases += 1;
  const to = await agreed(of, `owner${aliases}@home.example`);
  return await newAlias(of, { domain, address: `a${aliases}`, forward_to: [to], ...more });
}

const about = (value: string) => [{ field: 'subject', comparator: 'contains', value }];
const add = async (body: Record<string, unknown>, key = account.live, at = domain) =>
  await call('POST', `/v1/domains/${at}/rules`, key, { name: 'x', conditions: about(''), ...body });
async function routedOf(to: string, key = account.live): Promise<Answer> {
  const { id, refusal } = await bringMail(to, letterTo(to), { verdicts: passing() });
  if (refusal) return refusal;
  return (await call('GET', `/v1/inbound-emails/${id}`, key)).body.email;
}

describe('a rule of an alias', () => {
  it('looks at the mail of that alias, before those of all', async () => {
    const [one, other] = [await aliasOf(), await aliasOf()];
    const all = await add({ name: 'all', action: 'drop', priority: 1 });
    const own = await add({ name: 'own', action: 'webhook', priority: 9, alias_id: one.id });
    expect([all.status, own.status, own.body.alias_id]).toEqual([201, 201, one.id]);
    expect((await routedOf(one.address)).routed).toMatchObject({ by: 'rule "own"' });
    expect((await routedOf(other.address)).routed).toMatchObject({ action: 'drop', by: 'rule "all"' });
    const { body } = await call('GET', `/v1/domains/${domain}/rules`, account.live);
    expect(body.data.map((rule: Answer) => rule.name)).toEqual(['own', 'all']);
    const { body: counted } = await call('GET', `/v1/aliases/${other.id}`, account.live);
    expect(counted.alias).toMatchObject({ emails_received: 1, emails_forwarded: 0 });
    await call('DELETE', `/v1/domains/${domain}/rules/${all.body.id}`, account.live);
    const changed = await call('PATCH', `/v1/domains/${domain}/rules/${own.body.id}`, account.live, {
      alias_id: other.id,
    });
    expect(changed.body.alias_id).toBe(other.id);
    expect((await routedOf(one.address)).routed.action).toBe('forward');
    await call('DELETE', `/v1/aliases/${other.id}`, account.live);
    expect((await call('GET', `/v1/domains/${domain}/rules`, account.live)).body.data).toEqual([]);
  });

  it('sends on to others, masked as the alias is', async () => {
    const alias = await aliasOf(account, { is_masked: true });
    const to = await agreed(account, `team${aliases}@home.example`);
    await add({ alias_id: alias.id, action: 'forward', targets: [to] });
    const email = await routedOf(alias.address);
    expect(email.routed).toMatchObject({ action: 'forward', by: 'rule "x"' });
    const sent = (await call('GET', `/v1/emails/${email.forwarded_message}`, account.live)).body;
    expect(sent.deliveries).toMatchObject([{ recipient: to }]);
    const [, reply = ''] =
      /^From: "Ann, B\." <(reply\+[^>]+)>/m.exec(await rawOf(email.forwarded_message)) ?? [];
    expect(await doors(reply)).toMatchObject([{ senders: [`owner${aliases}@home.example`, to] }]);
  });

  it('puts mail off in the session while the address has not agreed', async () => {
    const alias = await aliasOf();
    const to = await agreed(account, `later${aliases}@home.example`);
    await add({ alias_id: alias.id, action: 'forward', targets: [to] });
    await (env as { DB: D1Database }).DB.prepare(
      "UPDATE destinations SET state = 'pending', created_at_ms = ? WHERE address = ?",
    )
      .bind(Date.now(), to)
      .run();
    expect(await doors(alias.address)).toMatchObject([{ door: 'received', synchronous: true }]);
    expect(await routedOf(alias.address)).toMatchObject({ reply: '450 4.2.1' });
  });

  it('names an alias of the account at that domain', async () => {
    const both = await newReceivingDomain(account, 'both');
    const alias = await aliasOf();
    const stranger = await newAccount();
    const pointer = (answer: Answer) => [answer.status, answer.body.errors?.[0].pointer];
    expect(pointer(await add({ action: 'drop', alias_id: 999_999 }))).toEqual([400, '/alias_id']);
    expect(pointer(await add({ action: 'drop', alias_id: alias.id }, account.live, both))).toEqual([
      400,
      '/alias_id',
    ]);
    expect((await add({ action: 'drop', alias_id: alias.id }, stranger.live)).status).toBe(404);
  });

  it('at the shared domain is of whoever has the alias', async () => {
    const shared = { ...(env as object), METER: '1', ALIAS_DOMAIN: domain };
    const guest = await newAccount();
    const to = await agreed(guest, `guest@home.example`);
    const ask = (method: string, path: string, key: string, body?: Record<string, unknown>) =>
      call(method, path, key, body, {}, shared);
    const { body } = await ask('POST', '/v1/shield/aliases', guest.live, {
      address: 'guest',
      forward_to: [to],
    });
    const rules = `/v1/domains/${domain}/rules`;
    const rule = { name: 'guests', conditions: about(''), action: 'drop' };
    const all = await ask('POST', rules, guest.live, rule);
    expect([all.status, all.body.errors?.[0].pointer]).toEqual([400, '/alias_id']);
    const own = await ask('POST', rules, guest.live, { ...rule, alias_id: body.alias.id });
    expect(own.status).toBe(201);
    expect((await ask('GET', rules, guest.live)).body.data).toHaveLength(1);
    expect((await ask('GET', rules, account.live)).body.data.map((one: Answer) => one.id)).not.toContain(
      own.body.id,
    );
    expect((await routedOf(body.alias.address, guest.live)).routed.by).toBe('rule "guests"');
    // Rules of the domain's own account look at no mail of others.
    const { body: mine } = await add({ name: 'mine', action: 'refuse' });
    expect((await routedOf(body.alias.address, guest.live)).routed.by).toBe('rule "guests"');
    await ask('DELETE', `${rules}/${own.body.id}`, guest.live);
    expect((await routedOf(body.alias.address, guest.live)).routed.action).toBe('forward');
    await call('DELETE', `${rules}/${mine.id}`, account.live);
  });
});

describe('a rule that forwards from a domain with routes', () => {
  it('sends on what the route would have told, where the domain signs', async () => {
    const both = await newReceivingDomain(account, 'both');
    const to = await agreed(account, 'ruled@home.example');
    expect((await add({ action: 'forward', targets: [to] }, account.live, both)).status).toBe(201);
    const email = await routedOf(`info@${both}`);
    expect(email).toMatchObject({ alias_id: null, routed: { action: 'forward', by: 'rule "x"' } });
    expect(await rawOf(email.forwarded_message)).toMatch(new RegExp(`^Delivered-To: info@${both}\r\n`));
    const inbound = await newReceivingDomain(account);
    expect((await add({ action: 'forward', targets: [to] }, account.live, inbound)).status).toBe(409);
    expect(
      (await add({ action: 'forward', targets: ['nobody'] }, account.live, both)).body.errors[0].pointer,
    ).toBe('/targets/0');
  });
});

describe('the page of rules of an alias domain', () => {
  it('adds a rule for one alias, and for all', async () => {
    const browser = new Browser('https://api.test', (path, init) => request(path, init));
    await setUpOwner(browser, { email: 'root@people.example', password: 'a long enough sentence' });
    const alias = await aliasOf();
    const { body: known } = await call('GET', `/v1/domains/${domain}`, account.live);
    const at = `/domains/${numberOfUuid('domain', known.id)}/rules`;
    const page = async () => await (await browser.get(at)).text();
    expect(await page()).toContain(`<option value="${alias.id}">${alias.address}</option>`);
    const form = {
      ...{ name: 'Sales', priority: '5', action: 'drop', alias_id: String(alias.id) },
      ...{ field0: 'subject', comparator0: 'contains', value0: 'offer' },
    };
    expect((await browser.post(at, form)).headers.get('Location')).toBe(`${at}?done=rule-added`);
    expect(await page()).toMatch(new RegExp(`data-label="For">\\s*${alias.address}`));
    const wrong = await (await browser.post(at, { ...form, alias_id: '999999' })).text();
    expect(wrong).toContain('id="alias_id-fault"');
    expect(await browser.get(`/domains/${known.id}`).then((answer) => answer.text())).toContain(
      `href="${at}"`,
    );
  });
});
