import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseEnv } from '../../worker/env.ts';
import { DeliveryRun, longestRunMs } from '../../worker/webhook/run.ts';
import { senderOf } from '../../worker/webhook/sender-of.ts';
import { Internet, ok } from './receiver.ts';
import {
  type Answer,
  bindings,
  call,
  mail,
  migrate,
  newAccount,
  type TestAccount,
  testStore,
} from './support.ts';
import { eventually, newEndpoint, passRetryWaits, setDeliveries, setEndpoint } from './webhook-support.ts';

let account: TestAccount;
let internet: Internet;
beforeAll(migrate);
beforeEach(async () => {
  internet = new Internet();
  account = await newAccount();
});
afterEach(() => {
  vi.useRealTimers();
});

const send = () => call('POST', '/v1/send', account.live, mail(account));
const numberOf = async (publicId: string) =>
  Number(
    (
      await bindings.DB.prepare('SELECT id FROM webhook_endpoints WHERE public_id = ?')
        .bind(publicId)
        .first<{ id: number }>()
    )?.id,
  );
const runOf = async (publicId: string, store = testStore()) => {
  const run = new DeliveryRun({
    store,
    settings: parseEnv(env),
    guard: async () => null,
    endpointId: await numberOf(publicId),
    onDisabled: async () => {},
  });
  return { run, store };
};
/** What happens meanwhile is announced to nobody, so an endpoint's own object does not post beside the run. */
const unannounced = async (work: () => Promise<unknown>) => {
  const set = (flag: number) =>
    bindings.DB.prepare('UPDATE accounts SET webhooks = ? WHERE id = ?').bind(flag, account.id).run();
  await set(0);
  await work();
  await set(1);
};
const stateOf = async (id: string) => (await call('GET', `/v1/webhooks/${id}`, account.live)).body.state;

describe('an endpoint that has failed for five days and recovers (row 9)', () => {
  it('stays enabled when a later try fails: the last success counts, also within one run', async () => {
    let posts = 0;
    const endpoint = await newEndpoint(account, internet, () => {
      posts += 1;
      return new Response(null, { status: posts <= 4 ? 200 : 503 });
    });
    await setEndpoint(endpoint, `failing_since_ms = ${Date.now() - 6 * 86_400_000}`);
    for (let i = 0; i < 5; i++) await send();
    await passRetryWaits(endpoint);
    await eventually(() => expect(posts).toBeGreaterThanOrEqual(5));
    await eventually(async () => {
      const { body } = await call('GET', `/v1/webhook-deliveries?endpoint=${endpoint.id}`, account.live);
      expect(body.data.filter((one: Answer) => one.attempts > 0)).toHaveLength(5);
    });
    expect(await stateOf(endpoint.id)).toBe('active');
  });
});

describe('a run of a sender (row 12)', () => {
  it('posts a retry that falls due while the queue is read, and does not go round until then', async () => {
    const hanging = Promise.withResolvers<Response>();
    const posted: string[] = [];
    const endpoint = await newEndpoint(account, internet, ({ body }) => {
      posted.push(body.id);
      if (posted.length === 1) return new Response(null, { status: 503 });
      if (posted.length === 2) return hanging.promise;
      hanging.resolve(ok());
      return ok();
    });
    await unannounced(async () => {
      for (let i = 0; i < 2; i++) await send();
    });
    const store = testStore();
    /** An answer of the database is held back until then, Unix ms. */
    let heldUntilMs = 0;
    let reads = 0;
    const d1 = new Proxy(store.d1, {
      get: (target, name) =>
        name !== 'batch'
          ? Reflect.get(target, name)
          : async (statements: D1PreparedStatement[]) => {
              const results = await target.batch(statements);
              reads += 1;
              await scheduler.wait(Math.max(0, heldUntilMs - Date.now()));
              return results;
            },
    });
    const { run } = await runOf(endpoint.id, { ...store, d1 });
    const working = run.work();
    await eventually(async () => {
      const { body } = await call('GET', `/v1/webhook-deliveries?endpoint=${endpoint.id}`, account.live);
      expect(body.data.filter((one: Answer) => one.attempts === 1)).toHaveLength(1);
    });
    const dueMs = Date.now() + 3000;
    await setDeliveries(endpoint, `due_ms = ${dueMs}`);
    const before = reads;
    run.poke();
    await eventually(() => expect(reads).toBeGreaterThan(before));
    // It now waits for that time.
    await scheduler.wait(500);
    heldUntilMs = dueMs + 200;
    let looks = 0;
    const now = Date.now.bind(Date);
    vi.spyOn(Date, 'now').mockImplementation(() => {
      looks += 1;
      // Who goes round without waiting would never end.
      if (looks > 5000) throw new Error('the run goes round in a circle');
      return now();
    });
    run.poke();
    await working;
    vi.restoreAllMocks();
    expect(posted).toHaveLength(3);
    expect(posted[2]).toBe(posted[0]);
  });

  it.each([
    ['an event every 10 s and answers after 14 s', 14_000],
    ['an event a second and answers after 1.4 s', 1_400],
  ])('ends in time with %s, and the next one goes on', { timeout: 60_000 }, async (_, answerMs) => {
    const startMs = Date.now();
    let poke = () => {};
    const endpoint = await newEndpoint(account, internet, async () => {
      vi.setSystemTime(Date.now() + answerMs);
      await send();
      poke();
      return ok();
    });
    await send();
    // Its own object must not post beside the run that is looked at.
    vi.useFakeTimers({ toFake: ['Date'], now: startMs });
    const { run, store } = await runOf(endpoint.id);
    poke = () => run.poke();
    const next = await run.work();
    expect(Date.now() - startMs).toBeLessThan(longestRunMs + 2 * 15_000);
    expect(next).toBeLessThanOrEqual(Date.now());
    expect(store.cost.statements).toBeLessThanOrEqual(400);
    const posted = () => internet.to(endpoint.host).map(({ body }) => body.id);
    expect(posted().length * 3 + store.cost.roundTrips).toBeLessThanOrEqual(400);
    expect(run.isAlive()).toBe(true);
    vi.setSystemTime(startMs + longestRunMs + 61_000);
    expect(run.isAlive()).toBe(false);
    const before = posted().length;
    await (await runOf(endpoint.id)).run.work();
    expect(posted().length).toBeGreaterThan(before);
    expect(new Set(posted()).size).toBe(posted().length);
  });

  it('stays within 400 requests with an endpoint that answers at once and has much behind it', {
    timeout: 60_000,
  }, async () => {
    const endpoint = await newEndpoint(account, internet, ok);
    const batch = Array.from({ length: 100 }, () => mail(account));
    await unannounced(async () => {
      for (let i = 0; i < 3; i++) await call('POST', '/v1/send/batch', account.live, batch);
    });
    const runs = [];
    for (let next: number | string | null = 0; next !== null && Number(next) <= Date.now(); ) {
      const { run, store } = await runOf(endpoint.id);
      const before = internet.to(endpoint.host).length;
      next = await run.work();
      const posts = internet.to(endpoint.host).length - before;
      runs.push({ requests: posts * 3 + store.cost.roundTrips, statements: store.cost.statements });
    }
    expect(Math.max(...runs.map(({ requests }) => requests))).toBeLessThanOrEqual(400);
    expect(Math.max(...runs.map(({ statements }) => statements))).toBeLessThanOrEqual(400);
    const ids = internet.to(endpoint.host).map(({ body }) => body.id);
    expect([ids.length, new Set(ids).size]).toEqual([300, 300]);
  });

  it('that was cut off has what it posted posted again, under the same id', async () => {
    const begun = Promise.withResolvers<void>();
    const endpoint = await newEndpoint(account, internet, () => {
      if (internet.to(endpoint.host).length > 1) return ok();
      begun.resolve();
      return new Promise<Response>(() => undefined);
    });
    await unannounced(send);
    void (await runOf(endpoint.id)).run.work();
    await begun.promise;
    await (await runOf(endpoint.id)).run.work();
    const [first, again] = internet.to(endpoint.host).map(({ headers }) => headers['webhook-id']);
    expect(again).toBe(first);
  });

  it('that was cut off and whose alarm is tried again is looked at when it must be over', async () => {
    const endpoint = await newEndpoint(account, internet, ok);
    const id = await numberOf(endpoint.id);
    const stub = senderOf(parseEnv(env).bindings.SENDER, id);
    const deadAtMs = Date.now() + 3_600_000;
    await runInDurableObject(stub, async (object, { storage }) => {
      await storage.put('endpointId', id);
      await storage.deleteAlarm();
      const run = { isAlive: () => true, deadAtMs, poke: () => {}, reload: () => {} };
      (object as unknown as { run: object }).run = run;
      await object.alarm?.();
      expect(await storage.getAlarm()).toBe(deadAtMs);
    });
  });

  it('that was cut off leaves its object able to hear', async () => {
    const endpoint = await newEndpoint(account, internet, ok);
    const id = await numberOf(endpoint.id);
    const stub = senderOf(parseEnv(env).bindings.SENDER, id);
    await stub.poke(id);
    await runInDurableObject(stub, (object) => {
      // What the platform leaves of a run whose invocation it has ended: an object that never answers.
      (object as unknown as { run: object }).run = { isAlive: () => false, poke: () => {}, reload: () => {} };
    });
    await send();
    await stub.poke(id);
    await eventually(() => expect(internet.to(endpoint.host)).toHaveLength(1));
  });
});
