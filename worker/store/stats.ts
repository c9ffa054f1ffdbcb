import { type SQL, sql } from 'drizzle-orm';
import { classByRank } from '#domain/class.ts';
import { type EventKind, eventKinds } from '#domain/event.ts';
import { dayOf, homeOf } from '#domain/home.ts';
import type { Dimension } from '#domain/stats.ts';
import { retainedWeeks, weekTables, withHomeTables } from './home-tables.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

/**
 * Statistics are a fold over the account's event cursor: every row of messages and events is read once, in the
 * order of the commits, and added to counters; `stats_progress` says up to where. So accepting and reporting write
 * nothing for them, a fold that is done twice counts once, and asking for them reads counters.
 */
export type Counts = Record<EventKind, number>;

/** A fold is worth its rows when so many rows wait, or after this time. */
const worthRows = 500;
const worthAfterMs = 3_600_000;
/** Rows of the cursor that are folded in one transaction. */
const pageRows = 1_000;
/** Different tags of an account that are counted in a day; more go under one name. */
export const mostTags = 200;
export const otherTags = '(other)';
/** How long counters are kept. */
const keepDays = 400;
const dayMs = 86_400_000;

interface Pending {
  accountId: number;
  week: string;
  done: number;
  last: number;
}

/** Folds what is worth it, of all accounts. For cron. */
export async function foldAll(
  store: Store,
  nowMs: number,
  options: { everything?: boolean } = {},
): Promise<void> {
  const weeks = retainedWeeks(nowMs).slice(-2);
  for (const pending of await readPending(store, weeks, null, nowMs, options.everything ?? false)) {
    await fold(store, pending, nowMs);
  }
}

/** Folds everything of one account, so that its counters are of this moment. */
export async function foldAccount(store: Store, accountId: number, nowMs: number): Promise<void> {
  const weeks = retainedWeeks(nowMs).slice(-2);
  for (const pending of await readPending(store, weeks, accountId, nowMs, true)) {
    await fold(store, pending, nowMs);
  }
}

async function readPending(
  store: Store,
  weeks: string[],
  accountId: number | null,
  nowMs: number,
  everything: boolean,
): Promise<Pending[]> {
  const worth = everything
    ? sql``
    : sql` AND (last >= done + ${worthRows} OR folded_at_ms <= ${nowMs - worthAfterMs})`;
  const results = await withHomeTables(store, nowMs, () =>
    batch(
      store.d1,
      weeks.map((week) => {
        const { messages, events } = weekTables(week);
        return sql`SELECT id, done, last FROM (
          SELECT a.id, coalesce(p.seq, 0) AS done, coalesce(p.folded_at_ms, 0) AS folded_at_ms,
            max(coalesce((SELECT max(seq) FROM ${messages} WHERE account_id = a.id), 0),
                coalesce((SELECT max(seq) FROM ${events} WHERE account_id = a.id), 0)) AS last
          FROM accounts a LEFT JOIN stats_progress p ON p.account_id = a.id AND p.week = ${week}
          ${accountId === null ? sql`` : sql`WHERE a.id = ${accountId}`})
          WHERE last > done${worth}`;
      }),
    ),
  );
  return results.flatMap((rows, i) =>
    rows.map((row) => ({
      accountId: Number(row.id),
      week: weeks[i] ?? '',
      done: Number(row.done),
      last: Number(row.last),
    })),
  );
}

async function fold(store: Store, { accountId, week, done, last }: Pending, nowMs: number): Promise<void> {
  for (let from = done; from < last; from += pageRows) {
    const page = { accountId, week, from, to: Math.min(from + pageRows, last) };
    const tally = new Tally();
    await tallyPage(store, page, tally);
    await write(store, page, await tally.rows(store, accountId), nowMs);
  }
}

interface Page {
  accountId: number;
  week: string;
  from: number;
  to: number;
}

async function tallyPage(store: Store, { accountId, week, from, to }: Page, tally: Tally): Promise<void> {
  const { messages, deliveries, events } = weekTables(week);
  const range = sql`account_id = ${accountId} AND seq > ${from} AND seq <= ${to}`;
  const day = (ms: SQL) => sql`strftime('%Y%m%d', ${ms} / 1000, 'unixepoch')`;
  const [accepted = [], announced = []] = await batch(store.d1, [
    sql`SELECT ${day(sql`m.accepted_at_ms`)} AS day, m.class, m.signing_domain, m.tags, 'accepted' AS kind, count(*) AS times
      FROM (SELECT * FROM ${messages} WHERE ${range} AND test_mode = 0) m
      CROSS JOIN ${deliveries} d ON d.message_id = m.id AND d.accepted = 1 GROUP BY 1, 2, 3, 4`,
    sql`SELECT message_id AS m, n, from_entry AS f, to_entry AS t FROM ${events} WHERE ${range}`,
  ]);
  for (const row of accepted) tally.add(row);
  // An event lives in the week in which it happened, its delivery in the week of the message.
  const homes = Map.groupBy(announced, (row) => homeOf(String(row.m)).week);
  const results = await batch(
    store.d1,
    [...homes].map(([home, rows]) => {
      const tables = weekTables(home);
      return sql`SELECT ${day(sql`(e.value->>'atMs')`)} AS day, m.class, m.signing_domain, m.tags, e.value->>'kind' AS kind, count(*) AS times
        FROM json_each(${JSON.stringify(rows)}) j
        CROSS JOIN ${tables.deliveries} d ON d.message_id = j.value->>'m' AND d.n = j.value->>'n'
        CROSS JOIN ${tables.messages} m ON m.account_id = ${accountId} AND m.seq = d.message_seq AND m.test_mode = 0
        CROSS JOIN json_each(d.timeline) e ON e.key >= j.value->>'f' AND e.key < j.value->>'t' GROUP BY 1, 2, 3, 4, 5`;
    }),
  );
  for (const row of results.flat()) tally.add(row);
}

type CountRow = { day: string; dimension: Dimension; value: string } & Partial<Counts>;

/** Adds up events by day and dimension. */
class Tally {
  readonly #rows = new Map<string, CountRow>();

  add(row: Record<string, unknown>): void {
    const kind = eventKinds.find((known) => known === row.kind);
    if (!kind) throw new Error(`an event of the unknown kind ${row.kind}`);
    const times = Number(row.times);
    const day = String(row.day);
    this.#count(day, 'day', '', kind, times);
    this.#count(day, 'class', classByRank(Number(row.class)), kind, times);
    this.#count(day, 'domain', String(row.signing_domain), kind, times);
    for (const tag of new Set(JSON.parse(String(row.tags)) as string[]))
      this.#count(day, 'tag', tag, kind, times);
  }

  #count(day: string, dimension: Dimension, value: string, kind: EventKind, times: number): void {
    const key = JSON.stringify([day, dimension, value]);
    const row: CountRow = this.#rows.get(key) ?? { day, dimension, value };
    row[kind] = (row[kind] ?? 0) + times;
    this.#rows.set(key, row);
  }

  /** The rows to add; tags beyond the most that a day counts go under one name. */
  async rows(store: Store, accountId: number): Promise<CountRow[]> {
    const rows = [...this.#rows.values()];
    const days = [...new Set(rows.filter((row) => row.dimension === 'tag').map((row) => row.day))];
    const known = await batch(
      store.d1,
      days.map(
        (day) =>
          sql`SELECT value FROM stats WHERE account_id = ${accountId} AND day = ${day} AND dimension = 'tag'`,
      ),
    );
    const tags = new Map(
      days.map((day, i) => [day, new Set((known[i] ?? []).map((row) => String(row.value)))]),
    );
    const others = new Map<string, CountRow>();
    const kept = rows.filter((row) => {
      const names = row.dimension === 'tag' ? tags.get(row.day) : undefined;
      if (!names || names.has(row.value)) return true;
      if (names.size < mostTags) {
        names.add(row.value);
        return true;
      }
      const other: CountRow = others.get(row.day) ?? { day: row.day, dimension: 'tag', value: otherTags };
      for (const kind of eventKinds) {
        if (row[kind] !== undefined) other[kind] = (other[kind] ?? 0) + row[kind];
      }
      others.set(row.day, other);
      return false;
    });
    return [...kept, ...others.values()];
  }
}

/** Adds the rows and moves the progress on, once: another fold of the same page finds the progress moved. */
async function write(store: Store, page: Page, rows: CountRow[], nowMs: number): Promise<void> {
  const { accountId, week, from, to } = page;
  const progress = sql`account_id = ${accountId} AND week = ${week} AND seq = ${from}`;
  const names = sql.raw(eventKinds.join(', '));
  const values = sql.raw(eventKinds.map((kind) => `coalesce(j.value->>'${kind}', 0)`).join(', '));
  const sums = sql.raw(eventKinds.map((kind) => `${kind} = ${kind} + excluded.${kind}`).join(', '));
  await batch(store.d1, [
    sql`INSERT OR IGNORE INTO stats_progress (account_id, week, seq, folded_at_ms) VALUES (${accountId}, ${week}, 0, 0)`,
    sql`INSERT INTO stats (account_id, day, dimension, value, ${names})
      SELECT ${accountId}, j.value->>'day', j.value->>'dimension', j.value->>'value', ${values}
      FROM json_each(${JSON.stringify(rows)}) j WHERE EXISTS (SELECT 1 FROM stats_progress WHERE ${progress})
      ON CONFLICT DO UPDATE SET ${sums}`,
    sql`UPDATE stats_progress SET seq = ${to}, folded_at_ms = ${nowMs} WHERE ${progress}`,
  ]);
}

/** Counters of an account by a dimension, both days included; the busiest values first, days in their order. */
export async function readStats(
  store: Store,
  accountId: number,
  of: { by: Dimension; fromDay: string; toDay: string },
): Promise<{ value: string; counts: Counts }[]> {
  const sums = sql.raw(eventKinds.map((kind) => `sum(${kind}) AS ${kind}`).join(', '));
  const value = of.by === 'day' ? sql`day` : sql`value`;
  const order = of.by === 'day' ? sql`1` : sql`accepted DESC, 1`;
  const [rows = []] = await batch(store.d1, [
    sql`SELECT ${value} AS name, ${sums} FROM stats WHERE account_id = ${accountId}
      AND day BETWEEN ${of.fromDay} AND ${of.toDay} AND dimension = ${of.by} GROUP BY 1 ORDER BY ${order} LIMIT 1000`,
  ]);
  return rows.map((row) => ({ value: String(row.name), counts: countsOf(row) }));
}

/** Counters of one sending domain, both days included. */
export async function readDomainStats(
  store: Store,
  of: { accountId: number; domain: string; fromDay: string; toDay: string },
): Promise<Counts> {
  const sums = sql.raw(eventKinds.map((kind) => `sum(${kind}) AS ${kind}`).join(', '));
  const [[row = {}] = []] = await batch(store.d1, [
    sql`SELECT ${sums} FROM stats WHERE account_id = ${of.accountId} AND day BETWEEN ${of.fromDay} AND ${of.toDay}
      AND dimension = 'domain' AND value = ${of.domain}`,
  ]);
  return countsOf(row);
}

function countsOf(row: Record<string, unknown>): Counts {
  return Object.fromEntries(eventKinds.map((kind) => [kind, Number(row[kind] ?? 0)])) as Counts;
}

/** Removes counters whose time is over. */
export async function purgeStats(store: Store, nowMs: number): Promise<void> {
  await batch(store.d1, [
    sql`DELETE FROM stats WHERE day < ${dayOf(nowMs - keepDays * dayMs)}`,
    sql`DELETE FROM stats_progress WHERE week < ${retainedWeeks(nowMs)[0] ?? ''}`,
  ]);
}
