import { beforeAll, describe, expect, it } from 'vitest';
import { aliasLimits, hourOf } from '#domain/inbound/alias.ts';
import { noVerdicts } from '#domain/inbound/verdicts.ts';
import { agreed, newAlias, passing, setUpSystemMail } from './alias-support.ts';
import { bringMail, doors, letterTo, newReceivingDomain, routeMail } from './received-support.ts';
import { Internet } from './receiver.ts';
import { bring, dsn, entriesOf, statusOf } from './returned-mail.ts';
import {
  type Answer,
  bindings,
  bounced,
  bytesOf,
  call,
  deferred,
  delivered,
  migrate,
  newAccount,
  parsedMail,
  rawOf,
  result,
  suppress,
  type TestAccount,
  TestNode,
} from './support.ts';
import { newEndpoint } from './webhook-support.ts';

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
/** An alias with destinations that have agreed. */
async function aliasTo(...to: string[]): Promise<{ address: string; id: number }> {
  aliases += 1;
  for (const one of to) await agreed(account, one);
  return await newAlias(account, { domain, address: `alias${aliases}`, forward_to: to });
}

/** Brings a mail; gives the message as which it is sent on. */
async function sentOn(to: string, raw = letterTo(to), more: Record<string, unknown> = {}): Promise<string> {
  const { id, refusal } = await bringMail(to, raw, { verdicts: passing(), ...more });
  if (refusal) throw new Error(JSON.stringify(refusal));
  return (await call('GET', `/v1/inbound-emails/${id}`, account.live)).body.email.forwarded_message;
}

/** What a node is leased of a message. */
async function leased(messageId: string): Promise<Answer[]> {
  const { deliveries } = await node.lease(500);
  return deliveries.filter((one: Answer) => one.messageId === messageId);
}

const noticesTo = async (sender: string): Promise<string[]> => {
  const { body } = await call('GET', `/v1/emails?to=${encodeURIComponent(sender)}`, account.live);
  return body.data.map((one: Answer) => one.id);
};

describe('a mail for an alias', () => {
  it('is sent on as it came, below Delivered-To and the link that switches the alias off', async () => {
    const alias = await aliasTo('ann1@home.example');
    const raw = letterTo(alias.address, ['X-Odd:  as\r\n it came'], 'Grüße');
    const id = await sentOn(alias.address, raw);
    const [delivery] = await leased(id);
    expect(delivery).toMatchObject({
      rcptTo: 'ann1@home.example',
      signingDomain: domain,
      forward: {
        signs: false,
        seal: {
          cv: 'none',
          results:
            'spf=pass smtp.mailfrom=people.example; dkim=pass header.d=people.example header.s=s; dmarc=pass header.from=people.example; arc=none',
        },
      },
    });
    expect(delivery.fields).toBeUndefined();
    expect(delivery.mailFrom).toMatch(/^b-[a-z2-7]{44}@bounces\./);
    const text = await rawOf(id);
    expect(text.endsWith(raw)).toBe(true);
    const added = text.slice(0, -raw.length);
    expect(added).toMatch(
      new RegExp(`^Delivered-To: ${alias.address}\r\nList-Unsubscribe:\\s<https://\\S+>\r\n$`),
    );
  });

  it('of more than is held goes on the same, its header changed and the rest as it came', async () => {
    const alias = await aliasTo('large1@home.example');
    const line = `${'0123456789'.repeat(7)}é\n`;
    const raw = letterTo(alias.address, ['X-Large: yes'], line.repeat(8000));
    expect(raw.length).toBeGreaterThan(512 * 1024);
    const verdicts = passing({ dkim: { result: 'none', signatures: [] } });
    const id = await sentOn(alias.address, raw, { verdicts });
    const [delivery] = await leased(id);
    const text = await rawOf(id);
    const [, body = ''] = raw.split(/\r\n\r\n/);
    expect(text.endsWith(`\r\n\r\n${body}`)).toBe(true);
    expect(text).toMatch(new RegExp(`^Delivered-To: ${alias.address}\r\n`));
    expect(text).toContain(`via ${alias.address}" <${alias.address}>`);
    expect(delivery).toMatchObject({ sizeBytes: text.length, eightBit: true, raw: null });
  });

  it('of more than is held, without an end of its header, is refused', async () => {
    const alias = await aliasTo('headless@home.example');
    const { refusal } = await bringMail(alias.address, 'X: y\r\n'.repeat(100_000), { verdicts: passing() });
    expect(refusal).toMatchObject({ reply: '554 5.6.0' });
  });

  it('is one message for all who have agreed, and says who has not', async () => {
    const alias = await aliasTo('two1@home.example', 'two2@home.example', 'two3@home.example');
    await bindings.DB.exec("UPDATE destinations SET state = 'pending' WHERE address = 'two2@home.example'");
    const { id } = await bringMail(alias.address, letterTo(alias.address), { verdicts: passing() });
    const { email } = (await call('GET', `/v1/inbound-emails/${id}`, account.live)).body;
    expect(email).toMatchObject({
      alias_id: alias.id,
      status: 'delivered',
      routed: {
        action: 'forward',
        by: `alias ${alias.address}`,
        detail: 'Not sent to two2@home.example (not verified).',
      },
    });
    const all = await leased(email.forwarded_message);
    expect(all.map(({ rcptTo }) => rcptTo)).toEqual(['two1@home.example', 'two3@home.example']);
    const found = await call('GET', `/v1/inbound-emails?alias_id=${alias.id}`, account.live);
    expect(found.body.emails.map((one: Answer) => one.id)).toEqual([id]);
    const { body } = await call('GET', `/v1/aliases/${alias.id}`, account.live);
    expect(body.alias).toMatchObject({ emails_received: 1, emails_forwarded: 1 });
  });

  it('is sent on once however often it is handed over', async () => {
    const alias = await aliasTo('once1@home.example');
    const { id } = await bringMail(alias.address, letterTo(alias.address), { verdicts: passing() });
    await bringMail(alias.address, letterTo(alias.address), { id, verdicts: passing() });
    expect((await call('GET', '/v1/emails?to=once1@home.example', account.live)).body.data).toHaveLength(1);
    const { body } = await call('GET', `/v1/aliases/${alias.id}`, account.live);
    expect(body.alias.emails_received).toBe(1);
  });

  it('is signed with a From of ours where the author’s domain would disown it', async () => {
    const alias = await aliasTo('strict@home.example');
    const verdicts = passing({ dkim: { result: 'none', signatures: [] } });
    const id = await sentOn(alias.address, letterTo(alias.address), { verdicts });
    const [delivery] = await leased(id);
    expect(delivery.forward.signs).toBe(true);
    const mail = await parsedMail(id);
    expect(mail.from).toMatchObject({ address: alias.address, name: `Ann, B. via ${alias.address}` });
    expect(mail.replyTo).toMatchObject([{ address: 'ann@people.example' }]);
  });

  it('goes on from the null sender when it came from it, and nobody hears of a failure', async () => {
    const alias = await aliasTo('null@home.example');
    const id = await sentOn(alias.address, letterTo(alias.address), { mailFrom: '' });
    const [delivery] = await leased(id);
    expect(delivery.mailFrom).toBe('');
    await node.post('results', { results: [result(delivery, bounced)] });
    expect(await noticesTo('ann@people.example')).toEqual([]);
  });

  it('is refused when it goes in a circle, and nothing is kept', async () => {
    const alias = await aliasTo('circle@home.example');
    const looped = letterTo(alias.address, [`Delivered-To: ${alias.address}`]);
    const before = await call('GET', `/v1/inbound-emails?alias_id=${alias.id}`, account.live);
    expect((await bringMail(alias.address, looped)).refusal).toMatchObject({ reply: '554 5.4.6' });
    expect(before.body.total).toBe(0);
    expect(await routeMail(alias.address, looped)).toContain('5.4.6');
    const hops = Array.from({ length: 51 }, (_, i) => `Received: from a${i} by b${i}; x`);
    expect((await bringMail(alias.address, letterTo(alias.address, hops))).refusal).toMatchObject({
      reply: '554 5.4.6',
    });
  });

  it('is put off when an alias gets more in an hour than it may', async () => {
    const alias = await aliasTo('busy@home.example');
    await bindings.DB.prepare('UPDATE aliases SET hour = ?, hour_used = ? WHERE id = ?')
      .bind(hourOf(Date.now()), aliasLimits.mailsAnHour - 1, alias.id)
      .run();
    await sentOn(alias.address);
    expect(await doors(alias.address)).toMatchObject([{ reply: '450 4.2.1' }]);
    await bindings.DB.prepare('UPDATE aliases SET hour = hour - 1 WHERE id = ?').bind(alias.id).run();
    await sentOn(alias.address);
  });

  it('that came by Email Routing, of which nothing is known, gets a From of ours', async () => {
    const alias = await aliasTo('routed@home.example');
    expect(await routeMail(alias.address, letterTo(alias.address))).toBeNull();
    const { body } = await call('GET', '/v1/emails?to=routed@home.example', account.live);
    expect((await parsedMail(body.data[0].id)).from?.address).toBe(alias.address);
  });

  it('is told to the endpoint of the alias as well', async () => {
    const endpoint = await newEndpoint(account, new Internet());
    const told = await newAlias(account, { domain, address: 'told', webhook: endpoint.id });
    expect(told.action).toBe('webhook');
    const { id } = await bringMail(told.address, letterTo(told.address), { verdicts: passing() });
    const { email } = (await call('GET', `/v1/inbound-emails/${id}`, account.live)).body;
    expect([email.webhook_deliveries.length, email.forwarded_message, email.routed.action]).toEqual([
      1,
      null,
      'webhook',
    ]);
  });

  it('is refused when its destination is suppressed', async () => {
    const alias = await aliasTo('dead@home.example');
    await suppress(account, 'dead@home.example');
    expect(await doors(alias.address)).toMatchObject([{ reply: '550 5.1.1' }]);
  });

  it(`costs few rows: taken, sent on, leased and delivered`, async () => {
    const alias = await aliasTo('price@home.example');
    await sentOn(alias.address); // makes tables
    const { id, cost } = await bringMail(alias.address, letterTo(alias.address), { verdicts: passing() });
    const { email } = (await call('GET', `/v1/inbound-emails/${id}`, account.live)).body;
    // The mail, its message, delivery (two, with what says when it is due), body, and the counter of the alias.
    expect(cost.written).toBeLessThanOrEqual(6);
    const lease = await node.post('lease', { max: 500 });
    const own = lease.body.deliveries.find((one: Answer) => one.messageId === email.forwarded_message);
    const reported = await node.post('results', { results: [result(own, delivered)] });
    const { costOf } = await import('./support.ts');
    expect(costOf(reported).written).toBeLessThanOrEqual(3);
  });
});

describe('a mail that could not be sent on', () => {
  it('is told to its sender once, without the address behind the alias', async () => {
    const alias = await aliasTo('gone1@home.example', 'gone2@home.example');
    const sender = 'proven1@people.example';
    const id = await sentOn(alias.address, letterTo(alias.address), { mailFrom: sender });
    const [first, second] = await leased(id);
    await node.post('results', { results: [result(first, bounced)] });
    await node.post('results', { results: [result(second, bounced)] });
    const [notice, ...more] = await noticesTo(sender);
    expect(more).toEqual([]);
    const text = await rawOf(notice ?? '');
    expect(text).toContain(`Final-Recipient: rfc822; ${alias.address}`);
    expect(text).toContain('Status: 5.1.1');
    expect(text).not.toContain('home.example');
    const [delivery] = await leased(notice ?? '');
    expect(delivery).toMatchObject({ mailFrom: '', rcptTo: sender, forward: { signs: true, seal: null } });
    // Read as every other report is.
    const { readMail } = await import('../../worker/inbound/read-mail.ts');
    expect(readMail(bytesOf(text), '')).toMatchObject({
      kind: 'bounce',
      recipients: [{ recipient: alias.address, action: 'failed', status: '5.1.1' }],
    });
  });

  it('is told as well when the failure comes back as a mail', async () => {
    const alias = await aliasTo('later@home.example');
    const sender = 'proven2@people.example';
    const id = await sentOn(alias.address, letterTo(alias.address), { mailFrom: sender });
    const [delivery] = await leased(id);
    await node.post('results', { results: [result(delivery, delivered)] });
    const report = () => dsn({ messageId: id, recipient: 'later@home.example' });
    expect(await bring(report(), delivery.mailFrom)).toEqual(['taken']);
    expect(await bring(report(), delivery.mailFrom)).toEqual(['taken']);
    expect(await statusOf(account, id)).toBe('bounced');
    expect(await noticesTo(sender)).toHaveLength(1);
    expect(await entriesOf(account, 'later@home.example')).toMatchObject([{ reason: 'hard_bounce' }]);
  });

  it.each([
    ['it is not proven who sent it', { spf: noVerdicts.spf, dkim: noVerdicts.dkim }],
    [
      'SPF passed for another domain',
      { spf: { result: 'pass', domain: 'other.example' }, dkim: noVerdicts.dkim },
    ],
  ] as const)('is told to nobody when %s', async (_, more) => {
    const alias = await aliasTo(`silent${aliases}@home.example`);
    const sender = `forged${aliases}@people.example`;
    const id = await sentOn(alias.address, letterTo(alias.address), {
      mailFrom: sender,
      verdicts: passing(more),
    });
    const [delivery] = await leased(id);
    await node.post('results', { results: [result(delivery, bounced)] });
    expect(await noticesTo(sender)).toEqual([]);
  });

  it('is told to nobody while it is tried', async () => {
    const alias = await aliasTo('tried@home.example');
    const sender = 'patient@people.example';
    const id = await sentOn(alias.address, letterTo(alias.address), { mailFrom: sender });
    const [delivery] = await leased(id);
    await node.post('results', { results: [result(delivery, deferred)] });
    expect(await noticesTo(sender)).toEqual([]);
  });
});

describe('a route that forwards', () => {
  it('sends on to addresses that have agreed', async () => {
    const both = await newReceivingDomain(account, 'both');
    const to = await agreed(account, 'route@home.example');
    const made = await call('POST', `/v1/domains/${both}/routes`, account.live, {
      pattern: 'team',
      action: 'forward',
      targets: [to],
    });
    expect([made.status, made.body.targets]).toEqual([201, [to]]);
    const tried = await call('POST', `/v1/domains/${both}/routes/test`, account.live, { to: `team@${both}` });
    expect(tried.body).toMatchObject({ taken: true, action: 'forward', by: 'rule team', forward_to: [to] });
    const id = await sentOn(`team@${both}`);
    const [delivery] = await leased(id);
    expect(delivery).toMatchObject({ rcptTo: to, signingDomain: both });
    expect(await rawOf(id)).not.toMatch(/^List-Unsubscribe/m);
  });

  it('asks new addresses, and puts mail off meanwhile', async () => {
    await setUpSystemMail(account);
    const both = await newReceivingDomain(account, 'both');
    const body = { pattern: 'new', action: 'forward', targets: ['asked@home.example'] };
    expect((await call('POST', `/v1/domains/${both}/routes`, account.live, body)).status).toBe(201);
    expect(await doors(`new@${both}`)).toMatchObject([{ reply: '450 4.2.1' }]);
  });

  it('needs addresses, and a domain that signs', async () => {
    const both = await newReceivingDomain(account, 'both');
    const route = (of: string, targets: string[]) =>
      call('POST', `/v1/domains/${of}/routes`, account.live, { pattern: 'x', action: 'forward', targets });
    expect((await route(both, [])).body.errors[0].pointer).toBe('/targets/0');
    expect((await route(both, ['nobody'])).body.errors[0].pointer).toBe('/targets/0');
    const inbound = await newReceivingDomain(account);
    expect((await route(inbound, ['a@home.example'])).status).toBe(409);
  });
});

describe('an alias at the shared domain', () => {
  it('is sent on with the keys of that domain, for whoever made it', async () => {
    const { env } = await import('cloudflare:workers');
    const environment = { ...(env as object), METER: '1', ALIAS_DOMAIN: domain };
    const other = await newAccount();
    const to = await agreed(other, 'shared@home.example');
    const { body } = await call(
      'POST',
      '/v1/shield/aliases',
      other.live,
      { address: 'shared', forward_to: [to] },
      {},
      environment,
    );
    const { id } = await bringMail(body.alias.address, letterTo(body.alias.address), { verdicts: passing() });
    const { email } = (await call('GET', `/v1/inbound-emails/${id}`, other.live)).body;
    expect((await call('GET', `/v1/inbound-emails/${id}`, account.live)).status).toBe(404);
    const { nodeId, bootId } = node;
    const { nodeToken } = await import('./support.ts');
    const lease = { nodeId, bootId, max: 500 };
    const answer = await call('POST', '/node/v1/lease', await nodeToken(nodeId), lease, {}, environment);
    const own = answer.body.deliveries.find((one: Answer) => one.messageId === email.forwarded_message);
    expect(answer.body.keys[own.keyRing ?? own.signingDomain].length).toBeGreaterThan(0);
  });
});
