import type { Clock } from './clock.ts';
import type { Engine, Query, StatementResult } from './database.ts';
import type { History } from './history.ts';
import { type Invocation, isLive } from './invocation.ts';
import { context } from './sandbox.ts';
import type { Seam, Weather } from './weather.ts';

export interface SeamDeps {
  clock: Clock;
  weather: Weather;
  history: History;
  /** The databases of the homes, control first; it has the bucket too. */
  homes: readonly Engine[];
  /** Told of tables of a home just before they are dropped. */
  onDrop: (home: number, tables: readonly string[]) => Promise<void>;
}

/**
 * A call from the Worker to the platform: it takes its time, it may fail before or after it took effect, and its
 * answer comes only to who is still there. The effect is real I/O, one at a time.
 */
export function callOut<T>(deps: SeamDeps, seam: Seam, what: string, effect: () => Promise<T>): Promise<T> {
  const { clock, weather, history } = deps;
  const invocation = current();
  if (invocation) invocation.subrequests += 1;
  const store = context.getStore();
  return new Promise((resolve, reject) => {
    const fault = weather.draw(seam);
    if (fault && invocation) invocation.faults += 1;
    const answer = (give: () => void) => {
      clock.after(weather.latencyMs(seam) / 2, () => {
        if (!invocation || isLive(invocation)) context.run(store, give);
      });
    };
    clock.after(weather.latencyMs(seam), async () => {
      if (fault) history.add(`fault ${seam} ${fault.when} ${fault.text}: ${what}`);
      if (fault?.when === 'before') return answer(() => reject(new Error(fault.text)));
      try {
        const value = await effect();
        answer(() => (fault ? reject(new Error(fault.text)) : resolve(value)));
      } catch (error) {
        answer(() => reject(error));
      }
    });
  });
}

/** The database of a home. */
export function engineOf(homes: readonly Engine[], home: number): Engine {
  const engine = homes[home];
  if (!engine) throw new Error(`there is no home ${home}`);
  return engine;
}

/** In whose work this is called. */
export function current(): Invocation | null {
  return (context.getStore() as Invocation | undefined) ?? null;
}

class Statement {
  readonly database: D1Shim;
  readonly text: string;
  readonly values: readonly unknown[];

  constructor(database: D1Shim, text: string, values: readonly unknown[] = []) {
    this.database = database;
    this.text = text;
    this.values = values;
  }
  bind(...values: unknown[]): Statement {
    return new Statement(this.database, this.text, values);
  }
  async all(): Promise<StatementResult> {
    const [result] = await this.database.batch([this]);
    if (!result) throw new Error('one result was expected');
    return result;
  }
  run(): Promise<StatementResult> {
    return this.all();
  }
  async raw(): Promise<unknown[][]> {
    return (await this.all()).results.map((row) => Object.values(row));
  }
  async first(column?: string): Promise<unknown> {
    const row = (await this.all()).results[0] ?? null;
    return column === undefined ? row : row?.[column];
  }
}

/** D1 as the Worker's binding has it. */
export class D1Shim {
  readonly deps: SeamDeps;
  readonly home: number;

  constructor(deps: SeamDeps, home: number) {
    this.deps = deps;
    this.home = home;
  }
  prepare(text: string): Statement {
    return new Statement(this, text);
  }
  batch(statements: readonly Statement[]): Promise<StatementResult[]> {
    const { homes, history } = this.deps;
    const database = engineOf(homes, this.home);
    const invocation = current();
    if (invocation) {
      invocation.statements += statements.length;
      invocation.trips += 1;
    }
    const queries = statements.map(({ text, values }): Query => [text, values]);
    const what = `${queries.length}× ${(queries[0]?.[0] ?? '').slice(0, 70).replaceAll(/\s+/g, ' ')}`;
    return callOut(this.deps, 'd1', what, async () => {
      const dropped = queries.flatMap(([text]) => /^DROP TABLE IF EXISTS "(\w+)"$/.exec(text)?.[1] ?? []);
      if (dropped.length > 0) await this.deps.onDrop(this.home, dropped);
      try {
        const results = await database.batch(queries);
        const read = results.reduce((sum, { meta }) => sum + (meta.rows_read ?? 0), 0);
        const rows = results.reduce((sum, result) => sum + result.results.length, 0);
        if (invocation) invocation.rowsRead += read;
        history.add(`d1 ${what}: ${rows} rows`);
        return results;
      } catch (error) {
        history.add(`d1 ${what}: ${String(error)}`);
        throw error;
      }
    });
  }
}

/** R2 as the Worker's binding has it. */
export function r2Shim(deps: SeamDeps) {
  const database = engineOf(deps.homes, 0);
  return {
    put: (key: string, value: Uint8Array | string) =>
      callOut(deps, 'r2', `put ${key}`, async () => {
        await database.put(key, typeof value === 'string' ? Buffer.from(value) : value);
      }),
    get: (key: string) =>
      callOut(deps, 'r2', `get ${key}`, async () => {
        const bytes = await database.get(key);
        return bytes && { key, size: bytes.length, body: new Response(new Uint8Array(bytes)).body };
      }),
    head: (key: string) =>
      callOut(deps, 'r2', `head ${key}`, async () => ((await database.head(key)) ? { key } : null)),
    delete: (keys: string | string[]) => callOut(deps, 'r2', 'delete', () => database.delete([keys].flat())),
    list: (options: object) =>
      callOut(deps, 'r2', 'list', async () => {
        const { keys, truncated } = await database.list(options);
        return { objects: keys.map((key) => ({ key })), truncated };
      }),
  };
}
