/**
 * The edge half on one machine: the Worker, bundled by wrangler, in Cloudflare's own runtime (workerd, through
 * miniflare), with its data on disk, its migrations applied and its cron ticked.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare';
import { unstable_getMiniflareWorkerOptions, unstable_splitSqlQuery } from 'wrangler';
import { repository } from './bundle.ts';
import { putBundle } from './kept-bundle.ts';
import { endOrphans, noteWorkerd } from './orphan.ts';

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
  /** How many databases there are to be at least; those that are there stay. */
  homes?: number;
  /** The Worker has the binding by which it hands mail to Cloudflare; here it goes nowhere. */
  sendsItself?: boolean;
  /** Where workerd can be looked into (Chrome DevTools Protocol); for measurements. */
  inspectorPort?: number;
  /** Makes the module that is run from the Worker's own (its path is given); for measurements. */
  around?: (worker: string) => Promise<string>;
}

export interface Edge {
  url: string;
  /** The Worker's first D1 database, past the Worker; for measurements. */
  database: Database;
  /** The databases of all homes, the first among them. */
  databases: readonly Database[];
  /** Runs the Worker's `scheduled` handler once. */
  tick(): Promise<void>;
  stop(): Promise<void>;
}

/** How often cron is ticked: local runs have no cron of their own, and a sweep costs next to nothing here. */
const tickEveryMs = 15_000;

/** Builds and starts the edge; resolves when it answers. Nobody else may use its `dataDir`. */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const bundle = join(options.dataDir, 'bundle');
  await putBundle(bundle);
  const runtimeNote = join(options.dataDir, 'workerd.json');
  await endOrphans(runtimeNote);
  const own = join(bundle, 'index.js');
  const main = options.around ? await options.around(own) : own;
  const homes = await keptHomes(join(options.dataDir, 'homes.json'), options.homes ?? 1);
  const { workerOptions } = unstable_getMiniflareWorkerOptions(join(repository, 'wrangler.toml'));
  const miniflare = withoutSignalHandlers(
    () =>
      new Miniflare(
        convertV4MiniflareOptions({
          ...workerOptions,
          modules: [{ type: 'ESModule', path: main }],
          modulesRoot: dirname(main),
          bindings: Object.assign({}, workerOptions.bindings, options.settings),
          d1Databases: Object.assign({}, workerOptions.d1Databases, furtherHomes(homes)),
          ...(options.sendsItself && { email: { send_email: [{ name: 'EMAIL' }] } }),
          host: options.host,
          port: options.port,
          cf: false,
          log: new Log(LogLevel.NONE),
          handleStructuredLogs: ({ message }) => options.log(message),
          resourcePersistencePath: join(options.dataDir, 'state'),
          telemetry: { enabled: false },
          ...(options.inspectorPort !== undefined && { inspectorPort: options.inspectorPort }),
        }),
      ),
  );
  const url = (await miniflare.ready).origin;
  await noteWorkerd(runtimeNote);
  const database = await miniflare.getD1Database('DB');
  const databases = [database];
  for (const name of Object.keys(furtherHomes(homes))) databases.push(await miniflare.getD1Database(name));
  for (const one of databases) await migrate(one);
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
    databases,
    tick,
    stop: async () => {
      clearInterval(timer);
      await miniflare.dispose();
    },
  };
}

/** Most homes of one machine; each is a database that is looked at by cron. */
const mostLocalHomes = 32;

/** How many homes there are: never fewer than there were, since accounts live in them. */
async function keptHomes(path: string, wanted: number): Promise<number> {
  if (!Number.isInteger(wanted) || wanted < 1 || wanted > mostLocalHomes)
    throw new Error(`--homes must be a number from 1 to ${mostLocalHomes}`);
  const kept = Number(await readFile(path, 'utf8').catch(() => '1'));
  const homes = Math.max(kept, wanted);
  if (homes !== kept) await writeFile(path, `${homes}\n`);
  return homes;
}

/** The bindings of all homes but the first, which wrangler.toml has. */
function furtherHomes(homes: number): Record<string, { id: string }> {
  return Object.fromEntries(
    Array.from({ length: homes - 1 }, (_, i) => [`DB_${i + 1}`, { id: `home-${i + 1}` }]),
  );
}

/** Miniflare ends the process at once on a signal; here a signal is the caller's, who has work to finish. */
function withoutSignalHandlers<T>(make: () => T): T {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const before = new Map(signals.map((signal) => [signal, process.listeners(signal)]));
  const made = make();
  for (const [signal, known] of before) {
    for (const listener of process.listeners(signal)) {
      if (!known.includes(listener)) process.off(signal, listener);
    }
  }
  return made;
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
