import { beforeAll, describe, expect, it } from 'vitest';
import { noVerdicts } from '#domain/inbound/verdicts.ts';
import { agreed, newAlias, passing } from './alias-support.ts';
import { bringMail, doors, letterTo, newReceivingDomain, routeMail } from './received-support.ts';
import {
  type Answer,
  bindings,
  bounced,
  call,
  delivered,
  migrate,
  newAccount,
  rawOf,
  result,
  suppress,
  type TestAccount,
  TestNode,
} from './support.ts';

const stranger = 'stranger.ann@people.example';

let account: TestAccount;
let domain: string;
let node: TestNode;
beforeAll(async () => {
  await migrate();
  account = await newAccount();
  domain = await newReceivingDomain(account, 'alias');
  node = await new TestNode().hello();
}, 60_000);

let aliases = 0;
/** A masked alias, and the address behind it. */
async function masked(more: Record<string, unknown> = {}): Promise<{ alias: Answer; owner: string }> {
  aliases += 1;
  const owner = await agreed(account, `bob${aliases}@home.example`);
  const alias = await newAlias(account, {
    ...{ domain, address: `shop${aliases}`, forward_to: [owner], is_masked: true },
    ...more,
  });
  return { alias, owner };
}

const mail = (fields: string[], text = 'Good day') =>
  [...fields, 'MIME-Version: 1.0', 'Content-Type: text/plain; charset=utf-8', '', text, ''].join('\r\n');

const emailOf = async (id: string) =>
  (await call('GET', `/v1/inbound-emails/${id}`, account.live)).body.email;

/** Brings a mail; gives the message as which it goes on, with what a node is leased of it. */
async function through(
  to: string,
  raw: string,
  mailFrom: string,
): Promise<{ text: string; lease: Answer; id: string }> {
  const host = mailFrom.slice(mailFrom.lastIndexOf('@') + 1);
  const verdicts = passing({ spf: { result: 'pass', domain: host } });
  const { id, refusal } = await bringMail(to, raw, { verdicts, mailFrom });
  if (refusal) throw new Error(JSON.stringify(refusal));
  const { forwarded_message: sent } = await emailOf(id);
  const { deliveries } = await node.lease(500);
  const lease = deliveries.find((one: Answer) => one.messageId === sent);
  return { text: await rawOf(sent), lease, id: sent };
}

const field = (text: string, name: string) =>
  new RegExp(`^${name}: ([^\r]*(?:\r\n[ \t][^\r]*)*)`, 'im').exec(text)?.[1]?.replace(/\r\n\s+/g, ' ');
const addressIn = (text: string, name: string) =>
  /<([^>]+)>/.exec(`<${field(text, name)}>`.replace(/^<.*</, '<'))?.[1] ?? '';

/** A stranger's first mail, as the owner gets it, with the address to answer to. */
async function begun(): Promise<{ alias: Answer; owner: string; reply: string; text: string }> {
  const { alias, owner } = await masked();
  const { text } = await through(
    alias.address,
    mail([
      `From: Ann <${stranger}>`,
      `To: ${alias.address}`,
      'Subject: One',
      'Message-ID: <1@people.example>',
    ]),
    stranger,
  );
  return { alias, owner, reply: addressIn(text, 'From'), text };
}

describe('a masked alias', () => {
  it('carries a conversation of four mails that shows neither side the other', async () => {
    const { alias, owner } = await masked();
    const toOwner: string[] = [];
    const toStranger: string[] = [];
    const first = await through(
      alias.address,
      mail(
        [
          'Received: from laptop.people.example by mx.people.example',
          `Return-Path: <${stranger}>`,
          `From: "Ann" <${stranger}>`,
          `To: Shop <${alias.address}>`,
          'Subject: One',
          'Message-ID: <1@people.example>',
          `X-Sender: ${stranger}`,
        ],
        `I am ${stranger}.`,
      ),
      stranger,
    );
    toOwner.push(first.text);
    expect(first.lease).toMatchObject({
      rcptTo: owner,
      signingDomain: domain,
      forward: { signs: true, seal: null },
    });
    const reply = addressIn(first.text, 'From');
    expect(reply).toMatch(new RegExp(`^reply\\+[a-z2-7]{26}@${domain}$`));
    expect(field(first.text, 'From')).toBe(`"Ann" <${reply}>`);
    expect(field(first.text, 'Delivered-To')).toBe(alias.address);
    expect(field(first.text, 'List-Unsubscribe')).toMatch(/^<https:/);

    const second = await through(
      reply,
      mail(
        [
          'Received: from desk.home.example ([198.51.100.7]) by smtp.home.example',
          `From: Bob <${owner}>`,
          `To: Ann <${reply}>`,
          'Subject: Re: One',
          'Message-ID: <2@home.example>',
          `In-Reply-To: ${field(first.text, 'Message-ID')}`,
        ],
        `Hello\r\n\r\nAnn <${reply}> wrote to ${owner}:\r\n> I am ${reply}.`,
      ),
      owner,
    );
    toStranger.push(second.text);
    expect(second.lease).toMatchObject({
      rcptTo: stranger,
      signingDomain: domain,
      forward: { signs: true, seal: null },
    });
    expect(second.lease.mailFrom).toMatch(/^b-[a-z2-7]{44}@/);
    expect(field(second.text, 'From')).toBe(`Bob <${alias.address}>`);
    expect(field(second.text, 'To')).toBe(`Ann <${stranger}>`);
    expect(field(second.text, 'In-Reply-To')).toBe('<1@people.example>');
    expect(second.text).toContain(`Ann <${stranger}> wrote to ${alias.address}:\r\n> I am ${stranger}.`);
    expect(second.text).not.toMatch(/^(?:Received|List-Unsubscribe|Delivered-To)/im);

    const third = await through(
      alias.address,
      mail([
        `From: Ann <${stranger}>`,
        `To: ${alias.address}`,
        'Subject: Re: One',
        'Message-ID: <3@people.example>',
        `In-Reply-To: ${field(second.text, 'Message-ID')}`,
      ]),
      stranger,
    );
    toOwner.push(third.text);
    expect(addressIn(third.text, 'From')).toBe(reply);
    expect(field(third.text, 'In-Reply-To')).toBe('<2@home.example>');

    const fourth = await through(
      reply,
      mail([
        `From: ${owner}`,
        `To: ${reply}`,
        'Subject: Re: One',
        'Message-ID: <4@home.example>',
        `References: ${field(first.text, 'Message-ID')} <2@home.example> ${field(third.text, 'Message-ID')}`,
      ]),
      owner,
    );
    toStranger.push(fourth.text);
    expect(field(fourth.text, 'References')).toBe('<1@people.example> <3@people.example>');
    for (const text of toOwner) expect(text.toLowerCase()).not.toMatch(/stranger\.ann|people\.example/);
    for (const text of toStranger) expect(text.toLowerCase()).not.toMatch(/bob\d|home\.example|reply\+/);

    const { body } = await call('GET', `/v1/aliases/${alias.id}`, account.live);
    expect(body.alias).toMatchObject({
      emails_received: 2,
      emails_forwarded: 2,
      emails_answered: 2,
      is_masked: true,
    });
  });

  it('tells the account why an answer went out, and what it became', async () => {
    const { alias, owner, reply } = await begun();
    const verdicts = passing({ spf: { result: 'pass', domain: 'home.example' } });
    const raw = mail([`From: ${owner}`, `To: ${reply}`, 'Subject: Re: One']);
    const { id } = await bringMail(reply, raw, { verdicts, mailFrom: owner });
    const email = await emailOf(id);
    expect(email).toMatchObject({
      ...{ alias_id: alias.id, status: 'delivered' },
      routed: { action: 'answer', by: `alias ${alias.address}, answered to ${stranger}` },
    });
    const sent = (await call('GET', `/v1/emails/${email.forwarded_message}`, account.live)).body;
    expect(sent).toMatchObject({ source: 'answer', from: alias.address, to: [stranger] });
    const tried = await call('POST', `/v1/domains/${domain}/routes/test`, account.live, { to: reply });
    expect(tried.body).toMatchObject({ taken: true, action: 'answer', rules: [] });
  });

  it('takes a large mail, whose parts that are no text stay as they came', async () => {
    const { alias } = await masked();
    const picture = `${'QUJD'.repeat(19)}\r\n`.repeat(6000);
    const raw = [
      ...[`From: Ann <${stranger}>`, 'MIME-Version: 1.0', 'Content-Type: multipart/mixed; boundary=b', ''],
      ...['--b', 'Content-Type: text/plain', '', `See ${stranger}`],
      ...['--b', 'Content-Type: image/png', 'Content-Transfer-Encoding: base64', '', `${picture}--b--`, ''],
    ].join('\r\n');
    expect(raw.length).toBeGreaterThan(400_000);
    const { text } = await through(alias.address, raw, stranger);
    expect(text).toMatch(/See reply\+[a-z2-7]{26}@/);
    expect(text.endsWith(`base64\r\n\r\n${picture}--b--\r\n`)).toBe(true);
    expect(text).not.toContain(stranger);
  });

  it('stands for the same person by the same address, and for others by others', async () => {
    const { alias } = await masked();
    const replyTo = async (from: string, more: string[] = []) =>
      addressIn((await through(alias.address, mail([`From: ${from}`, ...more]), from)).text, 'From');
    const ann = await replyTo(stranger);
    expect(await replyTo(stranger.toUpperCase())).toBe(ann);
    expect(await replyTo('carl@people.example')).not.toBe(ann);
    expect(await replyTo('robot@people.example', [`Reply-To: ${stranger}`])).toBe(ann);
  });

  it('takes mail for a reply address from the owner alone, and says so at RCPT', async () => {
    const { owner, reply } = await begun();
    expect(await doors(reply)).toMatchObject([{ door: 'received', synchronous: true, senders: [owner] }]);
    const forged = reply.replace(/(?<=^reply\+.{12}).{4}/, (four) => (four === 'zzzz' ? 'yyyy' : 'zzzz'));
    expect(await doors(forged)).toMatchObject([{ door: 'refused', reply: '550 5.1.1' }]);
  });

  it.each([
    ['whose envelope sender proves nothing', {}, '550 5.7.1'],
    [
      'of somebody else',
      {
        mailFrom: 'eve@home.example',
        verdicts: passing({ spf: { result: 'pass', domain: 'home.example' } }),
      },
      '550 5.7.1',
    ],
    ['from the null sender', { mailFrom: '' }, '550 5.7.1'],
    [
      'that cannot be checked now',
      { verdicts: { ...noVerdicts, spf: { result: 'temperror', domain: 'home.example' } } },
      '451 4.7.0',
    ],
  ])('refuses an answer %s', async (_, more, reply) => {
    const { owner, reply: to } = await begun();
    const raw = mail([`From: ${owner}`, `To: ${to}`]);
    const { id, refusal } = await bringMail(to, raw, { mailFrom: owner, verdicts: noVerdicts, ...more });
    expect(refusal).toMatchObject({ reply });
    expect((await call('GET', `/v1/inbound-emails/${id}`, account.live)).status).toBe(404);
    expect(
      (
        await call(
          'GET',
          `/v1/emails?to=${encodeURIComponent(stranger)}&from=${encodeURIComponent(to)}`,
          account.live,
        )
      ).body.data,
    ).toEqual([]);
  });

  it('refuses an answer by Email Routing, which tells of no client', async () => {
    const { owner, reply } = await begun();
    const raw = mail([`From: ${owner}`, `To: ${reply}`]);
    expect(await routeMail(reply, raw, owner)).toMatch(/^5\.7\.1 .*SPF, DKIM or DMARC/);
    expect(await routeMail(reply, raw, 'eve@home.example')).toMatch(/^5\.7\.1 Only the owner/);
  });

  it('refuses what it cannot mask, in the session', async () => {
    const { alias } = await masked();
    expect(await doors(alias.address)).toMatchObject([{ synchronous: true }]);
    const sealed = letterTo(alias.address, ['Content-Type: application/pkcs7-mime']);
    expect((await bringMail(alias.address, sealed, { verdicts: passing() })).refusal).toMatchObject({
      reply: '554 5.6.0',
      text: 'The mail is not sent on: it is signed or encrypted as a whole',
    });
    const twice = letterTo(alias.address, ['From: eve@people.example']);
    expect((await bringMail(alias.address, twice, { verdicts: passing() })).refusal?.text).toContain(
      'no author',
    );
  });

  it('stops what it has sent on and comes back', async () => {
    const { alias, owner, reply, text } = await begun();
    const again = await bringMail(alias.address, text, { verdicts: passing() });
    expect(again.refusal).toMatchObject({ reply: '554 5.4.6' });
    // As a host that takes Delivered-To away would bring it back.
    const bare = text.replace(/^Delivered-To.*\r\n/, '');
    expect((await bringMail(alias.address, bare, { verdicts: passing() })).refusal?.reply).toBe('554 5.4.6');
    const verdicts = passing({ spf: { result: 'pass', domain: 'home.example' } });
    const own = bare.replace(/^From:.*$/m, `From: ${owner}`);
    expect((await bringMail(reply, own, { verdicts, mailFrom: owner })).refusal?.reply).toBe('554 5.4.6');
  });

  it('stops two masked aliases that lead to each other', async () => {
    const ping = await newAlias(account, {
      domain,
      address: 'ping',
      forward_to: [await agreed(account, `pong@${domain}`)],
      is_masked: true,
    });
    const pong = await newAlias(account, {
      domain,
      address: 'pong',
      forward_to: [await agreed(account, `ping@${domain}`)],
      is_masked: true,
    });
    const one = await through(ping.address, mail([`From: ${stranger}`]), stranger);
    const two = await through(pong.address, one.text, one.lease.mailFrom);
    const { refusal } = await bringMail(ping.address, two.text, {
      verdicts: passing(),
      mailFrom: two.lease.mailFrom,
    });
    expect(refusal).toMatchObject({ reply: '554 5.4.6' });
  });

  it('works on for what was begun when masking is switched off, and not when the alias is', async () => {
    const { alias, owner, reply } = await begun();
    await call('PATCH', `/v1/aliases/${alias.id}`, account.live, { is_masked: false });
    const plain = await through(alias.address, mail([`From: ${stranger}`, 'Subject: plain']), stranger);
    expect(plain.text).toContain(`From: ${stranger}`);
    expect(field((await through(reply, mail([`From: ${owner}`]), owner)).text, 'From')).toBe(alias.address);
    await call('PATCH', `/v1/aliases/${alias.id}`, account.live, { active: false });
    expect(await doors(reply)).toMatchObject([{ reply: '550 5.1.1' }]);
    await call('DELETE', `/v1/aliases/${alias.id}`, account.live);
    expect(await doors(reply)).toMatchObject([{ reply: '550 5.1.1' }]);
    const left = await bindings.DB.prepare('SELECT count(*) AS n FROM reply_addresses WHERE alias_id = ?')
      .bind(alias.id)
      .first();
    expect(left).toEqual({ n: 0 });
  });

  it('sends nothing to whom mail has failed', async () => {
    const { alias } = await masked();
    const dead = `dead${aliases}@people.example`;
    const { text } = await through(alias.address, mail([`From: ${dead}`]), dead);
    await suppress(account, dead);
    expect(await doors(addressIn(text, 'From'))).toMatchObject([{ reply: '550 5.1.1' }]);
  });

  it('tells the owner of an answer that failed, by the address that was answered to, in the thread', async () => {
    const { owner, reply } = await begun();
    const { lease } = await through(reply, mail([`From: ${owner}`, 'Message-ID: <9@home.example>']), owner);
    await node.post('results', { results: [result(lease, bounced)] });
    const { body } = await call('GET', `/v1/emails?to=${encodeURIComponent(owner)}`, account.live);
    const notice = body.data.find((one: Answer) => one.source === 'notice');
    const text = await rawOf(notice.id);
    expect(text).toContain(`Final-Recipient: rfc822; ${reply}`);
    expect(text).toContain('In-Reply-To: <9@home.example>');
    expect(text).not.toContain('people.example');
  });

  it('tells a stranger of a failure without whom it was for', async () => {
    const { alias, owner } = await masked();
    const sender = `proven${aliases}@people.example`;
    const { lease } = await through(
      alias.address,
      mail([`From: ${sender}`, 'Message-ID: <7@people.example>']),
      sender,
    );
    await node.post('results', { results: [result(lease, bounced)] });
    const { body } = await call('GET', `/v1/emails?to=${encodeURIComponent(sender)}`, account.live);
    const text = await rawOf(body.data[0].id);
    expect(text).toContain(`Final-Recipient: rfc822; ${alias.address}`);
    expect(text).toContain('In-Reply-To: <7@people.example>');
    expect(text).not.toContain(owner);
  });

  it('costs one row more for each who writes the first time', async () => {
    const { alias } = await masked();
    const from = `price${aliases}@people.example`;
    const bring = async () =>
      (
        await bringMail(alias.address, letterTo(alias.address).replace(/ann@/, `price${aliases}@`), {
          verdicts: passing(),
          mailFrom: from,
        })
      ).cost.written;
    await through(alias.address, mail(['From: first@people.example']), 'first@people.example'); // makes tables
    expect(await bring()).toBeLessThanOrEqual(7);
    expect(await bring()).toBeLessThanOrEqual(6);
    const { deliveries } = await node.lease(500);
    await node.post('results', { results: deliveries.map((one: Answer) => result(one, delivered)) });
  });
});
