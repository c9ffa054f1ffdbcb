import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { foldAccount } from '../../worker/store/fold.ts';
import {
  type Answer,
  bindings,
  call,
  costOf,
  mail,
  migrate,
  newAccount,
  type TestAccount,
  testStore,
} from './support.ts';

const nowMs = Date.UTC(2026, 10, 18, 12);
const held = 20_000;
const mostRead = 2_000;
const oldest = 'needle@example.org';

let account: TestAccount;
const run = (query: string, ...values: unknown[]) =>
  bindings.DB.prepare(query)
    .bind(...values)
    .run();
const list = async (query: string) => await call('GET', `/v1/emails?${query}`, account.live);

/** Makes copies of the account's one message and its delivery: rows 2 to `held`, all newer. */
beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
  await migrate();
  account = await newAccount();
  const first = { to: [oldest], subject: 'The oldest', tags: ['rare'] };
  await call('POST', '/v1/send', account.live, mail(account, first));
  const copy = async (table: string, given: Record<string, string>) => {
    const { results } = await bindings.DB.prepare(`SELECT name FROM pragma_table_info('${table}')`).all();
    const names = results.map(({ name }) => String(name));
    const values = names.map((name) => given[name] ?? name).join(', ');
    await run(
      `INSERT INTO ${table} SELECT ${values} FROM ${table}, (WITH RECURSIVE i(s) AS (SELECT 2 UNION ALL SELECT s + 1 FROM i WHERE s < ?) SELECT s FROM i) WHERE account_id = ?`,
      held,
      account.id,
    );
  };
  const id = (name: string) => `substr(${name}, 1, 24) || printf('%012d', s)`;
  await copy('messages_2026w47', {
    seq: 's',
    id: id('id'),
    subject: `'Bulk'`,
    tags: `'[]'`,
    accepted_at_ms: 'accepted_at_ms + s',
  });
  await copy('deliveries_2026w47', {
    message_id: id('message_id'),
    message_seq: 's',
    recipient: `'u' || s || '@example.net'`,
  });
  vi.setSystemTime(nowMs + 3_600_000);
});
afterAll(() => {
  vi.useRealTimers();
});

/** Follows the cursor; every page and what it cost. */
async function follow(query: string): Promise<{ found: Answer[]; calls: number; read: number }> {
  const found: Answer[] = [];
  let cursor = '';
  let read = 0;
  for (let calls = 1; ; calls++) {
    const answer = await list(`${query}${cursor}`);
    expect(answer.status).toBe(200);
    read = Math.max(read, costOf(answer).read);
    expect(costOf(answer).trips).toBeLessThan(30);
    found.push(...answer.body.data);
    expect(answer.body.has_more).toBe(answer.body.next !== null);
    if (answer.body.next === null) return { found, calls, read };
    cursor = `&cursor=${answer.body.next}`;
  }
}

describe('a list of 20,000 messages', () => {
  it.each([
    ['to=nobody@example.org', 0],
    ['status=bounced', 0],
    ['subject=nothing', 0],
    ['tag=none', 0],
    ['from=nobody@example.org', 0],
    [`to=${oldest}`, 1],
    [`to=${oldest}&tag=rare&status=queued`, 1],
    ['subject=oldest', 1],
    ['tag=rare', 1],
  ])('is searched by %s in bounded calls, to its end', async (query, count) => {
    const { found, calls, read } = await follow(query);
    expect(found).toHaveLength(count);
    expect(read).toBeLessThanOrEqual(mostRead);
    expect(calls).toBeGreaterThan(1);
    const { body } = await list(query);
    expect(body).toMatchObject({ data: [], has_more: true, searched_to: expect.any(String) });
  });

  it('costs its first page no more than what is on it', async () => {
    expect(costOf(await list('')).read).toBeLessThanOrEqual(250);
    expect(costOf(await list('to=u20000@example.net&limit=1')).read).toBeLessThanOrEqual(mostRead);
  });

  it('has every message once, page by page', async () => {
    const { found } = await follow('limit=100&status=queued');
    expect(found).toHaveLength(held);
    expect(new Set(found.map(({ id }) => id)).size).toBe(held);
  });

  it('is gone into by offset as far as one call looks, and says how to go on from there', async () => {
    const near = await list('offset=1000&limit=2');
    expect(near.body.data).toHaveLength(2);
    expect(costOf(near).read).toBeLessThanOrEqual(mostRead);
    const far = await list('offset=1001');
    expect([far.status, far.body.errors[0].pointer]).toEqual([400, 'offset']);
    expect(far.body.detail).toContain('cursor');
    const matching = await list('to=nobody@example.org&offset=1');
    expect(matching.status).toBe(400);
    expect(costOf(matching).read).toBeLessThanOrEqual(mostRead);
    const cursor = /cursor=(\S+)/.exec(matching.body.detail)?.[1];
    expect((await list(`to=nobody@example.org&cursor=${cursor}`)).status).toBe(200);
    expect((await list(`offset=1&cursor=${cursor}`)).body.errors[0].pointer).toBe('offset');
    expect((await list('cursor=x')).body.errors[0].pointer).toBe('cursor');
  });
});

describe('a list of 20,000 messages that are counted', () => {
  it.each([
    [`to=${oldest}`, 1],
    ['tag=rare', 1],
    ['to=nobody@example.org', 0],
    ['tag=none', 0],
  ])('is searched by %s in few calls, since it is known where that is not', async (query, count) => {
    expect(await foldAccount(testStore(), account.id, Date.now())).toBe(true);
    const { found, calls, read } = await follow(query);
    expect(found).toHaveLength(count);
    expect(calls).toBeLessThanOrEqual(count === 0 ? 1 : 5);
    expect(read).toBeLessThanOrEqual(mostRead);
  });
});

describe('messages of many recipients', () => {
  it('are found by each of them, wherever a statement ends', async () => {
    const other = await newAccount();
    const batch = (from: number) =>
      Array.from({ length: 20 }, (_, i) =>
        mail(other, { to: Array.from({ length: 50 }, (_, k) => `r${from + i}-${k}@example.net`) }),
      );
    await call('POST', '/v1/send/batch', other.live, batch(0));
    await call('POST', '/v1/send/batch', other.live, batch(20));
    for (let i = 0; i < 40; i += 3) {
      const found: Answer[] = [];
      for (let cursor = ''; ; ) {
        const { body } = await call(
          'GET',
          `/v1/emails?to=r${i}-${(i * 7) % 50}@example.net${cursor}`,
          other.live,
        );
        found.push(...body.data);
        if (body.next === null) break;
        cursor = `&cursor=${body.next}`;
      }
      expect(found).toHaveLength(1);
    }
  });
});

describe('a list of 20,000 suppressions', () => {
  const suppressions = async (query: string) => await call('GET', `/v1/suppressions?${query}`, account.live);
  beforeAll(async () => {
    const foreign = await newAccount();
    const many = (id: number, from: number) =>
      run(
        `WITH RECURSIVE i(n) AS (SELECT ? UNION ALL SELECT n + 1 FROM i WHERE n < ?) INSERT INTO suppressions
          (account_id, address, scope_domain, reason, source, created_at_ms) SELECT ?, printf('s%d@example.net', n), '', iif(n = 1, 'complaint', 'manual'), 'api', 1 FROM i`,
        from,
        from + held - 1,
        id,
      );
    await many(account.id, 1);
    // Another account's come after them.
    await many(foreign.id, held + 1);
  });

  it.each([
    ['query=nobody', 0],
    ['query=nobody@example.org', 0],
    ['reason=complaint', 1],
    ['scope=nothing.example', 0],
  ])('is searched by %s in bounded calls, to its end', async (query, count) => {
    const found: Answer[] = [];
    let calls = 0;
    for (let cursor = ''; ; calls++) {
      const answer = await suppressions(`${query}${cursor}`);
      expect(costOf(answer).read).toBeLessThanOrEqual(mostRead);
      found.push(...answer.body.data);
      if (answer.body.next === null) break;
      cursor = `&cursor=${answer.body.next}`;
    }
    expect(found).toHaveLength(count);
    expect(calls).toBeGreaterThan(1);
  });

  it('gives its first page, and a whole address however old, at once', async () => {
    const first = await suppressions('limit=50');
    expect(first.body.data[0].email).toBe(`s${held}@example.net`);
    expect(costOf(first).read).toBeLessThanOrEqual(200);
    const exact = await suppressions('query=s1@Example.net');
    expect(exact.body.data).toMatchObject([{ email: 's1@example.net' }]);
    expect(exact.body.next).toBeNull();
    expect(costOf(exact).read).toBeLessThanOrEqual(50);
    expect((await suppressions('query=nobody&offset=1')).body.detail).toContain('cursor=');
  });
});

describe('a list of 9,000 webhook deliveries', () => {
  beforeAll(async () => {
    for (const [id, count] of [
      [901, 6000],
      [902, 3000],
    ] as const) {
      await run(
        `INSERT INTO webhook_endpoints (id, public_id, account_id, url, format, secret_encrypted, cursor_week, cursor_seq, cursor_taken, created_at_ms)
          VALUES (?, ?, ?, 'https://hooks.example/', 'event', '', '2026w47', 0, 0, 0)`,
        id,
        `00000000-0000-4000-8000-000000000${id}`,
        account.id,
      );
      await run(
        `WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < ?) INSERT INTO webhook_deliveries_2026w47
          (id, account_id, endpoint_id, body, state, attempts, tries, created_at_ms)
          SELECT n * 2 + ?, ?, ?, '{}', iif(n IN (3, 2999), 'dead', 'delivered'), 1, '[]', 1 FROM i`,
        count,
        id - 901,
        account.id,
        id,
      );
    }
  });

  it.each([
    ['dead', 4],
    ['pending', 0],
  ])('is searched for what is %s in bounded calls, to its end', async (state, count) => {
    const found: Answer[] = [];
    let calls = 0;
    for (let cursor = ''; ; calls++) {
      const answer = await call('GET', `/v1/webhook-deliveries?state=${state}${cursor}`, account.live);
      expect(costOf(answer).read).toBeLessThanOrEqual(mostRead);
      found.push(...answer.body.data);
      if (answer.body.next === null) break;
      cursor = `&cursor=${answer.body.next}`;
    }
    expect(new Set(found.map(({ id }) => id)).size).toBe(count);
    expect(found).toHaveLength(count);
    expect(calls).toBeGreaterThan(1);
  });

  it('has each once, page by page', async () => {
    const found: string[] = [];
    for (let cursor = ''; found.length < 9_000; ) {
      const { body } = await call(
        'GET',
        `/v1/webhook-deliveries?limit=100&state=delivered${cursor}`,
        account.live,
      );
      found.push(...body.data.map(({ id }: Answer) => id));
      if (body.next === null) break;
      cursor = `&cursor=${body.next}`;
    }
    expect(new Set(found).size).toBe(8_996);
    expect(found).toHaveLength(8_996);
    expect(found).toEqual(found.toSorted().toReversed());
  });
});
