import { current, type SeamDeps } from './bindings.ts';
import type { Appointment } from './clock.ts';
import { type Invocation, isLive, newInvocation } from './invocation.ts';
import type { Random } from './random.ts';
import { context, type Host } from './sandbox.ts';

type Method = (...values: unknown[]) => unknown;
type Instance = Record<string, Method> & { alarm?: () => Promise<void> };
export type ObjectClass = new (state: unknown, env: unknown) => Instance;

/** What outlives an object's memory. */
interface Kept {
  storage: Map<string, unknown>;
  alarmMs: number | null;
}

/** An alarm may run for so long; then the object is reset and the alarm is tried again. */
const longestAlarmMs = 15 * 60_000;

/**
 * One Durable Object: its storage outlives it, its memory does not. An alarm comes at least once: when its handler
 * fails or is cut, it comes again.
 */
class OneObject {
  readonly name: string;
  readonly #set: Objects;
  readonly #kept: Kept = { storage: new Map(), alarmMs: null };
  #instance: Instance | null = null;
  /** Of the work of this life: all of it is cut when the object is reset. */
  #invocations = new Set<Invocation>();
  #appointment: Appointment | null = null;
  #inAlarm = false;
  /** Told when the object is reset: those who wait for its answers. */
  readonly onReset = new Set<() => void>();

  constructor(name: string, set: Objects) {
    this.name = name;
    this.#set = set;
  }

  /** Loses its memory; what runs in it never goes on. */
  reset(): void {
    for (const invocation of this.#invocations) invocation.gone = true;
    this.#invocations = new Set();
    this.#instance = null;
    for (const told of [...this.onReset]) told();
    this.onReset.clear();
    if (!this.#inAlarm) return;
    this.#inAlarm = false;
    this.#kept.alarmMs ??= this.#set.deps.clock.nowMs + this.#set.random.between(500, 5000);
    this.#arm();
  }

  /** Calls a method in an invocation of its own. */
  async call(kind: Invocation['kind'], method: string, values: readonly unknown[]): Promise<unknown> {
    const host = this.#set.host();
    const invocation = newInvocation(host, kind, `${this.name}.${method}`);
    this.#invocations.add(invocation);
    try {
      return await context.run(invocation, async () => {
        this.#instance ??= new (this.#set.classOf())(this.#state(), this.#set.env());
        return await this.#instance[method]?.(...values);
      });
    } finally {
      this.#invocations.delete(invocation);
      this.#set.onDone(invocation);
    }
  }

  #state(): unknown {
    const { storage } = this.#kept;
    const gated = async <T>(give: () => T): Promise<T> => {
      const invocation = current();
      if (invocation && !isLive(invocation)) return await new Promise<never>(() => undefined);
      return give();
    };
    return {
      storage: {
        get: (key: string) => gated(() => storage.get(key)),
        put: (key: string, value: unknown) => gated(() => void storage.set(key, value)),
        delete: (key: string) => gated(() => storage.delete(key)),
        deleteAll: () =>
          gated(() => {
            storage.clear();
            this.#kept.alarmMs = null;
          }),
        getAlarm: () => gated(() => this.#kept.alarmMs),
        setAlarm: (ms: number | Date) =>
          gated(() => {
            this.#kept.alarmMs = Number(ms);
            this.#arm();
          }),
        deleteAlarm: () =>
          gated(() => {
            this.#kept.alarmMs = null;
          }),
      },
      waitUntil: () => undefined,
      blockConcurrencyWhile: (work: () => Promise<unknown>) => work(),
      getWebSockets: () => this.#set.sockets(),
      acceptWebSocket: () => undefined,
      setWebSocketAutoResponse: () => undefined,
      id: { toString: () => this.name },
    };
  }

  #arm(): void {
    this.#appointment?.cancel();
    const { alarmMs } = this.#kept;
    if (alarmMs === null || this.#inAlarm) return;
    const { clock, weather } = this.#set.deps;
    const lateMs =
      !weather.isCalm && this.#set.random.chance(0.01)
        ? this.#set.random.between(1000, 120_000)
        : this.#set.random.between(1, 20);
    this.#appointment = clock.at(alarmMs + lateMs, () => void this.#alarm(0));
  }

  async #alarm(failures: number): Promise<void> {
    if (this.#kept.alarmMs === null && failures === 0) return;
    const { clock } = this.#set.deps;
    this.#kept.alarmMs = null;
    this.#inAlarm = true;
    const cut = clock.after(longestAlarmMs, () => {
      this.#set.deps.history.add(`object ${this.name}: its alarm was cut`);
      this.reset();
    });
    try {
      await this.call('alarm', 'alarm', []);
      this.#inAlarm = false;
      this.#arm();
    } catch (error) {
      this.#inAlarm = false;
      this.#set.deps.history.add(`object ${this.name}: alarm failed: ${String(error)}`);
      if (failures < 6) clock.after(2000 * 2 ** failures, () => void this.#alarm(failures + 1));
    } finally {
      cut.cancel();
    }
  }
}

/** All objects of one class. */
export class Objects {
  readonly deps: SeamDeps;
  readonly random: Random;
  readonly host: () => Host;
  readonly env: () => unknown;
  readonly classOf: () => ObjectClass;
  readonly sockets: () => unknown[];
  readonly onDone: (invocation: Invocation) => void;
  readonly #objects = new Map<string, OneObject>();

  constructor(of: {
    deps: SeamDeps;
    random: Random;
    host: () => Host;
    env: () => unknown;
    classOf: () => ObjectClass;
    sockets?: () => unknown[];
    onDone: (invocation: Invocation) => void;
  }) {
    this.deps = of.deps;
    this.random = of.random;
    this.host = of.host;
    this.env = of.env;
    this.classOf = of.classOf;
    this.sockets = of.sockets ?? (() => []);
    this.onDone = of.onDone;
  }

  /** Resets one of them, or all. */
  reset(one: boolean): void {
    const all = [...this.#objects.values()];
    if (all.length === 0) return;
    for (const object of one ? [this.random.pick(all)] : all) object.reset();
  }

  /** The namespace's binding. */
  binding() {
    return {
      idFromName: (name: string) => name,
      get: (name: string) => {
        const object = this.#objects.get(name) ?? new OneObject(name, this);
        this.#objects.set(name, object);
        return new Proxy(
          {},
          {
            get: (_, method) =>
              method === 'then' || typeof method !== 'string'
                ? undefined
                : (...values: unknown[]) => this.#callOver(object, method, values),
          },
        );
      },
    };
  }

  /** A call from another invocation: it may be lost on either way. */
  #callOver(object: OneObject, method: string, values: readonly unknown[]): Promise<unknown> {
    const { clock, weather } = this.deps;
    const caller = current();
    const store = context.getStore();
    if (caller) caller.subrequests += 1;
    return new Promise((resolve, reject) => {
      const fault = weather.draw('object');
      if (fault && caller) caller.faults += 1;
      const answer = (give: () => void) => {
        clock.after(weather.latencyMs('object') / 2, () => {
          if (!caller || isLive(caller)) context.run(store, give);
        });
      };
      clock.after(weather.latencyMs('object'), () => {
        if (fault?.when === 'before') return answer(() => reject(new Error(fault.text)));
        const reset = () =>
          answer(() => reject(new Error('Durable Object reset because its code was updated.')));
        object.onReset.add(reset);
        object
          .call('call', method, values)
          .finally(() => object.onReset.delete(reset))
          .then(
            (value) => answer(() => (fault ? reject(new Error(fault.text)) : resolve(value))),
            (error: unknown) => answer(() => reject(error)),
          );
      });
    });
  }
}
