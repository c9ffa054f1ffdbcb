import { type SQL, sql } from 'drizzle-orm';
import { firstNumberOf } from '#domain/message/home.ts';
import { numberedNames } from '../numbers.ts';
import { batch, parameterGroups } from '../sql.ts';
import type { Store } from '../store.ts';
import { type Runner, write } from './record.ts';
import type { MovedTable } from './tables.ts';

export type Row = Record<string, unknown>;

/** Rows that are read, and written, at once. */
export const pageRows = 1000;

const quoted = (name: string) => `"${name}"`;
const list = (names: readonly string[]) => sql.raw(names.map(quoted).join(', '));

/** Rows of an account in a table, as a condition. */
export function isOf({ name, isOf: own }: MovedTable, accountId: number): SQL {
  return sql.raw(own(quoted(name), accountId));
}

/** So many tables are asked for by one statement. */
const tablesAtOnce = 25;

/** Those of the tables that have rows of an account; one round trip. */
export async function withRows(
  store: Store,
  tables: readonly MovedTable[],
  accountId: number,
): Promise<MovedTable[]> {
  const queries: SQL[] = [];
  for (let at = 0; at < tables.length; at += tablesAtOnce) {
    const asked = tables.slice(at, at + tablesAtOnce).map(
      (table) => sql`EXISTS (SELECT 1 FROM ${sql.raw(quoted(table.name))} WHERE ${isOf(table, accountId)})
        AS ${sql.raw(quoted(table.name))}`,
    );
    queries.push(sql`SELECT ${sql.join(asked, sql`, `)}`);
  }
  const there = Object.assign({}, ...(await batch(store.d1, queries)).flat());
  return tables.filter(({ name }) => there[name] === 1);
}

/** A page of an account's rows behind a key, in the order of their keys. */
export function selectPage(
  table: MovedTable,
  accountId: number,
  after: readonly (string | number)[] | undefined,
): SQL {
  const { name, key } = table;
  const values = after?.map((value) => sql`${value}`);
  const behind = values ? sql` AND (${list(key)}) > (${sql.join(values, sql`, `)})` : sql``;
  return sql`SELECT * FROM ${sql.raw(quoted(name))} WHERE ${isOf(table, accountId)}${behind}
    ORDER BY ${list(key)} LIMIT ${pageRows}`;
}

/** Where the next page begins; null: this was the last. */
export function keyBehind({ key }: MovedTable, rows: readonly Row[]): (string | number)[] | null {
  const last = rows.length === pageRows ? rows.at(-1) : undefined;
  return last ? key.map((column) => last[column] as string | number) : null;
}

/** Puts rows in, or over those that are there with their keys; columns are those of the first. */
export function upsert(
  { name, primary }: Pick<MovedTable, 'name' | 'primary'>,
  rows: readonly Row[],
  instead: Readonly<Record<string, SQL>> = {},
): SQL[] {
  const [first] = rows;
  if (!first) return [];
  const columns = Object.keys(first);
  const values = columns.map((column, i) => instead[column] ?? sql.raw(`j.value->>${i}`));
  const changed = columns.filter((column) => !primary.includes(column));
  const changes = changed.map((column) => sql.raw(`${quoted(column)} = excluded.${quoted(column)}`));
  // A number that another account's row has by chance is left to it.
  const own = columns.includes('account_id')
    ? sql.raw(` WHERE ${quoted(name)}.account_id = excluded.account_id`)
    : sql``;
  const then = changes.length === 0 ? sql`NOTHING` : sql`UPDATE SET ${sql.join(changes, sql`, `)}${own}`;
  return parameterGroups(rows.map((row) => Object.values(row))).map(
    (group) => sql`INSERT INTO ${sql.raw(quoted(name))} (${list(columns)})
      SELECT ${sql.join(values, sql`, `)} FROM json_each(${JSON.stringify(group)}) j WHERE true
      ON CONFLICT (${list(primary)}) DO ${then}`,
  );
}

/** Writes rows into the new home, whose own next numbers stay what they are whatever numbers the rows have. */
export async function putRows(runner: Runner, queries: readonly SQL[]): Promise<void> {
  if (queries.length === 0) return;
  const { next, move } = runner;
  const names = sql`name IN (SELECT value FROM json_each(${JSON.stringify(numberedNames)}))`;
  const kept = sql`(SELECT sequences ->> name FROM account_moves WHERE account_id = ${move.accountId})`;
  await write(runner, next, [
    sql`UPDATE account_moves SET sequences = (SELECT json_group_object(name, seq) FROM sqlite_sequence WHERE ${names})
      WHERE account_id = ${move.accountId}`,
    ...queries,
    sql`UPDATE sqlite_sequence SET seq = coalesce(${kept}, ${firstNumberOf(next.home)}) WHERE ${names}`,
  ]);
}

/** Copies a page of a table; gives where the next begins, null at the end. */
export async function copyPage(
  runner: Runner,
  table: MovedTable,
  after: (string | number)[] | undefined,
): Promise<(string | number)[] | null> {
  const { old, move } = runner;
  const [rows = []] = await batch(old.d1, [selectPage(table, move.accountId, after)]);
  await putRows(runner, upsert(table, rows));
  return keyBehind(table, rows);
}

/** Copies rows again by their keys: what is not there any more goes in the new home too. */
export async function copyAgain(
  runner: Runner,
  table: MovedTable,
  keys: readonly (string | number)[][],
): Promise<void> {
  const { old, move } = runner;
  const { name, key, primary } = table;
  const values = key.map((_, i) => sql.raw(`value->>${i}`));
  const among = sql`${isOf(table, move.accountId)} AND (${list(key)}) IN
    (SELECT ${sql.join(values, sql`, `)} FROM json_each(${JSON.stringify(keys)}))`;
  const [rows = []] = await batch(old.d1, [sql`SELECT * FROM ${sql.raw(quoted(name))} WHERE ${among}`]);
  const kept = JSON.stringify(rows.map((row) => primary.map((column) => row[column])));
  const there = primary.map((_, i) => sql.raw(`value->>${i}`));
  await putRows(runner, [
    sql`DELETE FROM ${sql.raw(quoted(name))} WHERE ${among} AND (${list(primary)}) NOT IN
      (SELECT ${sql.join(there, sql`, `)} FROM json_each(${kept}))`,
    ...upsert(table, rows),
  ]);
}
