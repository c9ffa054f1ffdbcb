import { createScheduledController } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { uuidV7 } from '#domain/message/ids.ts';
import { untracked } from '#domain/message/tracking.ts';
import worker from '../../worker/index.ts';
import { type GateCredential, writeAcceptance } from '../../worker/store/acceptance.ts';
import { ensureHomeTables } from '../../worker/store/home-tables.ts';
import {
  bindings,
  call,
  incompressible,
  mail,
  meteredEnv,
  migrate,
  newAccount,
  rawOf,
  type TestAccount,
  TestNode,
  testStore,
} from './support.ts';

const startMs = Date.UTC(2026, 10, 18, 12);
const dayMs = 86_400_000;
const at = (ms: number) => {
  vi.useFakeTimers({ toFake: ['Date'] });
  vi.setSystemTime(ms);
};

let account: TestAccount;
beforeAll(async () => {
  at(startMs);
  await migrate();
  account = await newAccount();
});
afterEach(() => {
  vi.useRealTimers();
});

const tables = async () =>
  (
    await bindings.DB.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").all<{
      name: string;
    }>()
  ).results.map((row) => row.name);
const housekeep = async (ms: number) => {
  at(ms);
  await worker.scheduled(createScheduledController({ scheduledTime: new Date(ms), cron: '* * * * *' }), env);
};
const send = async (more: Record<string, unknown> = {}) =>
  (await call('POST', '/v1/send', account.live, mail(account, more))).body.message_id as string;
const large = { text_body: incompressible(60_000) };

describe('housekeeping', () => {
  it("makes next week's tables ahead, and those of every day on which a body may be due", async () => {
    await housekeep(startMs);
    const names = await tables();
    for (const name of ['messages_2026w48', 'deliveries_2026w48', 'events_2026w48', 'bodies_20261218']) {
      expect(names).toContain(name);
    }
  });

  it('removes bodies after their days, messages after theirs, and writes no row to do so', async () => {
    at(startMs);
    const small = await send();
    const big = await send(large);
    await housekeep(startMs + 4 * dayMs);
    expect(await rawOf(small)).toContain('Subject');
    expect(await rawOf(big)).toContain('Subject');
    await housekeep(startMs + 5 * dayMs);
    expect(await tables()).not.toContain('bodies_20261118');
    expect((await bindings.RAW.list({ prefix: 'raw/' })).objects).toEqual([]);
    await expect(rawOf(small)).rejects.toThrow('there is no raw message');
    await expect(rawOf(big)).rejects.toThrow('there is no raw message');
    const shown = await call('GET', `/v1/emails/${small}`, account.live);
    expect(shown.body.subject).toBe('Your receipt');
    await housekeep(startMs + 30 * dayMs);
    expect(await tables()).toContain('messages_2026w47');
    await housekeep(startMs + 45 * dayMs);
    const names = await tables();
    for (const kind of ['messages', 'deliveries', 'events']) expect(names).not.toContain(`${kind}_2026w47`);
    expect((await call('GET', `/v1/emails/${small}`, account.live)).status).toBe(404);
    expect((await call('GET', '/v1/events', account.live)).body.data).toEqual([]);
    expect(names).toContain('accounts');
  });

  it('removes more large bodies than one page of R2 holds', async () => {
    const old = `raw/20260101/`;
    for (let i = 0; i < 1010; i += 101) {
      await Promise.all(Array.from({ length: 101 }, (_, j) => bindings.RAW.put(`${old}${i + j}`, 'x')));
    }
    await bindings.RAW.put('raw/20261118/kept', 'x');
    await housekeep(startMs);
    expect((await bindings.RAW.list({ prefix: 'raw/' })).objects.map((o) => o.key)).toEqual([
      'raw/20261118/kept',
    ]);
    await bindings.RAW.delete('raw/20261118/kept');
  });

  it('keeps the body of a scheduled message until its days after it is due are over', async () => {
    at(startMs);
    const ids = [
      await send({ send_at: '2026-12-10T00:00:00Z' }),
      await send({ send_at: '2026-12-10T00:00:00Z', ...large }),
    ];
    await housekeep(Date.UTC(2026, 11, 13));
    for (const id of ids) expect(await rawOf(id)).toContain('Subject');
  });

  it('forgets idempotency keys whose time is over, and no others', async () => {
    at(startMs);
    await call('POST', '/v1/send', account.live, mail(account), { 'Idempotency-Key': 'old' });
    at(startMs + 23 * 3_600_000);
    await call('POST', '/v1/send', account.live, mail(account), { 'Idempotency-Key': 'young' });
    await housekeep(startMs + dayMs);
    const { results } = await bindings.DB.prepare('SELECT key FROM idempotency_keys').all();
    expect(results).toEqual([{ key: 'young' }]);
  });

  it('may be done again and again, and before anything was ever sent', async () => {
    await ensureHomeTables(testStore(), startMs);
    await ensureHomeTables(testStore(), startMs);
    // So many tables are dropped in steps.
    for (let minute = 0; minute < 5; minute++) await housekeep(startMs + 400 * dayMs + minute * 60_000);
    expect((await tables()).filter((name) => name.startsWith('messages_'))).toHaveLength(7);
  });
});

describe('a table that an older version made', () => {
  it('gets the columns that it lacks from whoever needs them first, and keeps its rows', async () => {
    at(startMs);
    await ensureHomeTables(testStore(), startMs);
    const older = { ...meteredEnv, WRITES_ROWS: '1' };
    const accepted = await call('POST', '/v1/send', account.live, mail(account), {}, older);
    const before = accepted.body.message_id;
    const drop = async (table: string, column: string) =>
      await bindings.DB.prepare(`ALTER TABLE "${table}" DROP COLUMN "${column}"`).run();
    await drop('messages_2026w47', 'tracked');
    await drop('bodies_20261118', 'gzip');
    const { deliveries } = await (await new TestNode().hello()).lease();
    expect(deliveries).toMatchObject([{ messageId: before, raw: expect.stringContaining('Subject') }]);
    await drop('bodies_20261118', 'gzip');
    const results = await Promise.all(Array.from({ length: 5 }, () => send()));
    expect(new Set(results).size).toBe(5);
    for (const id of [before, ...results]) {
      expect(await rawOf(id)).toContain('Subject');
      const { body } = await call('GET', `/v1/emails/${id}`, account.live);
      expect(body).toMatchObject({ track_opens: false, track_clicks: false, unsubscribe: false });
    }
    await drop('messages_2026w47', 'tracked');
    await housekeep(startMs);
    expect(await send()).toBeTruthy();
  });
});

describe('a missing table', () => {
  it('is made on demand by whoever needs it first', async () => {
    for (const name of (await tables()).filter((n) => /^(messages|deliveries|events|bodies)_/.test(n))) {
      await bindings.DB.prepare(`DROP TABLE ${name}`).run();
    }
    at(startMs);
    expect((await call('GET', '/v1/emails', account.live)).body.data).toEqual([]);
    const id = await send();
    const { deliveries } = await (await new TestNode().hello()).lease();
    expect(deliveries).toMatchObject([{ messageId: id }]);
  });
});

describe('an acceptance whose end is not known', () => {
  const credential: GateCredential = {
    id: 1,
    home: 0,
    accountId: 1,
    domainsOf: 1,
    username: 'x',
    environment: 'live',
    scopes: ['send'],
    domains: null,
    revoked: false,
    accountStatus: 'active',
    accountStatusReason: null,
    messagesPerMinute: 60_000,
    lastUsedAtMs: startMs,
    webhooks: false,
    mail: { trackOpens: false, trackClicks: false, unsubscribe: false, contentDays: 3 },
  };

  it('keeps its large body, since the transaction may have been committed', async () => {
    at(startMs);
    const store = testStore();
    const lostAnswer = {
      ...store,
      d1: new Proxy(store.d1, {
        get: (target, name) =>
          name === 'batch'
            ? async (statements: D1PreparedStatement[]) => {
                await target.batch(statements);
                throw new Error('D1_ERROR: Network connection lost.');
              }
            : Reflect.get(target, name),
      }),
    };
    const id = uuidV7(startMs, new Uint8Array(10));
    const raw = `From: a@b.example\r\n\r\n${incompressible(60_000)}`;
    const written = writeAcceptance(lostAnswer, {
      credential: { ...credential, accountId: account.id },
      counts: [],
      placed: new Map(),
      nowMs: startMs,
      idempotency: null,
      messages: [
        {
          id,
          class: 'standard',
          stream: 'transactional',
          fromAddress: 'a@b.example',
          fromHeader: 'a@b.example',
          addressees: { to: [], cc: [] },
          subject: '',
          tags: [],
          metadata: {},
          source: 'api',
          signingDomain: 'b.example',
          messageIdHeader: '<x@b.example>',
          smtputf8: false,
          eightBit: false,
          testMode: false,
          tls: 'policy',
          tracked: untracked,
          firstDueMs: startMs,
          counted: 0,
          raw,
          deliveries: [
            {
              recipient: 'u@example.net',
              domain: 'example.net',
              state: 'queued',
              held: null,
              event: null,
              reason: null,
              simulated: false,
            },
          ],
        },
      ],
    });
    await expect(written).rejects.toThrow('Network connection lost');
    const objects = await bindings.RAW.list({ prefix: 'raw/20261118/' });
    expect(objects.objects.map((o) => o.key)).toContain(`raw/20261118/${id}`);
  });
});
