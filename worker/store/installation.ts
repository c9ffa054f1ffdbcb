import { getTableColumns, getTableName, is, type SQL, sql } from 'drizzle-orm';
import { SQLiteTable } from 'drizzle-orm/sqlite-core';
import { z } from 'zod';
import { type Diagnosis, diagnosisSchema } from '#domain/dns/diagnosis.ts';
import { type DatabaseSize, type HomeSize, lateMs } from '#domain/dns/installation.ts';
import * as auth from '../../drizzle/schema/auth.ts';
import * as control from '../../drizzle/schema/control.ts';
import { webhookTable, webhookWeeks, withHomeTables } from './home-tables.ts';
import { batch } from './sql.ts';
import { errorText, everyHome, type Store } from './store.ts';
import { systemAccountId } from './system-account.ts';

/** What is kept of an installation as a whole: when cron ticked, what was found when it was last looked at. */

const tickSchema = z.object({ fault: z.string().nullable() });
const progressSchema = z.record(z.string(), z.object({ place: z.number().nullable(), atMs: z.number() }));
export type KeptProgress = z.infer<typeof progressSchema>;
const checkedSchema = z.array(diagnosisSchema);
const dayMs = 86_400_000;

/** Notes that cron has ticked, what went wrong in it, and how far its jobs are. */
export async function noteTick(
  store: Store,
  nowMs: number,
  fault: string | null,
  progress: KeptProgress,
): Promise<void> {
  await batch(store.d1, [
    noteStatement('tick', nowMs, { fault: fault === null ? null : fault.slice(0, 500) }),
    noteStatement('progress', nowMs, progress),
  ]);
}

/** How far the jobs of cron are, by their names; what an older version kept otherwise begins anew. */
export async function readProgress(store: Store): Promise<KeptProgress> {
  const [[row] = []] = await batch(store.d1, [sql`SELECT value FROM installation WHERE name = 'progress'`]);
  const read = row && progressSchema.safeParse(JSON.parse(String(row.value)));
  return read?.success ? read.data : {};
}

/** How large the database was, once a day: so many days are kept, to tell how it grows. */
const sizesKept = 8;
const sizesSchema = z.array(z.object({ atMs: z.number(), bytes: z.number() }));

/** Notes the size that D1 tells with every answer (`meta.size_after`). */
export async function noteDatabaseSize(store: Store, nowMs: number): Promise<void> {
  const earlier = await readSizes(store);
  const { bytes } = store.size;
  if (bytes === 0) return;
  const kept = earlier.filter(({ atMs }) => Math.floor(atMs / dayMs) !== Math.floor(nowMs / dayMs));
  await batch(store.d1, [
    noteStatement('database', nowMs, [...kept.slice(1 - sizesKept), { atMs: nowMs, bytes }]),
  ]);
}

async function readSizes(store: Store): Promise<z.infer<typeof sizesSchema>> {
  const [[row] = []] = await batch(store.d1, [sql`SELECT value FROM installation WHERE name = 'database'`]);
  const sizes = sizesSchema.safeParse(row === undefined ? [] : JSON.parse(String(row.value)));
  return sizes.success ? sizes.data : [];
}

/** How large the database is by its own last word, and by how much it has grown a day; null: not known. */
export async function readDatabaseSize(store: Store, nowMs: number): Promise<DatabaseSize> {
  const [oldest] = await readSizes(store);
  const { bytes } = store.size;
  const days = oldest ? (nowMs - oldest.atMs) / dayMs : 0;
  const growth = oldest && days >= 1 ? (bytes - oldest.bytes) / days : null;
  return { bytes, bytesADay: growth };
}

/** Keeps what was found. */
export async function noteChecks(store: Store, nowMs: number, found: Diagnosis[]): Promise<void> {
  await batch(store.first.d1, [noteStatement('checks', nowMs, found)]);
}

/** Keeps one of the things that are kept of the installation. */
export async function note(store: Store, name: NoteName, atMs: number, value: unknown): Promise<void> {
  await batch(store.first.d1, [noteStatement(name, atMs, value)]);
}

type NoteName = 'tick' | 'progress' | 'database' | 'checks' | 'system-mail' | 'encryption';

function noteStatement(name: NoteName, atMs: number, value: unknown): SQL {
  return sql`INSERT INTO installation (name, at_ms, value) VALUES (${name}, ${atMs}, ${JSON.stringify(value)})
    ON CONFLICT (name) DO UPDATE SET at_ms = excluded.at_ms, value = excluded.value`;
}

/** What was found when the installation was last looked at; null: never, or by a version that told it otherwise. */
export async function lastChecks(store: Store): Promise<{ atMs: number; found: Diagnosis[] } | null> {
  const [[row] = []] = await batch(store.first.d1, [
    sql`SELECT at_ms, value FROM installation WHERE name = 'checks'`,
  ]);
  const found = row && checkedSchema.safeParse(JSON.parse(String(row.value)));
  return row && found?.success ? { atMs: Number(row.at_ms), found: found.data } : null;
}

/** What the databases of all homes and the bucket tell of themselves. */
export async function readInstallation(store: Store, nowMs: number) {
  const homes = await Promise.all(everyHome(store).map((home) => readHome(home, nowMs)));
  const sum = (of: (home: (typeof homes)[number]) => number) =>
    homes.reduce((total, home) => total + of(home), 0);
  const missing = homes.map(({ missingColumns }) => missingColumns);
  return {
    missingColumns: missing.every((columns) => columns !== null) ? missing.flat() : null,
    bucketFault: await bucketFault(store),
    databaseSizes: await readHomeSizes(store, nowMs),
    tick: worstTick(homes.map(({ tick }) => tick)),
    lateEndpoints: sum(({ lateEndpoints }) => lateEndpoints),
    failingEndpoints: {
      count: sum(({ failingEndpoints }) => failingEndpoints.count),
      waiting: sum(({ failingEndpoints }) => failingEndpoints.waiting),
    },
  };
}

interface Ticked {
  atMs: number;
  fault: string | null;
}

/** The tick that says most of what is wrong: none, one with a fault, or the oldest. */
function worstTick(ticks: readonly (Ticked | null)[]): Ticked | null {
  if (ticks.includes(null)) return null;
  const all = ticks.flatMap((tick) => (tick ? [tick] : [])).sort((a, b) => a.atMs - b.atMs);
  return all.find(({ fault }) => fault !== null) ?? all[0] ?? null;
}

/** How large each home is, and how many accounts live there. */
export async function readHomeSizes(store: Store, nowMs: number): Promise<HomeSize[]> {
  const [rows = []] = await batch(store.first.d1, [
    sql`SELECT home, count(*) AS accounts FROM accounts WHERE id <> ${systemAccountId} GROUP BY home`,
  ]);
  const accounts = new Map(rows.map((row) => [Number(row.home), Number(row.accounts)]));
  return await Promise.all(
    everyHome(store).map(async (home) => ({
      home: home.home,
      accounts: accounts.get(home.home) ?? 0,
      ...(await readDatabaseSize(home, nowMs)),
    })),
  );
}

async function readHome(store: Store, nowMs: number) {
  const late = webhookWeeks(nowMs).map(
    (week) => sql`EXISTS (SELECT 1 FROM ${webhookTable(week)} d
      WHERE d.endpoint_id = e.id AND d.state <> 'delivered' AND d.due_ms <= ${nowMs - lateMs.webhook})`,
  );
  const waiting = webhookWeeks(nowMs).map(
    (week) => sql`(SELECT count(*) FROM ${webhookTable(week)} d
      WHERE d.endpoint_id = e.id AND d.state <> 'delivered' AND d.due_ms IS NOT NULL)`,
  );
  const [[tick] = [], [endpoints] = [], [failing] = []] = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [
      sql`SELECT at_ms, value FROM installation WHERE name = 'tick'`,
      sql`SELECT count(*) AS late FROM webhook_endpoints e WHERE e.state = 'active' AND (${sql.join(late, sql` OR `)})`,
      sql`SELECT count(*) AS failing, coalesce(sum(${sql.join(waiting, sql` + `)}), 0) AS waiting FROM webhook_endpoints e
        WHERE e.state = 'active' AND e.failing_since_ms <= ${nowMs - lateMs.webhook}`,
    ]),
  );
  const inHome = store.home === store.first.home ? '' : `home ${store.home}: `;
  const missing = await missingColumns(store);
  return {
    missingColumns: missing && missing.map((column) => `${inHome}${column}`),
    tick: tick ? tickOf(tick, inHome) : null,
    lateEndpoints: Number(endpoints?.late ?? 0),
    failingEndpoints: { count: Number(failing?.failing ?? 0), waiting: Number(failing?.waiting ?? 0) },
  };
}

function tickOf(row: Record<string, unknown>, inHome: string): Ticked {
  const { fault } = tickSchema.parse(JSON.parse(String(row.value)));
  return { atMs: Number(row.at_ms), fault: fault === null ? null : `${inHome}${fault}` };
}

/** The columns of the schema that the database has not, as `table.column`; null when it does not tell. */
async function missingColumns(store: Store): Promise<string[] | null> {
  const wanted = wantedColumns();
  const tables = JSON.stringify([...wanted.keys()]);
  const found = await batch(store.d1, [
    sql`SELECT t.value || '.' || p.name AS column FROM json_each(${tables}) t, pragma_table_info(t.value) p`,
  ]).catch(() => null);
  if (!found) return null;
  const there = new Set(found[0]?.map(({ column }) => String(column)));
  return [...wanted].flatMap(([table, names]) =>
    names.map((name) => `${table}.${name}`).filter((column) => !there.has(column)),
  );
}

/** The columns of each table of the schema. */
function wantedColumns(): Map<string, string[]> {
  const tables = [...Object.values(control), ...Object.values(auth)].filter((one) => is(one, SQLiteTable));
  return new Map(
    tables.map((table) => [
      getTableName(table),
      Object.values(getTableColumns(table)).map((column) => column.name),
    ]),
  );
}

async function bucketFault(store: Store): Promise<string | null> {
  try {
    await store.raw.head('checks');
    return null;
  } catch (error) {
    return errorText(error).slice(0, 300);
  }
}
