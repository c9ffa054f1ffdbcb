import { type SQL, sql } from 'drizzle-orm';
import type { DeliveryState } from '#domain/delivery.ts';
import { weekOf, weekStartMs } from '#domain/home.ts';
import { retainedWeeks, weekTables, withHomeTables } from './home-tables.ts';
import { messageOf, type StoredMessage } from './messages.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

/** Where a page of an account's messages begins: below row `seq` of a week. */
export interface PageCursor {
  week: string;
  seq: number;
}

/** What people look for; null: anything. */
export interface MessageSearch {
  recipient: string | null;
  subject: string | null;
  tag: string | null;
  status: DeliveryState | null;
  /** Only messages accepted before this time, Unix ms. */
  beforeMs: number | null;
  /** Only messages accepted at or after this time, Unix ms. */
  fromMs: number | null;
}

export interface MessagePage {
  messages: StoredMessage[];
  /** Where to go on; null at the end. */
  next: PageCursor | null;
  /** How far back was looked, when that was not to the end and the page is not full; Unix ms. */
  searchedToMs: number | null;
}

/** Rows that one page may look at: a search goes on by the reader's wish, never by scanning everything. */
export const searchedRows = 180;

/**
 * A page of an account's messages, newest first. Reads at most `searchedRows` messages and their deliveries,
 * however many the account has; a search that found less than a page tells how far it has come.
 */
export async function readMessagePage(
  store: Store,
  accountId: number,
  search: MessageSearch,
  of: { from: PageCursor | null; limit: number; nowMs: number },
): Promise<MessagePage> {
  const weeks = retainedWeeks(of.nowMs)
    .reverse()
    .filter((week) => of.from === null || week <= of.from.week)
    .filter((week) => search.beforeMs === null || week <= weekOf(search.beforeMs))
    .filter((week) => search.fromMs === null || week >= weekOf(search.fromMs));
  const found: StoredMessage[] = [];
  let budget = searchedRows;
  for (const [i, week] of weeks.entries()) {
    const before = of.from !== null && of.from.week === week ? of.from.seq : Number.MAX_SAFE_INTEGER;
    const top =
      search.beforeMs !== null && week === weekOf(search.beforeMs)
        ? Math.min(before, await firstSeqFrom(store, accountId, week, search.beforeMs, of.nowMs))
        : before;
    const wanted = of.limit + 1 - found.length;
    const { rows, deliveries, last } = await searchWeek(store, accountId, week, search, {
      before: top,
      wanted,
      scan: isEverything(search) ? wanted : budget,
      nowMs: of.nowMs,
    });
    found.push(...rows.map((row) => messageOf(row, deliveries.get(String(row.id)) ?? [])));
    if (found.length > of.limit) {
      const page = found.slice(0, of.limit);
      const end = page.at(-1);
      return {
        messages: page,
        next: end ? { week: weekOfMessage(end), seq: end.seq } : null,
        searchedToMs: null,
      };
    }
    budget -= last?.scanned ?? 0;
    if (last && search.fromMs !== null && last.acceptedAtMs < search.fromMs) break;
    if (last?.full) {
      return { messages: found, next: { week, seq: last.seq }, searchedToMs: last.acceptedAtMs };
    }
    const older = weeks[i + 1];
    if (budget <= 0 && older !== undefined) {
      return {
        messages: found,
        next: { week: older, seq: Number.MAX_SAFE_INTEGER },
        searchedToMs: weekStartMs(week),
      };
    }
  }
  return { messages: found, next: null, searchedToMs: null };
}

function weekOfMessage(message: StoredMessage): string {
  return weekOf(message.acceptedAtMs);
}

function isEverything(search: MessageSearch): boolean {
  return Object.entries(search).every(([name, value]) => name === 'beforeMs' || value === null);
}

/** Looks at up to `scan` messages of a week; `last` is where it stopped. Two round trips, one when nothing fits. */
async function searchWeek(
  store: Store,
  accountId: number,
  week: string,
  search: MessageSearch,
  of: { before: number; wanted: number; scan: number; nowMs: number },
) {
  const { messages, deliveries } = weekTables(week);
  const scanned = sql`FROM ${messages} WHERE account_id = ${accountId} AND seq < ${of.before} ORDER BY seq DESC LIMIT ${of.scan}`;
  const queries = [
    sql`SELECT m.* FROM (SELECT * ${scanned}) m WHERE 1${matches(search, deliveries)} ORDER BY m.seq DESC LIMIT ${of.wanted}`,
  ];
  // A search that may end early must know where it stopped looking.
  if (!isEverything(search)) {
    queries.push(sql`SELECT count(*) AS scanned, min(seq) AS seq, min(accepted_at_ms) AS at
      FROM (SELECT seq, accepted_at_ms ${scanned})`);
  }
  const [rows = [], [end] = []] = await withHomeTables(store, of.nowMs, () => batch(store.d1, queries));
  const ids = JSON.stringify(rows.map((row) => row.id));
  const [deliveryRows = []] =
    rows.length === 0
      ? []
      : await batch(store.d1, [
          sql`SELECT d.* FROM json_each(${ids}) j CROSS JOIN ${deliveries} d ON d.message_id = j.value ORDER BY d.n`,
        ]);
  const stopped = end && Number(end.scanned) > 0;
  return {
    rows,
    deliveries: Map.groupBy(deliveryRows, (row) => String(row.message_id)),
    last: stopped
      ? {
          scanned: Number(end.scanned),
          seq: Number(end.seq),
          acceptedAtMs: Number(end.at),
          full: Number(end.scanned) >= of.scan && rows.length < of.wanted,
        }
      : null,
  };
}

function matches(search: MessageSearch, deliveries: SQL): SQL {
  const conditions: SQL[] = [];
  if (search.subject !== null) conditions.push(sql`instr(lower(m.subject), lower(${search.subject})) > 0`);
  if (search.tag !== null)
    conditions.push(sql`EXISTS (SELECT 1 FROM json_each(m.tags) WHERE value = ${search.tag})`);
  if (search.fromMs !== null) conditions.push(sql`m.accepted_at_ms >= ${search.fromMs}`);
  if (search.recipient !== null || search.status !== null) {
    const to =
      search.recipient === null ? sql`` : sql` AND instr(lower(d.recipient), lower(${search.recipient})) > 0`;
    const status = search.status === null ? sql`` : sql` AND d.state = ${search.status}`;
    conditions.push(sql`EXISTS (SELECT 1 FROM ${deliveries} d WHERE d.message_id = m.id${to}${status})`);
  }
  return sql.join(conditions.map((condition) => sql` AND ${condition}`));
}

/** So many places are probed at once: a few round trips find any time among millions of rows. */
const probes = 32;

/**
 * The first `seq` of a week whose message was accepted at or after a time. Rows are numbered in the order of
 * their commits, so times grow with them and the place is found by narrowing, not by scanning.
 */
async function firstSeqFrom(
  store: Store,
  accountId: number,
  week: string,
  ms: number,
  nowMs: number,
): Promise<number> {
  const { messages } = weekTables(week);
  const [[top] = []] = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [sql`SELECT max(seq) AS seq FROM ${messages} WHERE account_id = ${accountId}`]),
  );
  let low = 1;
  let high = Number(top?.seq ?? 0) + 1;
  while (high > low) {
    const step = Math.max(1, Math.ceil((high - low) / probes));
    const places: number[] = [];
    for (let place = low; place < high; place += step) places.push(place);
    const [rows = []] = await batch(store.d1, [
      sql`SELECT j.value AS place, (SELECT accepted_at_ms FROM ${messages}
          WHERE account_id = ${accountId} AND seq >= j.value ORDER BY seq LIMIT 1) AS at
        FROM json_each(${JSON.stringify(places)}) j ORDER BY j.value`,
    ]);
    const reached = rows.findIndex((row) => row.at === null || Number(row.at) >= ms);
    if (reached === 0) return low;
    const below = Number(rows.at(reached < 0 ? -1 : reached - 1)?.place);
    if (reached >= 0) high = Number(rows[reached]?.place);
    low = below + 1;
  }
  return high;
}
