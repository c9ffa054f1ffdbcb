import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { eventKinds } from '#domain/delivery/event.ts';
import { stats } from '../../drizzle/schema/control.ts';
import { foldAccount } from '../../worker/store/fold.ts';
import { mostTags, otherTags } from '../../worker/store/tally.ts';
import {
  type Answer,
  bindings,
  bounced,
  call,
  costOf,
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

const today = '2026-11-18';
let node: TestNode;

beforeAll(async () => {
  // Only the clock is held: the day must not end meanwhile.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse(`${today}T12:00:00Z`) });
  await migrate();
  node = await new TestNode().hello();
});

afterAll(() => {
  vi.useRealTimers();
});

const send = (account: TestAccount, more: Record<string, unknown> = {}) =>
  call('POST', '/v1/send', account.live, mail(account, more));
const statsOf = async (account: TestAccount, query = ''): Promise<Answer[]> => {
  const { body } = await call('GET', `/v1/stats${query}`, account.live);
  return body.data.map((row: Answer) =>
    Object.fromEntries(Object.entries(row).filter(([name, value]) => value !== 0 || name === 'value')),
  );
};
/** Leases everything and reports an outcome for each recipient by name. */
const deliver = async (outcomes: Record<string, Record<string, unknown>> = {}) => {
  const { deliveries } = await node.lease();
  const results = deliveries.map((d: Answer) => result(d, outcomes[d.rcptTo] ?? delivered));
  return await node.post('results', { results });
};

describe('statistics', () => {
  it('count every kind of event that the catalogue has', () => {
    const columns = Object.values(stats)
      .map((column) => (typeof column === 'object' && 'name' in column ? String(column.name) : ''))
      .filter((name) => (eventKinds as readonly string[]).includes(name));
    expect(columns).toEqual(eventKinds);
  });

  it('tell what happened by day, stream, tag, domain and class', async () => {
    const account = await newAccount();
    await suppress(account, 'gone@example.net');
    await send(account, {
      to: ['a@example.net', 'b@example.net'],
      tags: ['receipt', 'shop'],
      class: 'priority',
      stream: 'orders',
    });
    await send(account, { to: ['c@example.net', 'gone@example.net'], tags: ['receipt'] });
    await send(account, { test_mode: true, tags: ['receipt'] });
    await deliver({ 'b@example.net': bounced, 'c@example.net': deferred });
    const all = { accepted: 3, dispatched: 3, delivered: 1, deferred: 1, bounced: 1, suppressed: 1 };
    expect(await statsOf(account)).toEqual([{ day: today, ...all }]);
    expect(await statsOf(account, '?by=domain')).toEqual([{ domain: account.domain, ...all }]);
    expect(await statsOf(account, '?by=stream')).toEqual([
      { stream: 'orders', accepted: 2, dispatched: 2, delivered: 1, bounced: 1 },
      { stream: 'transactional', accepted: 1, dispatched: 1, deferred: 1, suppressed: 1 },
    ]);
    const own = await bindings.DB.prepare(
      "SELECT value FROM stats WHERE account_id = ? AND dimension = 'stream'",
    )
      .bind(account.id)
      .all();
    expect(own.results).toEqual([{ value: 'orders' }]);
    expect(await statsOf(account, '?by=tag')).toEqual([
      { tag: 'receipt', ...all },
      { tag: 'shop', accepted: 2, dispatched: 2, delivered: 1, bounced: 1 },
    ]);
    expect(await statsOf(account, '?by=class')).toEqual([
      { class: 'priority', accepted: 2, dispatched: 2, delivered: 1, bounced: 1 },
      { class: 'standard', accepted: 1, dispatched: 1, deferred: 1, suppressed: 1 },
    ]);
    expect(await statsOf(account, '?by=hour')).toEqual([{ hour: `${today}T12:00:00Z`, ...all }]);
    expect(await statsOf(account, '?by=provider')).toEqual([
      { provider: 'other', delivered: 1, deferred: 1, bounced: 1 },
    ]);
    expect(await statsOf(account, '?by=reason')).toEqual([
      { reason: 'bad_mailbox', bounced: 1 },
      { reason: 'greylisted', deferred: 1 },
      { reason: 'hard_bounce', suppressed: 1 },
    ]);
    expect((await call('GET', '/v1/stats', account.live)).body).toMatchObject({ by: 'day', to: today });
  });

  it('leave out what goes to the simulator', async () => {
    const account = await newAccount();
    const to = ['a@example.net', 'hard-bounce@simulator.mail.example.org'];
    await send(account, { to, tags: ['receipt'] });
    await deliver({ [to[1] ?? '']: bounced });
    const all = { accepted: 1, dispatched: 1, delivered: 1 };
    expect(await statsOf(account)).toEqual([{ day: today, ...all }]);
    expect(await statsOf(account, '?by=tag')).toEqual([{ tag: 'receipt', ...all }]);
  });

  it('count once, however many count at the same time', async () => {
    const account = await newAccount();
    const batch = Array.from({ length: 100 }, () => mail(account));
    for (let i = 0; i < 3; i++) await call('POST', '/v1/send/batch', account.live, batch);
    await Promise.all(Array.from({ length: 8 }, () => foldAccount(testStore(), account.id, Date.now())));
    expect(await statsOf(account)).toEqual([{ day: today, accepted: 300 }]);
  });

  it('go on over the pages of a long history', async () => {
    const account = await newAccount();
    const batch = Array.from({ length: 100 }, () => mail(account));
    for (let i = 0; i < 12; i++) await call('POST', '/v1/send/batch', account.live, batch);
    expect(await statsOf(account, '?by=class')).toEqual([{ class: 'standard', accepted: 1200 }]);
  });

  it('keep the tags of a day countable', async () => {
    const account = await newAccount();
    const batch = (from: number) =>
      Array.from({ length: 30 }, (_, i) =>
        mail(account, { tags: Array.from({ length: 10 }, (_, k) => `t${from + i * 10 + k}`) }),
      );
    await call('POST', '/v1/send/batch', account.live, batch(0));
    await statsOf(account);
    await call('POST', '/v1/send/batch', account.live, batch(0));
    const rows = await statsOf(account, '?by=tag');
    expect(rows).toHaveLength(mostTags + 1);
    expect(rows.find((row) => row.tag === otherTags)).toEqual({ tag: otherTags, accepted: 200 });
    expect(rows.find((row) => row.tag === 't0')).toEqual({ tag: 't0', accepted: 2 });
  });

  it('are asked for by days', async () => {
    const account = await newAccount();
    await send(account);
    expect(await statsOf(account, '?from=2020-01-01&to=2020-12-31')).toEqual([]);
    expect(await statsOf(account, `?from=${today}&to=${today}`)).toHaveLength(1);
    for (const query of [
      '?by=minute',
      '?from=yesterday',
      '?to=2026-02-30',
      '?from=2026-02-02&to=2026-02-01',
    ]) {
      expect((await call('GET', `/v1/stats${query}`, account.live)).status).toBe(400);
    }
  });

  it('cost a delivered message nothing but a share of a fold', async () => {
    const account = await newAccount();
    await bindings.DB.batch([
      bindings.DB.prepare(`UPDATE domain_warming SET state = 'phase_4'`),
      bindings.DB.prepare(`UPDATE accounts SET status = 'suspended' WHERE id <> ?`).bind(account.id),
    ]);
    await send(account);
    await deliver();
    await statsOf(account);
    const rows = { accepted: 0, leased: 0, reported: 0, folded: 0 };
    const count = 20;
    for (let i = 0; i < count; i++) rows.accepted += costOf(await send(account, { tags: ['a'] })).written;
    const results: Answer[] = [];
    // Mail of the suspended accounts stands before it in the queue; a lease goes on where the last one ended.
    for (let more = true, place = null; more; ) {
      const leased = await node.post('lease', { max: 100, place });
      rows.leased += costOf(leased).written;
      results.push(...leased.body.deliveries.map((d: Answer) => result(d, delivered)));
      ({ more, place } = leased.body);
    }
    expect(results).toHaveLength(count);
    rows.reported = costOf(await node.post('results', { results })).written;
    const asked = await call('GET', '/v1/stats', account.live);
    rows.folded = costOf(asked).written;
    const each = (rows.accepted + rows.leased + rows.reported) / count;
    expect(each).toBeLessThanOrEqual(8);
    expect(rows.folded).toBeLessThanOrEqual(9);
    expect(costOf(await call('GET', '/v1/stats', account.live)).written).toBe(0);
  });
});
