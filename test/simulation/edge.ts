import { current, D1Shim, r2Shim, type SeamDeps } from './bindings.ts';
import type { Program } from './bundle.ts';
import { type Invocation, isLive, newInvocation } from './invocation.ts';
import { type ObjectClass, Objects } from './objects.ts';
import { type Batch, QueueModel } from './queue.ts';
import type { Random } from './random.ts';
import { context, type Host } from './sandbox.ts';

/** Secrets that only the simulation knows. */
export const settings = {
  SERVICE_DOMAIN: 'mail.sim.example',
  NODE_TOKEN: 'simulated-node-token-0123456789abcdef01234',
  OPERATOR_TOKEN: 'simulated-operator-token-0123456789abcdef',
  RETURN_PATH_KEYS: 'a2V5LW9uZS1rZXktb25lLWtleS1vbmUta2V5LW9uZS0=',
  AUTH_SECRET: 'simulated-auth-secret-0123456789abcdef0123',
  ENCRYPTION_KEYS: 'MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=',
  DOH_URL: 'https://doh.sim.example/dns-query',
};

export const origin = 'https://edge.sim.example';

export interface Asked {
  method: string;
  /** Path and query. */
  path: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  /** The client goes away after so many milliseconds. */
  goneAfterMs?: number;
  signal?: AbortSignal | null;
}

export interface Answer {
  status: number;
  headers: Headers;
  bytes: Buffer;
  cost: Invocation;
}

interface ExecutionContext {
  waitUntil(work: Promise<unknown>): void;
  passThroughOnException(): void;
}

interface WorkerExports {
  default: {
    fetch(request: Request, env: unknown, context: ExecutionContext): Response | Promise<Response>;
    queue(batch: Batch, env: unknown, context: ExecutionContext): Promise<void>;
    scheduled(
      controller: { scheduledTime: number; cron: string },
      env: unknown,
      context: ExecutionContext,
    ): Promise<void>;
  };
  NodeHub: ObjectClass;
  WebhookSender: ObjectClass;
}

interface Isolate {
  host: Host;
  exports: WorkerExports;
  env: Record<string, unknown>;
  die(): void;
}

/** Limits by source are the platform's own: nobody comes too often here. */
const unlimited = { limit: async () => ({ success: true }) };

/** The request did not come to an answer. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** The edge half: isolates of the real Worker on real D1 and R2, with a model of Cloudflare's scheduling around it. */
export class Edge {
  readonly #deps: SeamDeps;
  readonly #program: Program;
  readonly #random: Random;
  readonly #outside: (url: string, init: RequestInit) => Promise<Response>;
  readonly #done: (invocation: Invocation) => void;
  readonly #spins: (stack: string) => never;
  #isolates: Isolate[] = [];
  #serial = 0;
  readonly queues: { delivery: QueueModel; webhook: QueueModel };
  readonly senders: Objects;
  readonly hub: Objects;
  /** Sockets of nodes that listen for wakes. */
  readonly sockets = new Map<string, () => void>();
  invocations = 0;

  constructor(of: {
    deps: SeamDeps;
    program: Program;
    random: Random;
    /** The internet: DNS over HTTPS and webhook receivers. */
    outside: (url: string, init: RequestInit) => Promise<Response>;
    /** Told of every invocation that has ended. */
    done: (invocation: Invocation) => void;
    /** Told of a loop that never ends; throws. */
    spins: (stack: string) => never;
  }) {
    this.#deps = of.deps;
    this.#program = of.program;
    this.#random = of.random;
    this.#outside = of.outside;
    this.#spins = of.spins;
    this.#done = (invocation) => {
      this.invocations += 1;
      of.done(invocation);
    };
    const queue = (name: string, maxRetries: number) =>
      new QueueModel({
        name,
        maxRetries,
        deps: of.deps,
        random: of.random.fork(name),
        consume: (batch) =>
          this.#invoke('queue', name, (isolate, context) =>
            isolate.exports.default.queue(batch, isolate.env, context),
          ),
      });
    this.queues = { delivery: queue('delivery', 10), webhook: queue('webhook', 3) };
    const objects = (name: 'NodeHub' | 'WebhookSender', sockets?: () => unknown[]) =>
      new Objects({
        deps: of.deps,
        random: of.random.fork(name),
        host: () => this.#objectsIsolate().host,
        env: () => this.#objectsIsolate().env,
        classOf: () => this.#objectsIsolate().exports[name],
        sockets,
        onDone: this.#done,
      });
    this.senders = objects('WebhookSender');
    this.hub = objects('NodeHub', () =>
      [...this.sockets.keys()].map((node) => ({ send: () => this.#wake(node) })),
    );
    for (let i = 0; i < 2; i++) this.#isolates.push(this.#start());
    this.#objectsHome = this.#start();
  }

  readonly #objectsHome: Isolate;
  #objectsIsolate(): Isolate {
    return this.#objectsHome;
  }

  /** An isolate loses its memory, and whatever runs in it. */
  restartIsolate(): void {
    const at = this.#random.between(0, this.#isolates.length - 1);
    this.#isolates[at]?.die();
    this.#isolates[at] = this.#start();
  }

  /** A request from the internet. @throws NoAnswer */
  fetch(asked: Asked): Promise<Answer> {
    const { clock, weather, history } = this.#deps;
    return new Promise((resolve, reject) => {
      const fault = weather.draw('edge');
      const down = weather.isDown('edge');
      let invocation: Invocation | null = null;
      const leave = (text: string) => {
        // Cloudflare cancels an invocation whose client has gone; sometimes it has come to its end before.
        if (invocation && this.#random.chance(0.7)) invocation.gone = true;
        reject(new NoAnswer(text));
      };
      if (asked.goneAfterMs !== undefined) clock.after(asked.goneAfterMs, () => leave('the client has gone'));
      asked.signal?.addEventListener('abort', () => leave('timeout'), { once: true });
      const later = (work: () => void) => clock.after(weather.latencyMs('edge'), work);
      clock.after(weather.latencyMs('edge'), () => {
        if (asked.signal?.aborted) return;
        if (down && fault) {
          if (this.#random.chance(0.5)) {
            later(() => reject(new NoAnswer(fault.text)));
            return;
          }
          const bytes = Buffer.from('error code: 1101');
          const cost = newInvocation(this.#objectsHome.host, 'fetch', 'away');
          later(() => resolve({ status: 503, headers: new Headers(), bytes, cost }));
          return;
        }
        if (fault?.when === 'before') {
          later(() => reject(new NoAnswer(fault.text)));
          return;
        }
        const what = `${asked.method} ${asked.path}`;
        void this.#invoke('fetch', what, async (isolate, context, own) => {
          invocation = own;
          const { body } = asked;
          const request = new Request(origin + asked.path, {
            method: asked.method,
            headers: asked.headers,
            ...(body === undefined ? {} : { body: typeof body === 'string' ? body : new Uint8Array(body) }),
          });
          const response = await isolate.exports.default.fetch(request, isolate.env, context);
          const bytes = Buffer.from(await response.arrayBuffer());
          own.answerBytes = bytes.length;
          history.add(`http ${what.slice(0, 100)}: ${response.status} ${bytes.length} bytes`);
          if (!isLive(own)) return;
          later(() => {
            if (fault) reject(new NoAnswer(fault.text));
            else resolve({ status: response.status, headers: response.headers, bytes, cost: own });
          });
        }).catch((error: unknown) => later(() => reject(error)));
      });
    });
  }

  /** Cron ticks once; what it throws is noted, as Cloudflare does. */
  async tick(): Promise<void> {
    const scheduledTime = Math.floor(this.#deps.clock.nowMs / 60_000) * 60_000;
    await this.#invoke('scheduled', 'cron', (isolate, context) =>
      isolate.exports.default.scheduled({ scheduledTime, cron: '* * * * *' }, isolate.env, context),
    ).catch((error: unknown) => {
      this.#deps.history.add(`cron failed: ${String(error)}`);
    });
  }

  #wake(node: string): void {
    const { clock, weather } = this.#deps;
    if (weather.draw('wake')) return;
    clock.after(weather.latencyMs('wake'), () => this.sockets.get(node)?.());
  }

  async #invoke<T>(
    kind: Invocation['kind'],
    what: string,
    work: (isolate: Isolate, context: ExecutionContext, own: Invocation) => T | Promise<T>,
  ): Promise<T> {
    const isolate = this.#random.pick(this.#isolates);
    const own = newInvocation(isolate.host, kind, what);
    const background: Promise<unknown>[] = [];
    const execution: ExecutionContext = {
      waitUntil: (promise) => void background.push(promise),
      passThroughOnException: () => undefined,
    };
    const ended = async () => {
      for (let i = 0; i < background.length; i++) await background[i]?.catch(() => undefined);
      this.#done(own);
    };
    return await context.run(own, async () => {
      try {
        return await work(isolate, execution, own);
      } finally {
        void ended();
      }
    });
  }

  #start(): Isolate {
    this.#serial += 1;
    let alive = true;
    const { clock, history } = this.#deps;
    const name = `isolate-${this.#serial}`;
    const host: Host = {
      name,
      clock,
      random: this.#random.fork(name),
      skewMs: () => 0,
      alive: () => alive,
      fetch: async (input, init = {}) => {
        const invocation = current();
        if (invocation) invocation.subrequests += 1;
        const url = input instanceof Request ? input.url : String(input);
        const { weather } = this.#deps;
        const before = weather.total;
        const answer = this.#outside(url, init);
        if (invocation && weather.total > before) invocation.faults += 1;
        const response = await answer;
        if (!alive || (invocation && !isLive(invocation))) return await new Promise<never>(() => undefined);
        return response;
      },
      log: (level, text) => {
        if (level === 'debug') return;
        // Stacks hold places of the simulation itself, which are no part of what happened.
        const [said = '', stack] = text.split('"stack":');
        history.add(`${name} ${level} ${said.slice(0, 2000)}`);
        if (stack) history.note(`${name} error stack ${stack.slice(0, 1500)}`);
      },
      spins: (stack) => this.#spins(stack),
      modules: { 'cloudflare:workers': { DurableObject: DurableObjectBase, env: {} } },
    };
    const exports = this.#program.start<WorkerExports>(host);
    const env: Record<string, unknown> = {
      ...settings,
      ...Object.fromEntries(
        this.#deps.homes.map((_, home) => [home === 0 ? 'DB' : `DB_${home}`, new D1Shim(this.#deps, home)]),
      ),
      RAW: r2Shim(this.#deps),
      DELIVERY: this.queues.delivery.binding(),
      WEBHOOK: this.queues.webhook.binding(),
      ...Object.fromEntries(
        ['PAGES_LIMIT', 'TRIES_LIMIT', 'TRACKING_LIMIT', 'GUESSES_LIMIT', 'ALL_GUESSES_LIMIT'].map((name) => [
          name,
          unlimited,
        ]),
      ),
      HUB: this.hub.binding(),
      SENDER: this.senders.binding(),
    };
    return {
      host,
      exports,
      env,
      die: () => {
        alive = false;
      },
    };
  }
}

/** What `cloudflare:workers` gives a class to extend. */
class DurableObjectBase {
  readonly ctx: unknown;
  readonly env: unknown;
  constructor(state: unknown, env: unknown) {
    this.ctx = state;
    this.env = env;
  }
}
