import { callOut, current, type SeamDeps } from './bindings.ts';
import type { Random } from './random.ts';

interface Held {
  id: string;
  body: unknown;
  attempts: number;
}

/** What a consumer is given. */
export interface Batch {
  queue: string;
  messages: { id: string; timestamp: Date; body: unknown; attempts: number; ack(): void; retry(): void }[];
  ackAll(): void;
  retryAll(): void;
}

const largestBytes = 128_000;
const batchSize = 100;

/**
 * A queue as Cloudflare promises it: at least once, in no order, with delays, batches and a bounded number of
 * retries; beyond that promise a message is lost now and then, since the product says that it may.
 */
export class QueueModel {
  readonly #name: string;
  readonly #maxRetries: number;
  readonly #deps: SeamDeps;
  readonly #random: Random;
  readonly #consume: (batch: Batch) => Promise<void>;
  #ready: Held[] = [];
  #dispatching = false;
  #serial = 0;
  sent = 0;

  constructor(of: {
    name: string;
    maxRetries: number;
    deps: SeamDeps;
    random: Random;
    consume: (batch: Batch) => Promise<void>;
  }) {
    this.#name = of.name;
    this.#maxRetries = of.maxRetries;
    this.#deps = of.deps;
    this.#random = of.random;
    this.#consume = of.consume;
  }

  /** The producer's binding. */
  binding() {
    const send = (body: unknown, options: { delaySeconds?: number } = {}) => {
      const text = JSON.stringify(body);
      const invocation = current();
      if (invocation) {
        invocation.queueMessages += 1;
        invocation.queueCalls += 1;
      }
      return callOut(this.#deps, 'queue', `send ${this.#name}`, async () => {
        if (text.length > largestBytes) throw new Error('Queue send failed: message too large');
        this.sent += 1;
        this.#accept(JSON.parse(text), (options.delaySeconds ?? 0) * 1000);
      });
    };
    return {
      send,
      sendBatch: async (messages: { body: unknown; delaySeconds?: number }[]) => {
        const total = messages.reduce((sum, { body }) => sum + JSON.stringify(body).length, 0);
        if (messages.length > 100 || total > 256_000) throw new Error('Queue sendBatch failed: too large');
        const invocation = current();
        if (invocation) {
          invocation.queueMessages += messages.length;
          invocation.queueCalls += 1;
        }
        await callOut(this.#deps, 'queue', `sendBatch ${this.#name}`, async () => {
          for (const { body, delaySeconds = 0 } of messages)
            this.#accept(JSON.parse(JSON.stringify(body)), delaySeconds * 1000);
        });
      },
    };
  }

  #accept(body: unknown, delayMs: number): void {
    const { weather, clock } = this.#deps;
    const fate = weather.isCalm
      ? 'usual'
      : this.#random.weighted({ usual: 96, lost: 1, doubled: 1.5, late: 1.5 });
    if (fate !== 'usual') weather.note(`queue message ${fate}`);
    if (fate === 'lost') return;
    for (let copies = fate === 'doubled' ? 2 : 1; copies > 0; copies--) {
      this.#serial += 1;
      const held = { id: `${this.#name}-${this.#serial}`, body, attempts: 1 };
      const lateMs =
        fate === 'late' ? this.#random.between(60_000, 3 * 3_600_000) : this.#random.between(5, 200);
      clock.after(delayMs + lateMs, () => this.#arrive(held));
    }
  }

  #arrive(held: Held): void {
    this.#ready.push(held);
    if (this.#dispatching) return;
    this.#dispatching = true;
    this.#deps.clock.after(this.#random.between(1, 30), () => void this.#dispatch());
  }

  async #dispatch(): Promise<void> {
    while (this.#ready.length > 0) {
      const held = this.#ready.splice(0, batchSize);
      const retried = new Set<Held>();
      const batch: Batch = {
        queue: this.#name,
        messages: held.map((one) => ({
          ...one,
          timestamp: new Date(this.#deps.clock.nowMs),
          ack: () => retried.delete(one),
          retry: () => retried.add(one),
        })),
        ackAll: () => retried.clear(),
        retryAll: () => {
          for (const one of held) retried.add(one);
        },
      };
      try {
        await this.#consume(batch);
      } catch {
        for (const one of held) retried.add(one);
      }
      for (const one of retried) {
        if (one.attempts > this.#maxRetries) continue;
        const again = { ...one, attempts: one.attempts + 1 };
        this.#deps.clock.after(this.#random.between(500, 10_000), () => this.#arrive(again));
      }
    }
    this.#dispatching = false;
  }
}
