import { env } from 'cloudflare:workers';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import worker from '../../worker/index.ts';
import {
  type Answer,
  allEvents,
  bindings,
  bounced,
  call,
  costOf,
  deferred,
  delivered,
  mail,
  maybeAccepted,
  migrate,
  newAccount,
  nodeToken,
  result,
  suppress,
  type TestAccount,
  TestNode,
} from './support.ts';

const minuteMs = 60_000;
const dayMs = 86_400_000;
/** A Wednesday. */
const startMs = Date.UTC(2026, 10, 18, 12);
let nowMs = startMs;
let account: TestAccount;
let node: TestNode;

const later = (ms: number) => {
  nowMs += ms;
  vi.setSystemTime(nowMs);
};
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
  await migrate();
  later(60 * dayMs);
  account = await newAccount();
  node = await new TestNode('node-a').hello();
});
afterAll(() => {
  vi.useRealTimers();
});

const send = async (more: Record<string, unknown> = {}, of = account) =>
  (await call('POST', '/v1/send', of.live, mail(of, more))).body.message_id as string;
const sendMany = async (count: number, more: Record<string, unknown> = {}, of = account) => {
  for (let left = count; left > 0; left -= 100)
    await call('POST', '/v1/send/batch', of.live, Array(Math.min(left, 100)).fill(mail(of, more)));
};
const report = async (by: TestNode, lease: Answer, outcome: Record<string, unknown>) =>
  (await by.post('results', { results: [result(lease, outcome)] })).body.verdicts[0];
const timelineOf = async (id: string): Promise<Answer[]> =>
  (await call('GET', `/v1/emails/${id}/events`, account.live)).body.data;
const statusOf = async (id: string) => (await call('GET', `/v1/emails/${id}`, account.live)).body.status;
const kinds = (events: Answer[]) => events.map(({ kind }) => kind);
const setStatus = (of: TestAccount, status: string) =>
  call('PUT', `/admin/v1/accounts/${of.id}/status`, bindings.OPERATOR_TOKEN, { status });

describe('a delivery that was reported late (row 3)', () => {
  it('is delivered, although its lease is over and it waits for another try', async () => {
    const id = await send();
    const [lease] = (await node.lease()).deliveries;
    later(31 * minuteMs);
    expect(await report(node, lease, delivered)).toBe('recorded');
    expect(await statusOf(id)).toBe('delivered');
    expect((await node.lease()).deliveries).toEqual([]);
  });

  it('and was delivered by another node since says that it may have come twice, once however often it is told', async () => {
    const id = await send();
    const [old] = (await node.lease()).deliveries;
    later(31 * minuteMs);
    const other = await new TestNode('node-b').hello();
    const [fresh] = (await other.lease()).deliveries;
    expect(await report(other, fresh, delivered)).toBe('recorded');
    expect(await report(node, old, delivered)).toBe('recorded');
    expect(await report(node, old, delivered)).toBe('stale');
    expect(await report(other, fresh, delivered)).toBe('stale');
    const events = await timelineOf(id);
    expect(kinds(events)).toEqual(['accepted', 'dispatched', 'deferred', 'delivered', 'delivered']);
    // That the first node was not heard of is told when the second one takes it, before it sends.
    expect(events[2].details).toMatchObject({ maybeAccepted: true });
    expect(events[4].details).toMatchObject({ maybeAccepted: true, late: true });
    expect(kinds(await allEvents(account.live))).toEqual(kinds(events));
    expect(await statusOf(id)).toBe('delivered');
  });

  it('while another node has it ends that lease, and what that node says then is told too', async () => {
    const id = await send();
    const [old] = (await node.lease()).deliveries;
    later(31 * minuteMs);
    const other = await new TestNode('node-b').hello();
    const [fresh] = (await other.lease()).deliveries;
    expect(await report(node, old, delivered)).toBe('recorded');
    expect(await report(other, fresh, delivered)).toBe('recorded');
    const told = (await timelineOf(id)).filter(({ kind }) => kind === 'delivered');
    expect(told).toHaveLength(2);
    expect(told.every(({ details }) => details.maybeAccepted)).toBe(true);
  });

  it('as maybe accepted is told without a change of what it is', async () => {
    const id = await send();
    const [old] = (await node.lease()).deliveries;
    later(31 * minuteMs);
    const other = await new TestNode('node-b').hello();
    const [fresh] = (await other.lease()).deliveries;
    await report(other, fresh, delivered);
    expect(await report(node, old, maybeAccepted)).toBe('recorded');
    expect(await report(node, old, maybeAccepted)).toBe('stale');
    expect(await statusOf(id)).toBe('delivered');
    expect((await timelineOf(id)).at(-1)).toMatchObject({
      kind: 'deferred',
      details: { maybeAccepted: true },
    });
  });

  it.each([
    ['bounced', bounced],
    ['deferred', deferred],
  ])('as %s changes nothing: it is tried again', async (_, outcome) => {
    const id = await send();
    const [old] = (await node.lease()).deliveries;
    later(31 * minuteMs);
    await (await new TestNode('node-b').hello()).lease();
    expect(await report(node, old, outcome)).toBe('stale');
    expect(await statusOf(id)).toBe('sending');
  });

  it('of what expired meanwhile is delivered all the same', async () => {
    const id = await send({ class: 'priority' });
    const [old] = (await node.lease()).deliveries;
    later(7 * 3_600_000);
    const other = await new TestNode('node-b').hello();
    const [fresh] = (await other.lease()).deliveries;
    await report(other, fresh, deferred);
    expect(await statusOf(id)).toBe('failed');
    expect(await report(node, old, delivered)).toBe('recorded');
    expect(await statusOf(id)).toBe('delivered');
  });

  it('is not doubted when the node came back with its journal, and is when it came without', async () => {
    const [first] = [await send()];
    await node.lease();
    await new TestNode('node-a').hello();
    const kept = new TestNode('node-a');
    await kept.hello();
    await kept.lease();
    expect(kinds(await timelineOf(first))).toEqual(['accepted', 'dispatched']);
    later(1_000);
    const bare = new TestNode('node-a');
    await bare.post('hello', { hostName: 'out.example', version: 'test', journal: 'new' });
    await bare.lease();
    expect((await timelineOf(first)).at(-1)).toMatchObject({
      kind: 'deferred',
      details: { maybeAccepted: true },
    });
  });
});

describe('a lease whose answer was lost (row 5)', () => {
  it('is given again when it is asked for by its name', async () => {
    await sendMany(10);
    const asked = { max: 4, leaseId: crypto.randomUUID(), place: null };
    const { body: lost } = await node.post('lease', asked);
    const { body: again } = await node.post('lease', asked);
    expect(again.deliveries).toEqual(lost.deliveries);
    const { body: next } = await node.post('lease', { max: 10, place: again.place });
    expect(next.deliveries).toHaveLength(6);
    expect(await report(node, again.deliveries[0], delivered)).toBe('recorded');
  });

  /** A database whose transactions are seen one after the other. */
  const watched = (around: (trip: number, batch: () => Promise<D1Result[]>) => Promise<D1Result[]>) => {
    let trip = 0;
    return new Proxy(bindings.DB, {
      get: (target, name) => {
        if (name === 'batch') {
          return (statements: D1PreparedStatement[]) => {
            trip += 1;
            return around(trip, () => target.batch(statements));
          };
        }
        const member = Reflect.get(target, name);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  };
  /** The answer to a lease of this name. */
  const askAt = async (environment: object, more: Record<string, unknown> = {}) => {
    const { nodeId, bootId } = node;
    const init = {
      method: 'POST',
      body: JSON.stringify({ nodeId, bootId, max: 10, leaseId: 'a-lease-of-this-test', ...more }),
      headers: { Authorization: `Bearer ${await nodeToken(nodeId)}`, 'Content-Type': 'application/json' },
    };
    const context = {
      waitUntil: () => {},
      passThroughOnException: () => {},
    } as unknown as ExecutionContext;
    return await worker.fetch(new Request('https://api.test/node/v1/lease', init), environment, context);
  };
  const deliveriesOf = async (answer: Response) => ((await answer.json()) as Answer).deliveries;

  it.each([2, 3])('because the database failed at its trip %i is given by the next call', async (failing) => {
    const id = await send();
    const db = watched(async (trip, batch) => {
      const results = await batch();
      // It took effect, and the answer was lost.
      if (trip === failing) throw new Error('D1_ERROR: D1 DB reset because its code was updated');
      return results;
    });
    const first = await askAt({ ...(env as object), DB: db });
    const second = first.status === 200 ? first : await askAt(env as object);
    expect(await deliveriesOf(second)).toMatchObject([{ messageId: id, attempt: 1 }]);
  });

  it('takes nothing after the next request of its name was answered', async () => {
    await send();
    const stalled = Promise.withResolvers<void>();
    const looked = Promise.withResolvers<void>();
    const db = watched(async (trip, batch) => {
      // It has chosen, and its lease comes late.
      if (trip === 2) {
        looked.resolve();
        await stalled.promise;
      }
      return await batch();
    });
    const first = askAt({ ...(env as object), DB: db }, { sequence: 7 });
    await looked.promise;
    // Meanwhile the mail waits: it is not this request's to take.
    const second = await askAt(env as object, { sequence: 8, fence: 7, max: 1, digestMax: 0, otherMax: 0 });
    expect(await deliveriesOf(second)).toEqual([]);
    stalled.resolve();
    expect(await deliveriesOf(await first)).toEqual([]);
    const third = await askAt(env as object, { sequence: 9, leaseId: 'another-lease-of-this-test' });
    expect(await deliveriesOf(third)).toHaveLength(1);
  });

  it('is fenced off in its boot alone', async () => {
    await send();
    await askAt(env as object, { sequence: 8, fence: 7, otherMax: 0 });
    await node.hello();
    expect(await deliveriesOf(await askAt(env as object, { sequence: 7 }))).toEqual([]);
    node = await new TestNode(node.nodeId).hello();
    expect(await deliveriesOf(await askAt(env as object, { sequence: 1 }))).toHaveLength(1);
  });
});

describe('a recipient who is suppressed after the message was accepted (row 6)', () => {
  it('is not mailed when a scheduled message falls due', async () => {
    const id = await send({ send_at: new Date(nowMs + 10 * dayMs).toISOString() });
    await suppress(account, 'user@example.net', { reason: 'unsubscribe', scope: account.domain });
    later(10 * dayMs + minuteMs);
    expect((await node.lease()).deliveries).toEqual([]);
    expect(await statusOf(id)).toBe('suppressed');
    const events = await timelineOf(id);
    expect(kinds(events)).toEqual(['accepted', 'suppressed']);
    expect(events[1].details).toEqual({
      reason: 'unsubscribe',
      entry: { address: 'user@example.net', scope: account.domain, since: '2026-01-01T00:00:00.000Z' },
    });
    expect(kinds(await allEvents(account.live))).toEqual(['accepted', 'suppressed']);
  });

  it('is not mailed again after a complaint between two tries', async () => {
    const id = await send();
    await report(node, (await node.lease()).deliveries[0], deferred);
    await suppress(account, 'user@example.net', { reason: 'complaint' });
    later(2 * minuteMs);
    expect((await node.lease()).deliveries).toEqual([]);
    expect(await statusOf(id)).toBe('suppressed');
  });

  it('is mailed when the entry is of another domain, or over', async () => {
    await send();
    await suppress(account, 'user@example.net', { scope: 'other.example' });
    await suppress(account, 'user@example.net', { expiresAtMs: nowMs - 1 });
    expect((await node.lease()).deliveries).toHaveLength(1);
  });

  it('keeps nobody else from being mailed', async () => {
    await sendMany(100, { to: ['user@example.net', 'other@example.net'] });
    await suppress(account, 'user@example.net');
    let place: string | null = null;
    const given: Answer[] = [];
    for (let more = true; more; ) {
      const { body } = await node.post('lease', { max: 50, place });
      given.push(...body.deliveries);
      ({ more, place } = body);
    }
    expect(given).toHaveLength(100);
    expect(new Set(given.map(({ rcptTo }) => rcptTo))).toEqual(new Set(['other@example.net']));
  });
});

describe('an idle lease (row 8)', () => {
  const fill = async (of: TestAccount, rows: number) => {
    await send({ to: ['a@slow.example'] }, of);
    const [table] = (
      await bindings.DB.prepare(
        `SELECT name FROM sqlite_master WHERE name LIKE 'deliveries_%' ORDER BY name DESC`,
      ).all<{ name: string }>()
    ).results.filter(({ name }) => name.startsWith('deliveries_'));
    const week = (
      await bindings.DB.prepare(
        `SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'deliveries_%'`,
      ).all<{ name: string }>()
    ).results.map(({ name }) => name);
    for (const name of week) {
      const columns = (
        await bindings.DB.prepare(`SELECT name FROM pragma_table_info('${name}')`).all<{ name: string }>()
      ).results.map((column) => (column.name === 'n' ? 'i.n' : `d.${column.name}`));
      await bindings.DB.prepare(
        `INSERT INTO ${name} WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < ${rows})
          SELECT ${columns.join(', ')} FROM ${name} d, i WHERE d.account_id = ${of.id}`,
      ).run();
    }
    return table;
  };

  it('reads a hundred rows at most of 50,000 that belong to a suspended account', async () => {
    await fill(account, 50_000);
    await setStatus(account, 'suspended');
    const answer = await node.post('lease', { max: 50 });
    expect(answer.body.deliveries).toEqual([]);
    expect(costOf(answer).read).toBeLessThanOrEqual(100);
    later(11_000);
    const other = await newAccount();
    const id = await send({}, other);
    let place: string | null = answer.body.place;
    let given: Answer[] = [];
    let leases = 0;
    for (let more = true; more && given.length === 0; leases++) {
      const { body } = await node.post('lease', { max: 500, place });
      given = body.deliveries;
      ({ more, place } = body);
    }
    expect(given).toMatchObject([{ messageId: id }]);
    expect(leases).toBeLessThanOrEqual(110);
    const idle = await node.post('lease', { max: 50, place });
    expect(idle.body.more).toBe(false);
    expect(costOf(idle).read).toBeLessThanOrEqual(100);
    await setStatus(account, 'active');
    expect((await node.post('lease', { max: 50 })).body.deliveries).toHaveLength(50);
  });

  it('reads a hundred rows at most of 50,000 whose domain is not wanted', async () => {
    await fill(account, 50_000);
    later(11_000);
    let place: string | null = null;
    const asked = { max: 50, excludeDomains: ['slow.example'] };
    const first = await node.post('lease', asked);
    expect(costOf(first).read).toBeLessThanOrEqual(100);
    for (let more = true; more; ) ({ more, place } = (await node.post('lease', { ...asked, place })).body);
    const idle = await node.post('lease', { ...asked, place });
    expect(costOf(idle).read).toBeLessThanOrEqual(100);
  });
});

describe('the class order (row 10)', () => {
  it('holds over weeks: scheduled priority mail of last week goes before standard mail of this one', async () => {
    const old = await send({ class: 'priority', send_at: new Date(nowMs + 7 * dayMs).toISOString() });
    later(7 * dayMs + minuteMs);
    await sendMany(100);
    expect((await node.lease(1)).deliveries).toMatchObject([{ messageId: old }]);
  });

  it('holds behind priority mail that nobody may have', async () => {
    const other = await newAccount();
    await sendMany(100, { class: 'priority' });
    await setStatus(account, 'suspended');
    const sendLater = (more: Record<string, unknown>) => {
      later(1000);
      return send(more, other);
    };
    await sendLater({ to: ['a@slow.example'], class: 'priority' });
    const usual = [await sendLater({}), await sendLater({})];
    const urgent = [await sendLater({ class: 'priority' }), await sendLater({ class: 'priority' })];
    later(minuteMs);
    const given: string[] = [];
    let place: string | null = null;
    for (let more = true; more; ) {
      const { body } = await node.post('lease', { max: 1, excludeDomains: ['slow.example'], place });
      given.push(...body.deliveries.map(({ messageId }: Answer) => messageId));
      ({ more, place } = body);
    }
    expect(given).toEqual([...urgent, ...usual]);
    await setStatus(account, 'active');
  });

  it('is the order of falling due within a class', async () => {
    const old = await send({ send_at: new Date(nowMs + 7 * dayMs).toISOString() });
    later(7 * dayMs - minuteMs);
    const before = await send();
    later(2 * minuteMs);
    const after = await send();
    const { deliveries } = await node.lease(3);
    expect(deliveries.map(({ messageId }: Answer) => messageId)).toEqual([before, old, after]);
  });
});

describe('the answer of a lease (row 11)', () => {
  it('carries a bounded number of octets however well mail compresses', async () => {
    await send({
      text_body: 'Thank you for your order. '.repeat(9_000),
      to: Array.from({ length: 50 }, (_, i) => `user${i}@example.net`),
    });
    await sendMany(2, {
      text_body: 'Thank you for your order. '.repeat(9_000),
      to: Array.from({ length: 50 }, (_, i) => `user${i}@example.net`),
    });
    const { deliveries } = await node.lease(100);
    expect(deliveries).toHaveLength(100);
    expect(JSON.stringify(deliveries).length).toBeLessThan(5 * 1024 * 1024);
    const fetched = deliveries.filter(({ raw }: Answer) => raw === null);
    expect(fetched.length).toBeGreaterThan(50);
    expect(deliveries.some(({ raw }: Answer) => raw !== null)).toBe(true);
  });
});

describe('every answer to a node (row 19)', () => {
  it('tells the time of the edge', async () => {
    const { headers } = await node.post('lease', { max: 1 });
    expect(headers.get('Edge-Time')).toBe(String(nowMs));
  });
});
