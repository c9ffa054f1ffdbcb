import { type SQL, sql } from 'drizzle-orm';
import {
  getTableConfig,
  SQLiteAsyncDialect,
  type SQLiteColumn,
  type SQLiteTable,
} from 'drizzle-orm/sqlite-core';
import { classes } from '#domain/class.ts';
import { dayOf, homeOf, weeksBetween } from '#domain/home.ts';
import { isUuidV7, type MessageId } from '#domain/ids.ts';
import { contentDays } from '#domain/mail-settings.ts';
import { limits } from '#domain/submission.ts';
import {
  bodiesTable,
  deliveriesTable,
  eventsTable,
  messagesTable,
  webhookDeliveriesTable,
} from '../../drizzle/schema/home.ts';
import { errorText, type Store } from './store.ts';

const dayMs = 86_400_000;

/** How long metadata is kept at least. */
export const metadataDays = 30;
/** How long bodies are kept after the day whose table holds them. */
const bodyDays = contentDays.least;
/** How long webhook deliveries are kept: the tries of one last for two and a half days, the rest is for replays. */
export const webhookDays = 14;
/** A message may be due so many days after its acceptance and is tried for days from then on. */
const lastAttemptDays = limits.scheduleDays + Math.max(...classes.map((c) => c.retryForMs)) / dayMs;
const keptDays = Math.max(metadataDays, lastAttemptDays) + 1;

/** Weeks whose tables may hold anything, oldest first. */
export function retainedWeeks(nowMs: number): string[] {
  return weeksBetween(nowMs - keptDays * dayMs, nowMs);
}

/** Those of which the tables may still be there; a node may speak of messages long gone, or of none. */
export function ofRetainedWeeks<T extends { messageId: MessageId }>(refs: T[], nowMs: number): T[] {
  const weeks = new Set(retainedWeeks(nowMs));
  return refs.filter(({ messageId }) => isUuidV7(messageId) && weeks.has(homeOf(messageId).week));
}

/** Weeks whose webhook deliveries may be kept, oldest first. */
export function webhookWeeks(nowMs: number): string[] {
  return weeksBetween(nowMs - (webhookDays + 1) * dayMs, nowMs);
}

/** The statements that make a table (and its indexes) of a drizzle definition, if it is not there. */
export function createTable(table: SQLiteTable, options: { withoutRowid: boolean }): string[] {
  const { name, columns, primaryKeys, indexes } = getTableConfig(table);
  const parts = columns.map(columnOf);
  for (const key of primaryKeys) {
    parts.push(`PRIMARY KEY (${key.columns.map((column) => `"${column.name}"`).join(', ')})`);
  }
  const statements = [
    `CREATE TABLE IF NOT EXISTS "${name}" (${parts.join(', ')})${options.withoutRowid ? ' WITHOUT ROWID' : ''}`,
  ];
  for (const { config } of indexes) {
    const on = config.columns.map((column) => `"${'name' in column ? column.name : ''}"`).join(', ');
    const where = config.where
      ? ` WHERE ${new SQLiteAsyncDialect().sqlToQuery(config.where as SQL).sql}`
      : '';
    statements.push(
      `CREATE ${config.unique ? 'UNIQUE ' : ''}INDEX IF NOT EXISTS "${config.name}" ON "${name}" (${on})${where}`,
    );
  }
  return statements;
}

/** The definition of a column, for CREATE and for ALTER. */
function columnOf(column: SQLiteColumn): string {
  return [
    `"${column.name}" ${column.getSQLType()}`,
    column.primary ? 'PRIMARY KEY' : '',
    column.notNull ? 'NOT NULL' : '',
    typeof column.default === 'number' ? `DEFAULT ${column.default}` : '',
  ]
    .filter(Boolean)
    .join(' ');
}

/**
 * Makes the tables of every week that may be asked for (the retained ones and the next) and of the days whose
 * tables bodies may be put into. Cheap when they are there.
 */
export async function ensureHomeTables(store: Store, nowMs: number): Promise<void> {
  const tables: { table: SQLiteTable; withoutRowid: boolean }[] = [];
  for (const week of weeksBetween(nowMs - keptDays * dayMs, nowMs + 7 * dayMs)) {
    for (const table of [messagesTable(week), deliveriesTable(week), eventsTable(week)]) {
      tables.push({ table, withoutRowid: true });
    }
  }
  for (const week of [...webhookWeeks(nowMs), ...weeksBetween(nowMs, nowMs + 7 * dayMs)]) {
    tables.push({ table: webhookDeliveriesTable(week), withoutRowid: false });
  }
  const lastBodyDay = limits.scheduleDays + 1 + contentDays.most - contentDays.least;
  for (let day = -bodyDays - 2; day <= lastBodyDay; day++) {
    tables.push({ table: bodiesTable(dayOf(nowMs + day * dayMs)), withoutRowid: false });
  }
  await run(
    store,
    tables.flatMap(({ table, withoutRowid }) => createTable(table, { withoutRowid })),
  );
  await addColumns(
    store,
    tables.map(({ table }) => table),
  );
}

async function run(store: Store, statements: string[]): Promise<void> {
  if (statements.length > 0) await store.d1.batch(statements.map((text) => store.d1.prepare(text)));
}

/** Adds the columns that an older version did not know to tables that it made. */
async function addColumns(store: Store, tables: SQLiteTable[]): Promise<void> {
  const { results } = await store.d1
    .prepare(`SELECT name, sql FROM sqlite_master WHERE type = 'table'`)
    .all<{ name: string; sql: string }>();
  const made = new Map(results.map(({ name, sql }) => [name, sql]));
  const statements = tables.flatMap((table) => {
    const { name, columns } = getTableConfig(table);
    // SQLite keeps the text that made the table, and adds to it what ALTER adds.
    const text = made.get(name) ?? '';
    return columns
      .filter((column) => !text.includes(`"${column.name}" `))
      .map((column) => `ALTER TABLE "${name}" ADD COLUMN ${columnOf(column)}`);
  });
  await run(store, statements).catch((error: unknown) => {
    // Another request has just added them, all in one transaction.
    if (!/duplicate column name/.test(errorText(error))) throw error;
  });
}

const missing =
  /no such table: "?(messages|deliveries|events|bodies|webhook_deliveries)_|no such column|has no column named/;

/** Does the work; when a home table is missing or lacks a column, makes what is missing and does it again. */
export async function withHomeTables<T>(store: Store, nowMs: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!missing.test(errorText(error))) throw error;
    await ensureHomeTables(store, nowMs);
    return await work();
  }
}

/**
 * Drops tables whose time is over: bodies after `bodyDays`, webhook deliveries after `webhookDays`, everything else
 * after `keptDays`. Writes no rows.
 */
export async function dropOldTables(store: Store, nowMs: number): Promise<string[]> {
  const keepWeeks = retainedWeeks(nowMs)[0] ?? '';
  const keepFrom: Record<string, string> = {
    messages: keepWeeks,
    deliveries: keepWeeks,
    events: keepWeeks,
    webhook_deliveries: webhookWeeks(nowMs)[0] ?? '',
    bodies: oldestBodyDay(nowMs),
  };
  const { results } = await store.d1
    .prepare(`SELECT name FROM sqlite_master WHERE type = 'table'`)
    .all<{ name: string }>();
  const old = results
    .map((row) => row.name)
    .filter((name) => {
      const [, kind = '', period = ''] = /^(\w+)_(\d{4}w\d{2}|\d{8})$/.exec(name) ?? [];
      return period < (keepFrom[kind] ?? '');
    });
  if (old.length > 0)
    await store.d1.batch(old.map((name) => store.d1.prepare(`DROP TABLE IF EXISTS "${name}"`)));
  return old;
}

/**
 * The day whose table holds a body. Tables are dropped whole, so what is to be kept longer goes into a later one.
 * @param days how long the content is kept after the day on which the message is first due
 */
export function bodyDayOf(firstDueMs: number, days: number): string {
  return dayOf(firstDueMs + (days - contentDays.least) * dayMs);
}

/** How many days the content of a message is kept: what `bodyDayOf` was told. */
export function contentDaysOf({ bodyDay, firstDueMs }: { bodyDay: string; firstDueMs: number }): number {
  const day = (text: string) => Date.UTC(+text.slice(0, 4), +text.slice(4, 6) - 1, +text.slice(6, 8));
  return contentDays.least + Math.round((day(bodyDay) - day(dayOf(firstDueMs))) / dayMs);
}

/**
 * The oldest day whose bodies are kept. Delivery may be tried for three days after the first due day, and bodies are
 * in the table of that day or a later one; a day more covers its last hours.
 */
export function oldestBodyDay(nowMs: number): string {
  return dayOf(nowMs - (bodyDays + 1) * dayMs);
}

/** Identifiers of the tables of a week, for `sql` templates. */
export function weekTables(week: string): { messages: SQL; deliveries: SQL; events: SQL; dueIndex: SQL } {
  const name = (kind: string) => sql.raw(`"${kind}_${week}"`);
  return {
    messages: name('messages'),
    deliveries: name('deliveries'),
    events: name('events'),
    dueIndex: name('due'),
  };
}

/** Identifier of the table of bodies of a day. */
export function bodiesName(day: string): SQL {
  return sql.raw(`"bodies_${day}"`);
}

/** Identifier of the webhook deliveries of a week. */
export function webhookTable(week: string): SQL {
  return sql.raw(`"webhook_deliveries_${week}"`);
}
