import { createScheduledController } from 'cloudflare:test';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import worker from '../../worker/index.ts';
import { ensureHomeTables } from '../../worker/store/home-tables.ts';
import {
  bindings,
  call,
  counted,
  mail,
  migrate,
  newAccount,
  type TestAccount,
  testStore,
} from './support.ts';

/** A Wednesday, shortly after midnight: everything is due. */
const nowMs = Date.UTC(2026, 10, 18);
const minuteMs = 60_000;
const day = Math.floor(nowMs / 86_400_000);
const accounts = 450;
const busy = 130;
const endpoints = 2_500;
const domains = 300;

let account: TestAccount;
const run = (query: string, ...values: unknown[]) =>
  bindings.DB.prepare(query)
    .bind(...values)
    .run();
const all = async (query: string) =>
  (await bindings.DB.prepare(query).all<Record<string, unknown>>()).results;
const numbers = (count: number) => JSON.stringify(Array.from({ length: count }, (_, i) => i + 1000));

/** The environment with everything counted that one invocation asks of others. */
function allCounted() {
  const { cost, environment: withDatabase } = counted();
  const others = { calls: 0 };
  const methods = <T extends object>(of: T): T =>
    new Proxy(of, {
      get(target, name) {
        const value = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return (...values: unknown[]) => {
          others.calls += 1;
          return value.apply(target, values);
        };
      },
    });
  const silent = { poke: async () => undefined, wake: async () => 0 };
  const objects = { idFromName: (name: string) => name, get: () => methods(silent) };
  vi.spyOn(globalThis, 'fetch').mockImplementation(async () => {
    others.calls += 1;
    return Response.json({ Status: 3 });
  });
  const sent: unknown[] = [];
  const queue = { send: async (body: unknown) => void sent.push(body) };
  const environment = {
    ...withDatabase,
    RAW: methods(bindings.RAW),
    HUB: objects,
    SENDER: objects,
    WEBHOOK: methods(queue),
  };
  const spent = () => ({ statements: cost.statements, subrequests: cost.trips + others.calls });
  return { spent, sent, environment };
}

/** One tick; gives what it asked for. */
async function tick(ms: number) {
  vi.useFakeTimers({ toFake: ['Date'], now: ms });
  const { spent, environment } = allCounted();
  const controller = createScheduledController({ scheduledTime: new Date(ms), cron: '* * * * *' });
  const failure = await worker.scheduled(controller, environment).then(
    () => null,
    (error: unknown) => String(error),
  );
  vi.restoreAllMocks();
  return { ...spent(), failure };
}

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: nowMs - 3_600_000 });
  await migrate();
  account = await newAccount();
  await ensureHomeTables(testStore(), nowMs);
  await call('POST', '/v1/send', account.live, mail(account));
  const columns = (table: string, given: Record<string, string>) =>
    all(`SELECT name FROM pragma_table_info('${table}')`).then((rows) => {
      const names = rows.map(({ name }) => String(name));
      return `INSERT INTO ${table} (${names.join(', ')}) SELECT ${names.map((name) => given[name] ?? name).join(', ')}`;
    });
  await run(
    `INSERT INTO accounts (id, name, created_at_ms) SELECT value, 'a', 0 FROM json_each(?)`,
    numbers(accounts),
  );
  // Busy accounts: a copy of the message each, many times over.
  const copies = `FROM (SELECT value AS a FROM json_each(?)) j CROSS JOIN (SELECT value AS s FROM json_each(?)) k CROSS JOIN`;
  const id = `substr(id, 1, 24) || printf('%06d%06d', a, s)`;
  await run(
    `${await columns('messages_2026w47', { account_id: 'a', seq: 's', id })} ${copies} messages_2026w47 WHERE account_id = ?`,
    numbers(busy),
    JSON.stringify([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    account.id,
  );
  const deliveryId = id.replaceAll('id,', 'message_id,');
  await run(
    `${await columns('deliveries_2026w47', { account_id: 'a', message_seq: 's', message_id: deliveryId })} ${copies} deliveries_2026w47 d WHERE d.account_id = ?`,
    numbers(busy),
    JSON.stringify([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    account.id,
  );
  await run(
    `INSERT INTO webhook_endpoints (public_id, account_id, url, format, secret_encrypted, cursor_week, cursor_seq, cursor_taken, created_at_ms)
      SELECT 'e' || value, 1000 + value % ${busy}, 'https://hooks.example/', 'event', '', '2026w47', 0, 0, 0 FROM json_each(?)`,
    numbers(endpoints),
  );
  await run(
    `INSERT INTO domains (id, account_id, name, type, status, created_at_ms, verified_at_ms, next_check_ms)
      SELECT value, 1000 + value % ${accounts}, 'd' || value || '.example', 'outbound', iif(value % 2, 'verified', 'pending'), 0, 0, ? FROM json_each(?)`,
    nowMs - minuteMs,
    numbers(domains),
  );
  await run(
    `INSERT INTO domain_warming (domain_id, state, started_at_ms, phase_started_at_ms) SELECT value, 'phase_1', ?, ? FROM json_each(?)`,
    nowMs - 86_400_000,
    nowMs - 86_400_000,
    numbers(domains),
  );
  // Cron stood still for months: tables of as many days and weeks wait to be dropped.
  for (let at = 200; at > 60; at -= 1) {
    const name = new Date(nowMs - at * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '');
    await run(`CREATE TABLE bodies_${name} (id INTEGER PRIMARY KEY)`);
  }
  for (let i = 0; i < 6_000; i += 600) {
    await run(
      `INSERT INTO idempotency_keys (account_id, key, fingerprint, answer, expires_at_ms) SELECT 1, value, '', '', 1 FROM json_each(?)`,
      JSON.stringify(Array.from({ length: 600 }, (_, k) => `k${i + k}`)),
    );
  }
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a large installation in which everything is due', () => {
  const costs: Awaited<ReturnType<typeof tick>>[] = [];
  const most = (of: 'statements' | 'subrequests') => Math.max(...costs.map((cost) => cost[of]));

  it('asks in no tick for more than 400 statements and 400 subrequests, and none fails', async () => {
    for (let minute = 0; minute < 30; minute++) costs.push(await tick(nowMs + minute * minuteMs));
    expect(costs.map(({ failure }) => failure).filter(Boolean)).toEqual([]);
    console.info('at most', most('statements'), most('subrequests'));
    expect(most('statements')).toBeLessThanOrEqual(400);
    expect(most('subrequests')).toBeLessThanOrEqual(400);
  });

  it('is all done all the same, within the hour', async () => {
    expect(
      await all(
        `SELECT count(*) AS n FROM sqlite_master WHERE name LIKE 'bodies_2026%' AND name < 'bodies_20261110'`,
      ),
    ).toEqual([{ n: 0 }]);
    expect(await all(`SELECT count(*) AS n FROM idempotency_keys`)).toEqual([{ n: 0 }]);
    expect(
      await all(`SELECT count(*) AS n, sum(accepted) AS sent FROM stats WHERE dimension = 'day'`),
    ).toEqual([{ n: busy + 1, sent: 10 * busy + 1 }]);
    expect(
      await all(`SELECT judged_day AS day, count(*) AS n FROM domain_warming GROUP BY 1`),
    ).toContainEqual({ day, n: domains });
    expect(await all(`SELECT count(*) AS n FROM domains WHERE next_check_ms = ${nowMs - minuteMs}`)).toEqual([
      { n: 0 },
    ]);
  });
});

describe('an account whose statistics cannot be folded', () => {
  const spoilt = 1005;
  it('is told of, and stops no other account, not in any round', async () => {
    await run(`UPDATE messages_2026w47 SET tags = 'spoilt' WHERE account_id = ?`, spoilt);
    await run('DELETE FROM stats');
    await run('DELETE FROM stats_progress');
    const hourLater = nowMs + 3_600_000;
    const failures: (string | null)[] = [];
    for (let minute = 0; minute < 40; minute++) {
      const { failure, statements } = await tick(hourLater + minute * minuteMs);
      failures.push(failure);
      expect(statements).toBeLessThanOrEqual(400);
    }
    expect(failures.find(Boolean)).toMatch(/cron: accounts: 1 not folded: .*JSON/);
    expect(await all(`SELECT count(*) AS n FROM stats WHERE dimension = 'day'`)).toEqual([{ n: busy }]);
    expect(await all(`SELECT count(*) AS n FROM stats WHERE account_id = ${spoilt}`)).toEqual([{ n: 0 }]);
  });
});

describe('a batch of the queue that tells of many accounts', () => {
  it('pokes a bounded number of senders, and lets the rest ride the queue again', async () => {
    const { spent, sent, environment } = allCounted();
    const accountIds = Array.from({ length: 2_500 }, (_, i) => i + 1000);
    const bodies = [0, 1, 2].map((i) => ({ accountIds: accountIds.slice(i * 1000, (i + 1) * 1000) }));
    const messages = bodies.map((body) => ({ body }));
    await worker.queue(
      { queue: 'pennypost-webhook', messages, ackAll: () => undefined } as never,
      environment,
    );
    vi.restoreAllMocks();
    expect(spent().subrequests).toBeLessThanOrEqual(400);
    const again = sent.flatMap((body) => (body as { accountIds: number[] }).accountIds);
    const poked = busy - again.filter((id) => id < 1000 + busy).length;
    expect(poked * 20).toBeGreaterThan(150);
    expect(again).toEqual(expect.arrayContaining(accountIds.slice(1000)));
    expect(
      Math.max(...sent.map((body) => (body as { accountIds: number[] }).accountIds.length)),
    ).toBeLessThanOrEqual(1000);
  });
});
