import { type SQL, sql } from 'drizzle-orm';
import type { CounterName } from '#domain/counter.ts';
import { dayOf } from '#domain/message/home.ts';
import { batch } from './sql.ts';
import { everyHome, type Store } from './store.ts';

export interface CounterRow {
  /** UTC, e.g. `20261121`. */
  day: string;
  name: string;
  count: number;
}

/** The statement that counts, if the condition holds. */
export function addTo(name: CounterName, nowMs: number, by: number, when: SQL = sql`true`): SQL {
  return sql`INSERT INTO counters (day, name, count) SELECT ${dayOf(nowMs)}, ${name}, ${by} WHERE ${when}
    ON CONFLICT (day, name) DO UPDATE SET count = count + ${by}`;
}

/** Counts; one round trip, none when there is nothing to count. */
export async function count(
  store: Store,
  counted: Partial<Record<CounterName, number>>,
  nowMs: number,
): Promise<void> {
  const entries = Object.entries(counted) as [CounterName, number][];
  await batch(
    store.d1,
    entries.filter(([, by]) => by > 0).map(([name, by]) => addTo(name, nowMs, by)),
  );
}

/** What was counted in all homes from a day on, newest first. */
export async function readCounters(store: Store, fromDay: string): Promise<CounterRow[]> {
  const read = (home: Store) =>
    batch(home.d1, [
      sql`SELECT day, name, count FROM counters WHERE day >= ${fromDay} ORDER BY day DESC, name`,
    ]);
  const rows = (await Promise.all(everyHome(store).map(read))).flat(2);
  const counted = Map.groupBy(rows, (row) => `${row.day} ${row.name}`);
  const sums = [...counted.values()].flatMap((own) => {
    const [row] = own;
    const count = own.reduce((sum, one) => sum + Number(one.count), 0);
    return row ? [{ day: String(row.day), name: String(row.name), count }] : [];
  });
  return sums.sort((a, b) => (a.day === b.day ? (a.name < b.name ? -1 : 1) : a.day < b.day ? 1 : -1));
}
