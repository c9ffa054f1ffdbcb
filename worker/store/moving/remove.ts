import { sql } from 'drizzle-orm';
import { firstHome } from '#domain/message/home.ts';
import { bodiesName, weekTables } from '../home-tables.ts';
import { batch } from '../sql.ts';
import { type IsOver, type Runner, setMove, write } from './record.ts';
import { isOf, type Row, withRows } from './rows.ts';
import { frozenTables, type MovedTable, tablesOf, weekOfMessages } from './tables.ts';
import { dropTriggers, mostTriggers } from './triggers.ts';

/** Rows that go in one statement. */
const removedAtOnce = 2000;
const messagesAtOnce = 500;

/**
 * Removes what an account had in the home that it has left, as far as a budget goes.
 * @returns true when nothing is left, and the move is over
 */
export async function removeOld(runner: Runner, isOver: IsOver): Promise<boolean> {
  const { store, old, next, move } = runner;
  const { accountId } = move;
  await write(runner, old, [setMove(accountId, { state: 'removing' })]);
  const { moved } = await tablesOf(old);
  const children = frozenTables.toReversed();
  const ahead = moved.filter((table) => table.ahead);
  for (const table of await withRows(old, [...ahead, ...children], accountId)) {
    for (let isMore = true; isMore; ) {
      if (isOver()) return false;
      isMore = await removeSome(runner, table);
    }
  }
  if (isOver(mostTriggers)) return false;
  await dropTriggers(old, accountId);
  await write(runner, old, [
    sql`DELETE FROM moved_rows WHERE account_id = ${accountId}`,
    ...(old.home === firstHome ? [] : [sql`DELETE FROM accounts WHERE id = ${accountId}`]),
  ]);
  // Control's last: while it is there, the rest is done again.
  for (const home of [old, next, store.first].filter((one, i) => one.home !== firstHome || i === 2))
    await write(runner, home, [sql`DELETE FROM account_moves WHERE account_id = ${accountId}`]);
  return true;
}

async function removeSome(runner: Runner, table: MovedTable): Promise<boolean> {
  const { old, move } = runner;
  const week = weekOfMessages(table.name);
  if (week !== null) return await removeMessages(runner, week);
  const name = sql.raw(`"${table.name}"`);
  const key = sql.raw(table.primary.map((column) => `"${column}"`).join(', '));
  const [rows = []] = await write(runner, old, [
    sql`DELETE FROM ${name} WHERE (${key}) IN (SELECT ${key} FROM ${name} WHERE ${isOf(table, move.accountId)}
      LIMIT ${removedAtOnce}) RETURNING 1 AS one`,
  ]);
  return rows.length === removedAtOnce;
}

/** Messages go with their deliveries and bodies. */
async function removeMessages(runner: Runner, week: string): Promise<boolean> {
  const { old, move } = runner;
  const { messages, deliveries } = weekTables(week);
  const [rows = []] = await batch(old.d1, [
    sql`SELECT seq, id, body_day, body_id FROM ${messages} WHERE account_id = ${move.accountId}
      ORDER BY seq LIMIT ${messagesAtOnce}`,
  ]);
  if (rows.length === 0) return false;
  const list = (of: readonly unknown[]) => sql`(SELECT value FROM json_each(${JSON.stringify(of)}))`;
  await write(runner, old, [
    ...(await bodiesOf(runner, rows)).map(
      ([day, ids]) => sql`DELETE FROM ${bodiesName(day)} WHERE id IN ${list(ids)}`,
    ),
    sql`DELETE FROM ${deliveries} WHERE message_id IN ${list(rows.map(({ id }) => id))}`,
    sql`DELETE FROM ${messages} WHERE account_id = ${move.accountId} AND seq IN ${list(rows.map(({ seq }) => seq))}`,
  ]);
  return rows.length === messagesAtOnce;
}

/** The numbers of bodies by day, of days that are kept. */
async function bodiesOf({ old }: Runner, rows: readonly Row[]): Promise<[string, unknown[]][]> {
  const byDay = Map.groupBy(
    rows.filter((row) => row.body_id !== null),
    (row) => String(row.body_day),
  );
  const [tables = []] = await batch(old.d1, [
    sql`SELECT substr(name, 8) AS day FROM sqlite_master WHERE name IN
      (SELECT 'bodies_' || value FROM json_each(${JSON.stringify([...byDay.keys()])}))`,
  ]);
  return tables.map(({ day }) => [String(day), (byDay.get(String(day)) ?? []).map((row) => row.body_id)]);
}
