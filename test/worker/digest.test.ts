import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import {
  type Answer,
  call,
  costOf,
  delivered,
  mail,
  migrate,
  newAccount,
  result,
  type TestAccount,
  TestNode,
} from './support.ts';

const noon = Date.parse('2026-11-18T12:00:00Z');
const hourMs = 3_600_000;
let account: TestAccount;
let node: TestNode;

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: noon });
  await migrate();
  account = await newAccount();
  node = await new TestNode().hello();
});
afterAll(() => {
  vi.useRealTimers();
});

const digest = (to: string) => mail(account, { to: [to], class: 'digest' });
const sendMany = async (count: number, to: string): Promise<string[]> => {
  const { body } = await call('POST', '/v1/send/batch', account.live, Array(count).fill(digest(to)));
  return body.map((answer: Answer) => answer.message_id);
};
const dueOf = async (id: string): Promise<number> => {
  const { body } = await call('GET', `/v1/emails/${id}`, account.live);
  return Date.parse(body.deliveries[0].next_attempt_at);
};
const dues = (ids: string[]) => Promise.all(ids.map(dueOf));

it('digest mail for a domain is due at once up to a hundred, then spread over an hour and says so', async () => {
  const first = await sendMany(100, 'a@flood.example');
  expect(new Set(await dues(first))).toEqual(new Set([noon]));
  const [last = ''] = await sendMany(1, 'a@flood.example');
  expect(await dueOf(last)).toBe(noon);
  const spread = (await dues(await sendMany(100, 'a@flood.example'))).map((due) => due - noon);
  expect(Math.min(...spread)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...spread)).toBeLessThan(hourMs);
  // of a hundred that are spread evenly, each quarter of the hour gets some
  for (let quarter = 0; quarter < 4; quarter++) {
    expect(spread.filter((ms) => Math.floor((4 * ms) / hourMs) === quarter).length).toBeGreaterThan(5);
  }
  const [held = ''] = await sendMany(1, 'b@flood.example');
  const { body } = await call('GET', `/v1/emails/${held}/events`, account.live);
  expect(body.data.map((event: Answer) => event.kind)).toEqual(['accepted', 'rate_limited']);
  expect(body.data[1].details).toEqual({ limit: 'digest', until: new Date(await dueOf(held)).toISOString() });
});

it('other domains, other classes and test mode are not held back', async () => {
  const [other = ''] = await sendMany(1, 'a@calm.example');
  expect(await dueOf(other)).toBe(noon);
  const { body } = await call('POST', '/v1/send', account.live, mail(account, { to: ['a@flood.example'] }));
  expect(await dueOf(body.message_id)).toBe(noon);
  const test = await call('POST', '/v1/send', account.test, digest('a@flood.example'));
  const { body: events } = await call('GET', `/v1/emails/${test.body.message_id}/events`, account.live);
  expect(events.data.map((event: Answer) => event.kind)).toEqual(['accepted']);
});

it('what is held back is leased when its time has come, and once it is sent nothing is held back any more', async () => {
  vi.setSystemTime(noon + hourMs);
  for (let taken = 500; taken > 0; ) {
    const { deliveries } = await node.lease(500);
    taken = deliveries.length;
    for (let at = 0; at < taken; at += 200) {
      const results = deliveries.slice(at, at + 200).map((d: Answer) => result(d, delivered));
      await node.post('results', { results });
    }
  }
  const [again = ''] = await sendMany(1, 'a@flood.example');
  expect(await dueOf(again)).toBe(noon + hourMs);
  const { body } = await call('GET', '/v1/stats?by=class', account.live);
  const counts = body.data.find((row: Answer) => row.class === 'digest');
  expect(counts).toMatchObject({ accepted: 204, delivered: 203, rate_limited: 101 });
});

it('a digest message costs one row more than another, and nobody else pays for it', async () => {
  const plain = costOf(await call('POST', '/v1/send', account.live, mail(account)));
  const smoothed = costOf(await call('POST', '/v1/send', account.live, digest('a@calm.example')));
  expect(plain.written).toBe(4);
  expect(smoothed.written).toBe(5);
  expect(smoothed.trips).toBe(2);
});
