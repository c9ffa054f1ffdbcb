import { sql } from 'drizzle-orm';
import { classes } from '#domain/message/class.ts';
import { bodiesName, weekTables } from '../home-tables.ts';
import { bodyColumns, bodyValues } from '../row-body.ts';
import { batch } from '../sql.ts';
import type { Runner } from './record.ts';
import { putRows, type Row, upsert } from './rows.ts';

/**
 * Messages of an account go with their deliveries and bodies. Deliveries that wait are held back in the new home, by a time
 * so far away that nothing there looks for them, until the account lives there.
 */
const held = 2 ** 50;

/** The number of a body that is not there any more: none has it. */
const gone = 0;

/** So many messages are copied in one transaction, and about so many octets of them. */
const pageMessages = 200;
const pageBytes = 4 * 1024 * 1024;
/** D1 binds a hundred parameters to a statement. */
const bodiesAtOnce = 45;

/**
 * Copies a page of the messages of a week.
 * @param after the number behind which it begins
 * @returns the number behind which the next begins; null at the end
 */
export async function copyMessages(runner: Runner, week: string, after: number): Promise<number | null> {
  const { messages } = weekTables(week);
  const { accountId } = runner.move;
  const some = sql`SELECT * FROM ${messages} WHERE account_id = ${accountId} AND seq > ${after}
    ORDER BY seq LIMIT ${pageMessages}`;
  const rows = await readWithin(runner, some);
  await copy(runner, week, rows);
  return rows.length === 0 ? null : Number(rows.at(-1)?.seq);
}

/** Copies messages again by their numbers, the first of them; gives those that were done. */
export async function copyMessagesAgain(
  runner: Runner,
  week: string,
  seqs: readonly number[],
): Promise<number[]> {
  const { messages } = weekTables(week);
  const asked = seqs.slice(0, pageMessages);
  const among = sql`SELECT value FROM json_each(${JSON.stringify(asked)})`;
  const some = sql`SELECT * FROM ${messages} WHERE account_id = ${runner.move.accountId} AND seq IN (${among})`;
  const rows = await readWithin(runner, some);
  await copy(runner, week, rows);
  const last = rows.at(-1);
  // One that is not there was dropped with its week.
  return last ? asked.filter((seq) => seq <= Number(last.seq)) : asked;
}

/** As many of the messages as belong to one page by their size, and one at least. */
async function readWithin({ old }: Runner, some: ReturnType<typeof sql>): Promise<Row[]> {
  const [rows = []] = await batch(old.d1, [
    sql`SELECT * FROM (SELECT *, sum(iif(body_id IS NULL, 0, size_bytes)) OVER (ORDER BY seq) AS bytes,
        row_number() OVER (ORDER BY seq) AS place FROM (${some}))
      WHERE bytes <= ${pageBytes} OR place = 1 ORDER BY seq`,
  ]);
  return rows.map(({ bytes: _, place: __, ...row }) => row);
}

async function copy(runner: Runner, week: string, rows: readonly Row[]): Promise<void> {
  if (rows.length === 0) return;
  const { old, next, move } = runner;
  const { messages, deliveries } = weekTables(week);
  const ids = JSON.stringify(rows.map(({ id }) => id));
  const seqs = JSON.stringify(rows.map(({ seq }) => seq));
  const [[own = []], [there = []]] = await Promise.all([
    batch(old.d1, [
      sql`SELECT * FROM ${deliveries} WHERE message_id IN (SELECT value FROM json_each(${ids}))`,
    ]),
    batch(next.d1, [
      sql`SELECT seq, body_day, body_id FROM ${messages} WHERE account_id = ${move.accountId}
        AND seq IN (SELECT value FROM json_each(${seqs}))`,
    ]),
  ]);
  const known = new Map(there.map((row) => [Number(row.seq), row]));
  const placed = new Map<number, { bodyId: unknown; after: number | null }>();
  const wanted: Row[] = [];
  for (const row of rows) {
    const before = known.get(Number(row.seq));
    if (row.body_id !== null && before?.body_day !== row.body_day) wanted.push(row);
    else placed.set(Number(row.seq), { bodyId: row.body_id === null ? null : before?.body_id, after: null });
  }
  const bodies = await readBodies(runner, wanted);
  for (const [, ofDay] of Map.groupBy(wanted, (row) => String(row.body_day))) {
    const kept = ofDay.filter((row) => bodies.has(keyOf(row)));
    for (const row of ofDay) placed.set(Number(row.seq), { bodyId: gone, after: null });
    for (const [i, row] of kept.entries())
      placed.set(Number(row.seq), { bodyId: null, after: kept.length - 1 - i });
  }
  const days = [...new Set([...bodies.values()].map(({ day }) => day))];
  await putRows(runner, [
    ...days.flatMap((day) =>
      insertBodies(
        day,
        [...bodies.values()].filter((body) => body.day === day),
      ),
    ),
    ...upsert(
      { name: `messages_${week}`, primary: ['account_id', 'seq'] },
      rows.map((row) => withBody(row, placed.get(Number(row.seq)))),
      { body_id: bodyId(Object.keys(rows[0] ?? {}), days) },
    ),
    ...upsert(
      { name: `deliveries_${week}`, primary: ['message_id', 'n'] },
      own.map((row) => withBody(heldBack(row), placed.get(Number(row.message_seq)))),
      { body_id: bodyId(Object.keys(own[0] ?? {}), days) },
    ),
  ]);
}

/** What stands for the body of a row: its number, or how many bodies of its day are put in after it. */
function withBody(row: Row, place: { bodyId: unknown; after: number | null } | undefined): Row {
  return { ...row, body_id: place?.after == null ? (place?.bodyId ?? null) : `-${place.after}` };
}

/** The number of a row's body, bodies of these days having just been put in. */
function bodyId(columns: readonly string[], days: readonly string[]) {
  const told = sql.raw(`j.value->>${columns.indexOf('body_id')}`);
  if (days.length === 0) return told;
  const day = sql.raw(`j.value->>${columns.indexOf('body_day')}`);
  const last = days.map((one) => sql`WHEN ${one} THEN (SELECT max(id) FROM ${bodiesName(one)})`);
  return sql`CASE typeof(${told}) WHEN 'text' THEN (CASE ${day} ${sql.join(last, sql` `)} END) + ${told} ELSE ${told} END`;
}

function heldBack(row: Row): Row {
  return row.due_ms === null ? row : { ...row, due_ms: Number(row.due_ms) + held };
}

interface Body {
  day: string;
  text: unknown;
  gzip: unknown;
}

const keyOf = (row: Row) => `${row.body_day} ${row.body_id}`;

/** Bodies by day and number, in the order of the rows; those whose time is over are not there. */
async function readBodies({ old }: Runner, rows: readonly Row[]): Promise<Map<string, Body>> {
  const days = [...new Set(rows.map((row) => String(row.body_day)))];
  const [tables = []] = await batch(old.d1, [
    sql`SELECT name FROM sqlite_master WHERE name IN (SELECT 'bodies_' || value FROM json_each(${JSON.stringify(days)}))`,
  ]);
  const kept = days.filter((day) => tables.some(({ name }) => name === `bodies_${day}`));
  const found = await batch(
    old.d1,
    kept.map((day) => {
      const ids = rows.filter((row) => row.body_day === day).map((row) => row.body_id);
      return sql`SELECT ${bodyColumns} FROM ${bodiesName(day)} WHERE id IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`;
    }),
  );
  const bodies = new Map<string, Body>();
  for (const [i, day] of kept.entries())
    for (const row of found[i] ?? []) bodies.set(`${day} ${row.id}`, { day, text: row.raw, gzip: row.gzip });
  const ordered = rows.flatMap((row) => {
    const body = bodies.get(keyOf(row));
    return body ? [[keyOf(row), body] as const] : [];
  });
  return new Map(ordered);
}

/** Bound one by one: as JSON, what is not ASCII in them would have to be read and written twice. */
function insertBodies(day: string, bodies: readonly Body[]) {
  const statements = [];
  for (let at = 0; at < bodies.length; at += bodiesAtOnce) {
    const values = bodies.slice(at, at + bodiesAtOnce).map(bodyValues);
    statements.push(sql`INSERT INTO ${bodiesName(day)} (raw, gzip) VALUES ${sql.join(values, sql`, `)}`);
  }
  return statements;
}

/** So many deliveries are let go at once. */
export const wokenAtOnce = 5000;

/**
 * The statement that lets some deliveries of a week that are held back in the new home go; it gives a row for each.
 */
export function wake(week: string, accountId: number) {
  const { deliveries } = weekTables(week);
  // The constants make the index of what is due usable.
  const ranks = sql.raw(classes.map(({ rank }) => rank).join(', '));
  const some = sql`SELECT message_id, n FROM ${deliveries} WHERE class IN (${ranks}) AND due_ms > ${held / 2}
    AND account_id = ${accountId} LIMIT ${wokenAtOnce}`;
  return sql`UPDATE ${deliveries} SET due_ms = due_ms - ${held} WHERE (message_id, n) IN (${some}) RETURNING n`;
}
