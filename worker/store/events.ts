import { sql } from 'drizzle-orm';
import { type EventKind, markSimulated, type NewEvent } from '#domain/delivery/event.ts';
import { classByRank } from '#domain/message/class.ts';
import { weekEndMs, weekOf, weekStartMs } from '#domain/message/home.ts';
import { acceptedEventId } from '#domain/message/ids.ts';
import type { SearchWord } from '#domain/message/search-word.ts';
import { streamOf } from '#domain/message/stream.ts';
import { usedTemplateOf } from '#domain/template/used-template.ts';
import type { WebhookEvent } from '#domain/webhook.ts';
import { byRetainedWeek, keptWeekOf, retainedWeeks, weekTables, withHomeTables } from './home-tables.ts';
import { firstSeqFrom } from './message-pages.ts';
import type { StoredMessage } from './messages.ts';
import { rangesOf } from './search-words.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';
import { timelineOf } from './stored-event.ts';
import { nextSeq } from './timeline.ts';

/** Where a reader of an account's events stands: behind entry `k` of row `seq` of a week. */
export interface EventCursor {
  week: string;
  seq: number;
  /** How many events of the row `seq` the reader has. */
  taken: number;
}

/** An event with what it is about. */
export interface StoredEvent extends WebhookEvent {
  signingDomain: string;
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
      sql`SELECT m.seq, m.id, m.accepted_at_ms, m.class, m.size_bytes, m.from_header, m.subject,
          m.message_id_header, m.signing_domain, m.test_mode, m.tags, m.metadata, m.template, m.stream, d.n, d.recipient, d.simulated
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

function acceptedEvent(row: Record<string, unknown>): Omit<StoredEvent, 'cursor'> {
  const messageId = String(row.id);
  return {
    event: markSimulated(
      {
        id: acceptedEventId(messageId, Number(row.n)),
        kind: 'accepted',
        atMs: Number(row.accepted_at_ms),
        details: { class: classByRank(Number(row.class)), sizeBytes: Number(row.size_bytes) },
      },
      row.simulated === 1,
    ),
    ...subjectOf(messageId, row),
  };
}

/** What an event is about, from the columns of its message and delivery. */
function subjectOf(messageId: string, row: Record<string, unknown>): Omit<StoredEvent, 'event' | 'cursor'> {
  return {
    messageId,
    recipient: String(row.recipient),
    from: String(row.from_header),
    subject: String(row.subject),
    messageIdHeader: String(row.message_id_header),
    signingDomain: String(row.signing_domain),
    stream: streamOf(row.stream),
    testMode: row.test_mode === 1,
    tags: JSON.parse(String(row.tags)) as string[],
    metadata: JSON.parse(String(row.metadata)) as Record<string, string>,
    template: usedTemplateOf(row.template),
  };
}

/** The timeline entries that cursor rows announce; those whose delivery is purged are empty. */
async function readAnnounced(
  store: Store,
  accountId: number,
  rows: Record<string, unknown>[],
  nowMs: number,
): Promise<{ seq: number; events: Omit<StoredEvent, 'cursor'>[] }[]> {
  const byWeek = byRetainedWeek(rows, (row) => String(row.message_id), nowMs);
  const results = await withHomeTables(store, nowMs, () =>
    batch(
      store.d1,
      byWeek.map(([week, own]) => {
        const refs = JSON.stringify(own.map((row) => ({ m: row.message_id, n: row.n })));
        const { messages, deliveries } = weekTables(week);
        return sql`SELECT d.message_id, d.n, d.recipient, d.simulated, d.timeline, m.from_header, m.subject,
            m.message_id_header, m.signing_domain, m.test_mode, m.tags, m.metadata, m.template, m.stream
          FROM (SELECT DISTINCT value->>'m' AS m, value->>'n' AS n FROM json_each(${refs})) j
          CROSS JOIN ${deliveries} d ON d.message_id = j.m AND d.n = j.n
          CROSS JOIN ${messages} m ON m.account_id = ${accountId} AND m.seq = d.message_seq`;
      }),
    ),
  );
  const byDelivery = new Map(results.flat().map((row) => [`${row.message_id} ${row.n}`, row]));
  return rows.map((row) => {
    const delivery = byDelivery.get(`${row.message_id} ${row.n}`);
    if (!delivery) return { seq: Number(row.seq), events: [] };
    const timeline = timelineOf(delivery.timeline);
    return {
      seq: Number(row.seq),
      events: timeline.slice(Number(row.from_entry), Number(row.to_entry)).map((event) => ({
        event: markSimulated(event, delivery.simulated === 1),
        ...subjectOf(String(delivery.message_id), delivery),
      })),
    };
  });
}

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
  events: Omit<StoredEvent, 'cursor'>[];
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
  const found: Omit<StoredEvent, 'cursor'>[] = [];
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
export function eventsIn(message: StoredMessage, search: EventSearch): Omit<StoredEvent, 'cursor'>[] {
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
): Promise<{ events: Omit<StoredEvent, 'cursor'>[]; rows: number; last: number | null }> {
  const { messages, deliveries, events } = weekTables(of.week);
  const some = sql`account_id = ${accountId} AND seq < ${of.before} AND seq >= ${of.low} ORDER BY seq DESC LIMIT ${of.most}`;
  const nothing = sql`SELECT 1 WHERE 0`;
  const asks = { accepted: of.kind === null || of.kind === 'accepted', announced: of.kind !== 'accepted' };
  const [acceptedRows = [], pointers = []] = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [
      asks.accepted
        ? sql`SELECT m.seq, m.id, m.accepted_at_ms, m.class, m.size_bytes, m.from_header, m.subject, m.message_id_header,
            m.signing_domain, m.test_mode, m.tags, m.metadata, m.template, m.stream, d.n, d.recipient, d.simulated
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
