import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type Answer,
  allEvents,
  call,
  deferred,
  mail,
  migrate,
  newAccount,
  rawOf,
  result,
  type TestAccount,
  TestNode,
} from './support.ts';

let account: TestAccount;
const startMs = Date.UTC(2026, 10, 18, 12); // a Wednesday: no week ends meanwhile
const at = (ms: number) => {
  vi.useFakeTimers({ toFake: ['Date'] });
  vi.setSystemTime(ms);
};
beforeAll(migrate);
beforeEach(async () => {
  at(startMs);
  account = await newAccount();
});
afterEach(() => {
  vi.useRealTimers();
});

const minuteMs = 60_000;
const dayMs = 86_400_000;
const schedule = async (delayMs: number, more: Record<string, unknown> = {}) => {
  const sendAt = new Date(Date.now() + delayMs).toISOString();
  const { body } = await call('POST', '/v1/send', account.live, mail(account, { send_at: sendAt, ...more }));
  return body;
};
const detailOf = async (id: string) => (await call('GET', `/v1/emails/${id}`, account.live)).body;
const cancel = (id: string) => call('POST', `/v1/emails/${id}/cancel`, account.live);
const leaseOf = async (id: string, node?: TestNode) => {
  const { deliveries } = await (node ?? (await new TestNode(`node-${id}`).hello())).lease(500);
  return deliveries.filter((d: Answer) => d.messageId === id);
};

describe('a scheduled message', () => {
  it('waits for its time and is leased then, not before', async () => {
    const { message_id: id, status } = await schedule(90 * minuteMs);
    expect(status).toBe('scheduled');
    expect(await detailOf(id)).toMatchObject({
      status: 'scheduled',
      send_at: '2026-11-18T13:30:00.000Z',
      deliveries: [{ next_attempt_at: '2026-11-18T13:30:00.000Z', attempts: 0 }],
    });
    at(startMs + 90 * minuteMs - 1);
    expect(await leaseOf(id)).toEqual([]);
    at(startMs + 90 * minuteMs);
    expect(await leaseOf(id)).toHaveLength(1);
  });

  it('in the past goes at once', async () => {
    const { message_id: id, status } = await schedule(-minuteMs);
    expect(status).toBe('queued');
    expect(await leaseOf(id)).toHaveLength(1);
  });

  it('thirty days ahead keeps its body, is delivered from its old week, and may be retried for three days', async () => {
    at(Date.UTC(2026, 10, 22, 23, 59)); // the last minute of a week
    const sentMs = Date.now();
    const { message_id: id } = await schedule(30 * dayMs - 1000);
    at(sentMs + 30 * dayMs);
    const [first] = await leaseOf(id);
    expect(first.raw).toContain('Subject: Your receipt');
    const node = await new TestNode(`node-${id}`).hello();
    expect(first.attempt).toBe(1);
    at(sentMs + 32.9 * dayMs);
    const [again] = await leaseOf(id, node);
    expect(again).toMatchObject({ attempt: 2, raw: expect.stringContaining('Subject: Your receipt') });
    expect((await node.post('results', { results: [result(again, deferred)] })).body.verdicts).toEqual([
      'recorded',
    ]);
    expect((await detailOf(id)).status).toMatch(/deferred|failed/);
  });

  it('expires three days after its time, not after its acceptance', async () => {
    const { message_id: id } = await schedule(10 * dayMs);
    at(startMs + 10 * dayMs);
    const node = await new TestNode(`node-${id}`).hello();
    const [lease] = await leaseOf(id, node);
    await node.post('results', { results: [result(lease, deferred)] });
    expect((await detailOf(id)).status).toBe('deferred');
  });
});

describe('a cancelled message', () => {
  it('is never leased, tells so in an event, and cannot be cancelled again', async () => {
    const { message_id: id } = await schedule(minuteMs, { to: ['a@example.net', 'b@example.net'] });
    const canceled = await cancel(id);
    expect(canceled).toMatchObject({ status: 200, body: { status: 'canceled', canceled: 2 } });
    at(startMs + minuteMs);
    expect(await leaseOf(id)).toEqual([]);
    const events = await allEvents(account.live);
    expect(events.map((e) => `${e.kind} ${e.recipient}`)).toEqual([
      'accepted a@example.net',
      'accepted b@example.net',
      'canceled a@example.net',
      'canceled b@example.net',
    ]);
    expect(await cancel(id)).toMatchObject({ status: 409, body: { code: 'conflict' } });
    expect(await allEvents(account.live)).toHaveLength(4);
  });

  it('may be one that is queued, or deferred days ago', async () => {
    const { body: queued } = await call('POST', '/v1/send', account.live, mail(account));
    expect((await cancel(queued.message_id)).status).toBe(200);
    const { body: sent } = await call('POST', '/v1/send', account.live, mail(account));
    const node = await new TestNode().hello();
    const [lease] = await leaseOf(sent.message_id, node);
    await node.post('results', { results: [result(lease, deferred)] });
    expect((await cancel(sent.message_id)).body).toMatchObject({ status: 'canceled', canceled: 1 });
    at(startMs + dayMs);
    expect(await leaseOf(sent.message_id, node)).toEqual([]);
  });

  it('is not one that a node has, and what the node reports still counts', async () => {
    const { body } = await call('POST', '/v1/send', account.live, mail(account));
    const node = await new TestNode().hello();
    const [lease] = await leaseOf(body.message_id, node);
    expect(await cancel(body.message_id)).toMatchObject({ status: 409 });
    const { body: reported } = await node.post('results', { results: [result(lease, deferred)] });
    expect(reported.verdicts).toEqual(['recorded']);
  });

  it('is either cancelled or leased when both happen at once, never both', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 40; i++) {
      ids.push((await call('POST', '/v1/send', account.live, mail(account))).body.message_id);
    }
    const node = await new TestNode('racing').hello();
    const [cancels, leases] = await Promise.all([
      Promise.all(ids.map(async (id) => ({ id, status: (await cancel(id)).status }))),
      Promise.all(Array.from({ length: 20 }, () => node.lease(2))),
    ]);
    const leased = new Set(leases.flatMap((l) => l.deliveries.map((d: Answer) => d.messageId)));
    for (const { id, status } of cancels) {
      expect([id, status === 200, leased.has(id)]).toEqual([id, !leased.has(id), leased.has(id)]);
    }
  });
});

describe('a message in test mode', () => {
  it.each([
    ['by its field', () => account.live, { test_mode: true }],
    ['by a test key', () => account.test, {}],
    ['by a test key, scheduled', () => account.test, { send_at: '2026-11-19T00:00:00Z' }],
  ])('%s is validated and recorded but never leased', async (_, key, more) => {
    const { status, body } = await call('POST', '/v1/send', key(), mail(account, more));
    expect(status).toBe(202);
    expect(body).toEqual({ message_id: expect.any(String), status: 'simulated', environment: 'test' });
    expect(await detailOf(body.message_id)).toMatchObject({ status: 'simulated', environment: 'test' });
    at(startMs + 5 * dayMs);
    expect(await leaseOf(body.message_id)).toEqual([]);
    expect((await allEvents(account.live)).map((e) => e.kind)).toEqual(['accepted']);
    expect((await cancel(body.message_id)).status).toBe(409);
  });

  it('is refused where a live one would be, but for its domain, which may still be to come', async () => {
    const coming = { from: 'a@not-yet.example' };
    expect((await call('POST', '/v1/send', account.live, mail(account, coming))).status).toBe(403);
    expect((await call('POST', '/v1/send', account.test, mail(account, coming))).status).toBe(202);
    expect((await call('POST', '/v1/send', account.test, mail(account, { to: 'nobody' }))).status).toBe(400);
  });

  it('has its raw message kept as any other', async () => {
    const { body } = await call('POST', '/v1/send', account.test, mail(account));
    expect(await rawOf(body.message_id)).toContain('Subject: Your receipt');
  });
});
