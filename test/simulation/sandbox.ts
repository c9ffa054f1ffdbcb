import { AsyncLocalStorage } from 'node:async_hooks';
import nodeCrypto from 'node:crypto';
import { createRequire } from 'node:module';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Appointment, Clock } from './clock.ts';
import { HtmlRewriter } from './html-rewriter.ts';
import type { Random } from './random.ts';

/** What a program that runs under virtual time is given by the simulation. */
export interface Host {
  name: string;
  clock: Clock;
  random: Random;
  /** How far its clock is ahead of the virtual time, milliseconds. */
  skewMs(): number;
  /** False when it has been killed: none of its timers and answers comes any more. */
  alive(): boolean;
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
  log(level: string, text: string): void;
  /** A loop goes round without awaiting anything that takes time; must throw, or nothing else would ever run. */
  spins(stack: string): never;
  /** How long a timer really waits; for a poll of a node that may be left out while nothing is due. */
  timerMs?(ms: number): number;
  /** Modules in place of the real ones. */
  modules: Record<string, unknown>;
}

/** Who looks at the clock so often while nothing happens goes round in a circle of microtasks. */
const mostLooks = 200_000;

/** In whose work a piece of code runs; kept over awaits and timers. */
export const context = new AsyncLocalStorage<unknown>();

const require = createRequire(import.meta.url);
const RealDate = Date;

/**
 * What libraries keep beside the globals, and add to as they are loaded: a program has its own, or no program that was
 * ever started would be let go, and its whole run with it. They change `Reflect`, too.
 */
const registries = { __zod_globalRegistry: undefined, __zod_globalConfig: undefined };

/** The globals that a program sees, all time and chance among them. */
export function globalsOf(host: Host): Record<string, unknown> {
  let [turn, looks] = [0, 0];
  const nowMs = () => {
    looks = turn === host.clock.turn ? looks + 1 : 0;
    turn = host.clock.turn;
    if (looks > mostLooks) host.spins(new Error('spins').stack ?? '');
    return Math.floor(host.clock.nowMs + host.skewMs());
  };
  const timers = timersOf(host);
  const crypto = cryptoOf(host);
  const globals: Record<string, unknown> = {
    Date: dateOf(nowMs),
    Math: Object.defineProperties(Object.create(Math) as object, {
      random: { value: () => host.random.unit() },
    }),
    performance: { now: () => host.clock.nowMs, timeOrigin: 0, mark() {}, measure() {} },
    ...timers.globals,
    AbortSignal: abortSignalOf(timers.after),
    fetch: (input: string | URL | Request, init?: RequestInit) => host.fetch(input, init),
    crypto,
    Blob: BlobOfOnePart,
    CompressionStream: streamOf(gzipSync),
    DecompressionStream: streamOf(gunzipSync),
    console: consoleOf(host),
    scheduler: { wait: (ms: number) => timers.sleep(ms) },
    WebSocketPair: class {
      constructor() {
        throw new Error('no WebSockets here: the wake is driven');
      }
    },
    caches: undefined,
    HTMLRewriter: HtmlRewriter,
    Reflect: Object.defineProperties({}, Object.getOwnPropertyDescriptors(Reflect)),
  };
  globals.globalThis = Object.defineProperties(
    Object.create(globalThis) as object,
    Object.fromEntries(
      Object.entries({ ...globals, ...registries }).map(([name, value]) => [
        name,
        { value, writable: true, configurable: true },
      ]),
    ),
  );
  globals.self = globals.globalThis;
  globals.global = globals.globalThis;
  globals.require = requireOf(host, crypto, timers);
  return globals;
}

function dateOf(nowMs: () => number): unknown {
  const Virtual = class extends RealDate {
    constructor(...values: unknown[]) {
      if (values.length === 0) super(nowMs());
      else super(...(values as [number]));
    }
    static override now(): number {
      return nowMs();
    }
    static override [Symbol.hasInstance](value: unknown): boolean {
      return Object.prototype.toString.call(value) === '[object Date]';
    }
  };
  Object.defineProperty(Virtual, 'name', { value: 'Date' });
  return Virtual;
}

type After = (ms: number, work: () => void) => Appointment;

function timersOf(host: Host) {
  const { clock } = host;
  const after: After = (ms, work) => {
    const store = context.getStore();
    return clock.after(host.timerMs?.(ms) ?? ms, () => {
      if (host.alive()) context.run(store, work);
    });
  };
  const sleep = (ms: number, value?: unknown, options?: { signal?: AbortSignal }) =>
    new Promise((resolve, reject) => {
      const signal = options?.signal;
      const aborted = () => {
        timer.cancel();
        reject(
          Object.assign(new Error('The operation was aborted'), { name: 'AbortError', code: 'ABORT_ERR' }),
        );
      };
      const timer = after(ms, () => {
        signal?.removeEventListener('abort', aborted);
        resolve(value);
      });
      if (signal?.aborted) aborted();
      else signal?.addEventListener('abort', aborted, { once: true });
    });
  class Timer {
    readonly #appointment: Appointment;
    constructor(ms: number, work: () => void) {
      this.#appointment = after(Number.isFinite(ms) && ms > 0 ? ms : 1, work);
    }
    cancel() {
      this.#appointment.cancel();
    }
    ref() {
      return this;
    }
    unref() {
      return this;
    }
    hasRef() {
      return true;
    }
  }
  class Interval {
    #timer: Timer;
    constructor(ms: number, work: () => void) {
      const again = () => {
        this.#timer = new Timer(ms, again);
        work();
      };
      this.#timer = new Timer(ms, again);
    }
    cancel() {
      this.#timer.cancel();
    }
    ref() {
      return this;
    }
    unref() {
      return this;
    }
  }
  const clear = (timer: unknown) => {
    if (timer instanceof Timer || timer instanceof Interval) timer.cancel();
  };
  type Work = (...values: unknown[]) => void;
  const globals = {
    setTimeout: (work: Work, ms = 0, ...values: unknown[]) => new Timer(ms, () => work(...values)),
    setInterval: (work: Work, ms = 0, ...values: unknown[]) => new Interval(ms, () => work(...values)),
    setImmediate: (work: Work, ...values: unknown[]) => new Timer(0, () => work(...values)),
    clearTimeout: clear,
    clearInterval: clear,
    clearImmediate: clear,
  };
  return { after, sleep, globals };
}

function abortSignalOf(after: After): unknown {
  return new Proxy(AbortSignal, {
    get(target, name) {
      if (name !== 'timeout') return Reflect.get(target, name, target);
      return (ms: number) => {
        const controller = new AbortController();
        after(ms, () =>
          controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError')),
        );
        return controller.signal;
      };
    },
  });
}

/** Real keys of RSA are dear to make and differ each time; a run needs some, not new ones. */
const rsaKeys: CryptoKeyPair[] = [];
let nextRsaKey = 0;
type CryptoKeyPair = { privateKey: unknown; publicKey: unknown };

/** Makes the pool of RSA keys that runs take theirs from. */
export async function makeKeys(): Promise<void> {
  while (rsaKeys.length < 4) {
    const algorithm = {
      name: 'RSASSA-PKCS1-v1_5',
      modulusLength: 2048,
      publicExponent: new Uint8Array([1, 0, 1]),
      hash: 'SHA-256',
    };
    rsaKeys.push((await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair);
  }
}

/** Real cryptography with virtual chance; what it computes beside the main thread comes back in the order of a run. */
function cryptoOf(host: Host): Record<string, unknown> {
  const { clock } = host;
  const subtle = new Proxy(crypto.subtle, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name, target);
      if (typeof method !== 'function') return method;
      return (...values: unknown[]) => {
        const [algorithm] = values as [{ name?: string }];
        if (name === 'generateKey' && algorithm?.name === 'RSASSA-PKCS1-v1_5') {
          nextRsaKey += 1;
          return Promise.resolve(rsaKeys[nextRsaKey % rsaKeys.length]);
        }
        return new Promise((resolve, reject) => {
          const store = context.getStore();
          clock.after(0, async () => {
            try {
              const value: unknown = await Reflect.apply(method, target, values);
              if (host.alive()) context.run(store, () => resolve(value));
            } catch (error) {
              reject(error);
            }
          });
        });
      };
    },
  });
  return {
    subtle,
    randomUUID: () => host.random.uuid(),
    getRandomValues: <T extends ArrayBufferView>(view: T): T => {
      host.random.fill(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
      return view;
    },
  };
}

/** A Blob whose stream gives its one part at once: that of Node takes its time in real threads. */
class BlobOfOnePart {
  readonly #bytes: Uint8Array;
  constructor(parts: readonly (Uint8Array | ArrayBuffer | string)[] = []) {
    this.#bytes = Buffer.concat(
      parts.map((part) => (part instanceof ArrayBuffer ? Buffer.from(part) : Buffer.from(part as string))),
    );
  }
  get size(): number {
    return this.#bytes.length;
  }
  stream(): ReadableStream<Uint8Array> {
    const bytes = this.#bytes;
    return new ReadableStream({
      start(controller) {
        if (bytes.length > 0) controller.enqueue(bytes);
        controller.close();
      },
    });
  }
}

/** A stream that changes all of its bytes at once. */
function streamOf(change: (bytes: Buffer) => Buffer): unknown {
  return class {
    readonly readable: ReadableStream<Uint8Array>;
    readonly writable: WritableStream<Uint8Array>;
    constructor() {
      const chunks: Uint8Array[] = [];
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk) {
          chunks.push(chunk);
        },
        flush(controller) {
          controller.enqueue(new Uint8Array(change(Buffer.concat(chunks))));
        },
      });
      this.readable = readable;
      this.writable = writable;
    }
  };
}

function consoleOf(host: Host): unknown {
  const write =
    (level: string) =>
    (...values: unknown[]) =>
      host.log(
        level,
        values
          .map((value) => (value instanceof Error ? (value.stack ?? String(value)) : String(value)))
          .join(' '),
      );
  return {
    log: write('info'),
    info: write('info'),
    debug: write('debug'),
    warn: write('warn'),
    error: write('error'),
    trace: write('debug'),
  };
}

function requireOf(host: Host, crypto: unknown, timers: ReturnType<typeof timersOf>) {
  const random = (size: number) => {
    const bytes = Buffer.alloc(size);
    host.random.fill(bytes);
    return bytes;
  };
  const modules: Record<string, unknown> = {
    'node:crypto': {
      ...nodeCrypto,
      webcrypto: crypto,
      randomUUID: () => host.random.uuid(),
      randomBytes: (size: number, done?: (error: null, bytes: Buffer) => void) => {
        const bytes = random(size);
        if (done) queueMicrotask(() => done(null, bytes));
        return bytes;
      },
      randomFillSync: (bytes: Uint8Array) => {
        host.random.fill(bytes);
        return bytes;
      },
      randomInt: (least: number, most?: number) =>
        most === undefined ? host.random.between(0, least - 1) : host.random.between(least, most - 1),
    },
    'node:timers/promises': {
      setTimeout: timers.sleep,
      setImmediate: () => timers.sleep(0),
      scheduler: { wait: timers.sleep },
    },
    'node:timers': timers.globals,
    ...host.modules,
  };
  for (const [name, value] of Object.entries(modules)) modules[name.replace(/^node:/, '')] = value;
  return (name: string): unknown => (name in modules ? modules[name] : require(name));
}
