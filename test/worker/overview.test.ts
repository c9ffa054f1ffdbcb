import { beforeAll, describe, expect, it } from 'vitest';
import { dimensions } from '#domain/stats.ts';
import { readFigures } from '../../worker/dashboard/overview/figures.ts';
import { readQueues } from '../../worker/store/overview.ts';
import {
  type Answer,
  bounced,
  call,
  delivered,
  mail,
  migrate,
  newAccount,
  result,
  type TestAccount,
  TestNode,
  testStore,
} from './support.ts';

const dayMs = 86_400_000;

beforeAll(migrate);

describe('figures', () => {
  const total = async (account: TestAccount, by: 'day' | 'hour', laterMs = 0) => {
    const nowMs = Date.now() + laterMs;
    const fromMs = nowMs - (by === 'day' ? 29 * dayMs : 23 * 3_600_000);
    return await readFigures(testStore(), account.id, { by, fromMs, toMs: nowMs, nowMs });
  };

  it('leave out mail in test mode and to the simulator, all of what happens to it', async () => {
    const account = await newAccount();
    const node = await new TestNode().hello();
    const simulated = Array.from({ length: 5 }, () =>
      mail(account, { to: ['hard-bounce@simulator.mail.example.org'], tags: ['x'] }),
    );
    expect((await call('POST', '/v1/send/batch', account.live, simulated)).status).toBe(202);
    await call('POST', '/v1/send', account.live, mail(account, { test_mode: true }));
    await call('POST', '/v1/send', account.test, mail(account));
    await call('POST', '/v1/send', account.live, mail(account));
    const { deliveries } = await node.lease();
    const own = deliveries.filter((d: Answer) => d.rcptTo !== 'user@example.net');
    expect(own).toHaveLength(5);
    const results = deliveries.map((d: Answer) => result(d, own.includes(d) ? bounced : delivered));
    expect((await node.post('results', { results })).status).toBe(200);
    const { total: sum } = await total(account, 'day');
    expect([sum.accepted, sum.delivered, sum.bounced]).toEqual([1, 1, 0]);
    for (const by of dimensions) {
      const { body } = await call('GET', `/v1/stats?by=${by}`, account.live);
      expect([by, body.data.map((row: Answer) => row.bounced).filter(Boolean)]).toEqual([by, []]);
    }
    const { body: domains } = await call('GET', '/v1/domains', account.live);
    const { body: warming } = await call('GET', `/v1/domains/${domains.data[0].id}/warming`, account.live);
    expect(warming.metrics).toMatchObject({ delivered: 1, bounced: 0, bounce_rate: 0 });
  });

  it('of 24 hours and of 30 days are exact, however much was sent', async () => {
    const account = await newAccount();
    const batch = Array.from({ length: 100 }, () => mail(account));
    for (let i = 0; i < 6; i++) await call('POST', '/v1/send/batch', account.live, batch);
    const hours = await total(account, 'hour');
    expect([hours.complete, hours.total.accepted, hours.buckets.length]).toEqual([true, 600, 24]);
    const month = await total(account, 'day');
    expect([month.complete, month.total.accepted, month.buckets.length]).toEqual([true, 600, 30]);
    expect((await total(account, 'day', 10 * dayMs)).buckets.at(-11)?.counts.accepted).toBe(600);
    expect((await total(account, 'hour', 2 * dayMs)).total.accepted).toBe(0);
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
