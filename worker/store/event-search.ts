import { sql } from 'drizzle-orm';
import { type EventKind, markSimulated, type NewEvent } from '#domain/delivery/event.ts';
import { weekEndMs, weekStartMs } from '#domain/message/home.ts';
import { acceptedEventId } from '#domain/message/ids.ts';
import type { SearchWord } from '#domain/message/search-word.ts';
import { retainedWeeks, weekTables, withHomeTables } from './home-tables.ts';
import { firstSeqFrom } from './message-pages.ts';
import type { StoredMessage } from './messages.ts';
import { rangesOf } from './search-words.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';
import { acceptedColumns, acceptedEvent, readAnnounced, type ToldEvent } from './told-events.ts';

/** What people look for among events; null: anything. */
export interface EventSearch {
  kind: EventKind | null;
  /** In whatever case. */
  recipient: string | null;
  /** Only what happened from this time on, Unix ms. */
  fromMs: number | null;
  /** Only what happened before this time, Unix ms. */
  beforeMs: number | null;
}

/** Where a page of events begins: below row `seq` of a week. */
export interface EventsBefore {
  week: string;
  seq: number;
}

export interface FoundEvents {
  events: ToldEvent[];
  /** Where to go on; null at the end. */
  next: EventsBefore | null;
  /** How far back was looked, when that was not to the end and the page is not full; Unix ms. */
  searchedToMs: number | null;
}

/** Rows of the cursor that are looked at in one statement; of a page that has what is asked for, more. */
const lookedAtOnce = { any: 30, known: 400 };
/** An event may be reported so long after it happened, and by a clock that is so much ahead. */
const reportedWithinMs = 3_600_000;
const clockAheadMs = 120_000;

/**
 * A page of an account's events for people, the newest first; programs read `readEvents`. Looks at about `rows` rows of the
 * cursor at most, each with its delivery; what is known of whole pages of rows (`search-words.ts`) is not looked at.
 */
export async function findEvents(
  store: Store,
  accountId: number,
  search: EventSearch,
  of: { before: EventsBefore | null; limit: number; rows: number; nowMs: number },
): Promise<FoundEvents> {
  const { nowMs } = of;
  const weeks = retainedWeeks(nowMs)
    .reverse()
    .filter((week) => of.before === null || week <= of.before.week)
    .filter((week) => search.beforeMs === null || weekStartMs(week) < search.beforeMs + reportedWithinMs)
    .filter((week) => search.fromMs === null || weekEndMs(week) >= search.fromMs - clockAheadMs);
  const words: SearchWord[] = [];
  if (search.recipient !== null) words.push({ of: 'recipient', address: search.recipient });
  if (search.kind !== null && search.kind !== 'accepted') words.push({ of: 'kind', kind: search.kind });
  const ranges = await rangesOf(store, accountId, words, weeks, nowMs);
  const found: ToldEvent[] = [];
  let left = of.rows;
  let reachedMs = nowMs;
  for (const week of weeks) {
    const span = await spanOf(store, accountId, week, search, nowMs);
    const upTo = of.before?.week === week ? Math.min(of.before.seq, span.high) : span.high;
    for (const range of ranges.get(week) ?? []) {
      const low = Math.max(range.low, span.low);
      let before = Math.min(upTo, range.high);
      while (before > low) {
        if (left <= 0) return { events: found, next: { week, seq: before }, searchedToMs: reachedMs };
        const most = Math.min(words.length > 0 ? lookedAtOnce.known : lookedAtOnce.any, left);
        const looked = await lookBack(
          store,
          accountId,
          { week, low, before, most, kind: search.kind },
          nowMs,
        );
        const fitting = looked.events.filter(({ event, recipient }) => fits(event, recipient, search));
        reachedMs = Math.min(reachedMs, ...looked.events.map(({ event }) => event.atMs));
        left -= looked.rows;
        found.push(...fitting);
        if (looked.last === null) break;
        before = looked.last;
        if (found.length >= of.limit)
          return { events: found, next: { week, seq: before }, searchedToMs: null };
      }
    }
  }
  return { events: found, next: null, searchedToMs: null };
}

function fits(event: NewEvent, recipient: string, search: EventSearch): boolean {
  return (
    (search.kind === null || event.kind === search.kind) &&
    (search.recipient === null || recipient.toLowerCase() === search.recipient.toLowerCase()) &&
    (search.fromMs === null || event.atMs >= search.fromMs) &&
    (search.beforeMs === null || event.atMs < search.beforeMs)
  );
}

/** What of a search happened to one message, the newest first. */
export function eventsIn(message: StoredMessage, search: EventSearch): ToldEvent[] {
  const { messageId, acceptedAtMs, sizeBytes } = message;
  return message.deliveries
    .flatMap(({ n, recipient, accepted, simulated, timeline }) => {
      const first: NewEvent = {
        id: acceptedEventId(messageId, n),
        kind: 'accepted',
        atMs: acceptedAtMs,
        details: { class: message.class, sizeBytes },
      };
      return [...(accepted ? [markSimulated(first, simulated)] : []), ...timeline]
        .filter((event) => fits(event, recipient, search))
        .map((event) => ({ event, recipient, ...aboutMessage(message) }));
    })
    .sort((a, b) => b.event.atMs - a.event.atMs);
}

function aboutMessage(message: StoredMessage) {
  const {
    messageId,
    fromHeader: from,
    subject,
    messageIdHeader,
    signingDomain,
    stream,
    testMode,
    tags,
    metadata,
    template,
  } = message;
  return {
    messageId,
    from,
    subject,
    messageIdHeader,
    signingDomain,
    stream,
    testMode,
    tags,
    metadata,
    template,
  };
}

/** The rows of a week that may tell of the time: messages among them say when rows were committed. */
async function spanOf(
  store: Store,
  accountId: number,
  week: string,
  { fromMs, beforeMs }: EventSearch,
  nowMs: number,
): Promise<{ low: number; high: number }> {
  const { messages } = weekTables(week);
  let [low, high] = [0, Number.MAX_SAFE_INTEGER];
  if (fromMs !== null && fromMs > weekStartMs(week)) {
    const first = await firstSeqFrom(store, accountId, week, fromMs - clockAheadMs, nowMs);
    const [[row] = []] = await batch(store.d1, [
      sql`SELECT max(seq) AS seq FROM ${messages} WHERE account_id = ${accountId} AND seq < ${first}`,
    ]);
    low = Number(row?.seq ?? 0);
  }
  if (beforeMs !== null && beforeMs + reportedWithinMs < weekEndMs(week)) {
    const first = await firstSeqFrom(store, accountId, week, beforeMs + reportedWithinMs, nowMs);
    const [[row] = []] = await batch(store.d1, [
      sql`SELECT min(seq) AS seq FROM ${messages} WHERE account_id = ${accountId} AND seq >= ${first}`,
    ]);
    if (row?.seq != null) high = Number(row.seq);
  }
  return { low, high };
}

/** Events of up to `most` messages and `most` announcements below a row, the newest first. */
async function lookBack(
  store: Store,
  accountId: number,
  of: { week: string; low: number; before: number; most: number; kind: EventKind | null },
  nowMs: number,
): Promise<{ events: ToldEvent[]; rows: number; last: number | null }> {
  const { messages, deliveries, events } = weekTables(of.week);
  const some = sql`account_id = ${accountId} AND seq < ${of.before} AND seq >= ${of.low} ORDER BY seq DESC LIMIT ${of.most}`;
  const nothing = sql`SELECT 1 WHERE 0`;
  const asks = { accepted: of.kind === null || of.kind === 'accepted', announced: of.kind !== 'accepted' };
  const [acceptedRows = [], pointers = []] = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [
      asks.accepted
        ? sql`SELECT ${acceptedColumns}
          FROM (SELECT * FROM ${messages} WHERE ${some}) m
          LEFT JOIN ${deliveries} d ON d.message_id = m.id AND d.accepted = 1`
        : nothing,
      asks.announced ? sql`SELECT * FROM ${events} WHERE ${some}` : nothing,
    ]),
  );
  // Of the kind that had more than were looked at, the lowest is as far as both were looked at.
  const lowest = (rows: Record<string, unknown>[]) => {
    const seqs = new Set(rows.map((row) => Number(row.seq)));
    return seqs.size < of.most ? of.low : Math.min(...seqs);
  };
  const reached = Math.max(lowest(acceptedRows), lowest(pointers));
  const told = pointers.filter((row) => Number(row.seq) >= reached);
  const announced = await readAnnounced(store, accountId, told, nowMs);
  const rows = [
    ...acceptedRows
      .filter((row) => row.n !== null && Number(row.seq) >= reached)
      .map((row) => ({ seq: Number(row.seq), events: [acceptedEvent(row)] })),
    ...announced.map(({ seq, events: all }) => ({ seq, events: all.toReversed() })),
  ].sort((a, b) => b.seq - a.seq);
  return {
    events: rows.flatMap((row) => row.events),
    rows: acceptedRows.length + pointers.length,
    last: reached > of.low ? reached : null,
  };
}
