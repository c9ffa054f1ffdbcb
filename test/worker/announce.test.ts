import {
  createExecutionContext,
  createMessageBatch,
  createScheduledController,
  getQueueResult,
} from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { DeliveryPointers } from '../../worker/env.ts';
import { Announcer, type Channels } from '../../worker/hub/announcer.ts';
import { hubOf } from '../../worker/hub/hub-of.ts';
import worker from '../../worker/index.ts';
import {
  type Answer,
  bindings,
  call,
  delivered,
  mail,
  meteredEnv,
  migrate,
  newAccount,
  nodeToken,
  request,
  result,
  type TestAccount,
  TestNode,
} from './support.ts';

let account: TestAccount;
beforeAll(async () => {
  await migrate();
  account = await newAccount();
});
const sockets: WebSocket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
});

/** A node that listens: `wake` comes true with the first wake. */
async function listen(): Promise<{ socket: WebSocket; next: () => Promise<string> }> {
  const response = await request('/node/v1/wake', {
    headers: { Authorization: `Bearer ${await nodeToken()}`, Upgrade: 'websocket' },
  });
  expect(response.status).toBe(101);
  const socket = response.webSocket;
  if (!socket) throw new Error('no WebSocket');
  const heard: string[] = [];
  let tell: (() => void) | null = null;
  socket.addEventListener('message', ({ data }) => {
    heard.push(String(data));
    tell?.();
  });
  socket.accept();
  sockets.push(socket);
  return {
    socket,
    next: async () => {
      while (heard.length === 0) {
        await new Promise<void>((resolve) => {
          tell = resolve;
        });
      }
      return heard.shift() ?? '';
    },
  };
}

const send = (more: Record<string, unknown> = {}) =>
  call('POST', '/v1/send', account.live, mail(account, more));
const cron = async (time: Date, environment: object = env) =>
  await worker.scheduled(createScheduledController({ scheduledTime: time, cron: '* * * * *' }), environment);

describe('a listening node', () => {
  it('is woken after a send, through the hub', async () => {
    const { next } = await listen();
    await send();
    expect(await next()).toBe('wake');
  });

  it('is woken with all the others', async () => {
    const nodes = await Promise.all([listen(), listen(), listen()]);
    await send();
    expect(await Promise.all(nodes.map((n) => n.next()))).toEqual(['wake', 'wake', 'wake']);
  });

  it('is woken when another gives work back', async () => {
    await send();
    const node = await new TestNode().hello();
    const { deliveries } = await node.lease(500);
    const { next } = await listen();
    await node.post('release', { leases: deliveries });
    expect(await next()).toBe('wake');
  });

  it('may ask whether it is still heard', async () => {
    const { socket, next } = await listen();
    socket.send('ping');
    expect(await next()).toBe('pong');
  });

  it('must come with a WebSocket', async () => {
    const response = await request('/node/v1/wake', {
      headers: { Authorization: `Bearer ${await nodeToken()}` },
    });
    expect(response.status).toBe(426);
  });
});

describe('the sweep', () => {
  it('wakes the nodes when something is due that nobody has, whatever became of its announcement', async () => {
    const sendAt = Date.now() + 3_600_000;
    await send({ send_at: new Date(sendAt).toISOString() });
    await drain();
    const { next, socket } = await listen();
    await cron(new Date(Date.UTC(2026, 0, 1, 0, 1)));
    socket.send('ping');
    expect(await next()).toBe('pong'); // nothing is due: no wake came before the answer
    await cron(new Date(sendAt + 60_000 - ((sendAt + 60_000) % 3_600_000) + 60_000 * 61));
    expect(await next()).toBe('wake');
  });

  describe('has a message leased at its time or at most a minute later, by its own word alone', () => {
    const startMs = Date.UTC(2027, 2, 3, 12);
    const minuteMs = 60_000;
    const at = (ms: number) => {
      vi.useFakeTimers({ toFake: ['Date'] });
      vi.setSystemTime(ms);
    };
    afterEach(() => {
      vi.useRealTimers();
    });

    it.each([
      ['on a tick', 10 * minuteMs],
      ['just after a tick', 10 * minuteMs + 1],
      ['between the time of a tick and its late start', 10 * minuteMs + 12_000],
      ['just before a tick', 11 * minuteMs - 1],
      ['later than the queue can wait', 20 * 60 * minuteMs + 30_000],
      ['weeks later', 29 * 24 * 60 * minuteMs + 59_999],
    ])('%s', async (_, delayMs) => {
      at(startMs);
      await drain();
      const { next, socket } = await listen();
      const losing = {
        ...meteredEnv,
        DELIVERY: { send: async () => undefined, sendBatch: async () => undefined },
      };
      const dueMs = startMs + delayMs;
      const { status } = await request(
        '/v1/send',
        {
          method: 'POST',
          headers: { Authorization: `Bearer ${account.live}`, 'Content-Type': 'application/json' },
          body: JSON.stringify(mail(account, { send_at: new Date(dueMs).toISOString() })),
        },
        losing,
      );
      expect(status).toBe(202);
      const node = await new TestNode('woken').hello();
      const leasedAtMs: number[] = [];
      const tick = dueMs - (dueMs % minuteMs);
      for (const tickMs of [-2, -1, 0, 1, 2, 3].map((minutes) => tick + minutes * minuteMs)) {
        at(tickMs + 20_000); // the platform may begin a tick late
        await cron(new Date(tickMs), losing);
        socket.send('ping');
        for (let heard = await next(); heard !== 'pong'; heard = await next()) {
          const { deliveries } = await node.lease(10);
          leasedAtMs.push(...deliveries.map(() => Date.now()));
          await deliver(node, deliveries);
        }
      }
      expect(leasedAtMs).toHaveLength(1);
      const [lateMs = Number.NaN] = leasedAtMs.map((ms) => ms - dueMs);
      expect(lateMs).toBeGreaterThanOrEqual(0);
      expect(lateMs).toBeLessThanOrEqual(minuteMs);
    });
  });

  async function deliver(node: TestNode, deliveries: Answer[]) {
    await node.post('results', { results: deliveries.map((one) => result(one, delivered)) });
  }

  /** Whatever is due is delivered. */
  async function drain() {
    const node = await new TestNode('drain').hello();
    for (;;) {
      const { deliveries } = await node.lease(200);
      if (deliveries.length === 0) return;
      await deliver(node, deliveries);
    }
  }
});

describe('the consumer of the queue', () => {
  it('acknowledges pointers of both forms, and leaves what is not ours in the queue, whatever its name is', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    for (const queue of ['pennypost-delivery', 'pennypost-webhook', 'delivery', 'webhook', 'orders']) {
      const bodies = [
        { pointers: [{ messageId: 'x', class: 'standard' }] },
        'foreign',
        { accountIds: [999_999] },
        { order: 7 },
      ];
      const messages = bodies.map((body, i) => ({ id: `${i}`, timestamp: new Date(), attempts: 1, body }));
      const batch = createMessageBatch<unknown>(queue, messages);
      await worker.queue(batch, env);
      const outcome = await getQueueResult(batch, createExecutionContext());
      expect(outcome.outcome).toBe('ok');
      expect(outcome.ackAll).toBe(false);
      expect(outcome.explicitAcks).toEqual(['0', '2']);
      expect(outcome.retryMessages.map(({ msgId }) => msgId)).toEqual(['1', '3']);
    }
    vi.restoreAllMocks();
  });
});

/** A queue that keeps what it is sent. */
class KeptQueue {
  sent: { pointers: number; delaySeconds: number | undefined }[] = [];
  async send(body: DeliveryPointers, options?: { delaySeconds?: number }): Promise<never> {
    this.sent.push({ pointers: body.pointers.length, delaySeconds: options?.delaySeconds });
    return undefined as never;
  }
  batches = 0;
  async sendBatch(messages: Iterable<MessageSendRequest<DeliveryPointers>>): Promise<never> {
    this.batches += 1;
    for (const { body, delaySeconds } of messages) await this.send(body, { delaySeconds });
    return undefined as never;
  }
  get queue() {
    return this as unknown as Queue<DeliveryPointers>;
  }
}

/** A hub each of whose wakes ends when the test says so. */
class SlowHub extends KeptQueue {
  wakes = 0;
  private open: PromiseWithResolvers<void>[] = [];
  get channels(): Channels {
    const wake = () => {
      this.wakes += 1;
      const one = Promise.withResolvers<void>();
      this.open.push(one);
      return one.promise;
    };
    return { wake, queue: this.queue };
  }
  finish() {
    for (const one of this.open.splice(0)) one.resolve();
  }
  fail() {
    for (const one of this.open.splice(0)) one.reject(new Error('away'));
  }
}
const pointers = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ messageId: `${i}`, class: 'standard' }));

describe('announcing what is due now', () => {
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  it('makes one further wake for all that comes during a wake, and no queue message', async () => {
    const hub = new SlowHub();
    const announcer = new Announcer();
    const first = announcer.announce(hub.channels, pointers(1));
    for (let i = 0; i < 30; i++) await announcer.announce(hub.channels, pointers(1));
    expect(hub.wakes).toBe(1);
    hub.finish();
    await vi.waitFor(() => expect(hub.wakes).toBe(2));
    hub.finish();
    await first;
    expect(hub.wakes).toBe(2);
    await Promise.all([announcer.announce(hub.channels, pointers(1)), hub.finish()]);
    expect(hub.wakes).toBe(3);
    expect(hub.sent).toEqual([]);
  });

  it('asks the hub a bounded number of times in one request, however many others come', async () => {
    let wakes = 0;
    let others: Promise<void> = Promise.resolve();
    const announcer = new Announcer();
    const channels: Channels = {
      queue: new KeptQueue().queue,
      wake: async () => {
        wakes += 1;
        if (wakes < 200) others = announcer.announce(channels, pointers(1));
      },
    };
    await announcer.announce(channels, pointers(1));
    expect(wakes).toBeLessThanOrEqual(100);
    const before = wakes;
    // The last of them has taken the turn over.
    await others;
    await vi.waitFor(() => expect(wakes).toBe(200));
    expect(before).toBeLessThan(wakes);
  });

  it('goes by the queue when a wake fails, and goes on', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const hub = new SlowHub();
    const announcer = new Announcer();
    const first = announcer.announce(hub.channels, pointers(3));
    await announcer.announce(hub.channels, pointers(600));
    await announcer.announce(hub.channels, pointers(600));
    hub.fail();
    await vi.waitFor(() => expect(hub.wakes).toBe(2));
    hub.fail();
    await first;
    expect(hub.sent.map((sent) => sent.pointers)).toEqual([3, 500]);
    void announcer.announce(hub.channels, pointers(1));
    expect(hub.wakes).toBe(3);
  });

  it('goes by the queue when the hub does not answer for five seconds', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    vi.useFakeTimers();
    const hub = new SlowHub();
    const done = new Announcer().announce(hub.channels, pointers(1));
    await vi.advanceTimersByTimeAsync(4_900);
    expect(hub.sent).toEqual([]);
    await vi.advanceTimersByTimeAsync(200);
    await done;
    expect(hub.sent).toHaveLength(1);
  });

  it('tells its caller when the queue is away too, and goes on', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const broken = { send: () => Promise.reject(new Error('queue away')) } as unknown as KeptQueue['queue'];
    const hub = new SlowHub();
    const announcer = new Announcer();
    const failed = announcer.announce({ ...hub.channels, queue: broken }, pointers(1));
    hub.fail();
    await expect(failed).rejects.toThrow('queue away');
    void announcer.announce(hub.channels, pointers(1));
    expect(hub.wakes).toBe(2);
  });

  it('is not held up by a request that ended in the midst of it', async () => {
    vi.useFakeTimers();
    const hub = new SlowHub();
    const announcer = new Announcer();
    const dead: Channels = { ...hub.channels, wake: () => new Promise(() => undefined) };
    void announcer.announce(dead, pointers(1));
    vi.clearAllTimers(); // its background work was ended, its timers with it
    await announcer.announce(hub.channels, pointers(1));
    expect(hub.wakes).toBe(0);
    vi.setSystemTime(Date.now() + 6_000);
    void announcer.announce(hub.channels, pointers(1));
    expect(hub.wakes).toBe(1);
  });

  it('hands on to the next request after ten seconds, with nothing left out', async () => {
    vi.useFakeTimers();
    const hub = new SlowHub();
    const announcer = new Announcer();
    let over = false;
    const first = announcer.announce(hub.channels, pointers(1)).then(() => {
      over = true;
    });
    for (let second = 0; second < 10; second++) {
      await announcer.announce(hub.channels, pointers(1));
      await vi.advanceTimersByTimeAsync(1_000);
      hub.finish();
      await vi.advanceTimersByTimeAsync(0);
    }
    expect(hub.wakes).toBe(11); // the last is under way, for what came in the tenth second
    void announcer.announce(hub.channels, pointers(1));
    expect(hub.wakes).toBe(12); // of the next request, beside it
    hub.finish();
    await first;
    expect(over).toBe(true);
  });
});

describe('announcing what is due later', () => {
  it('rides the queue for up to twelve hours, and leaves what is later to the sweep', async () => {
    const kept = new KeptQueue();
    const announcer = new Announcer();
    const at = (dueMs: number) => pointers(1).map((pointer) => ({ ...pointer, dueMs }));
    await announcer.announceAt(kept.queue, at(61_500), 1000);
    await announcer.announceAt(kept.queue, at(0), 1000);
    await announcer.announceAt(kept.queue, at(12 * 3_600_000 + 1001), 0);
    expect(kept.sent.map((s) => s.delaySeconds)).toEqual([61, 0]);
  });

  it('is told in one call, to the second', async () => {
    const kept = new KeptQueue();
    const work = [5_000, 4_001, 5_001, 13 * 3_600_000].map((dueMs) => ({
      messageId: 'x',
      class: 'standard',
      dueMs,
    }));
    await new Announcer().announceAt(kept.queue, work, 0);
    expect(kept.batches).toBe(1);
    expect(kept.sent).toEqual([
      { pointers: 2, delaySeconds: 5 },
      { pointers: 1, delaySeconds: 6 },
    ]);
  });

  it('puts retries that are due at about the same time into one message, none before it is due', async () => {
    const kept = new KeptQueue();
    const retries = [60_000, 60_001, 64_999, 65_000].map((dueMs) => ({
      messageId: 'x',
      class: 'standard',
      dueMs,
    }));
    await new Announcer().announceRetries(kept.queue, retries, 0);
    expect(kept.sent).toEqual([
      { pointers: 1, delaySeconds: 60 },
      { pointers: 3, delaySeconds: 65 },
    ]);
  });

  it('gathers 200 retries that are hours away in one call of a few messages, none before it is due (row 14)', async () => {
    const kept = new KeptQueue();
    const dues = Array.from({ length: 200 }, (_, i) => Math.round(4 * 3_600_000 * (0.9 + (0.2 * i) / 200)));
    const retries = dues.map((dueMs) => ({ messageId: 'x', class: 'standard', dueMs }));
    await new Announcer().announceRetries(kept.queue, retries, 0);
    expect(kept.batches).toBe(1);
    expect(kept.sent.length).toBeLessThanOrEqual(8);
    expect(kept.sent.reduce((sum, { pointers }) => sum + pointers, 0)).toBe(200);
    const told = kept.sent.flatMap(({ pointers, delaySeconds = 0 }) =>
      Array(pointers).fill(delaySeconds * 1000),
    );
    const late = dues.map((dueMs, i) => (told.sort((a, b) => a - b)[i] - dueMs) / dueMs);
    expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...late)).toBeLessThan(1 / 16);
  });
});

describe('a crowd of sends', () => {
  it('asks the hub a few times for 200 at once, the last time after the last of them is stored', async () => {
    await send(); // the tables of the week are there
    const { next, socket } = await listen();
    const stored = await bindings.DB.prepare(
      "SELECT name FROM sqlite_master WHERE name GLOB 'deliveries_20*'",
    )
      .all<{ name: string }>()
      .then(({ results }) =>
        results.map(({ name }) => `SELECT count(*) AS n FROM "${name}" WHERE due_ms > 0`),
      );
    const count = async () =>
      (await bindings.DB.batch<{ n: number }>(stored.map((text) => bindings.DB.prepare(text)))).reduce(
        (sum, { results }) => sum + (results[0]?.n ?? 0),
        0,
      );
    const before = await count();
    const seenByWakes: Promise<number>[] = [];
    const HUB = {
      idFromName: (name: string) => bindings.HUB.idFromName(name),
      get: () => ({
        wake: async () => {
          seenByWakes.push(count());
          return await hubOf(bindings.HUB).wake([0]);
        },
      }),
    };
    const queued: unknown[] = [];
    const DELIVERY = { send: async (body: unknown) => queued.push(body) };
    const answers = await Promise.all(
      Array.from({ length: 200 }, () =>
        request(
          '/v1/send',
          {
            method: 'POST',
            headers: { Authorization: `Bearer ${account.live}`, 'Content-Type': 'application/json' },
            body: JSON.stringify(mail(account)),
          },
          { ...meteredEnv, HUB, DELIVERY },
        ),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 200 }, () => 202));
    expect(seenByWakes.length).toBeLessThanOrEqual(50);
    expect(await seenByWakes.at(-1)).toBe(before + 200);
    expect(queued).toEqual([]);
    expect(await next()).toBe('wake');
    socket.close();
  });

  it('goes by the queue when the hub is away, and the client hears nothing of it', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const HUB = {
      idFromName: () => 'hub',
      get: () => ({ wake: () => Promise.reject(new Error('overloaded')) }),
    };
    const kept = new KeptQueue();
    const response = await request(
      '/v1/send',
      {
        method: 'POST',
        headers: { Authorization: `Bearer ${account.live}`, 'Content-Type': 'application/json' },
        body: JSON.stringify(mail(account)),
      },
      { ...meteredEnv, HUB, DELIVERY: kept },
    );
    expect(response.status).toBe(202);
    expect(kept.sent).toEqual([{ pointers: 1, delaySeconds: undefined }]);
    vi.restoreAllMocks();
  });
});
