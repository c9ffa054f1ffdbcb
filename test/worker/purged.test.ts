import { createScheduledController } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { acceptedEventId, uuidV7 } from '#domain/message/ids.ts';
import worker from '../../worker/index.ts';
import { findEvents } from '../../worker/store/event-search.ts';
import { readEvents } from '../../worker/store/events.ts';
import { findTracked, writeTracked } from '../../worker/store/tracked.ts';
import {
  type Answer,
  bindings,
  call,
  costOf,
  delivered,
  mail,
  migrate,
  newAccount,
  nodeToken,
  result,
  type TestAccount,
  TestNode,
  testStore,
} from './support.ts';

/** Two seconds before the week 2026w47 ends. */
const sundayMs = Date.UTC(2026, 10, 22, 23, 59, 58);
/** When nobody asks for the tables of that week any more. */
const purgedMs = Date.UTC(2026, 11, 27);
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const at = (ms: number) => vi.useFakeTimers({ toFake: ['Date'], now: ms });
const tick = async (ms: number) => {
  at(ms);
  await worker.scheduled(createScheduledController({ scheduledTime: new Date(ms), cron: '* * * * *' }), env);
};

let account: TestAccount;
let other: TestAccount;
let old: string;
let young: string;
beforeAll(async () => {
  at(sundayMs);
  await migrate();
  [account, other] = [await newAccount(), await newAccount()];
  const node = await new TestNode().hello();
  old = (await call('POST', '/v1/send', account.live, mail(account))).body.message_id;
  const { deliveries } = await node.lease();
  at(sundayMs + 8_000);
  await node.post('results', { results: deliveries.map((d: Answer) => result(d, delivered)) });
  await tick(sundayMs + hourMs);
  at(sundayMs + dayMs);
  young = (await call('POST', '/v1/send', account.live, mail(account))).body.message_id;
});
afterAll(() => {
  vi.useRealTimers();
});

const tables = async () =>
  (
    await bindings.DB.prepare(
      "SELECT name FROM sqlite_master WHERE name LIKE '%2026w47' AND name NOT LIKE 'audit%'",
    ).all<{
      name: string;
    }>()
  ).results.map(({ name }) => name);
/** An open of the old mail, as a client fetches the pixel. */
const open = async (ms: number) => {
  at(ms);
  const tracked = await findTracked(testStore(), { messageId: old, n: 0 }, ms);
  if (!tracked) throw new Error('the message is not kept');
  const event = { id: uuidV7(ms, new Uint8Array(10)), kind: 'opened' as const, atMs: ms, details: {} };
  expect(await writeTracked(testStore(), { messageId: old, n: 0, event }, ms)).toBe(true);
};
const feed = async (after = '') => (await call('GET', `/v1/events?after=${after}`, account.live)).body;
const kinds = (page: Answer) => page.data.map((e: Answer) => `${e.kind} ${e.message_id}`);

describe('a message of the last seconds of a week that is purged, delivered in the next week', () => {
  let middle: string;
  it('is read as long as it is kept', async () => {
    await open(purgedMs - 20 * 60_000);
    await call('POST', '/v1/send', other.live, mail(other));
    const page = await feed();
    expect(kinds(page)).toEqual([
      `accepted ${old}`,
      `dispatched ${old}`,
      `delivered ${old}`,
      `accepted ${young}`,
      `opened ${old}`,
    ]);
    middle = page.data.at(-2).cursor;
  });

  it('is asked for by nobody for hours before its tables go, so that no read is under way then', async () => {
    await tick(purgedMs + hourMs);
    expect(await tables()).toContain('deliveries_2026w47');
    expect(kinds(await feed())).toEqual([`accepted ${young}`]);
    expect((await call('GET', `/v1/emails/${old}`, account.live)).status).toBe(404);
    await tick(purgedMs + 7 * hourMs);
    expect(await tables()).toEqual([]);
  });

  it('is left out of every read, and its tables are not made again', async () => {
    const page = await feed();
    expect(kinds(page)).toEqual([`accepted ${young}`]);
    expect(page.has_more).toBe(false);
    // The cursor has passed by the purged row behind the last event.
    expect(page.next > page.data[0].cursor).toBe(true);
    for (const after of [page.next, middle]) expect((await feed(after)).data).toEqual([]);
    const nowMs = Date.now();
    const any = { kind: null, recipient: null, fromMs: null, beforeMs: null };
    const newest = await findEvents(testStore(), account.id, any, {
      before: null,
      limit: 50,
      rows: 200,
      nowMs,
    });
    expect(newest.events.map(({ messageId }) => messageId)).toEqual([young]);
    expect((await call('GET', '/v1/stats', account.live)).status).toBe(200);
    expect((await call('GET', '/v1/emails', account.live)).body.data).toHaveLength(1);
    expect(await findTracked(testStore(), { messageId: old, n: 0 }, nowMs)).toBeNull();
    expect((await call('GET', `/node/v1/raw/${old}`, await nodeToken())).status).toBe(404);
    expect(await tables()).toEqual([]);
  });

  it('has its late open counted, in the hours between', async () => {
    const { body } = await call('GET', '/v1/stats?from=2026-11-20&to=2026-12-31', account.live);
    const sum = (kind: string) => body.data.reduce((n: number, row: Answer) => n + row[kind], 0);
    expect([sum('accepted'), sum('delivered'), sum('opened')]).toEqual([2, 1, 1]);
  });
});

describe('statistics of an account whose last events are about purged mail', () => {
  it('are folded without them, and so are those of every other account', async () => {
    // An event that nobody folded before the tables went.
    await bindings.DB.prepare(
      'INSERT INTO events_2026w52 (account_id, seq, message_id, n, from_entry, to_entry) VALUES (?, 50, ?, 0, 0, 1)',
    )
      .bind(account.id, old)
      .run();
    await tick(purgedMs + 9 * hourMs);
    const { results } = await bindings.DB.prepare(
      `SELECT account_id, seq FROM stats_progress WHERE week = '2026w52' ORDER BY account_id`,
    ).all();
    expect(results).toEqual([
      { account_id: account.id, seq: 50 },
      { account_id: other.id, seq: 1 },
    ]);
  });
});

describe('a long row of pointers to purged mail', () => {
  it('is passed by in bounded steps, in which the cursor moves', async () => {
    const rows = JSON.stringify(Array.from({ length: 12_000 }, (_, i) => i + 100));
    await bindings.DB.prepare(
      `INSERT INTO events_2026w52 (account_id, seq, message_id, n, from_entry, to_entry)
        SELECT ?, value, ?, 0, 0, 1 FROM json_each(?)`,
    )
      .bind(account.id, old, rows)
      .run();
    let page = await feed();
    const told: string[] = [];
    let calls = 0;
    for (; page.has_more; calls++) {
      const answer = await call('GET', `/v1/events?after=${page.next}`, account.live);
      expect(costOf(answer).read).toBeLessThan(6_500);
      expect(costOf(answer).trips).toBeLessThan(20);
      expect(answer.body.next).not.toBe(page.next);
      page = answer.body;
      told.push(...page.data);
    }
    expect([told, calls]).toEqual([[], 2]);
    expect(page.next).toMatch(/^2026w52-12099-/);
  });

  it('stands not in the way of what happens next', async () => {
    const { body } = await call('POST', '/v1/send', account.live, mail(account));
    const { next } = await feed('2026w52-12099-999999');
    expect(next).toMatch(/^2026w52-12100-1$/);
    const { events } = await readEvents(
      testStore(),
      account.id,
      { week: '2026w52', seq: 12_000, taken: 1 },
      10,
      Date.now(),
    );
    expect(events.map(({ event }) => event.id)).toEqual([acceptedEventId(body.message_id, 0)]);
  });
});
