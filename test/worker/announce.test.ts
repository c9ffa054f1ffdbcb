import {
  createExecutionContext,
  createMessageBatch,
  createScheduledController,
  getQueueResult,
} from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { DeliveryPointers } from '../../worker/env.ts';
import worker from '../../worker/index.ts';
import { Announcer } from '../../worker/intake/announcer.ts';
import {
  bindings,
  call,
  delivered,
  mail,
  migrate,
  newAccount,
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
    headers: { Authorization: `Bearer ${bindings.NODE_TOKEN}`, Upgrade: 'websocket' },
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
const cron = async (time: Date) =>
  await worker.scheduled(createScheduledController({ scheduledTime: time, cron: '* * * * *' }), env);

describe('a listening node', () => {
  it('is woken after a send, through the queue and the hub', async () => {
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
      headers: { Authorization: `Bearer ${bindings.NODE_TOKEN}` },
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

  /** Whatever is due is delivered. */
  async function drain() {
    const node = await new TestNode('drain').hello();
    for (;;) {
      const { deliveries } = await node.lease(200);
      if (deliveries.length === 0) return;
      await node.post('results', {
        results: deliveries.map((d: Parameters<typeof result>[0]) => result(d, delivered)),
      });
    }
  }
});

describe('the consumer of the queue', () => {
  it('acknowledges pointers, and drops what is not of their form instead of trying it again', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const batch = createMessageBatch<unknown>('delivery', [
      {
        id: '1',
        timestamp: new Date(),
        attempts: 1,
        body: { pointers: [{ messageId: 'x', class: 'standard' }] },
      },
      { id: '2', timestamp: new Date(), attempts: 1, body: 'foreign' },
    ]);
    await worker.queue(batch, env);
    const outcome = await getQueueResult(batch, createExecutionContext());
    expect(outcome.outcome).toBe('ok');
    expect(outcome.ackAll || outcome.explicitAcks.length === 2).toBe(true);
    expect(outcome.retryMessages).toEqual([]);
    vi.restoreAllMocks();
  });
});

/** A queue that keeps what it is sent, each send ending when the test says so. */
class SlowQueue {
  sent: { pointers: number; delaySeconds: number | undefined }[] = [];
  private open: (() => void)[] = [];
  async send(body: DeliveryPointers, options?: { delaySeconds?: number }): Promise<never> {
    this.sent.push({ pointers: body.pointers.length, delaySeconds: options?.delaySeconds });
    await new Promise<void>((resolve) => this.open.push(resolve));
    return undefined as never;
  }
  finish() {
    for (const done of this.open.splice(0)) done();
  }
  get queue() {
    return this as unknown as Queue<DeliveryPointers>;
  }
}
const pointers = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ messageId: `${i}`, class: 'standard' }));

describe('announcing', () => {
  it('lets what comes during a send go along with the next one', async () => {
    const slow = new SlowQueue();
    const announcer = new Announcer();
    const first = announcer.announce(slow.queue, pointers(1));
    for (let i = 0; i < 30; i++) await announcer.announce(slow.queue, pointers(1));
    slow.finish();
    await vi.waitFor(() => expect(slow.sent).toHaveLength(2));
    slow.finish();
    await first;
    expect(slow.sent.map((s) => s.pointers)).toEqual([1, 30]);
  });

  it('goes on after a send that failed', async () => {
    const announcer = new Announcer();
    const broken = { send: () => Promise.reject(new Error('away')) } as unknown as Queue<DeliveryPointers>;
    await expect(announcer.announce(broken, pointers(1))).rejects.toThrow('away');
    const slow = new SlowQueue();
    const next = announcer.announce(slow.queue, pointers(2));
    slow.finish();
    await next;
    expect(slow.sent.map((s) => s.pointers)).toEqual([2]);
  });

  it('rides the queue for up to twelve hours, and leaves what is later to the sweep', async () => {
    const slow = new SlowQueue();
    const announcer = new Announcer();
    void announcer.announceAt(slow.queue, pointers(1), 61_500, 1000);
    void announcer.announceAt(slow.queue, pointers(1), 0, 1000);
    await announcer.announceAt(slow.queue, pointers(1), 12 * 3_600_000 + 1001, 0);
    expect(slow.sent.map((s) => s.delaySeconds)).toEqual([61, 0]);
  });

  it('puts retries that are due at about the same time into one message, none before it is due', async () => {
    const slow = new SlowQueue();
    const retries = [60_000, 60_001, 64_999, 65_000].map((dueMs) => ({
      messageId: 'x',
      class: 'standard',
      dueMs,
    }));
    const done = new Announcer().announceRetries(slow.queue, retries, 0);
    await vi.waitFor(() => expect(slow.sent).toHaveLength(1));
    slow.finish();
    await vi.waitFor(() => expect(slow.sent).toHaveLength(2));
    slow.finish();
    await done;
    expect(slow.sent).toEqual([
      { pointers: 1, delaySeconds: 60 },
      { pointers: 3, delaySeconds: 65 },
    ]);
  });
});
