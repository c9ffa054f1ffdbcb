/**
 * The edge half on one machine: the Worker, bundled by wrangler, in Cloudflare's own runtime (workerd, through
 * miniflare), with its data on disk, its migrations applied and its cron ticked.
 */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare';
import { unstable_getMiniflareWorkerOptions, unstable_splitSqlQuery } from 'wrangler';

const repository = new URL('../../', import.meta.url).pathname;

export interface EdgeOptions {
  /** 0: any free port. */
  port: number;
  host: string;
  /** Folder of the bundle, D1 and R2. */
  dataDir: string;
  /** Variables and secrets of the Worker, over those of wrangler.toml. */
  settings: Record<string, string>;
  /** Lines that the Worker logs. */
  log: (line: string) => void;
  /** Makes the module that is run from the Worker's own (its path is given); for measurements. */
  around?: (worker: string) => Promise<string>;
}

export interface Edge {
  url: string;
  /** The Worker's D1 database, past the Worker; for measurements. */
  database: Database;
  /** Runs the Worker's `scheduled` handler once. */
  tick(): Promise<void>;
  stop(): Promise<void>;
}

/** How often cron is ticked: local runs have no cron of their own, and a sweep costs next to nothing here. */
const tickEveryMs = 15_000;

/** Builds and starts the edge; resolves when it answers. */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const bundle = join(options.dataDir, 'bundle');
  await bundleWorker(bundle);
  const own = join(bundle, 'index.js');
  const main = options.around ? await options.around(own) : own;
  const { workerOptions } = unstable_getMiniflareWorkerOptions(join(repository, 'wrangler.toml'));
  const miniflare = new Miniflare({
    ...convertV4MiniflareOptions({
      ...workerOptions,
      modules: [{ type: 'ESModule', path: main }],
      modulesRoot: dirname(main),
      bindings: Object.assign({}, workerOptions.bindings, options.settings),
      host: options.host,
      port: options.port,
      log: new Log(LogLevel.NONE),
      handleStructuredLogs: ({ message }) => options.log(message),
    }),
    resourcePersistencePath: join(options.dataDir, 'state'),
    telemetry: { enabled: false },
  });
  const url = (await miniflare.ready).origin;
  const database = await miniflare.getD1Database('DB');
  await migrate(database);
  const worker = await miniflare.getWorker();
  const tick = async () => {
    await worker.scheduled({ scheduledTime: new Date(), cron: '* * * * *' });
  };
  await tick();
  const timer = setInterval(() => {
    tick().catch((error: unknown) => options.log(`cron: ${String(error)}`));
  }, tickEveryMs);
  return {
    url,
    database,
    tick,
    stop: async () => {
      clearInterval(timer);
      await miniflare.dispose();
    },
  };
}

/** The bundle as `wrangler deploy` would upload it. */
async function bundleWorker(outDir: string): Promise<void> {
  const wrangler = join(repository, 'node_modules/wrangler/bin/wrangler.js');
  const child = spawn(process.execPath, [wrangler, 'deploy', '--dry-run', '--outdir', outDir], {
    cwd: repository,
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false', NO_COLOR: '1', CI: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0) throw new Error(`the Worker does not build:\n${output}`);
}

type Database = Awaited<ReturnType<Miniflare['getD1Database']>>;

/** Applies the migrations that the database does not have yet, each in one transaction; wrangler's own table says which. */
async function migrate(database: Database): Promise<void> {
  await database.exec(
    'CREATE TABLE IF NOT EXISTS d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)',
  );
  const folder = join(repository, 'drizzle/migrations');
  const journal = JSON.parse(await readFile(join(folder, 'meta/_journal.json'), 'utf8')) as {
    entries: { tag: string }[];
  };
  const { results } = await database.prepare('SELECT name FROM d1_migrations').all<{ name: string }>();
  const applied = new Set(results.map((row) => row.name));
  for (const { tag } of journal.entries) {
    const name = `${tag}.sql`;
    if (applied.has(name)) continue;
    const statements = unstable_splitSqlQuery(await readFile(join(folder, name), 'utf8'));
    await database.batch([
      ...statements.map((statement) => database.prepare(statement)),
      database.prepare('INSERT INTO d1_migrations (name) VALUES (?)').bind(name),
    ]);
  }
}
