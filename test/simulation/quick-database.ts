import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { type Engine, migrations, type Query, type Row, type StatementResult } from './database.ts';

const mostStatements = 500;

/**
 * SQLite within this process instead of D1 in workerd, and a map instead of R2: some ten times as quick, for nights and
 * for shrinking. It has none of D1's own limits and does not count the rows that are read; otherwise a seed has
 * the same history on both (`test/unit/simulation.test.ts`).
 */
export class QuickDatabase implements Engine {
  readonly #sqlite = new DatabaseSync(':memory:');
  readonly #objects = new Map<string, Buffer>();
  readonly #statements = new Map<string, StatementSync>();
  readonly countsRows = false;
  calls = 0;
  /** Told of every text that the Worker asks. */
  readonly #onAsked: (text: string) => void;

  private constructor(onAsked: (text: string) => void) {
    this.#onAsked = onAsked;
  }

  static async open(onAsked: (text: string) => void = () => undefined): Promise<QuickDatabase> {
    const database = new QuickDatabase(onAsked);
    // A table of D1's own that lists of tables show.
    database.#sqlite.exec('CREATE TABLE _cf_METADATA (key INTEGER PRIMARY KEY, value BLOB)');
    for (const statements of await migrations()) await database.batch(statements.map((text) => [text, []]));
    return database;
  }

  async close(): Promise<void> {
    this.#sqlite.close();
  }

  async batch(queries: readonly Query[]): Promise<StatementResult[]> {
    for (const [text] of queries) this.#onAsked(text);
    return this.#carryOut(queries);
  }

  #carryOut(queries: readonly Query[]): StatementResult[] {
    this.calls += 1;
    const meta = { size_after: Number(this.#prepared('PRAGMA page_count').get()?.page_count ?? 0) * 4096 };
    this.#sqlite.exec('BEGIN');
    try {
      const results = queries.map((query) => {
        const [text, values] = withLimits(query);
        return { success: true, meta, results: this.#prepared(text).all(...values.map(inputOf)) as Row[] };
      });
      this.#sqlite.exec('COMMIT');
      return results;
    } catch (error) {
      this.#sqlite.exec('ROLLBACK');
      throw new Error(`D1_ERROR: ${error instanceof Error ? error.message : String(error)}: SQLITE_ERROR`);
    }
  }

  async rows(text: string, ...values: unknown[]): Promise<Row[]> {
    const [result] = this.#carryOut([[text, values]]);
    return result?.results ?? [];
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    this.#objects.set(key, Buffer.from(value));
  }

  async get(key: string): Promise<Buffer | null> {
    return this.#objects.get(key) ?? null;
  }

  async head(key: string): Promise<boolean> {
    return this.#objects.has(key);
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.#objects.delete(key);
  }

  async list({
    prefix = '',
    limit = 1000,
  }: {
    prefix?: string;
    limit?: number;
  }): Promise<{ keys: string[]; truncated: boolean }> {
    const keys = [...this.#objects.keys()].filter((key) => key.startsWith(prefix)).sort();
    return { keys: keys.slice(0, limit), truncated: keys.length > limit };
  }

  #prepared(text: string): StatementSync {
    const known = this.#statements.get(text);
    if (known) return known;
    if (this.#statements.size > mostStatements) this.#statements.clear();
    const made = this.#sqlite.prepare(text);
    this.#statements.set(text, made);
    return made;
  }
}

/**
 * The query with the numbers of its limits in its text: SQLite prepares a statement anew each time that a limit is bound,
 * since its plan may depend on it.
 */
function withLimits([text, values]: Query): Query {
  const parts = text.split('?');
  if (parts.length !== values.length + 1) return [text, values];
  const isLimit = (i: number) => typeof values[i] === 'number' && parts[i]?.endsWith('LIMIT ');
  const texts = parts.map((part, i) =>
    i === values.length ? part : part + (isLimit(i) ? String(values[i]) : '?'),
  );
  return [texts.join(''), values.filter((_, i) => !isLimit(i))];
}

function inputOf(value: unknown): SQLInputValue {
  if (value === undefined) throw new Error("Type 'undefined' not supported for value 'undefined'");
  return typeof value === 'boolean' ? Number(value) : (value as SQLInputValue);
}
