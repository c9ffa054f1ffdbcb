import { beforeAll, describe, expect, it } from 'vitest';
import { noVerdicts } from '#domain/inbound/verdicts.ts';
import { numberOfUuid } from '#domain/number-id.ts';
import { Browser } from '../support/browser.ts';
import { setUpOwner } from './dashboard-support.ts';
import { type Brought, bringMail, doors, letterTo, newReceivingDomain } from './received-support.ts';
import { Internet } from './receiver.ts';
import { type Answer, bindings, call, migrate, newAccount, request, type TestAccount } from './support.ts';
import { deliveriesOf, newEndpoint } from './webhook-support.ts';

let browser: Browser;
let internet: Internet;
let account: TestAccount;
let stranger: TestAccount;
beforeAll(async () => {
  await migrate();
  internet = new Internet();
  browser = new Browser('https://api.test', (path, init) => request(path, init));
  await setUpOwner(browser, { email: 'root@people.example', password: 'a long enough sentence' });
  const row = await bindings.DB.prepare('SELECT min(id) AS id FROM accounts WHERE id > 0').first<{
    id: number;
  }>();
  const made = await newAccount();
  const { body } = await call(
    'POST',
    `/admin/v1/accounts/${row?.id}/credentials`,
    bindings.OPERATOR_TOKEN,
    {},
  );
  account = { ...made, id: row?.id ?? 0, live: body.secret };
  stranger = await newAccount();
});

const is = (field: string, comparator: string, value: string, header?: string) => ({
  ...{ field, comparator, value },
  ...(header === undefined ? {} : { header_name: header }),
});
const add = async (domain: string, body: Record<string, unknown>, key = account.live) =>
  await call('POST', `/v1/domains/${domain}/rules`, key, body);
const routedOf = async ({ id }: Brought): Promise<Answer> =>
  (await call('GET', `/v1/inbound-emails/${id}`, account.live)).body.email.routed;

describe('a rule of a domain', () => {
  it('acts in place of the route on mail for which all of its conditions hold', async () => {
    const domain = await newReceivingDomain(account);
    const to = `info@${domain}`;
    const conditions = [is('sender_domain', 'equals', 'People.example'), is('subject', 'starts_with', 'GRÜ')];
    const { status } = await add(domain, { name: 'Friends', conditions, action: 'drop' });
    expect(status).toBe(201);
    expect(await routedOf(await bringMail(to, letterTo(to)))).toMatchObject({
      action: 'drop',
      by: 'rule "Friends"',
    });
    const other = letterTo(to).replace('=?utf-8?q?Gr=C3=BC=C3=9Fe?=', 'Other');
    expect(await routedOf(await bringMail(to, other))).toMatchObject({ by: 'rule *' });
  });

  it.each<[string, ReturnType<typeof is>, boolean]>([
    ['sender', is('sender', 'equals', 'ANN@people.example'), true],
    ['sender', is('sender', 'ends_with', '@other.example'), false],
    ['subject', is('subject', 'matches', '^Gr.{1,2}e$'), true],
    ['subject', is('subject', 'not_contains', 'grüße'), false],
    ['header', is('header', 'contains', 'yes', 'X-Wanted'), true],
    ['header', is('header', 'equals', '', 'X-Missing'), true],
    ['spf', is('spf', 'equals', 'pass'), true],
    ['dkim', is('dkim', 'not_equals', 'pass'), true],
  ])('looks at %s (%j)', async (_, condition, holds) => {
    const domain = await newReceivingDomain(account);
    const to = `info@${domain}`;
    await add(domain, { name: 'One', conditions: [condition], action: 'drop' });
    const verdicts = { ...noVerdicts, spf: { result: 'pass', domain: 'people.example' } };
    const mail = await bringMail(to, letterTo(to, ['X-Wanted: no', 'X-Wanted: Yes']), { verdicts });
    expect((await routedOf(mail)).by).toBe(holds ? 'rule "One"' : 'rule *');
  });

  it('goes by its priority, and tells the endpoints that it names', async () => {
    const domain = await newReceivingDomain(account);
    const to = `info@${domain}`;
    const [first, second] = [await newEndpoint(account, internet), await newEndpoint(account, internet)];
    const conditions = [is('sender_domain', 'equals', 'people.example')];
    await add(domain, { name: 'Late', conditions, action: 'drop', priority: 20 });
    const { body } = await add(domain, {
      ...{ name: 'Early', conditions, action: 'webhook', targets: [second.id], priority: 10 },
    });
    expect(body).toMatchObject({ name: 'Early', priority: 10, targets: [second.id] });
    const mail = await bringMail(to, letterTo(to));
    expect(await routedOf(mail)).toMatchObject({ action: 'webhook', by: 'rule "Early"' });
    const { body: read } = await call('GET', `/v1/inbound-emails/${mail.id}`, account.live);
    expect(read.email.webhook_deliveries).toHaveLength(1);
    expect(first.id).not.toBe(second.id);
    await call('PATCH', `/v1/domains/${domain}/rules/${body.id}`, account.live, { priority: 30 });
    const { body: list } = await call('GET', `/v1/domains/${domain}/rules`, account.live);
    expect(list.data.map(({ name }: Answer) => name)).toEqual(['Late', 'Early']);
    expect((await routedOf(await bringMail(to, letterTo(to)))).by).toBe('rule "Late"');
  });

  it('takes the recipients of several routes together, so that nobody is told twice', async () => {
    const domain = await newReceivingDomain(account);
    await call('POST', `/v1/domains/${domain}/routes`, account.live, { pattern: 'b', action: 'drop' });
    await add(domain, { name: 'All', conditions: [is('subject', 'contains', '')], action: 'drop' });
    const mail = await bringMail([`a@${domain}`, `b@${domain}`], letterTo(`a@${domain}`));
    const { body } = await call('GET', `/v1/inbound-emails/${mail.id}`, account.live);
    expect(body.email.to).toEqual([`a@${domain}`, `b@${domain}`]);
  });

  it('refuses in the session, of a domain by itself, and keeps nothing', async () => {
    const domain = await newReceivingDomain(account);
    const other = await newReceivingDomain(account);
    await add(domain, {
      ...{ name: 'Spam', conditions: [is('dkim', 'not_equals', 'pass')] },
      ...{ action: 'refuse', text: 'Sign your mail' },
    });
    const [one, two] = await doors(`a@${domain}`, `a@${other}`);
    expect([one.synchronous, two.synchronous]).toEqual([true, false]);
    expect(one.group).not.toBe(two.group);
    const { id, refusal } = await bringMail(`a@${domain}`, letterTo(`a@${domain}`));
    expect(refusal).toEqual({ reply: '550 5.7.1', text: 'Sign your mail' });
    expect((await call('GET', `/v1/inbound-emails/${id}`, account.live)).status).toBe(404);
    const { objects } = await bindings.RAW.list({ prefix: 'received/' });
    expect(objects.filter(({ key }) => key.includes(id))).toEqual([]);
    const dkim = { result: 'pass', signatures: [] };
    const signed = await bringMail(`a@${domain}`, letterTo(`a@${domain}`), {
      verdicts: { ...noVerdicts, dkim },
    });
    expect(signed.refusal).toBeNull();
  });

  it('takes no mail for an address that no route takes, and is named where one is tried', async () => {
    const domain = await newReceivingDomain(account);
    await add(domain, { name: 'All', conditions: [is('subject', 'contains', '')], action: 'webhook' });
    await call('POST', `/v1/domains/${domain}/routes`, account.live, { pattern: 'no', action: 'refuse' });
    const tried = async (to: string) =>
      (await call('POST', `/v1/domains/${domain}/routes/test`, account.live, { to })).body;
    expect(await tried('info')).toMatchObject({ taken: true, by: 'rule *', rules: ['All'] });
    expect(await tried('no')).toMatchObject({ taken: false, rules: [] });
    expect(await doors(`no@${domain}`)).toMatchObject([{ door: 'refused' }]);
  });

  it('holds for telling again too', async () => {
    const domain = await newReceivingDomain(account);
    const to = `info@${domain}`;
    const endpoint = await newEndpoint(account, internet);
    const mail = await bringMail(to, letterTo(to, ['X-Case: 7']));
    const { body: rule } = await add(domain, {
      ...{ name: 'Cases', conditions: [is('header', 'equals', '7', 'X-Case')] },
      ...{ action: 'webhook', targets: [endpoint.id] },
    });
    const replay = async () => await call('POST', `/v1/inbound-emails/${mail.id}/replay`, account.live);
    expect((await replay()).body).toEqual({ replayed: 1 });
    await call('PATCH', `/v1/domains/${domain}/rules/${rule.id}`, account.live, {
      action: 'drop',
      targets: [],
    });
    expect((await replay()).status).toBe(409);
    expect((await deliveriesOf(account)).length).toBeGreaterThan(0);
  });

  const good = { name: 'x', conditions: [is('sender', 'equals', 'a@b.example')], action: 'drop' };
  it.each<[Record<string, unknown>, string]>([
    [{ ...good, name: '' }, '/name'],
    [{ ...good, name: 'a\r\nb' }, '/name'],
    [{ ...good, conditions: [] }, '/conditions'],
    [{ ...good, conditions: [is('header', 'equals', 'x')] }, '/conditions/0/header_name'],
    [{ ...good, conditions: [is('sender', 'equals', 'x', 'X-A')] }, '/conditions/0/header_name'],
    [{ ...good, conditions: [is('sender', 'matches', '(?=a)')] }, '/conditions/0/value'],
    [{ ...good, conditions: [is('sender', 'sounds_like', 'x')] }, '/conditions/0/comparator'],
    [{ ...good, action: 'sing' }, '/action'],
    [{ ...good, targets: ['x'] }, '/targets/0'],
    [{ ...good, priority: -1 }, '/priority'],
    [{ ...good, conditions: Array(20).fill(is('sender', 'matches', 'a')), more: 1 }, '/'],
  ])('%j is refused by name', async (body, pointer) => {
    const domain = await newReceivingDomain(account);
    const answer = await add(domain, body);
    expect([answer.status, answer.body.errors?.[0].pointer]).toEqual([400, pointer]);
  });

  it('is one of so many, with so many patterns', async () => {
    const domain = await newReceivingDomain(account);
    const patterns = Array(20).fill(is('sender', 'matches', 'a'));
    expect((await add(domain, { ...good, conditions: patterns })).status).toBe(201);
    const more = await add(domain, { ...good, conditions: patterns.slice(0, 1) });
    expect([more.status, more.body.errors?.[0].pointer]).toEqual([400, '/conditions']);
    for (let i = 1; i < 50; i++) expect((await add(domain, good)).status).toBe(201);
    expect((await add(domain, good)).status).toBe(409);
  });

  it('is nobody else’s, and goes with its domain', async () => {
    const domain = await newReceivingDomain(account);
    const { body } = await add(domain, good);
    expect((await add(domain, good, stranger.live)).status).toBe(404);
    const at = `/v1/domains/${domain}/rules/${body.id}`;
    expect((await call('DELETE', at, account.live)).status).toBe(204);
    expect((await call('DELETE', at, account.live)).status).toBe(404);
    await add(domain, good);
    expect((await call('DELETE', `/v1/domains/${domain}`, account.live)).status).toBe(204);
    expect((await add(account.domain, good)).status).toBe(404);
  });

  it('costs a mail no row more', async () => {
    const domain = await newReceivingDomain(account);
    const to = `info@${domain}`;
    const { cost: plain } = await bringMail(to, letterTo(to));
    await add(domain, { ...good, name: 'None' });
    const { cost } = await bringMail(to, letterTo(to));
    expect([cost.written, cost.trips]).toEqual([plain.written, plain.trips]);
  });
});

describe('the page of rules', () => {
  it('lists them, adds one, says what is wrong with one, and removes it', async () => {
    const domain = await newReceivingDomain(account);
    const { body: known } = await call('GET', `/v1/domains/${domain}`, account.live);
    const at = `/domains/${numberOfUuid('domain', known.id)}/rules`;
    const page = async (path: string) => await (await browser.get(path)).text();
    expect(await page(`/domains/${known.id}/routes`)).toContain(`href="${at}"`);
    expect(await page(at)).toContain('No rule');
    const form = {
      ...{ name: 'Partners', priority: '5', action: 'refuse', text: 'No' },
      ...{ field0: 'header', header_name0: 'X-A', comparator0: 'not_contains', value0: '<b>' },
      ...{ field1: 'sender', header_name1: '', comparator1: 'equals', value1: '' },
    };
    const wrong = await browser.post(at, { ...form, header_name0: 'a b' });
    expect([wrong.status, await wrong.text()]).toEqual([
      400,
      expect.stringMatching(/id="header_name0-fault">\s*is no name of a header field/),
    ]);
    const second = { ...form, field2: 'subject', comparator2: 'matches', value2: '(' };
    const told = await (await browser.post(at, second)).text();
    expect(told).toContain('<a href="#value2">Value of condition 3</a>: has a');
    expect(told).toContain('value="Partners"');
    const nobody = await browser.post(at, { ...form, action: 'forward', addresses: 'nobody' });
    expect(await nobody.text()).toContain('id="addresses-fault"');
    const added = await browser.post(at, form);
    expect(added.headers.get('Location')).toBe(`${at}?done=rule-added`);
    const text = await page(at);
    expect(text).toContain('X-A not contains <code>&lt;b&gt;</code>');
    const [, rule] = /rules\/(\d+)\/remove/.exec(text) ?? [];
    expect((await browser.post(`${at}/${rule}/remove`, {})).status).toBe(303);
    expect(await page(at)).toContain('No rule');
  });
});
