import { type SQL, sql } from 'drizzle-orm';
import {
  getTableConfig,
  SQLiteAsyncDialect,
  type SQLiteColumn,
  type SQLiteTable,
} from 'drizzle-orm/sqlite-core';
import { classes } from '#domain/message/class.ts';
import { dayOf, homeOf, weekOf, weeksBetween } from '#domain/message/home.ts';
import { isUuidV7, type MessageId } from '#domain/message/ids.ts';
import { contentDays } from '#domain/message/mail-settings.ts';
import { limits } from '#domain/message/submission.ts';
import {
  auditTable,
  bodiesTable,
  deliveriesTable,
  eventsTable,
  messagesTable,
  receivedTable,
  refusedTable,
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
/** How long refused submissions are kept. */
export const refusedDays = 7;
/** How long the audit log is kept. */
export const auditDays = 90;
/** A message may be due so many days after its acceptance and is tried for days from then on. */
const lastAttemptDays = limits.scheduleDays + Math.max(...classes.map((c) => c.retryForMs)) / dayMs;
const keptDays = Math.max(metadataDays, lastAttemptDays) + 1;

/** Weeks whose tables may hold anything, oldest first. */
export function retainedWeeks(nowMs: number): string[] {
  return weeksBetween(nowMs - keptDays * dayMs, nowMs);
}

/**
 * Tables are dropped so long after the last reader has stopped to ask for them: none is under way when they go,
 * however much clocks differ, and what happened in the last hours is counted (`store/stats.ts`).
 */
export const dropAfterMs = 6 * 3_600_000;

/**
 * The week of a message whose tables may be asked for; null: its time is over, or it is no message's id. Who follows
 * an id that was kept somewhere (a pointer of `events`, a token, a lease, a path of a URL) asks here first. A message
 * of the coming week is one of an isolate whose clock is ahead.
 */
export function keptWeekOf(messageId: MessageId, nowMs: number): string | null {
  if (!isUuidV7(messageId)) return null;
  const { week } = homeOf(messageId);
  return week >= weekOf(nowMs - keptDays * dayMs) && week <= weekOf(nowMs + 7 * dayMs) ? week : null;
}

/**
 * What points at messages, by the week of its message. Left out is what no table can tell of any more: an event is
 * kept for as long as the week in which it happened, which may be longer than its message is; a node or a link may
 * speak of messages long gone, or of none. Whoever follows messages' ids into tables does it by this.
 */
export function byRetainedWeek<T>(
  refs: readonly T[],
  messageIdOf: (ref: T) => MessageId,
  nowMs: number,
): [week: string, refs: T[]][] {
  const weeks = Map.groupBy(refs, (ref) => keptWeekOf(messageIdOf(ref), nowMs));
  return [...weeks].flatMap(([week, own]) => (week === null ? [] : [[week, own]]));
}

/** Weeks whose webhook deliveries may be kept, oldest first. */
export function webhookWeeks(nowMs: number): string[] {
  return weeksBetween(nowMs - (webhookDays + 1) * dayMs, nowMs);
}

/** Weeks whose audit log may be kept, oldest first. */
export function auditWeeks(nowMs: number): string[] {
  return weeksBetween(nowMs - auditDays * dayMs, nowMs);
}

/** Weeks whose refused submissions may be kept, oldest first. */
export function refusedWeeks(nowMs: number): string[] {
  return weeksBetween(nowMs - refusedDays * dayMs, nowMs);
}

/** The statements that make a table (and its indexes) of a drizzle definition, if it is not there, and what each makes. */
export function createTable(
  table: SQLiteTable,
  options: { withoutRowid: boolean },
): { name: string; text: string }[] {
  const { name, columns, primaryKeys, indexes } = getTableConfig(table);
  const parts = columns.map(columnOf);
  for (const key of primaryKeys) {
    parts.push(`PRIMARY KEY (${key.columns.map((column) => `"${column.name}"`).join(', ')})`);
  }
  const statements = [
    {
      name,
      text: `CREATE TABLE IF NOT EXISTS "${name}" (${parts.join(', ')})${options.withoutRowid ? ' WITHOUT ROWID' : ''}`,
    },
  ];
  for (const { config } of indexes) {
    const on = config.columns.map((column) => `"${'name' in column ? column.name : ''}"`).join(', ');
    const where = config.where
      ? ` WHERE ${new SQLiteAsyncDialect().sqlToQuery(config.where as SQL).sql}`
      : '';
    statements.push({
      name: config.name,
      text: `CREATE ${config.unique ? 'UNIQUE ' : ''}INDEX IF NOT EXISTS "${config.name}" ON "${name}" (${on})${where}`,
    });
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
    for (const table of [
      messagesTable(week),
      deliveriesTable(week),
      eventsTable(week),
      receivedTable(week),
    ]) {
      tables.push({ table, withoutRowid: true });
    }
  }
  for (const week of [...webhookWeeks(nowMs), ...weeksBetween(nowMs, nowMs + 7 * dayMs)]) {
    tables.push({ table: webhookDeliveriesTable(week), withoutRowid: false });
  }
  for (const week of [...auditWeeks(nowMs), ...weeksBetween(nowMs, nowMs + 7 * dayMs)]) {
    tables.push({ table: auditTable(week), withoutRowid: true });
  }
  for (const week of [...refusedWeeks(nowMs), ...weeksBetween(nowMs, nowMs + 7 * dayMs)]) {
    tables.push({ table: refusedTable(week), withoutRowid: true });
  }
  const lastBodyDay = limits.scheduleDays + 1 + contentDays.most - contentDays.least;
  for (let day = -bodyDays - 1; day <= lastBodyDay; day++) {
    tables.push({ table: bodiesTable(dayOf(nowMs + day * dayMs)), withoutRowid: false });
  }
  const there = await readMade(store);
  await run(
    store,
    tables
      .flatMap(({ table, withoutRowid }) => createTable(table, { withoutRowid }))
      .filter(({ name }) => !there.has(name))
      .map(({ text }) => text),
  );
  await addColumns(
    store,
    tables.map(({ table }) => table).filter((table) => there.has(getTableConfig(table).name)),
    there,
  );
}

/** The tables and indexes of the database by name, with the text that made them. */
async function readMade(store: Store): Promise<Map<string, string>> {
  const { results } = await store.d1
    .prepare(`SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index')`)
    .all<{ name: string; sql: string | null }>();
  return new Map(results.map(({ name, sql }) => [name, sql ?? '']));
}

async function run(store: Store, statements: string[]): Promise<void> {
  if (statements.length > 0) await store.d1.batch(statements.map((text) => store.d1.prepare(text)));
}

/** Adds the columns that an older version did not know to tables that it made. */
async function addColumns(store: Store, tables: SQLiteTable[], made: Map<string, string>): Promise<void> {
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
  /no such table: "?(messages|deliveries|events|bodies|webhook_deliveries|audit|received|refused)_|no such column|has no column named/;

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

/** After months without cron there are many; a Worker may run a bounded number of statements. */
const droppedAtOnce = 40;

/**
 * Drops tables whose time is over: bodies after `bodyDays`, refused submissions after `refusedDays`, webhook deliveries after `webhookDays`, the audit log after `auditDays`, everything else
 * after `keptDays`; `dropAfterMs` later, see there. Writes no rows.
 * @returns whether there are more than one call drops
 */
export async function dropOldTables(store: Store, nowMs: number): Promise<boolean> {
  const askedForMs = nowMs - dropAfterMs;
  const keepWeeks = retainedWeeks(askedForMs)[0] ?? '';
  const keepFrom: Record<string, string> = {
    messages: keepWeeks,
    deliveries: keepWeeks,
    events: keepWeeks,
    received: keepWeeks,
    webhook_deliveries: webhookWeeks(askedForMs)[0] ?? '',
    audit: auditWeeks(askedForMs)[0] ?? '',
    refused: refusedWeeks(askedForMs)[0] ?? '',
    bodies: oldestBodyDay(askedForMs),
  };
  const old = [...(await readMade(store)).keys()].filter((name) => {
    const [, kind = '', period = ''] = /^(\w+)_(\d{4}w\d{2}|\d{8})$/.exec(name) ?? [];
    return period < (keepFrom[kind] ?? '');
  });
  await run(
    store,
    old.slice(0, droppedAtOnce).map((name) => `DROP TABLE IF EXISTS "${name}"`),
  );
  return old.length > droppedAtOnce;
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

/** When the content of a message goes, Unix ms: with the day after the last one that it is kept. */
export function contentUntilMs(of: { bodyDay: string; firstDueMs: number }): number {
  return (Math.floor(of.firstDueMs / dayMs) + contentDaysOf(of) + 1) * dayMs;
}

/**
 * The oldest day whose bodies are kept. Delivery may be tried for three days after the first due day, and bodies are
 * in the table of that day or a later one; a day more covers its last hours.
 */
export function oldestBodyDay(nowMs: number): string {
  return dayOf(nowMs - (bodyDays + 1) * dayMs);
}

/** The day among whose bodies a mail that came back is kept: it stays as long as its event does. */
export function bodyDayOfReturned(atMs: number): string {
  return dayOf(atMs + (metadataDays - bodyDays) * dayMs);
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

/** Identifier of the received mail of a week. */
export function receivedName(week: string): SQL {
  return sql.raw(`"received_${week}"`);
}

/** Identifier of the refused submissions of a week. */
export function refusedName(week: string): SQL {
  return sql.raw(`"refused_${week}"`);
}

/** Identifier of the audit log of a week. */
export function auditName(week: string): SQL {
  return sql.raw(`"audit_${week}"`);
}
