import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type Answer,
  allEvents,
  bounced,
  call,
  costOf,
  deferred,
  delivered,
  mail,
  maybeAccepted,
  migrate,
  newAccount,
  result,
  type TestAccount,
  TestNode,
} from './support.ts';

const startMs = Date.UTC(2026, 10, 18, 12);
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const at = (ms: number) => {
  vi.useFakeTimers({ toFake: ['Date'] });
  vi.setSystemTime(ms);
};

let account: TestAccount;
let node: TestNode;
beforeAll(migrate);
beforeEach(async () => {
  at(startMs);
  account = await newAccount();
  node = await new TestNode('node-a').hello();
});
afterEach(() => {
  vi.useRealTimers();
});

const send = async (more: Record<string, unknown> = {}) =>
  (await call('POST', '/v1/send', account.live, mail(account, more))).body.message_id as string;
const detailOf = async (id: string) => (await call('GET', `/v1/emails/${id}`, account.live)).body;
/** Leases one message; whatever else is due is leased with it and left alone. */
const leaseOf = async (id: string) => {
  const { deliveries } = await node.lease(500);
  return deliveries.find((d: Answer) => d.messageId === id);
};
const report = async (...results: Record<string, unknown>[]) =>
  (await node.post('results', { results })).body.verdicts;

describe('a result', () => {
  it.each([
    ['delivered', delivered, 'delivered', null],
    ['bounced', bounced, 'bounced', 'bad_mailbox'],
    ['failed', { type: 'failed', reason: 'unsignable', text: 'no key' }, 'failed', 'unsignable'],
  ])('%s ends the delivery', async (kind, outcome, status, reason) => {
    const id = await send();
    expect(await report(result(await leaseOf(id), outcome))).toEqual(['recorded']);
    expect((await detailOf(id)).deliveries).toEqual([
      {
        recipient: 'user@example.net',
        status,
        reason,
        attempts: 1,
        next_attempt_at: null,
        waits_for: null,
        node: 'node-a',
      },
    ]);
    const events = await allEvents(account.live);
    expect(events.map((e) => e.kind)).toEqual(['accepted', 'dispatched', kind]);
    at(startMs + 100 * hourMs);
    expect(await leaseOf(id)).toBeUndefined();
  });

  it.each([
    ['deferred', deferred, false],
    ['maybeAccepted', maybeAccepted, true],
  ])('%s schedules the next attempt, and the event tells it', async (_, outcome, maybe) => {
    const id = await send();
    await report(result(await leaseOf(id), outcome));
    const { deliveries } = await detailOf(id);
    const nextMs = Date.parse(deliveries[0].next_attempt_at);
    expect(deliveries[0].status).toBe('deferred');
    expect(nextMs).toBeGreaterThanOrEqual(startMs + 54_000);
    expect(nextMs).toBeLessThanOrEqual(startMs + 66_000);
    const event = (await allEvents(account.live)).at(-1);
    expect(event).toMatchObject({
      kind: 'deferred',
      type: 'email.deferred',
      details: { attempt: 1, maybeAccepted: maybe, nextAttemptAt: deliveries[0].next_attempt_at },
    });
    at(nextMs - 1);
    expect(await leaseOf(id)).toBeUndefined();
    at(nextMs);
    expect(await leaseOf(id)).toMatchObject({ attempt: 2 });
  });

  it('that defers again and again ends in expired, three days on', async () => {
    const id = await send();
    let attempts = 0;
    for (let nowMs = startMs; nowMs < startMs + 80 * hourMs; ) {
      at(nowMs);
      attempts += 1;
      expect(await report(result(await leaseOf(id), deferred))).toEqual(['recorded']);
      const { deliveries } = await detailOf(id);
      if (deliveries[0].next_attempt_at === null) break;
      nowMs = Date.parse(deliveries[0].next_attempt_at);
    }
    expect(await detailOf(id)).toMatchObject({
      status: 'failed',
      deliveries: [{ reason: 'expired', attempts }],
    });
    const events = await allEvents(account.live);
    expect(events.at(-1)).toMatchObject({ kind: 'expired', type: 'email.bounced', details: { attempts } });
    expect(events).toHaveLength(2 + attempts);
  });

  it('of one recipient leaves the others alone', async () => {
    const id = await send({ to: ['a@example.net', 'b@example.net', 'c@example.net'] });
    const { deliveries } = await node.lease(500);
    const of = (n: number) => deliveries.find((d: Answer) => d.messageId === id && d.n === n);
    expect(await report(result(of(0), delivered), result(of(2), bounced))).toEqual(['recorded', 'recorded']);
    const detail = await detailOf(id);
    expect(detail.deliveries.map((d: Answer) => d.status)).toEqual(['delivered', 'sending', 'bounced']);
    expect(detail.status).toBe('sending');
  });
});

describe('a report', () => {
  it('that is repeated is stale, within one batch as well, and changes nothing', async () => {
    const id = await send();
    const lease = await leaseOf(id);
    expect(await report(result(lease, delivered), result(lease, bounced))).toEqual(['recorded', 'stale']);
    expect(await report(result(lease, bounced))).toEqual(['stale']);
    expect((await detailOf(id)).status).toBe('delivered');
    expect(await allEvents(account.live)).toHaveLength(3);
  });

  it('with a made-up lease, recipient or message is stale and holds up nothing', async () => {
    const id = await send();
    const lease = await leaseOf(id);
    const verdicts = await report(
      result({ ...lease, leaseId: 'made-up' }, bounced),
      result({ ...lease, n: 7 }, delivered),
      result({ ...lease, messageId: '0190a6c4-7b1e-7abc-8def-0123456789ab' }, delivered),
      result({ ...lease, messageId: 'no id' }, delivered),
      result(lease, delivered),
    );
    expect(verdicts).toEqual(['stale', 'stale', 'stale', 'stale', 'recorded']);
    const released = await node.post('release', {
      leases: [
        { messageId: '0190a6c4-7b1e-7abc-8def-0123456789ab', n: 0, leaseId: 'x' },
        { messageId: 'no id', n: 0, leaseId: 'x' },
      ],
    });
    expect(released.body).toEqual({ released: 0 });
  });

  it('of two hundred costs two round trips, and two rows each', async () => {
    const { body: sent } = await call(
      'POST',
      '/v1/send/batch',
      account.live,
      Array(100).fill(mail(account, { to: ['a@example.net', 'b@example.net'] })),
    );
    const { deliveries } = await node.lease(500);
    const ids = new Set(sent.map((s: Answer) => s.message_id));
    const own = deliveries.filter((d: Answer) => ids.has(d.messageId));
    expect(own).toHaveLength(200);
    const answer = await node.post('results', { results: own.map((d: Answer) => result(d, delivered)) });
    expect(new Set(answer.body.verdicts)).toEqual(new Set(['recorded']));
    // the delivery and the cursor's row
    expect(costOf(answer)).toMatchObject({ trips: 2, written: 400 });
  });

  it('of two hundred with the longest texts that a peer may say is taken as well', async () => {
    await call(
      'POST',
      '/v1/send/batch',
      account.live,
      Array(100).fill(mail(account, { to: ['a@example.net', 'b@example.net'] })),
    );
    const { deliveries } = await node.lease(500);
    const text = '"\\é'.repeat(1365);
    const failure = { ...bounced.failure, text, reply: { code: 550, status: null, text } };
    const results = deliveries.slice(0, 200).map((d: Answer) => result(d, { type: 'bounced', failure }));
    expect(results).toHaveLength(200);
    const answer = await node.post('results', { results });
    expect(answer.status).toBe(200);
    expect(new Set(answer.body.verdicts)).toEqual(new Set(['recorded']));
  });

  it.each([
    [{ results: [{ messageId: 'x', n: 0, leaseId: 'y' }] }],
    [{ results: Array(201).fill({}) }],
    [{}],
    [{ results: [{ messageId: 'x', n: 0, leaseId: 'y', outcome: { type: 'vanished' } }] }],
  ])('of another form is refused whole: %j', async (body) => {
    expect((await node.post('results', body)).status).toBe(400);
  });

  it('of a time that no clock has is refused, so that no event becomes unreadable', async () => {
    const lease = await leaseOf(await send());
    const { status } = await node.post('results', {
      results: [result(lease, { ...delivered, endedAtMs: 1e300 })],
    });
    expect(status).toBe(400);
    expect((await call('GET', '/v1/events', account.live)).status).toBe(200);
  });
});
