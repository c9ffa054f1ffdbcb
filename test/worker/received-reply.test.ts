import { beforeAll, describe, expect, it } from 'vitest';
import { bringMail, letterTo, newReceivingDomain } from './received-support.ts';
import { Internet } from './receiver.ts';
import { call, migrate, newAccount, newKey, rawOf, type TestAccount } from './support.ts';

let account: TestAccount;
let stranger: TestAccount;
let domain: string;
beforeAll(async () => {
  await migrate();
  new Internet();
  account = await newAccount();
  stranger = await newAccount();
  domain = await newReceivingDomain(account, 'both');
});

const reply = async (id: string, body: unknown, key = account.live, headers = {}) =>
  await call('POST', `/v1/inbound-emails/${id}/reply`, key, body, headers);
describe('an answer to a received mail', () => {
  it('goes to its author from the address that it came to, in its thread', async () => {
    const to = `support+7@${domain}`;
    const thread = ['References: <1@people.example>', 'In-Reply-To: <1@people.example>'];
    const { id } = await bringMail(to, letterTo(to, thread));
    const { body: mail } = await call('GET', `/v1/inbound-emails/${id}`, account.live);
    const { status, body } = await reply(id, { text_body: 'Thank you.' });
    expect([status, body]).toEqual([202, { message_id: expect.any(String), status: 'queued' }]);
    const { body: sent } = await call('GET', `/v1/emails/${body.message_id}`, account.live);
    expect(sent).toMatchObject({ from: to, subject: 'Re: Grüße' });
    expect(JSON.stringify(sent)).toContain('ann@people.example');
    const raw = await rawOf(body.message_id);
    expect(raw).toContain(`In-Reply-To: ${mail.email.message_id}\r\n`);
    expect(raw.replace(/\r\n /g, ' ')).toContain(
      `References: <1@people.example> ${mail.email.message_id}\r\n`,
    );
  });

  it('goes to Reply-To before From, and wherever the body says', async () => {
    const to = `info@${domain}`;
    const { id } = await bringMail(to, letterTo(to, ['Reply-To: "Help, Desk" <help@people.example>']));
    const { body } = await reply(id, { text_body: 'x' });
    expect(await rawOf(body.message_id)).toContain('help@people.example');
    const own = {
      from: `Sales <sales@${domain}>`,
      to: ['carl@people.example'],
      subject: 'Other',
      text_body: 'x',
    };
    const { body: other } = await reply(id, { ...own, headers: { 'X-Case': '7' } });
    const raw = await rawOf(other.message_id);
    expect(raw).toMatch(/^To: carl@people\.example\r$/m);
    expect(raw).toMatch(/^Subject: Other\r$/m);
    expect(raw).toMatch(/^X-Case: 7\r$/m);
    expect(raw).toMatch(/^In-Reply-To: </m);
  });

  it('is made once however often it is asked for with one key', async () => {
    const to = `once@${domain}`;
    const { id } = await bringMail(to, letterTo(to));
    const key = { 'Idempotency-Key': 'answer-1' };
    const { body: first } = await reply(id, { text_body: 'x' }, account.live, key);
    const { body: second } = await reply(id, { text_body: 'x' }, account.live, key);
    expect(second).toEqual(first);
    expect((await reply(id, { text_body: 'y' }, account.live, key)).body.code).toBe('idempotency_conflict');
  });

  const many = Array.from({ length: 11 }, (_, i) => `a${i}@people.example`).join(', ');
  it.each<[string, unknown, string[], string]>([
    ['no text', {}, [], '/text_body'],
    ['a thread of its own', { text_body: 'x', headers: { References: '<x@y>' } }, [], '/headers'],
    ['a field that is none', { text_body: 'x', sing: 1 }, [], '/'],
    ['nobody to answer', { text_body: 'x' }, ['Reply-To: undisclosed:;'], '/to'],
    ['too many to answer', { text_body: 'x' }, [`Reply-To: ${many}`], '/to'],
  ])('is refused with %s', async (_, body, fields, pointer) => {
    const to = `odd@${domain}`;
    const { id } = await bringMail(to, letterTo(to, fields));
    const answer = await reply(id, body);
    expect([answer.status, answer.body.errors?.[0].pointer]).toEqual([400, pointer]);
  });

  it('is refused where the domain only receives, which says what to do', async () => {
    const own = await newReceivingDomain(account, 'inbound');
    const { id } = await bringMail(`a@${own}`, letterTo(`a@${own}`));
    expect((await reply(id, { text_body: 'x' })).body.code).toBe('domain_not_allowed');
    const { status } = await reply(id, { from: `a@${domain}`, text_body: 'x' });
    expect(status).toBe(202);
  });

  it('is for those who may send and see the mail', async () => {
    const to = `x@${domain}`;
    const { id } = await bringMail(to, letterTo(to));
    const body = { text_body: 'x' };
    expect((await reply(id, body, stranger.live)).status).toBe(404);
    const { secret: reader } = await newKey(account, { scopes: ['read', 'manage'] });
    expect((await reply(id, body, reader)).status).toBe(403);
    const { secret: other } = await newKey(account, { domains: [account.domain] });
    expect((await reply(id, body, other)).status).toBe(404);
  });
});
