import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import worker from '../../worker/index.ts';
import {
  type Answer,
  bindings,
  call,
  costOf,
  mail,
  meteredEnv,
  migrate,
  newAccount,
  type TestAccount,
} from './support.ts';

const noon = Date.parse('2026-11-18T12:00:10Z');
const operator = bindings.OPERATOR_TOKEN;
let account: TestAccount;

beforeAll(async () => {
  await migrate();
});
beforeEach(async () => {
  // Only the clock is held: windows must not change while a test fills them.
  vi.useFakeTimers({ toFake: ['Date'], now: noon });
  account = await newAccount();
});
afterEach(() => {
  vi.useRealTimers();
});

const send = (more: Record<string, unknown> = {}, headers: Record<string, string> = {}) =>
  call('POST', '/v1/send', account.live, mail(account, more), headers);
const warm = (state: string) =>
  call('PUT', `/admin/v1/accounts/${account.id}/domains/${account.domain}/warming`, operator, { state });
const limitAccount = (messages_per_minute: number) =>
  call('PUT', `/admin/v1/accounts/${account.id}/limits`, operator, { messages_per_minute });
const statuses = (answers: { status: number }[]) => {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
};
const cron = (at: number) =>
  worker.scheduled({ scheduledTime: at, cron: '* * * * *', noRetry: () => {} }, meteredEnv);

describe('warming', () => {
  it('lets exactly the limit through, whoever asks at the same time', async () => {
    await warm('phase_3');
    await send();
    // 50 are left of this hour's 1,500; the minute has room for 60
    await bindings.DB.prepare('UPDATE domain_warming SET hour_used = 1450, minute_used = 0').run();
    const answers = await Promise.all(Array.from({ length: 120 }, () => send()));
    expect(statuses(answers)).toEqual({ 202: 50, 429: 70 });
    expect(answers.find((answer) => answer.status === 429)?.body).toMatchObject({
      limit_type: 'hourly',
      limit: 1500,
      used: 1500,
    });
  });

  it('tells what it refuses, and until when', async () => {
    await warm('phase_1');
    expect((await send()).status).toBe(202);
    const refused = await send();
    expect(refused.status).toBe(429);
    expect(refused.headers.get('Retry-After')).toBe('50');
    expect(refused.headers.get('Content-Type')).toBe('application/problem+json');
    expect(refused.body).toMatchObject({
      code: 'rate_limit_exceeded',
      error: 'rate_limit_exceeded',
      message: expect.stringContaining(account.domain),
      limit_type: 'minute',
      limit: 1,
      used: 1,
      retry_after_seconds: 50,
      warming_phase: 'phase_1',
    });
    vi.setSystemTime(noon + 50_000);
    expect((await send()).status).toBe(202);
  });

  it('counts recipients, without those that are left out, in test mode, or simulated', async () => {
    await warm('phase_2'); // eight a minute
    const to = (count: number, host = 'example.net') =>
      Array.from({ length: count }, (_, i) => `user${i}@${host}`);
    expect((await send({ to: to(9) })).status).toBe(429);
    expect((await send({ to: to(5) })).status).toBe(202);
    expect((await send({ to: to(4) })).body).toMatchObject({ limit: 8, used: 5 });
    expect((await send({ to: to(20), test_mode: true })).status).toBe(202);
    expect((await send({ to: to(20, 'simulator.mail.example.org') })).status).toBe(202);
    await bindings.DB.prepare(
      `INSERT INTO suppressions (account_id, address, reason, source, created_at_ms) VALUES (?, 'user3@example.net', 'manual', 'test', 0)`,
    )
      .bind(account.id)
      .run();
    expect((await send({ to: to(4) })).status).toBe(202);
    expect((await send()).status).toBe(429);
  });

  it('answers each message of a batch for itself', async () => {
    await warm('phase_2');
    const two = { to: ['a@example.net', 'b@example.net'] };
    const batch = Array.from({ length: 6 }, () => mail(account, two));
    const { status, body } = await call('POST', '/v1/send/batch', account.live, batch);
    expect(status).toBe(202);
    expect(body.map((answer: Answer) => answer.status)).toEqual([...Array(4).fill('queued'), 429, 429]);
    expect(body[4]).toMatchObject({ error: 'rate_limit_exceeded', limit_type: 'minute', used: 8 });
  });

  it('keeps two domains apart', async () => {
    await warm('phase_1');
    await send();
    const other = await newAccount();
    expect((await call('POST', '/v1/send', other.live, mail(other))).status).toBe(202);
    expect((await send()).status).toBe(429);
  });

  it('costs no round trip, and one row of a message', async () => {
    await send();
    const free = costOf(await send());
    await warm('phase_3');
    await send();
    const warming = costOf(await send());
    expect(warming.trips).toBe(free.trips);
    expect(warming.written).toBe(free.written + 1);
    const refused = await warm('phase_1').then(() => send({ to: ['a@example.net', 'b@example.net'] }));
    expect(costOf(refused)).toMatchObject({ trips: 1, written: 0 });
  });

  it('begins with the verification of a domain that the operator does not vouch for', async () => {
    const path = `/admin/v1/accounts/${account.id}/domains`;
    const { body } = await call('POST', path, operator, { domain: `cold${account.id}.example` });
    const view = () => call('GET', `/v1/domains/${body.id}/warming`, account.live);
    expect((await view()).status).toBe(409);
    await bindings.DB.prepare(`UPDATE domains SET status = 'verified', verified_at_ms = ? WHERE id = ?`)
      .bind(noon - 86_400_000, body.id)
      .run();
    await bindings.DB.prepare(`UPDATE dkim_keys SET status = 'active' WHERE domain_id = ?`)
      .bind(body.id)
      .run();
    expect((await view()).body).toMatchObject({
      phase: 'phase_1',
      warming_started_at: '2026-11-17T12:00:10.000Z',
      phase_started_at: '2026-11-17T12:00:10.000Z',
      days_in_current_phase: 2,
      current_limits: { daily_limit: 162, hourly_limit: 16, per_minute_limit: 1 },
      today_sent: 0,
      this_hour_sent: 0,
      remaining_today: 162,
      metrics: { delivery_rate: null },
    });
    expect((await send({ from: `a@cold${account.id}.example` })).status).toBe(202);
    expect((await view()).body).toMatchObject({
      today_sent: 1,
      this_hour_sent: 1,
      remaining_today: 161,
      remaining_this_hour: 15,
    });
    expect((await send({ from: `a@cold${account.id}.example` })).status).toBe(429);
  });

  it('is the operator’s to set, and nobody else’s to see', async () => {
    const { body: domain } = await call(
      'GET',
      `/admin/v1/accounts/${account.id}/domains/${account.domain}`,
      operator,
    );
    expect((await warm('warmed')).body).toMatchObject({ phase: 'warmed', current_limits: null });
    expect((await warm('off')).body).toMatchObject({ phase: 'off', remaining_today: null });
    expect((await warm('phase_9')).status).toBe(400);
    const other = await newAccount();
    expect((await call('GET', `/v1/domains/${domain.id}/warming`, other.live)).status).toBe(404);
    expect((await call('GET', '/v1/domains/none/warming', account.live)).status).toBe(404);
  });

  it('goes on, waits or goes back by what became of the mail, judged once a day', async () => {
    await warm('phase_2');
    const phase = async () =>
      (await call('GET', `/admin/v1/accounts/${account.id}/domains/${account.domain}/warming`, operator)).body
        .phase;
    const counts = (day: string, delivered: number, bounced: number) =>
      bindings.DB.prepare(
        `INSERT INTO stats (account_id, day, dimension, value, delivered, bounced) VALUES (?, ?, 'domain', ?, ?, ?)`,
      )
        .bind(account.id, day, account.domain, delivered, bounced)
        .run();
    const at = (text: string) => {
      vi.setSystemTime(Date.parse(text));
      return cron(Date.parse(text));
    };
    await counts('20261120', 1000, 0);
    await at('2026-12-01T00:00:05Z');
    expect(await phase()).toBe('phase_2'); // its fourteenth day
    await at('2026-12-02T00:00:05Z');
    expect(await phase()).toBe('phase_3');
    await counts('20261203', 900, 100);
    await at('2026-12-03T12:00:00Z');
    expect(await phase()).toBe('phase_3'); // today is not over
    await at('2026-12-04T00:00:05Z');
    await at('2026-12-04T01:00:05Z');
    expect(await phase()).toBe('phase_2');
  });
});

describe('the rate limit of an account', () => {
  it('lets exactly the limit through, whoever asks at the same time, at no cost', async () => {
    await send();
    const before = costOf(await send());
    await limitAccount(52);
    const answers = await Promise.all(Array.from({ length: 100 }, () => send()));
    expect(statuses(answers)).toEqual({ 202: 50, 429: 50 });
    const accepted = answers.filter((answer) => answer.status === 202);
    expect(Math.max(...accepted.map((answer) => costOf(answer).written))).toBe(before.written);
    expect(answers.find((answer) => answer.status === 429)?.body).toMatchObject({
      limit_type: 'minute',
      limit: 52,
      used: 52,
      retry_after_seconds: 50,
      warming_phase: null,
    });
    vi.setSystemTime(noon + 50_000);
    expect((await send()).status).toBe(202);
  });

  it('answers each message of a batch for itself, and holds with a domain being warmed beside it', async () => {
    await limitAccount(3);
    await warm('phase_3');
    const batch = Array.from({ length: 5 }, () => mail(account));
    const { body } = await call('POST', '/v1/send/batch', account.live, batch);
    expect(body.map((answer: Answer) => answer.status)).toEqual([...Array(3).fill('queued'), 429, 429]);
    const { results } = await bindings.DB.prepare(
      'SELECT minute_used FROM domain_warming WHERE minute_used > 0 AND minute = ?',
    )
      .bind(Math.floor(noon / 60_000))
      .all();
    expect(results.at(-1)).toEqual({ minute_used: 3 });
  });

  it('does not go back with a clock that is behind', async () => {
    await limitAccount(2);
    await send();
    vi.setSystemTime(noon - 30_000);
    await send();
    vi.setSystemTime(noon);
    expect((await send()).status).toBe(429);
  });
});
