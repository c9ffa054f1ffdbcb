/** What an account has of an installation. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { repository } from '../../standalone/bundle.ts';
import { DeployError, RefusedError } from './cloudflare.ts';
import type { Session } from './session.ts';

export const names = {
  worker: 'pennypost',
  database: 'pennypost',
  bucket: 'pennypost-raw',
  sendBinding: 'EMAIL',
  queues: ['pennypost-delivery', 'pennypost-webhook', 'pennypost-relay-events'],
  /** What versions before 0.2 called them: names that anybody may have given to a queue. */
  formerQueues: ['delivery', 'webhook'],
} as const;

const binding = z.object({
  type: z.string(),
  name: z.string(),
  text: z.string().optional(),
  id: z.string().optional(),
  database_id: z.string().optional(),
});

const queue = z.object({
  queue_id: z.string(),
  queue_name: z.string(),
  consumers: z
    .array(
      z.object({
        consumer_id: z.string().optional(),
        script: z.string().optional(),
        service: z.string().optional(),
        script_name: z.string().optional(),
      }),
    )
    .nullish(),
});
type Queue = z.infer<typeof queue>;

/** All that a deployment must know before it changes anything. */
export interface Installation {
  /** The Worker is there. */
  isThere: boolean;
  /** Its variables. */
  vars: Record<string, string>;
  /** Names of its secrets. */
  secrets: string[];
  /** Names of its bindings that tell of the version itself. */
  versionBindings: string[];
  /** It has the binding by which it hands mail to Cloudflare itself. */
  sendsItself: boolean;
  /** Whether it is reached by workers.dev, and its previews. */
  onWorkersDev: boolean;
  previews: boolean;
  /** `<name>.workers.dev` of the account; null: none yet. */
  workersDevName: string | null;
  customDomains: string[];
  routes: string[];
  databaseId: string | null;
  /** Databases that the Worker binds as homes beside the first. */
  furtherHomes: { home: number; databaseId: string }[];
  /** The database holds accounts. */
  hasData: boolean;
  /** Files of `drizzle/migrations` that it has not had. */
  pendingMigrations: string[];
  hasBucket: boolean;
  missingQueues: string[];
  /** Queues of former names that send to the Worker. */
  former: { queueName: string; queueId: string; consumerId: string }[];
}

/** Reads it. @throws DeployError, also when a name is taken by something else */
export async function readInstallation({ api, account }: Session): Promise<Installation> {
  const script = `${account}/workers/scripts/${names.worker}`;
  const settings = await api.find(z.object({ bindings: z.array(binding) }), `${script}/settings`);
  const bindings = settings?.bindings ?? [];
  const [subdomain, workersDevName, customDomains, routes, queues, bucket, listed] = await Promise.all([
    settings
      ? api.find(z.object({ enabled: z.boolean(), previews_enabled: z.boolean() }), `${script}/subdomain`)
      : null,
    api.find(z.object({ subdomain: z.string() }), `${account}/workers/subdomain`),
    api.ask(
      z.array(z.object({ hostname: z.string() })),
      `${account}/workers/domains?service=${names.worker}`,
    ),
    settings
      ? api.find(
          z.array(z.object({ pattern: z.string() })),
          `${account}/workers/services/${names.worker}/environments/production/routes?show_zonename=true`,
        )
      : null,
    api.ask(z.array(queue), `${account}/queues?per_page=100`),
    api.find(z.unknown(), `${account}/r2/buckets/${names.bucket}`),
    api.ask(
      z.array(z.object({ uuid: z.string(), name: z.string() })),
      `${account}/d1/database?name=${names.database}`,
    ),
  ]);
  const own = bindings.find(({ name, type }) => name === 'DB' && type === 'd1');
  const databaseId =
    own?.database_id ?? own?.id ?? listed.find(({ name }) => name === names.database)?.uuid ?? null;
  for (const one of queues) if (isOurs(one.queue_name)) refuseForeign(one);
  const database = databaseId === null ? null : { api, account, databaseId };
  return {
    isThere: settings !== null,
    vars: Object.fromEntries(
      bindings.flatMap(({ type, name, text }) => (type === 'plain_text' ? [[name, text ?? '']] : [])),
    ),
    secrets: bindings.flatMap(({ type, name }) => (type === 'secret_text' ? [name] : [])),
    versionBindings: bindings.flatMap(({ type, name }) => (type === 'version_metadata' ? [name] : [])),
    sendsItself: bindings.some(({ type, name }) => type === 'send_email' && name === names.sendBinding),
    onWorkersDev: subdomain?.enabled ?? true,
    previews: subdomain?.previews_enabled ?? false,
    workersDevName: workersDevName?.subdomain ?? null,
    customDomains: customDomains.map(({ hostname }) => hostname),
    routes: (routes ?? []).map(({ pattern }) => pattern),
    databaseId,
    furtherHomes: bindings.flatMap(({ name, type, database_id: databaseId, id }) => {
      const [, home] = /^DB_(\d+)$/.exec(name) ?? [];
      const bound = databaseId ?? id;
      return type === 'd1' && home !== undefined && bound !== undefined
        ? [{ home: Number(home), databaseId: bound }]
        : [];
    }),
    hasData: database !== null && (await holdsAccounts(database)),
    pendingMigrations: await pendingMigrations(database),
    hasBucket: bucket !== null,
    missingQueues: names.queues.filter((name) => !queues.some((one) => one.queue_name === name)),
    former: queues
      .filter(({ queue_name: name }) => names.formerQueues.some((former) => former === name))
      .flatMap(({ queue_name: queueName, queue_id: queueId, consumers }) =>
        (consumers ?? []).flatMap((consumer) =>
          consumer.consumer_id !== undefined && workerOf(consumer) === names.worker
            ? [{ queueName, queueId, consumerId: consumer.consumer_id }]
            : [],
        ),
      ),
  };
}

function isOurs(name: string): boolean {
  return names.queues.some((own) => own === name);
}

type Consumer = NonNullable<Queue['consumers']>[number];

function workerOf({ script, service, script_name: scriptName }: Consumer): string {
  return script ?? service ?? scriptName ?? '';
}

function refuseForeign({ queue_name: name, consumers }: Queue): void {
  const other = (consumers ?? []).map(workerOf).find((worker) => worker !== names.worker);
  if (other !== undefined)
    throw new DeployError(
      `The queue ${name} is read by ${other === '' ? 'a pull consumer' : `the Worker ${other}`}, so it belongs to something else: delete it, or deploy into another account (--account ID).`,
    );
}

interface Database {
  api: Session['api'];
  account: string;
  databaseId: string;
}

/** Rows of a statement; null where a table of it is not there. */
export async function query<T extends z.ZodType>(
  { api, account, databaseId }: Database,
  row: T,
  sql: string,
): Promise<z.output<T>[] | null> {
  try {
    const results = await api.ask(
      z.array(z.object({ results: z.array(row) })),
      `${account}/d1/database/${databaseId}/query`,
      'POST',
      { sql },
    );
    return results.flatMap((one) => one.results);
  } catch (error) {
    if (error instanceof RefusedError && /no such table/i.test(error.message)) return null;
    throw error;
  }
}

async function holdsAccounts(database: Database): Promise<boolean> {
  const rows = await query(
    database,
    z.object({ accounts: z.number() }),
    'SELECT count(*) AS accounts FROM accounts WHERE id > 0',
  );
  return (rows ?? []).some(({ accounts }) => accounts > 0);
}

/** Files of `drizzle/migrations` that a database has not had; all of them for one that is to be made. */
export async function pendingMigrations(database: Database | null): Promise<string[]> {
  const files = (await readdir(join(repository, 'drizzle/migrations'))).filter((name) =>
    name.endsWith('.sql'),
  );
  if (database === null) return files.sort();
  const rows = await query(database, z.object({ name: z.string() }), 'SELECT name FROM d1_migrations');
  const applied = new Set((rows ?? []).map(({ name }) => name));
  return files.filter((name) => !applied.has(name)).sort();
}
