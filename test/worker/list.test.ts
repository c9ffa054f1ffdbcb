import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Answer, call, mail, migrate, newAccount, type TestAccount } from './support.ts';

let account: TestAccount;
/** Subjects in the order of acceptance, over three weeks. */
const sent: string[] = [];
const weeks = [Date.UTC(2026, 10, 4), Date.UTC(2026, 10, 11), Date.UTC(2026, 10, 18)];
const at = (ms: number) => {
  vi.useFakeTimers({ toFake: ['Date'] });
  vi.setSystemTime(ms);
};

beforeAll(async () => {
  await migrate();
  at(weeks[0] ?? 0);
  account = await newAccount();
  for (const [w, ms] of weeks.entries()) {
    at(ms);
    for (let i = 0; i < 7; i++) {
      const subject = `Week ${w} number ${i}`;
      sent.push(subject);
      const more = {
        subject,
        tags: [`week${w}`, `odd${i % 2}`],
        ...(i === 5 ? { stream: 'fifth' } : {}),
        to: [`u${i}@example.net`, 'all@example.net'],
      };
      await call('POST', '/v1/send', account.live, mail(account, more));
    }
  }
  vi.useRealTimers();
  at((weeks[2] ?? 0) + 1000);
  await call(
    'POST',
    '/v1/send',
    account.test,
    mail(account, { subject: 'Simulated', from: `Other@${account.domain}` }),
  );
  sent.push('Simulated');
});
afterEach(() => at((weeks[2] ?? 0) + 2000));

const list = async (query: string) => {
  at((weeks[2] ?? 0) + 2000);
  return await call('GET', `/v1/emails?${query}`, account.live);
};
const subjects = async (query: string) => (await list(query)).body.data.map((m: Answer) => m.subject);

describe('the list of messages', () => {
  it('is newest first, over all weeks', async () => {
    expect(await subjects('')).toEqual(sent.toReversed());
  });

  it('can be paged through in steps of any size without a gap or a double', async () => {
    for (const limit of [1, 3, 7, 8, 22, 100]) {
      const found: string[] = [];
      for (let offset = 0; ; offset += limit) {
        const { body } = await list(`limit=${limit}&offset=${offset}`);
        expect(body).toMatchObject({ limit, offset });
        found.push(...body.data.map((m: Answer) => m.subject));
        expect(body.has_more).toBe(found.length < sent.length);
        if (!body.has_more) break;
      }
      expect(found).toEqual(sent.toReversed());
    }
  });

  it('past its end is empty', async () => {
    expect((await list('offset=1000')).body).toMatchObject({ data: [], has_more: false });
  });

  it('is filtered by each of its fields, and by several', async () => {
    expect(await subjects('tag=week1')).toHaveLength(7);
    expect(await subjects('tag=week')).toEqual([]);
    expect(await subjects('to=u3@example.net')).toHaveLength(3);
    expect(await subjects('subject=NUMBER+3')).toHaveLength(3);
    expect(await subjects('subject=%25')).toEqual([]);
    expect(await subjects('stream=fifth&tag=week0')).toEqual(['Week 0 number 5']);
    expect(await subjects('stream=transactional')).toHaveLength(sent.length - 3);
    expect(await subjects('status=simulated')).toEqual(['Simulated']);
    expect(await subjects('status=delivered')).toEqual([]);
    expect(await subjects(`from=Other@${account.domain}`)).toEqual(['Simulated']);
    expect(await subjects('tag=week1&to=u3@example.net&status=queued')).toEqual(['Week 1 number 3']);
    expect(await subjects("tag=' OR 1=1 --")).toEqual([]);
  });

  it('is paged through under a filter as well', async () => {
    const found: string[] = [];
    for (let offset = 0; offset < 9; offset += 2) {
      found.push(...(await subjects(`tag=odd1&limit=2&offset=${offset}`)));
    }
    expect(found).toEqual(sent.filter((s) => /[135]$/.test(s)).toReversed());
  });

  it('is 50 long by default', async () => {
    expect((await list('')).body.limit).toBe(50);
  });

  it.each(['limit=0', 'limit=101', 'limit=x', 'limit=1.5', 'offset=-1', 'offset=x', 'status=lost', 'limit='])(
    'is not asked for with %s: 400',
    async (query) => {
      const { status, body } = await list(query);
      expect([status, body.code]).toEqual([400, 'invalid_body']);
      expect(body.errors[0].pointer).toBe(query.split('=')[0]);
    },
  );

  it('holds nothing of another account', async () => {
    const other = await newAccount();
    expect((await call('GET', '/v1/emails', other.live)).body.data).toEqual([]);
  });
});
