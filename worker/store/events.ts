import { sql } from 'drizzle-orm';
import { weekEndMs, weekOf } from '#domain/message/home.ts';
import { keptWeekOf, retainedWeeks, weekTables, withHomeTables } from './home-tables.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';
import { nextSeq } from './timeline.ts';
import { acceptedColumns, acceptedEvent, readAnnounced, type ToldEvent } from './told-events.ts';

/** Where a reader of an account's events stands: behind entry `k` of row `seq` of a week. */
export interface EventCursor {
  week: string;
  seq: number;
  /** How many events of the row `seq` the reader has. */
  taken: number;
}

/** An event with where it stands. */
export interface StoredEvent extends ToldEvent {
  cursor: EventCursor;
}

/** Events in the order of the commits. */
export interface EventPage {
  events: StoredEvent[];
  /** Behind all that was looked at, purged rows included: where to go on. Null: there was nothing yet. */
  next: EventCursor | null;
  /** There may be more right now. */
  more: boolean;
}

/** Behind every event of a row. */
export const wholeRow = 999_999;
/** Of pointers to purged messages so many are passed by at once, once some were met, and so many in one call. */
const pointersAtOnce = 1000;
const mostPointers = 5000;

/**
 * A writer that began before midnight on Sunday may commit into the old week a little later; until then the
 * reader does not go on to the next week, so that nothing is passed by.
 */
const weekClosesAfterMs = 60_000;

/**
 * Events of an account in the order of their commits, after a cursor (null: from the oldest kept). Rows are
 * numbered inside the transaction that writes them and D1 runs one transaction at a time, so a reader that has
 * seen number `n` has seen everything before it: no gaps, no doubles. What is purged is passed by. Bounded reads: a
 * page may be short, or empty, before the end.
 */
export async function readEvents(
  store: Store,
  accountId: number,
  after: EventCursor | null,
  limit: number,
  nowMs: number,
): Promise<EventPage> {
  const found: StoredEvent[] = [];
  let next = after;
  let looked = 0;
  for (const week of retainedWeeks(nowMs)) {
    if (after !== null && week < after.week) continue;
    let from: EventCursor | null = after !== null && week === after.week ? after : { week, seq: 0, taken: 0 };
    while (from !== null) {
      const wanted = limit - found.length;
      const pointers = Math.max(wanted + 1, looked === 0 ? 0 : pointersAtOnce);
      const page: WeekPage = await readPage(store, accountId, from, { wanted, pointers }, nowMs);
      found.push(...page.events);
      next = page.reached ?? next;
      if (found.length === limit) return { events: found, next: found.at(-1)?.cursor ?? next, more: true };
      from = page.next;
      if (from === null) continue;
      looked += pointers;
      if (looked >= mostPointers) return { events: found, next, more: true };
    }
    if (nowMs < weekEndMs(week) + weekClosesAfterMs) break;
  }
  return { events: found, next, more: false };
}

/** Behind all events that an account has now. */
export async function endOfEvents(store: Store, accountId: number, nowMs: number): Promise<EventCursor> {
  const week = weekOf(nowMs);
  const [[row] = []] = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [sql`SELECT ${nextSeq(week, sql`${accountId}`)} - 1 AS seq`]),
  );
  return { week, seq: Number(row?.seq ?? 0), taken: wholeRow };
}

interface WeekPage {
  events: StoredEvent[];
  /** Behind all rows that were read; null: none behind where it began. */
  reached: EventCursor | null;
  /** Where to go on; null at the week's end. */
  next: EventCursor | null;
}

/** Up to `wanted` events of a week, looking at up to `pointers` rows of `events`. */
async function readPage(
  store: Store,
  accountId: number,
  from: EventCursor,
  { wanted, pointers }: { wanted: number; pointers: number },
  nowMs: number,
): Promise<WeekPage> {
  const { messages, deliveries, events } = weekTables(from.week);
  // `seq` is begun again with the row the cursor is inside of; a row has at least one event, so wanted + 1 rows do.
  const range = sql`account_id = ${accountId} AND seq >= ${from.seq} ORDER BY seq`;
  const [acceptedRows = [], pointerRows = []] = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [
      sql`SELECT ${acceptedColumns}
        FROM (SELECT * FROM ${messages} WHERE ${range} LIMIT ${wanted + 1}) m
        CROSS JOIN ${deliveries} d ON d.message_id = m.id AND d.accepted = 1
        ORDER BY m.seq, d.n`,
      sql`SELECT * FROM ${events} WHERE ${range} LIMIT ${pointers}`,
    ]),
  );
  const kept = pointerRows.filter((row) => keptWeekOf(String(row.message_id), nowMs) !== null);
  const announcedRows = kept.slice(0, wanted + 1);
  const announced = await readAnnounced(store, accountId, announcedRows, nowMs);
  const rows = [...Map.groupBy(acceptedRows, (row) => Number(row.seq))].map(([seq, all]) => ({
    seq,
    events: all.map(acceptedEvent),
  }));
  // Rows that could not be read yet beyond a full page of the other kind must not be jumped over.
  const horizon = Math.min(
    lastSeq(acceptedRows, wanted),
    lastSeq(announcedRows, wanted),
    lastSeq(pointerRows, pointers - 1),
  );
  const page = [...rows, ...announced]
    .filter((row) => row.seq <= horizon)
    .sort((a, b) => a.seq - b.seq)
    .flatMap((row) =>
      row.events.map((event, k) => ({ ...event, cursor: { week: from.week, seq: row.seq, taken: k + 1 } })),
    )
    .filter(({ cursor }) => cursor.seq > from.seq || cursor.taken > from.taken)
    .slice(0, wanted);
  const last = page.at(-1)?.cursor ?? null;
  const passed = [...acceptedRows, ...pointerRows]
    .map((row) => Number(row.seq))
    .filter((seq) => seq <= horizon);
  const seq = Math.max(-1, ...passed);
  const beyond = seq > (last ?? from).seq || (last === null && seq === from.seq && from.taken === 0);
  return {
    events: page,
    reached: beyond ? { week: from.week, seq, taken: wholeRow } : last,
    next: Number.isFinite(horizon) ? { week: from.week, seq: horizon + 1, taken: 0 } : null,
  };
}

/** The last row that a query of `limit + 1` rows is sure to have reached; Infinity when it reached the end. */
function lastSeq(rows: Record<string, unknown>[], limit: number): number {
  const seqs = new Set(rows.map((row) => Number(row.seq)));
  return seqs.size > limit ? Math.max(...seqs) : Number.POSITIVE_INFINITY;
}
