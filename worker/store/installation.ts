import { getTableColumns, getTableName, is, sql } from 'drizzle-orm';
import { SQLiteTable } from 'drizzle-orm/sqlite-core';
import { z } from 'zod';
import { type Diagnosis, diagnosisSchema } from '#domain/diagnosis.ts';
import { lateMs } from '#domain/installation.ts';
import * as auth from '../../drizzle/schema/auth.ts';
import * as control from '../../drizzle/schema/control.ts';
import { webhookTable, webhookWeeks, withHomeTables } from './home-tables.ts';
import { batch } from './sql.ts';
import { errorText, type Store } from './store.ts';

/** What is kept of an installation as a whole: when cron ticked, what was found when it was last looked at. */

const tickSchema = z.object({ fault: z.string().nullable() });
const checkedSchema = z.array(diagnosisSchema);

/** Notes that cron has ticked, and what went wrong in it. */
export async function noteTick(store: Store, nowMs: number, fault: string | null): Promise<void> {
  await note(store, 'tick', nowMs, { fault: fault === null ? null : fault.slice(0, 500) });
}

/** Keeps what was found. */
export async function noteChecks(store: Store, nowMs: number, found: Diagnosis[]): Promise<void> {
  await note(store, 'checks', nowMs, found);
}

async function note(store: Store, name: 'tick' | 'checks', atMs: number, value: unknown): Promise<void> {
  const values = { name, atMs, value: JSON.stringify(value) };
  await store.control
    .insert(control.installation)
    .values(values)
    .onConflictDoUpdate({ target: control.installation.name, set: values });
}

/** What was found when the installation was last looked at; null: never, or by a version that told it otherwise. */
export async function lastChecks(store: Store): Promise<{ atMs: number; found: Diagnosis[] } | null> {
  const [[row] = []] = await batch(store.d1, [
    sql`SELECT at_ms, value FROM installation WHERE name = 'checks'`,
  ]);
  const found = row && checkedSchema.safeParse(JSON.parse(String(row.value)));
  return row && found?.success ? { atMs: Number(row.at_ms), found: found.data } : null;
}

/** What the database and the bucket tell of themselves. */
export async function readInstallation(store: Store, nowMs: number) {
  const late = webhookWeeks(nowMs).map(
    (week) => sql`EXISTS (SELECT 1 FROM ${webhookTable(week)} d
      WHERE d.endpoint_id = e.id AND d.state <> 'delivered' AND d.due_ms <= ${nowMs - lateMs.webhook})`,
  );
  const [[tick] = [], [endpoints] = []] = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [
      sql`SELECT at_ms, value FROM installation WHERE name = 'tick'`,
      sql`SELECT count(*) AS late FROM webhook_endpoints e WHERE e.state = 'active' AND (${sql.join(late, sql` OR `)})`,
    ]),
  );
  return {
    missingColumns: await missingColumns(store),
    bucketFault: await bucketFault(store),
    tick: tick ? { atMs: Number(tick.at_ms), ...tickSchema.parse(JSON.parse(String(tick.value))) } : null,
    lateEndpoints: Number(endpoints?.late ?? 0),
  };
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
