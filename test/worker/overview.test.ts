import { beforeAll, describe, expect, it } from 'vitest';
import { readQueues, readTallies } from '../../worker/store/overview.ts';
import { call, mail, migrate, newAccount, testStore } from './support.ts';

const dayMs = 86_400_000;

beforeAll(migrate);

/** The days up to `laterDays` from now. */
function span(days: number, laterDays: number) {
  const nowMs = Math.ceil((Date.now() + laterDays * dayMs) / dayMs) * dayMs;
  return { fromMs: nowMs - days * dayMs, bucketMs: dayMs, nowMs };
}

describe('tallies', () => {
  it('of a month reach back over all of its weeks', async () => {
    const account = await newAccount();
    for (let i = 0; i < 3; i++) await call('POST', '/v1/send', account.live, mail(account));
    for (const laterDays of [0, 10, 20]) {
      const { buckets, complete } = await readTallies(testStore(), account.id, span(30, laterDays));
      expect(complete).toBe(true);
      expect(buckets.map(({ sent }) => sent).filter((sent) => sent > 0)).toEqual([3]);
      expect(buckets.at(-1 - laterDays)?.sent).toBe(3);
    }
    const { buckets, complete } = await readTallies(testStore(), account.id, span(7, 20));
    expect([complete, buckets.reduce((sum, { sent }) => sum + sent, 0)]).toEqual([true, 0]);
  });

  it('leave test mail out, and do not take much of it for all there is', async () => {
    const account = await newAccount();
    await call('POST', '/v1/send', account.live, mail(account));
    const tests = Array.from({ length: 95 }, () => mail(account, { test_mode: true }));
    expect((await call('POST', '/v1/send/batch', account.live, tests)).status).toBe(202);
    const { buckets, complete } = await readTallies(testStore(), account.id, span(7, 0));
    expect([complete, buckets.reduce((sum, { sent }) => sum + sent, 0)]).toEqual([false, 0]);
  });
});

it('the depth of the queues counts mail that was accepted weeks ago', async () => {
  const account = await newAccount();
  const laterMs = Date.now() + 20 * dayMs;
  const depth = async (nowMs: number) =>
    (await readQueues(testStore(), nowMs)).queues.find((queue) => queue.class === 'digest');
  const before = await depth(laterMs);
  const scheduled = mail(account, { class: 'digest', send_at: new Date(laterMs - dayMs).toISOString() });
  expect((await call('POST', '/v1/send', account.live, scheduled)).status).toBe(202);
  expect((await depth(Date.now()))?.waiting).toBe(0);
  const after = await depth(laterMs);
  expect(after?.waiting).toBe((before?.waiting ?? 0) + 1);
  expect(after?.oldestDueMs).toBeLessThanOrEqual(laterMs - dayMs + 1000);
});
