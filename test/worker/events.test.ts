import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { readEvents } from '../../worker/store/events.ts';
import {
  type Answer,
  allEvents,
  call,
  deferred,
  delivered,
  mail,
  migrate,
  newAccount,
  result,
  suppress,
  type TestAccount,
  TestNode,
  testStore,
} from './support.ts';

const startMs = Date.UTC(2026, 10, 18, 12);
const sundayMs = Date.UTC(2026, 10, 22, 23, 59, 59);
const at = (ms: number) => {
  vi.useFakeTimers({ toFake: ['Date'] });
  vi.setSystemTime(ms);
};

let account: TestAccount;
beforeAll(migrate);
beforeEach(async () => {
  at(startMs);
  account = await newAccount();
});
afterEach(() => {
  vi.useRealTimers();
});

const send = async (more: Record<string, unknown> = {}) =>
  (await call('POST', '/v1/send', account.live, mail(account, more))).body.message_id as string;
const key = (event: Answer) => `${event.kind} ${event.recipient} ${event.id}`;
const addresses = (count: number) => Array.from({ length: count }, (_, i) => `u${i}@example.net`);

describe('the events of an account', () => {
  it('can be read in pages of any size, rows of many recipients cut anywhere, and are always the same', async () => {
    await suppress(account, 'gone@example.net');
    await send({ to: addresses(7) });
    await send({ to: [...addresses(3), 'gone@example.net'] });
    await send({ to: addresses(50), tags: ['x'], metadata: { a: 'b' } });
    const node = await new TestNode().hello();
    const { deliveries } = await node.lease(500);
    const own = deliveries.filter((d: Answer) => d.signingDomain === account.domain);
    expect(own).toHaveLength(60);
    await node.post('results', { results: own.map((d: Answer) => result(d, delivered)) });
    const whole = await allEvents(account.live, 100);
    // 60 accepted, 1 suppressed, 60 dispatched and 60 delivered
    expect(whole).toHaveLength(181);
    expect(new Set(whole.map((e) => e.id)).size).toBe(181);
    for (const limit of [2, 7, 50, 51]) {
      expect((await allEvents(account.live, limit)).map(key)).toEqual(whole.map(key));
    }
    for (const recipient of addresses(7)) {
      const kinds = whole.filter((e) => e.recipient === recipient && e.message_id === whole[0].message_id);
      expect(kinds.map((e) => e.kind)).toEqual(['accepted', 'dispatched', 'delivered']);
    }
  });

  it('may be gone on with behind any one of them, by its own cursor', async () => {
    await send({ to: addresses(4) });
    await send();
    const { body } = await call('GET', '/v1/events', account.live);
    for (const [i, event] of body.data.entries()) {
      const rest = await call('GET', `/v1/events?after=${event.cursor}`, account.live);
      expect(rest.body.data.map(key)).toEqual(body.data.slice(i + 1).map(key));
    }
  });

  it('leave the cursor where it was when there is nothing new, and go on from there', async () => {
    await send();
    const { body } = await call('GET', '/v1/events', account.live);
    const idle = await call('GET', `/v1/events?after=${body.next}`, account.live);
    expect(idle.body).toEqual({ data: [], next: body.next, has_more: false });
    const id = await send();
    const next = await call('GET', `/v1/events?after=${body.next}`, account.live);
    expect(next.body.data.map((e: Answer) => [e.kind, e.message_id])).toEqual([['accepted', id]]);
  });

  it('are read from now on behind `end`', async () => {
    const feed = (after: string) => call('GET', `/v1/events?after=${after}`, account.live);
    const none = (await feed('end')).body;
    expect(none).toMatchObject({ data: [], has_more: false });
    await send();
    const { body: end } = await feed('end');
    expect((await feed(none.next)).body.data).toMatchObject([{ kind: 'accepted' }]);
    expect((await feed(end.next)).body.data).toEqual([]);
    const id = await send();
    expect((await feed(end.next)).body.data).toMatchObject([{ kind: 'accepted', message_id: id }]);
  });

  it('have no gaps and no doubles while many write and one reads small pages', async () => {
    const node = await new TestNode('node-w').hello();
    let writing = true;
    const write = async (writer: number) => {
      for (let i = 0; i < 6; i++) await send({ to: addresses(1 + ((writer + i) % 4)) });
    };
    const deliver = async () => {
      for (let i = 0; i < 12; i++) {
        const { deliveries } = await node.lease(9);
        const outcome = (n: number) => (n % 3 === 0 ? deferred : delivered);
        await node.post('results', {
          results: deliveries.map((d: Answer, n: number) => result(d, outcome(n))),
        });
      }
    };
    const read: string[] = [];
    const readOn = async () => {
      let after = '';
      for (let idle = 0; writing || idle < 2; ) {
        const { body } = await call('GET', `/v1/events?limit=3&after=${after}`, account.live);
        read.push(...body.data.map(key));
        idle = body.data.length === 0 ? idle + 1 : 0;
        after = body.next;
        await scheduler.wait(1); // lets the runtime's timers, which the writers need, have their turn
      }
    };
    const reader = readOn();
    await Promise.all([...Array.from({ length: 8 }, (_, i) => write(i)), deliver(), deliver()]).finally(
      () => {
        writing = false;
      },
    );
    await reader;
    const whole = (await allEvents(account.live)).map(key);
    expect(new Set(whole).size).toBe(whole.length);
    expect(read).toEqual(whole);
    const { body } = await call('GET', '/v1/emails?limit=100', account.live);
    const recipients = body.data.length;
    expect(recipients).toBe(48);
    expect(whole.filter((k) => k.startsWith('accepted'))).toHaveLength(8 * 6 * 2.5);
  });

  it('are in their order over the end of a week, and none is passed by', async () => {
    at(sundayMs);
    const before = await send();
    const node = await new TestNode('node-s').hello();
    const { deliveries } = await node.lease(500);
    const lease = deliveries.find((d: Answer) => d.messageId === before);
    const first = await call('GET', '/v1/events', account.live);
    at(sundayMs + 5000); // Monday: a late writer of the old week may still come
    const after = await send();
    const waiting = await call('GET', `/v1/events?after=${first.body.next}`, account.live);
    expect(waiting.body.data).toEqual([]);
    at(sundayMs + 500);
    const late = await send();
    at(sundayMs + 6000);
    await node.post('results', { results: [result(lease, delivered)] });
    at(sundayMs + 62_000);
    const rest: string[] = [];
    for (let cursor = first.body.next, more = true; more; ) {
      const { body } = await call('GET', `/v1/events?limit=1&after=${cursor}`, account.live);
      rest.push(...body.data.map((e: Answer) => `${e.kind} ${e.message_id}`));
      cursor = body.next;
      more = body.has_more;
    }
    expect(rest).toEqual([
      `accepted ${late}`,
      `accepted ${after}`,
      `dispatched ${before}`,
      `delivered ${before}`,
    ]);
  });

  it('of several weeks are read on without a gap, quiet weeks between them', async () => {
    const ids: string[] = [];
    for (const days of [0, 1, 9, 23]) {
      at(startMs - (23 - days) * 86_400_000);
      ids.push(await send());
    }
    at(startMs);
    expect((await allEvents(account.live, 1)).map((e) => e.message_id)).toEqual(ids);
  });

  it('are found from the oldest that is kept when the cursor is older than that', async () => {
    const id = await send();
    const { body } = await call('GET', '/v1/events?after=2020w01-99-1', account.live);
    expect(body.data.map((e: Answer) => e.message_id)).toEqual([id]);
  });

  it('are never those of another account', async () => {
    await send();
    const other = await newAccount();
    expect(await allEvents(other.live)).toEqual([]);
    const { body } = await call('GET', '/v1/events', account.live);
    const foreign = await call('GET', `/v1/events?after=${body.next}`, other.live);
    expect(foreign.body.data).toEqual([]);
  });

  it('cost a round trip for each older week once, and two a page from then on, however many there are', async () => {
    for (let i = 0; i < 2; i++) {
      await call('POST', '/v1/send/batch', account.live, Array(100).fill(mail(account)));
    }
    const store = testStore();
    const { events } = await readEvents(store, account.id, null, 100, Date.now());
    expect(events).toHaveLength(100);
    expect(store.cost.roundTrips).toBeLessThanOrEqual(7); // one for each older week that may hold some
    const more = testStore();
    await readEvents(more, account.id, events.at(-1)?.cursor ?? null, 100, Date.now());
    expect(more.cost.roundTrips).toBeLessThanOrEqual(2);
  });
});

describe('a cursor', () => {
  it.each(['x', '2026w47', '2026w47-1', '2026w47-1-x', "2026w47-1-1'", `2026w47-${'1'.repeat(60)}-1`])(
    'that no answer gave is refused: %s',
    async (after) => {
      const { status, body } = await call(
        'GET',
        `/v1/events?after=${encodeURIComponent(after)}`,
        account.live,
      );
      expect([status, body.errors[0].pointer]).toEqual([400, 'after']);
    },
  );

  it.each(['limit=0', 'limit=101', 'limit=x'])('goes with a limit from 1 to 100, not %s', async (query) => {
    expect((await call('GET', `/v1/events?${query}`, account.live)).status).toBe(400);
  });
});
