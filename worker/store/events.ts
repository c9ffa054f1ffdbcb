import { sql } from 'drizzle-orm';
import { classByRank } from '#domain/class.ts';
import { markSimulated, type NewEvent } from '#domain/event.ts';
import { homeOf, weekEndMs } from '#domain/home.ts';
import { acceptedEventId } from '#domain/ids.ts';
import type { WebhookEvent } from '#domain/webhook.ts';
import { retainedWeeks, weekTables, withHomeTables } from './home-tables.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

/** Where a reader of an account's events stands: behind entry `k` of row `seq` of a week. */
export interface EventCursor {
  week: string;
  seq: number;
  /** How many events of the row `seq` the reader has. */
  taken: number;
}

/** An event with what it is about. */
export interface StoredEvent extends WebhookEvent {
  cursor: EventCursor;
}

/**
 * A writer that began before midnight on Sunday may commit into the old week a little later; until then the
 * reader does not go on to the next week, so that nothing is passed by.
 */
const weekClosesAfterMs = 60_000;

/**
 * Events of an account in the order of their commits, after a cursor (null: from the oldest kept). Rows are
 * numbered inside the transaction that writes them and D1 runs one transaction at a time, so a reader that has
 * seen number `n` has seen everything before it: no gaps, no doubles.
 */
export async function readEvents(
  store: Store,
  accountId: number,
  after: EventCursor | null,
  limit: number,
  nowMs: number,
): Promise<StoredEvent[]> {
  const found: StoredEvent[] = [];
  for (const week of retainedWeeks(nowMs)) {
    if (after !== null && week < after.week) continue;
    let from: EventCursor | null = after !== null && week === after.week ? after : { week, seq: 0, taken: 0 };
    while (from !== null && found.length < limit) {
      const page: { events: StoredEvent[]; next: EventCursor | null } = await readPage(
        store,
        accountId,
        from,
        limit - found.length,
        nowMs,
      );
      found.push(...page.events);
      from = page.next;
    }
    if (found.length >= limit || nowMs < weekEndMs(week) + weekClosesAfterMs) break;
  }
  return found;
}

/** Up to `limit` events of a week; `next` is where to go on, null at the week's end. */
async function readPage(
  store: Store,
  accountId: number,
  from: EventCursor,
  limit: number,
  nowMs: number,
): Promise<{ events: StoredEvent[]; next: EventCursor | null }> {
  const { messages, deliveries, events } = weekTables(from.week);
  // `seq` is begun again with the row the cursor is inside of; a row has at least one event, so limit + 1 rows do.
  const range = sql`account_id = ${accountId} AND seq >= ${from.seq} ORDER BY seq LIMIT ${limit + 1}`;
  const [acceptedRows = [], announcedRows = []] = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [
      sql`SELECT m.seq, m.id, m.accepted_at_ms, m.class, m.size_bytes, m.from_header, m.subject,
          m.message_id_header, m.test_mode, m.tags, m.metadata, d.n, d.recipient, d.simulated
        FROM (SELECT * FROM ${messages} WHERE ${range}) m CROSS JOIN ${deliveries} d ON d.message_id = m.id AND d.accepted = 1
        ORDER BY m.seq, d.n`,
      sql`SELECT * FROM ${events} WHERE ${range}`,
    ]),
  );
  const announced = await readAnnounced(store, accountId, announcedRows);
  const rows = [...Map.groupBy(acceptedRows, (row) => Number(row.seq))].map(([seq, all]) => ({
    seq,
    events: all.map(acceptedEvent),
  }));
  // Rows that could not be read yet beyond a full page of the other kind must not be jumped over.
  const horizon = Math.min(lastSeq(acceptedRows, limit), lastSeq(announcedRows, limit));
  const page = [...rows, ...announced]
    .filter((row) => row.seq <= horizon)
    .sort((a, b) => a.seq - b.seq)
    .flatMap((row) =>
      row.events.map((event, k) => ({ ...event, cursor: { week: from.week, seq: row.seq, taken: k + 1 } })),
    )
    .filter(({ cursor }) => cursor.seq > from.seq || cursor.taken > from.taken)
    .slice(0, limit);
  return {
    events: page,
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
function subjectOf(messageId: string, row: Record<string, unknown>): Omit<WebhookEvent, 'event'> {
  return {
    messageId,
    recipient: String(row.recipient),
    from: String(row.from_header),
    subject: String(row.subject),
    messageIdHeader: String(row.message_id_header),
    testMode: row.test_mode === 1,
    tags: JSON.parse(String(row.tags)) as string[],
    metadata: JSON.parse(String(row.metadata)) as Record<string, string>,
  };
}

/** The timeline entries that cursor rows announce; those whose delivery is purged are empty. */
async function readAnnounced(
  store: Store,
  accountId: number,
  rows: Record<string, unknown>[],
): Promise<{ seq: number; events: Omit<StoredEvent, 'cursor'>[] }[]> {
  const weeks = [...new Set(rows.map((row) => homeOf(String(row.message_id)).week))];
  const results = await batch(
    store.d1,
    weeks.map((week) => {
      const refs = JSON.stringify(
        rows
          .filter((r) => homeOf(String(r.message_id)).week === week)
          .map((r) => ({ m: r.message_id, n: r.n })),
      );
      const { messages, deliveries } = weekTables(week);
      return sql`SELECT d.message_id, d.n, d.recipient, d.simulated, d.timeline, m.from_header, m.subject,
          m.message_id_header, m.test_mode, m.tags, m.metadata
        FROM (SELECT DISTINCT value->>'m' AS m, value->>'n' AS n FROM json_each(${refs})) j
        CROSS JOIN ${deliveries} d ON d.message_id = j.m AND d.n = j.n
        CROSS JOIN ${messages} m ON m.account_id = ${accountId} AND m.seq = d.message_seq`;
    }),
  );
  const byDelivery = new Map(results.flat().map((row) => [`${row.message_id} ${row.n}`, row]));
  return rows.map((row) => {
    const delivery = byDelivery.get(`${row.message_id} ${row.n}`);
    if (!delivery) return { seq: Number(row.seq), events: [] };
    const timeline = JSON.parse(String(delivery.timeline)) as NewEvent[];
    return {
      seq: Number(row.seq),
      events: timeline.slice(Number(row.from_entry), Number(row.to_entry)).map((event) => ({
        event: markSimulated(event, delivery.simulated === 1),
        ...subjectOf(String(delivery.message_id), delivery),
      })),
    };
  });
}

/** So many messages and so many announced changes are looked at for the newest events. */
const newestRows = 30;

/** An account's newest events, newest first: for people; programs read `readEvents`. Bounded reads. */
export async function readNewestEvents(
  store: Store,
  accountId: number,
  nowMs: number,
): Promise<Omit<StoredEvent, 'cursor'>[]> {
  const weeks = retainedWeeks(nowMs).slice(-2);
  const results = await withHomeTables(store, nowMs, () =>
    batch(
      store.d1,
      weeks.flatMap((week) => {
        const { messages, deliveries, events } = weekTables(week);
        const newest = sql`account_id = ${accountId} ORDER BY seq DESC LIMIT ${newestRows}`;
        return [
          sql`SELECT m.id, m.accepted_at_ms, m.class, m.size_bytes, m.tags, m.metadata, d.n, d.recipient
            FROM (SELECT * FROM ${messages} WHERE ${newest}) m CROSS JOIN ${deliveries} d ON d.message_id = m.id
            WHERE d.accepted = 1 LIMIT ${4 * newestRows}`,
          sql`SELECT * FROM ${events} WHERE ${newest}`,
        ];
      }),
    ),
  );
  const accepted = results.filter((_, i) => i % 2 === 0).flat();
  const announced = await readAnnounced(store, accountId, results.filter((_, i) => i % 2 === 1).flat());
  return [...accepted.map(acceptedEvent), ...announced.flatMap((row) => row.events)]
    .sort((a, b) => b.event.atMs - a.event.atMs)
    .slice(0, 2 * newestRows);
}
