import { beforeAll, describe, expect, it } from 'vitest';
import { noVerdicts } from '#domain/inbound/verdicts.ts';
import { bringMail, doors, letterTo, newReceivingDomain, routeMail } from './received-support.ts';
import { Internet } from './receiver.ts';
import { sent } from './returned-mail.ts';
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
let stranger: TestAccount;
let domain: string;
beforeAll(async () => {
  await migrate();
  new Internet();
  account = await newAccount();
  stranger = await newAccount();
  domain = await newReceivingDomain(account);
});

const list = async (query = '', key = account.live): Promise<Answer> =>
  (await call('GET', `/v1/inbound-emails?${query}`, key)).body;
const read = async (id: string, key = account.live) => await call('GET', `/v1/inbound-emails/${id}`, key);
const route = async (body: Record<string, unknown>, of = domain) =>
  await call('POST', `/v1/domains/${of}/routes`, account.live, body);

describe('an address at RCPT', () => {
  it('is taken by the catch-all that a new inbound domain has', async () => {
    expect(await doors(`anybody@${domain}`)).toMatchObject([{ door: 'received', synchronous: false }]);
    const { body } = await call('GET', `/v1/domains/${domain}/routes`, account.live);
    expect(body.data).toMatchObject([{ pattern: '*', action: 'webhook', targets: [] }]);
  });

  it('is refused with 550 5.1.2 where the domain is not ours, sends only, or is not verified', async () => {
    const { body } = await call('POST', '/v1/domains', account.live, {
      domain: `pending.${account.domain}`,
      type: 'inbound',
    });
    expect(body.status).toBe('pending');
    const asked = ['a@nowhere.example', `a@${account.domain}`, `a@pending.${account.domain}`];
    for (const door of await doors(...asked))
      expect(door).toMatchObject({ door: 'refused', reply: '550 5.1.2' });
  });

  it('is refused with 550 5.1.1 where no rule takes it, but for postmaster and abuse', async () => {
    const own = await newReceivingDomain(account);
    const { body } = await call('GET', `/v1/domains/${own}/routes`, account.live);
    await call('DELETE', `/v1/domains/${own}/routes/${body.data[0].id}`, account.live);
    expect(await doors(`x@${own}`, `postmaster@${own}`, `Abuse@${own}`)).toMatchObject([
      { door: 'refused', reply: '550 5.1.1' },
      { door: 'received' },
      { door: 'received' },
    ]);
  });

  it('says to which mail others may come with it', async () => {
    const other = await newReceivingDomain(stranger);
    const second = await newReceivingDomain(account);
    const [one, same, another] = await doors(`a@${domain}`, `b@${second}`, `c@${other}`);
    expect(one.group).toBe(same.group);
    expect(one.group).not.toBe(another.group);
  });

  it('is put off while the account is suspended', async () => {
    const other = await newReceivingDomain(stranger);
    const status = (to: string) =>
      call('PUT', `/admin/v1/accounts/${stranger.id}/status`, bindings.OPERATOR_TOKEN, { status: to });
    await status('suspended');
    expect(await doors(`a@${other}`)).toMatchObject([{ door: 'refused', reply: '450 4.2.1' }]);
    await status('active');
    expect(await doors(`a@${other}`)).toMatchObject([{ door: 'received' }]);
  });

  it('refuses DMARC failures where the domain says so', async () => {
    expect((await doors(`a@${domain}`))[0].refuseDmarc).toBe(false);
    await call('PATCH', `/v1/domains/${domain}`, account.live, { refuse_dmarc: true });
    expect((await doors(`a@${domain}`))[0].refuseDmarc).toBe(true);
    await call('PATCH', `/v1/domains/${domain}`, account.live, { refuse_dmarc: null });
  });
});

describe('the routes of a domain', () => {
  it('are tried by address: exact, without detail, the longest prefix, the rest', async () => {
    const own = await newReceivingDomain(account);
    await route({ pattern: 'Info', action: 'drop' }, own);
    await route({ pattern: 'support+*', action: 'refuse', text: 'Ask by the form' }, own);
    await route({ pattern: 's*', action: 'drop' }, own);
    const tried = async (to: string) =>
      (await call('POST', `/v1/domains/${own}/routes/test`, account.live, { to })).body;
    expect(await tried(`INFO@${own}`)).toMatchObject({ taken: true, action: 'drop', by: 'rule info' });
    expect(await tried(`info+order17`)).toMatchObject({ taken: true, by: 'rule info' });
    expect(await tried(`support+x@${own}`)).toMatchObject({
      taken: false,
      reply: '550 5.7.1 Ask by the form',
      action: 'refuse',
      by: 'rule support+*',
    });
    expect(await tried(`sales@${own}`)).toMatchObject({ by: 'rule s*' });
    expect(await tried(`else@${own}`)).toMatchObject({ action: 'webhook', by: 'rule *' });
    expect(await tried('a@other.example')).toMatchObject({ status: 400 });
  });

  it.each([
    [{ pattern: '', action: 'drop' }, '/pattern'],
    [{ pattern: 'a b', action: 'drop' }, '/pattern'],
    [{ pattern: 'a@b', action: 'drop' }, '/pattern'],
    [{ pattern: 'a', action: 'sing' }, '/action'],
    [{ pattern: 'a', action: 'webhook', targets: ['nothing'] }, '/targets/0'],
    [{ pattern: 'a', action: 'drop', targets: ['x'] }, '/targets/0'],
    [{ pattern: 'a', action: 'refuse', text: 'ü' }, '/text'],
  ])('%j is refused by name', async (body, pointer) => {
    const answer = await route(body);
    expect([answer.status, answer.body.errors?.[0].pointer]).toEqual([400, pointer]);
  });

  it('are one a pattern, can be changed and removed, and are for domains that receive', async () => {
    const { body: made } = await route({ pattern: 'once', action: 'drop' });
    expect((await route({ pattern: 'once', action: 'drop' })).status).toBe(409);
    const at = `/v1/domains/${domain}/routes/${made.id}`;
    const changed = await call('PATCH', at, account.live, { action: 'refuse', text: 'No' });
    expect(changed.body).toMatchObject({ pattern: 'once', action: 'refuse', text: 'No' });
    expect(await doors(`once@${domain}`)).toMatchObject([{ reply: '550 5.7.1', text: 'No' }]);
    expect((await call('DELETE', at, account.live)).status).toBe(204);
    expect((await call('DELETE', at, account.live)).status).toBe(404);
    expect((await route({ pattern: 'x', action: 'drop' }, account.domain)).status).toBe(409);
  });
});

describe('a received mail', () => {
  it('is kept as it came, with envelope, session, verdicts and the rule that took it', async () => {
    const raw = letterTo(`info@${domain}`, ['X-Ünï: ä'.normalize()]);
    const verdicts = { ...noVerdicts, spf: { result: 'pass', domain: 'people.example' } };
    const { id, refusal } = await bringMail(`info@${domain}`, raw, { verdicts });
    expect(refusal).toBeNull();
    const { body } = await read(id);
    expect(body.email).toMatchObject({
      id,
      from_address: '"Ann, B." <ann@people.example>',
      to_address: `info@${domain}`,
      subject: 'Grüße',
      has_attachments: false,
      text: 'Hello\n',
      spf: { result: 'pass', domain: 'people.example' },
      envelope: { from: 'ann@people.example', remote_ip: '192.0.2.7', helo: 'mx.people.example', tls: true },
      routed: { by: 'rule *' },
      size_bytes: raw.length,
    });
    const response = await request(`/v1/inbound-emails/${id}/raw`, {
      headers: { Authorization: `Bearer ${account.live}` },
    });
    expect(response.headers.get('Content-Type')).toBe('message/rfc822');
    expect(new TextDecoder('latin1').decode(await response.bytes())).toBe(raw);
  });

  it('is kept once however often it is handed over', async () => {
    const to = `twice@${domain}`;
    const { id } = await bringMail(to, letterTo(to));
    await bringMail(to, letterTo(to), { id });
    expect((await list(`to=${to}`)).emails).toHaveLength(1);
  });

  it('is one for all recipients that a rule takes, and another for another rule', async () => {
    await route({ pattern: 'second', action: 'drop' });
    const to = [`r1@${domain}`, `second@${domain}`, `r2@${domain}`];
    const { id } = await bringMail(to, letterTo(to.join(', ')));
    const { body: first } = await read(id);
    expect(first.email.to).toEqual([to[0], to[2]]);
    const { body: second } = await read(`${id.slice(0, -2)}01`);
    expect(second.email).toMatchObject({ to: [to[1]], routed: { action: 'drop', by: 'rule second' } });
  });

  it('is refused when its address has gone since RCPT', async () => {
    const own = await newReceivingDomain(account);
    const [door] = await doors(`a@${own}`);
    await call('DELETE', `/v1/domains/${own}`, account.live);
    const { refusal } = await bringMail(`b@${domain}`, letterTo('a'), {
      rcptTo: [`a@${own}`],
      group: door.group,
    });
    expect(refusal).toMatchObject({ reply: '550 5.1.1' });
  });

  it('names the sent message that it answers', async () => {
    const { messageId } = await sent(account, 'ann@people.example');
    const answer = [
      `In-Reply-To: <x@people.example>`,
      `References: <${messageId}@${account.domain}> <x@people.example>`,
    ];
    const { id } = await bringMail(`r@${domain}`, letterTo(`r@${domain}`, answer));
    expect((await read(id)).body.email.in_reply_to_message).toBe(messageId);
    const other = await newReceivingDomain(stranger);
    const { id: theirs } = await bringMail(`r@${other}`, letterTo(`r@${other}`, answer));
    expect((await read(theirs, stranger.live)).body.email.in_reply_to_message).toBeNull();
  });

  it('comes by Email Routing too, and is refused there in the session', async () => {
    const to = `routed@${domain}`;
    expect(await routeMail(to, letterTo(to))).toBeNull();
    const { emails } = await list(`to=${to}`);
    expect(emails).toHaveLength(1);
    expect(await routeMail('a@nowhere.example', letterTo(to))).toMatch(/^5\.1\.2 /);
  });

  it('is nobody else’s to read', async () => {
    const { id } = await bringMail(`x@${domain}`, letterTo(`x@${domain}`));
    expect((await read(id, stranger.live)).status).toBe(404);
    const { secret } = await newKey(account, { domains: [account.domain] });
    expect((await read(id, secret)).status).toBe(404);
    expect((await list('', secret)).emails).toEqual([]);
    const { secret: own } = await newKey(account, { domains: [domain] });
    expect((await read(id, own)).status).toBe(200);
  });
});

describe('the list of received mail', () => {
  it('is searched, sorted and paged', async () => {
    const own = await newReceivingDomain(account);
    const { body: known } = await call('GET', `/v1/domains/${own}`, account.live);
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      const raw = letterTo(`n${i}@${own}`).replace('=?utf-8?q?Gr=C3=BC=C3=9Fe?=', `Number ${9 - i}`);
      ids.push((await bringMail(`n${i}@${own}`, raw, { mailFrom: `sender${i}@people.example` })).id);
    }
    const of = `domain_id=${known.id}`;
    const newest = await list(of);
    expect(newest.emails.map((one: Answer) => one.id)).toEqual(ids.toReversed());
    expect(newest).toMatchObject({ total: 5, limit: 50, offset: 0, next: null });
    const page = await list(`${of}&limit=2`);
    expect(page).toMatchObject({ total: 5, next: ids[3] });
    const rest = await list(`${of}&limit=3&cursor=${page.next}`);
    expect(rest.emails.map((one: Answer) => one.id)).toEqual(ids.slice(0, 3).toReversed());
    expect((await list(`${of}&offset=4`)).emails.map((one: Answer) => one.id)).toEqual([ids[0]]);
    const bySubject = await list(`${of}&sort=subject&direction=asc&limit=2`);
    expect(bySubject.emails.map((one: Answer) => one.subject)).toEqual(['Number 5', 'Number 6']);
    expect((await list(`${of}&q=NUMBER 7`)).emails).toHaveLength(1);
    expect((await list(`${of}&subject=number`)).total).toBe(5);
    expect((await list(`${of}&to=n3@`)).emails.map((one: Answer) => one.id)).toEqual([ids[3]]);
    expect((await list(`${of}&envelope_sender=SENDER1@people.example`)).emails).toHaveLength(1);
    expect((await list(`${of}&has_attachments=true`)).emails).toEqual([]);
    expect((await list(`${of}&to_date=2026-01-01`)).emails).toEqual([]);
    expect((await list('domain_id=999999')).emails).toEqual([]);
  });
});
