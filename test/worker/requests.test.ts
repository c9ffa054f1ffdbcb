import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { RefusalBudget } from '../../worker/http/refusal-budget.ts';
import { dropOldTables } from '../../worker/store/home-tables.ts';
import { Browser } from '../support/browser.ts';
import { setUpOwner, textOf } from './dashboard-support.ts';
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
  sendRaw,
  type TestAccount,
  testStore,
} from './support.ts';

let first: TestAccount;
let account: TestAccount;
let owner: Browser;

beforeAll(async () => {
  await migrate();
  first = await newAccount();
  owner = await setUpOwner(new Browser('https://api.test', (path, init) => request(path, init)), {
    email: 'owner@people.example',
    password: 'a long enough sentence',
  });
});
beforeEach(async () => {
  account = await newAccount();
});

const send = (more: Record<string, unknown> = {}, of = account) =>
  call('POST', '/v1/send', of.live, mail(of, more));
const log = async (query = '', of = account): Promise<Answer> =>
  (await call('GET', `/v1/requests${query}`, of.live)).body;

describe('GET /v1/requests', () => {
  it('tells of each submission with its answer, its key and why it was refused, newest first', async () => {
    const good = await send();
    const { headers } = await send({ from: 'a@elsewhere.example' });
    await call('POST', '/v1/send', account.live, '{"from": ');
    const { data, has_more } = await log();
    expect(has_more).toBe(false);
    expect(data.map(({ status, code }: Answer) => [status, code])).toEqual([
      [400, 'invalid_json'],
      [403, 'domain_not_allowed'],
      [202, null],
    ]);
    expect(data[1]).toMatchObject({
      request_id: headers.get('X-Request-ID'),
      way: 'api',
      detail: expect.stringContaining('elsewhere.example'),
      message_id: null,
    });
    expect(data[2]).toMatchObject({ message_id: good.body.message_id, way: 'api', request_id: null });
    const { body: credentials } = await call(
      'GET',
      `/admin/v1/accounts/${account.id}/credentials`,
      bindings.OPERATOR_TOKEN,
    );
    const live = credentials.data.find(({ environment }: Answer) => environment === 'live').id;
    expect(new Set(data.map(({ key }: Answer) => key))).toEqual(new Set([live]));
  });

  it('names SMTP, whole messages, batches and CloudMailin’s dialect', async () => {
    const from = `mail_from=a@${account.domain}`;
    await sendRaw(account.live, 'Subject: x\r\n\r\nx', `${from}&rcpt_to=b@example.net`, {
      'X-Pennypost-Source': 'smtp',
    });
    await sendRaw(account.live, 'Subject: x\r\n\r\nx', `${from}&rcpt_to=b@example.net`);
    await call('POST', '/v1/send/batch', account.live, [mail(account), {}, {}]);
    const cloudmailin = { from: 'a@elsewhere.example', to: 'b@example.net', subject: 'x', plain: 'x' };
    await call('POST', '/api/v0.1/pennypost/messages', account.live, cloudmailin);
    const { data } = await log('?answer=refused');
    expect(data.map(({ way }: Answer) => way)).toEqual(['cloudmailin', 'batch', 'raw', 'smtp']);
    expect(data[1].detail).toMatch(/^2 of 3 refused\. The first: /);
    expect((await log('?answer=accepted')).data).toHaveLength(1);
  });

  it('gives every one once, page by page, whatever lies between them', async () => {
    for (const from of [1, 0, 0, 1, 1, 0]) await send(from ? {} : { from: 'a@elsewhere.example' });
    await call('POST', '/v1/send/batch', account.live, Array(5).fill(mail(account)));
    const { data: whole } = await log('?limit=100');
    expect(whole).toHaveLength(11);
    for (const limit of [1, 2, 3]) {
      const pages: Answer[] = [];
      for (let cursor = ''; ; ) {
        const { data, next, has_more } = await log(`?limit=${limit}${cursor && `&cursor=${cursor}`}`);
        expect(data.length).toBeLessThanOrEqual(limit);
        pages.push(...data);
        expect(has_more).toBe(next !== null);
        if (next === null) break;
        cursor = next;
      }
      const marks = (all: Answer[]) => all.map((one) => one.request_id ?? one.message_id).sort();
      expect(marks(pages)).toEqual(marks(whole));
    }
  });

  it('tells nobody else’s, and nothing of a key that is limited to domains or may not read', async () => {
    await send({ from: 'a@elsewhere.example' });
    expect((await log('', first)).data).toEqual([]);
    const { secret: narrow } = await newKey(account, { domains: [account.domain] });
    const { secret: blind } = await newKey(account, { scopes: ['send'] });
    for (const key of [narrow, blind]) expect((await call('GET', '/v1/requests', key)).status).toBe(403);
    for (const cursor of ['x', '1', '.x', '99999999999999999999.', '1.2026w01'])
      expect([cursor, (await call('GET', `/v1/requests?cursor=${cursor}`, account.live)).status]).toEqual([
        cursor,
        400,
      ]);
  });

  it('writes nothing for who has no good key, and for what was accepted nothing more than the message', async () => {
    await send();
    const refused = await call('POST', '/v1/send', 'pp_live_0123456789abcdefghijABCDEFGHIJ01', mail(account));
    expect([refused.status, costOf(refused).written]).toEqual([401, 0]);
    const rows = async () => {
      const { results } = await bindings.DB.prepare(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'refused_%'",
      ).all<{ name: string }>();
      let sum = 0;
      for (const { name } of results)
        sum +=
          (await bindings.DB.prepare(`SELECT count(*) AS n FROM "${name}"`).first<{ n: number }>())?.n ?? 0;
      return sum;
    };
    const before = await rows();
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      vi.setSystemTime(Math.floor(Date.now() / 60_000) * 60_000 + 1_000);
      for (let i = 0; i < 25; i++) await send({ from: 'a@elsewhere.example' });
    } finally {
      vi.useRealTimers();
    }
    expect((await rows()) - before).toBe(20);
  });

  it('keeps them a week', async () => {
    await send({ from: 'a@elsewhere.example' });
    await send();
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      vi.setSystemTime(Date.now() + 6.9 * 86_400_000);
      expect((await log()).data).toHaveLength(2);
      vi.setSystemTime(Date.now() + 0.2 * 86_400_000);
      expect((await log()).data).toEqual([]);
      const old = "SELECT name FROM sqlite_master WHERE name LIKE 'refused_%' ORDER BY name";
      const [oldest] = (await bindings.DB.prepare(old).all<{ name: string }>()).results;
      vi.setSystemTime(Date.now() + 14 * 86_400_000);
      while (await dropOldTables(testStore(), Date.now()));
      const left = (await bindings.DB.prepare(old).all<{ name: string }>()).results;
      expect(left.map(({ name }) => name)).not.toContain(oldest?.name);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('how many refusals of a key are written down', () => {
  it('is bounded a minute, and the next one tells how many were not', () => {
    const budget = new RefusalBudget();
    const taken = Array.from({ length: 23 }, () => budget.take('a', 60_000));
    expect(taken.filter((one) => one === 0)).toHaveLength(20);
    expect(taken.slice(20)).toEqual([null, null, null]);
    expect(budget.take('b', 60_000)).toBe(0);
    expect(budget.take('a', 120_000)).toBe(3);
    expect(budget.take('a', 120_000)).toBe(0);
  });
});

describe('the page Requests', () => {
  it('shows the reason, the key by its name, and the way to the message; and only refusals when asked', async () => {
    const { secret } = await newKey(first, { name: 'shop <b>' });
    const { body } = await call('POST', '/v1/send', secret, mail(first, { subject: 'Arrived' }));
    await call('POST', '/v1/send', secret, mail(first, { from: '"<i>" <a@elsewhere.example>' }));
    const page = await (await owner.get('/requests')).text();
    expect(page).toContain(`href="/messages/${body.message_id}"`);
    expect(page).toContain('shop &lt;b&gt;');
    expect(page).toContain('domain_not_allowed');
    const refused = await textOf(await owner.get('/requests?answer=refused'));
    expect(refused).toContain('Cannot send from elsewhere.example');
    expect(refused).not.toContain('Arrived');
    expect((await owner.get('/requests?before=nonsense')).status).toBe(404);
  });
});
