/**
 * Put around the Worker's own bundle: passes every call on and counts what Cloudflare bills. `GET /bench/counts`
 * gives the counts, since the isolate began.
 */
import product, { NodeHub as ProductHub, WebhookSender as ProductSender } from 'product';
import type { Counts } from './counts.ts';

const counts: Counts = {
  requests: 0,
  queueInvocations: 0,
  cronInvocations: 0,
  queueWrites: 0,
  queueReads: 0,
  queueDeletes: 0,
  objectRequests: 0,
  objectMs: 0,
  alarms: 0,
  r2Writes: 0,
  r2Reads: 0,
  d1Trips: 0,
  d1Statements: 0,
  controlStatements: 0,
  d1RowsRead: 0,
  d1RowsWritten: 0,
  byPath: {},
};

/** A queue operation is billed for every 64 KB. */
const operationBytes = 64 * 1024;
const operations = (body: unknown) => Math.max(1, Math.ceil(JSON.stringify(body).length / operationBytes));

type Call = (...values: unknown[]) => Promise<unknown>;
type Binding = Record<string, Call>;

/** A binding whose named methods are counted before they are called. */
function counted<T extends object>(inner: T, methods: Record<string, (...values: unknown[]) => void>): T {
  return new Proxy(inner, {
    get(target, name) {
      const method = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      return (...values: unknown[]) => {
        methods[String(name)]?.(...values);
        return Reflect.apply(method, target, values);
      };
    },
  });
}

interface D1Result {
  meta: { rows_read?: number; rows_written?: number };
}
interface Statement {
  bind(...values: unknown[]): Statement;
}

/** A database, with what each answer says of its cost added up. */
function countedDatabase(inner: Binding, isControl: boolean): Binding {
  const originals = new WeakMap<object, Statement>();
  const add = (results: D1Result[]) => {
    counts.d1Trips += 1;
    counts.d1Statements += results.length;
    if (isControl) counts.controlStatements += results.length;
    for (const { meta } of results) {
      counts.d1RowsRead += meta.rows_read ?? 0;
      counts.d1RowsWritten += meta.rows_written ?? 0;
    }
  };
  const wrap = (statement: Statement): Statement => {
    const wrapped: Statement = new Proxy(statement, {
      get(target, name) {
        if (name === 'bind') return (...values: unknown[]) => wrap(target.bind(...values));
        const method = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        if (name === 'raw' || name === 'first') {
          // These tell no cost, so the whole result is asked for instead.
          return async (...values: unknown[]) => {
            const all = (await Reflect.apply(Reflect.get(target, 'all') as Call, target, [])) as D1Result & {
              results: Record<string, unknown>[];
            };
            add([all]);
            if (name === 'raw') return all.results.map((row) => Object.values(row));
            const first = all.results[0] ?? null;
            return values[0] === undefined ? first : first?.[String(values[0])];
          };
        }
        return async (...values: unknown[]) => {
          const result = (await Reflect.apply(method, target, values)) as D1Result;
          add([result]);
          return result;
        };
      },
    });
    originals.set(wrapped, statement);
    return wrapped;
  };
  return new Proxy(inner, {
    get(target, name) {
      const method = Reflect.get(target, name) as Call;
      if (name === 'prepare') return (text: string) => wrap(Reflect.apply(method, target, [text]) as never);
      if (name === 'batch')
        return async (statements: Statement[]) => {
          const own = statements.map((statement) => originals.get(statement) ?? statement);
          const results = (await Reflect.apply(method, target, [own])) as D1Result[];
          add(results);
          return results;
        };
      return typeof method === 'function' ? method.bind(target) : method;
    },
  });
}

interface Stub {
  wake(homes: readonly number[]): Promise<unknown>;
}
interface MayHaveWork {
  home: number;
  mark: string;
  deep: boolean;
}

/**
 * The namespace of the hub, whose wakes are timed where they are asked for: inside of the object the clock stands
 * still. That holds the way there and back too, so it is above what would be billed.
 */
function timedHub(inner: Binding): Binding {
  return new Proxy(inner, {
    get(target, name) {
      const method = Reflect.get(target, name);
      if (name !== 'get') return typeof method === 'function' ? method.bind(target) : method;
      return (...values: unknown[]) => {
        const stub = Reflect.apply(method, target, values) as unknown as Stub & Binding;
        return new Proxy(stub, {
          get(of, member) {
            if (member === 'wake') return (homes: readonly number[]) => timed(() => of.wake(homes));
            // A method of a stub is a stub itself, which has none of a function's own methods.
            return (...given: unknown[]) => (of[String(member)] as Call)(...given);
          },
        });
      };
    },
  });
}

async function timed<T>(work: () => Promise<T>): Promise<T> {
  const startedAtMs = Date.now();
  try {
    return await work();
  } finally {
    counts.objectMs += Date.now() - startedAtMs;
  }
}

const environments = new WeakMap<object, object>();

/** The environment with counted bindings; the same one for the same environment. */
function countedEnv(env: Record<string, Binding>): object {
  const known = environments.get(env);
  if (known) return known;
  const { DELIVERY, RAW, DB, HUB } = env;
  if (!DELIVERY || !RAW || !DB || !HUB) throw new Error('bindings are missing');
  const write = () => {
    counts.r2Writes += 1;
  };
  const read = () => {
    counts.r2Reads += 1;
  };
  const made = {
    ...env,
    DB: countedDatabase(DB, true),
    ...Object.fromEntries(
      Object.entries(env)
        .filter(([name]) => /^DB_\d+$/.test(name))
        .map(([name, home]) => [name, countedDatabase(home, false)]),
    ),
    HUB: timedHub(HUB),
    RAW: counted(RAW, { put: write, list: write, get: read, head: read }),
    DELIVERY: counted(DELIVERY, {
      send: (body) => {
        counts.queueWrites += operations(body);
      },
      sendBatch: (messages) => {
        for (const { body } of messages as { body: unknown }[]) counts.queueWrites += operations(body);
      },
    }),
  };
  environments.set(env, made);
  return made;
}

/** Requests to the Durable Object are counted where they arrive. */
export class NodeHub extends ProductHub {
  override fetch(request: Request) {
    counts.objectRequests += 1;
    return super.fetch(request);
  }
  override wake(homes: readonly number[]) {
    counts.objectRequests += 1;
    return super.wake(homes);
  }
  override homesWithWork(count: number) {
    counts.objectRequests += 1;
    return super.homesWithWork(count);
  }
  override foundEmpty(homes: readonly MayHaveWork[]) {
    counts.objectRequests += 1;
    return super.foundEmpty(homes);
  }
  override foundDepth(homes: readonly Pick<MayHaveWork, 'home' | 'deep'>[]) {
    counts.objectRequests += 1;
    return super.foundDepth(homes);
  }
}

/** The sender of an endpoint: its database is counted, and how long it works, its POSTs included. */
export class WebhookSender extends ProductSender {
  constructor(context: unknown, env: Record<string, Binding>) {
    super(context, countedEnv(env));
  }
  override poke(endpointId: number) {
    counts.objectRequests += 1;
    return super.poke(endpointId);
  }
  override alarm() {
    counts.objectRequests += 1;
    counts.alarms += 1;
    return timed(() => super.alarm());
  }
}

export default {
  async fetch(request: Request, env: Record<string, Binding>, context: unknown): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === '/bench/counts') return Response.json(counts);
    counts.requests += 1;
    counts.byPath[pathname] = (counts.byPath[pathname] ?? 0) + 1;
    return await product.fetch(request, countedEnv(env), context);
  },
  async queue(batch: { messages: { body: unknown }[] }, env: Record<string, Binding>): Promise<void> {
    counts.queueInvocations += 1;
    for (const { body } of batch.messages) counts.queueReads += operations(body);
    await product.queue(batch, countedEnv(env));
    counts.queueDeletes += batch.messages.reduce((sum, { body }) => sum + operations(body), 0);
  },
  async scheduled(controller: unknown, env: Record<string, Binding>): Promise<void> {
    counts.cronInvocations += 1;
    await product.scheduled(controller, countedEnv(env));
  },
};
