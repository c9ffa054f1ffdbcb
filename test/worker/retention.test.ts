import { createScheduledController } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { weekEndMs, weekOf } from '#domain/message/home.ts';
import worker from '../../worker/index.ts';
import {
  type Answer,
  bindings,
  call,
  delivered,
  mail,
  migrate,
  newAccount,
  nodeToken,
  result,
  type TestAccount,
  TestNode,
} from './support.ts';

const minuteMs = 60_000;
const dayMs = 86_400_000;
/** Sunday, the last seconds of a week. */
const sundayMs = Date.UTC(2026, 10, 22, 23, 59, 58);
let node: TestNode;

const at = (ms: number) => vi.setSystemTime(ms);
const tick = async (ms: number) => {
  at(ms);
  await worker.scheduled(createScheduledController({ scheduledTime: new Date(ms), cron: '* * * * *' }), env);
};
const deliverAll = async () => {
  const { deliveries } = await node.lease(500);
  await node.post('results', { results: deliveries.map((d: Answer) => result(d, delivered)) });
};
const events = async (account: TestAccount, query = '') =>
  (await call('GET', `/v1/events${query}`, account.live)) as { status: number; body: Answer };

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: sundayMs });
  await migrate();
  node = await new TestNode().hello();
});
afterAll(() => {
  vi.useRealTimers();
});

describe('a message sent on Sunday at 23:59:58 and delivered on Monday', () => {
  let account: TestAccount;
  let cursor: string;
  beforeAll(async () => {
    at(sundayMs);
    account = await newAccount();
    await call('POST', '/v1/send', account.live, mail(account));
    at(sundayMs + 8_000);
    await deliverAll();
    cursor = (await events(account)).body.next;
    await call('POST', '/v1/send', account.live, mail(account));
    await deliverAll();
    // Its week is dropped, the week of its delivery is not.
    const endMs = weekEndMs(weekOf(sundayMs));
    await tick(endMs + 34 * dayMs);
    await tick(endMs + 34 * dayMs + 6 * 3_600_000);
  });

  it.each([0, 1, 3, 6])('is left out by what is read %i days after its week was dropped', async (days) => {
    at(weekEndMs(weekOf(sundayMs)) + (34 + days) * dayMs + 3_600_000);
    const all = await events(account);
    expect(all.status).toBe(200);
    expect(all.body.data.map((event: Answer) => event.kind)).toEqual(['accepted', 'dispatched', 'delivered']);
    const after = await events(account, `?after=${cursor}`);
    expect(after.body.data).toHaveLength(3);
    expect((await call('GET', '/v1/stats', account.live)).status).toBe(200);
    expect((await call('GET', '/v1/emails', account.live)).status).toBe(200);
  });

  it('does not bring its tables back', async () => {
    const { results } = await bindings.DB.prepare(
      `SELECT name FROM sqlite_master WHERE name LIKE '%_${weekOf(sundayMs)}' AND name NOT LIKE 'audit%'`,
    ).all();
    expect(results).toEqual([]);
  });
});

describe('counting', () => {
  it('skips what is purged, and an account that cannot be counted keeps no other from it', async () => {
    const openedMs = Date.UTC(2027, 2, 1, 12);
    const sentMs = openedMs - 33 * dayMs;
    at(sentMs);
    const broken = await newAccount();
    const whole = await newAccount();
    const { body } = await call('POST', '/v1/send', whole.live, mail(whole));
    await deliverAll();
    at(openedMs);
    // An open of an old mail, folded only when the week of the mail is gone.
    const week = weekOf(openedMs);
    await call('POST', '/v1/send', broken.live, mail(broken));
    await call('POST', '/v1/send', whole.live, mail(whole));
    await bindings.DB.prepare(
      `INSERT INTO events_${week} (account_id, seq, message_id, n, from_entry, to_entry) VALUES (?, 100, ?, 0, 2, 3)`,
    )
      .bind(whole.id, body.message_id)
      .run();
    await bindings.DB.prepare(`UPDATE messages_${week} SET tags = 'no JSON' WHERE account_id = ?`)
      .bind(broken.id)
      .run();
    await expect(tick(openedMs + 6 * dayMs)).rejects.toThrow('cron: accounts: 1 not folded');
    const { results } = await bindings.DB.prepare(
      `SELECT accepted FROM stats WHERE account_id = ? AND dimension = 'day' AND day = '20270301'`,
    )
      .bind(whole.id)
      .all();
    expect(results).toEqual([{ accepted: 1 }]);
    await bindings.DB.prepare(`UPDATE messages_${week} SET tags = '[]' WHERE account_id = ?`)
      .bind(broken.id)
      .run();
    await tick(openedMs + 6 * dayMs + minuteMs);
  });
});

describe('a tick of cron', () => {
  it('does the housekeeping of an hour whose first minutes were left out', async () => {
    await tick(Date.UTC(2027, 8, 6, 10, 7));
    const { results } = await bindings.DB.prepare(
      `SELECT name FROM sqlite_master WHERE name = 'messages_2027w36' OR name LIKE 'messages_2027w2%'`,
    ).all();
    expect(results).toEqual([{ name: 'messages_2027w36' }]);
  });

  it('notes how large the database is, for the operator and the doctor of a node', async () => {
    const startMs = Date.UTC(2027, 9, 4, 10);
    for (let day = 0; day < 3; day++) await tick(startMs + day * dayMs);
    const { body } = await call('GET', '/node/v1/installation', await nodeToken());
    expect(body.databaseSize.bytes).toBeGreaterThan(50_000);
    expect(body.databaseSize.bytesADay).not.toBeNull();
  });
});
