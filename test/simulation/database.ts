import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare';
import { unstable_splitSqlQuery } from 'wrangler';
import { z } from 'zod';

const repository = new URL('../../', import.meta.url).pathname;

export type Row = Record<string, unknown>;
export interface StatementResult {
  success: boolean;
  meta: { rows_read?: number; rows_written?: number; size_after?: number };
  results: Row[];
}
/** SQL and its values. */
export type Query = readonly [string, readonly unknown[]];

/** D1 and R2 of a run. */
export interface Engine {
  /** Whether it tells how many rows were read. */
  readonly countsRows: boolean;
  /** Calls so far. */
  calls: number;
  /** Runs statements in one transaction. @throws what D1 says */
  batch(queries: readonly Query[]): Promise<StatementResult[]>;
  /** The rows of one query, past the product: for what is checked. */
  rows(text: string, ...values: unknown[]): Promise<Row[]>;
  put(key: string, value: Uint8Array): Promise<void>;
  get(key: string): Promise<Buffer | null>;
  head(key: string): Promise<boolean>;
  delete(keys: readonly string[]): Promise<void>;
  list(options: { prefix?: string; limit?: number }): Promise<{ keys: string[]; truncated: boolean }>;
  close(): Promise<void>;
}

/** The statements of the product's migrations, in their order. */
export async function migrations(): Promise<string[][]> {
  const folder = `${repository}drizzle/migrations`;
  const journal = z
    .object({ entries: z.array(z.object({ tag: z.string() })) })
    .parse(JSON.parse(await readFile(`${folder}/meta/_journal.json`, 'utf8')));
  const texts = await Promise.all(journal.entries.map(({ tag }) => readFile(`${folder}/${tag}.sql`, 'utf8')));
  return texts.map((text) => unstable_splitSqlQuery(text));
}

/**
 * The real D1 and R2 of a run: SQLite and buckets in workerd, in a folder of their own, empty at first. A call takes
 * one round trip of HTTP: Miniflare's own proxies of bindings take six times as long.
 */
export class Database implements Engine {
  readonly countsRows = true;
  readonly #miniflare: Miniflare;
  readonly #url: URL;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  calls = 0;

  private constructor(miniflare: Miniflare, url: URL) {
    this.#miniflare = miniflare;
    this.#url = url;
  }

  static async open(folder: string): Promise<Database> {
    const miniflare = new Miniflare(
      convertV4MiniflareOptions({
        modules: [
          {
            type: 'ESModule',
            path: 'gateway.js',
            contents: await readFile(new URL('gateway-worker.js', import.meta.url), 'utf8'),
          },
        ],
        compatibilityDate: '2026-08-01',
        d1Databases: ['DB'],
        r2Buckets: ['RAW'],
        resourcePersistencePath: folder,
        host: '127.0.0.1',
        port: 0,
        cf: false,
        log: new Log(LogLevel.NONE),
        telemetry: { enabled: false },
      }),
    );
    const database = new Database(miniflare, await miniflare.ready);
    for (const statements of await migrations()) await database.batch(statements.map((text) => [text, []]));
    return database;
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    await this.#miniflare.dispose();
  }

  async batch(queries: readonly Query[]): Promise<StatementResult[]> {
    const { body } = await this.#ask('/d1', JSON.stringify(queries));
    return JSON.parse(body.toString()) as StatementResult[];
  }

  async rows(text: string, ...values: unknown[]): Promise<Row[]> {
    const [result] = await this.batch([[text, values]]);
    return result?.results ?? [];
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    await this.#ask(`/put?key=${encodeURIComponent(key)}`, value);
  }

  async get(key: string): Promise<Buffer | null> {
    const { status, body } = await this.#ask(`/get?key=${encodeURIComponent(key)}`, '');
    return status === 404 ? null : body;
  }

  async head(key: string): Promise<boolean> {
    return (await this.#ask(`/head?key=${encodeURIComponent(key)}`, '')).status !== 404;
  }

  async delete(keys: readonly string[]): Promise<void> {
    await this.#ask('/delete', JSON.stringify(keys));
  }

  async list(options: object): Promise<{ keys: string[]; truncated: boolean }> {
    const { body } = await this.#ask('/list', JSON.stringify(options));
    return JSON.parse(body.toString()) as { keys: string[]; truncated: boolean };
  }

  #ask(path: string, body: string | Uint8Array): Promise<{ status: number; body: Buffer }> {
    this.calls += 1;
    return new Promise((resolve, reject) => {
      const asked = request(
        {
          host: this.#url.hostname,
          port: this.#url.port,
          path,
          method: 'POST',
          agent: this.#agent,
          headers: { 'content-length': Buffer.byteLength(body) },
        },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('end', () => {
            const whole = Buffer.concat(chunks);
            if (answer.statusCode === 599) reject(new Error(whole.toString()));
            else resolve({ status: answer.statusCode ?? 0, body: whole });
          });
          answer.on('error', reject);
        },
      );
      asked.on('error', reject);
      asked.end(body);
    });
  }
}
