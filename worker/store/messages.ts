import { type SQL, sql } from 'drizzle-orm';
import { classByRank, type MailClass } from '#domain/class.ts';
import type { DeliveryState } from '#domain/delivery.ts';
import { markSimulated, type NewEvent } from '#domain/event.ts';
import { homeOf, weekOf } from '#domain/home.ts';
import type { MessageId } from '#domain/ids.ts';
import { type Tracked, trackedOf } from '#domain/tracking.ts';
import { retainedWeeks, weekTables, withHomeTables } from './home-tables.ts';
import type { BodyPlace } from './raw.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';
import { appendEntries, appended } from './timeline.ts';

/** A message as its owner sees it. */
export interface StoredMessage extends BodyPlace {
  accountId: number;
  seq: number;
  acceptedAtMs: number;
  class: MailClass;
  fromHeader: string;
  addressees: { to: string[]; cc: string[] };
  subject: string;
  tags: string[];
  metadata: Record<string, string>;
  source: string;
  messageIdHeader: string;
  sizeBytes: number;
  testMode: boolean;
  firstDueMs: number;
  /** What was put into it. */
  tracked: Tracked;
  deliveries: StoredDelivery[];
}

export interface StoredDelivery {
  n: number;
  recipient: string;
  state: DeliveryState;
  reason: string | null;
  accepted: boolean;
  /** Its recipient is a part that the simulator plays. */
  simulated: boolean;
  dueMs: number | null;
  attempts: number;
  node: string | null;
  timeline: NewEvent[];
}

export interface MessageFilter {
  status: DeliveryState | null;
  from: string | null;
  to: string | null;
  subject: string | null;
  tag: string | null;
}

/** One message with its deliveries; null when the account has no such message (any more). One round trip. */
export async function findMessage(
  store: Store,
  accountId: number,
  messageId: MessageId,
  nowMs: number,
): Promise<StoredMessage | null> {
  const { week } = homeOf(messageId);
  if (!retainedWeeks(nowMs).includes(week)) return null;
  const { messages, deliveries } = weekTables(week);
  const [[message] = [], rows = []] = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [
      sql`SELECT * FROM ${messages} WHERE account_id = ${accountId}
        AND seq = (SELECT message_seq FROM ${deliveries} WHERE message_id = ${messageId} LIMIT 1) AND id = ${messageId}`,
      sql`SELECT * FROM ${deliveries} WHERE message_id = ${messageId} AND account_id = ${accountId} ORDER BY n`,
    ]),
  );
  return message ? messageOf(message, rows) : null;
}

/** An account's messages, newest first, walking the weeks back until the page is full. */
export async function listMessages(
  store: Store,
  accountId: number,
  filter: MessageFilter,
  page: { limit: number; offset: number },
  nowMs: number,
): Promise<{ messages: StoredMessage[]; hasMore: boolean }> {
  const found: StoredMessage[] = [];
  let skip = page.offset;
  for (const week of retainedWeeks(nowMs).reverse()) {
    const wanted = page.limit + 1 - found.length;
    if (wanted <= 0) break;
    const { messages, deliveries } = weekTables(week);
    const where = sql`m.account_id = ${accountId}${matches(filter, deliveries)}`;
    const select = sql`SELECT m.* FROM ${messages} m WHERE ${where} ORDER BY m.seq DESC LIMIT ${wanted} OFFSET ${skip}`;
    const queries = [
      select,
      sql`SELECT d.* FROM (${select}) m CROSS JOIN ${deliveries} d ON d.message_id = m.id ORDER BY d.n`,
    ];
    if (skip > 0)
      queries.push(
        sql`SELECT count(*) AS passed FROM (SELECT 1 FROM ${messages} m WHERE ${where} LIMIT ${skip})`,
      );
    const [rows = [], deliveryRows = [], [passed] = []] = await withHomeTables(store, nowMs, () =>
      batch(store.d1, queries),
    );
    const byMessage = Map.groupBy(deliveryRows, (row) => String(row.message_id));
    found.push(...rows.map((row) => messageOf(row, byMessage.get(String(row.id)) ?? [])));
    skip -= Number(passed?.passed ?? 0);
  }
  return { messages: found.slice(0, page.limit), hasMore: found.length > page.limit };
}

/** Where the raw message is, whosesoever it is: for nodes. */
export async function findBodyOf(
  store: Store,
  messageId: MessageId,
  nowMs: number,
): Promise<BodyPlace | null> {
  const { week } = homeOf(messageId);
  if (!retainedWeeks(nowMs).includes(week)) return null;
  const { deliveries } = weekTables(week);
  const [[row] = []] = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [
      sql`SELECT body_day, body_id FROM ${deliveries} WHERE message_id = ${messageId} LIMIT 1`,
    ]),
  );
  return row ? bodyPlaceOf(messageId, row) : null;
}

function bodyPlaceOf(messageId: MessageId, row: Record<string, unknown>): BodyPlace {
  return {
    messageId,
    bodyDay: String(row.body_day),
    bodyId: row.body_id === null ? null : Number(row.body_id),
  };
}

function matches(filter: MessageFilter, deliveries: SQL): SQL {
  const conditions: SQL[] = [];
  if (filter.from !== null) conditions.push(sql`m.from_address = ${filter.from}`);
  if (filter.subject !== null) conditions.push(sql`instr(lower(m.subject), lower(${filter.subject})) > 0`);
  if (filter.tag !== null) {
    conditions.push(sql`EXISTS (SELECT 1 FROM json_each(m.tags) WHERE value = ${filter.tag})`);
  }
  if (filter.to !== null || filter.status !== null) {
    const to = filter.to === null ? sql`` : sql` AND d.recipient = ${filter.to}`;
    const status = filter.status === null ? sql`` : sql` AND d.state = ${filter.status}`;
    conditions.push(sql`EXISTS (SELECT 1 FROM ${deliveries} d WHERE d.message_id = m.id${to}${status})`);
  }
  return sql.join(conditions.map((condition) => sql` AND ${condition}`));
}

/**
 * Cancels what has not been handed to a node: scheduled, queued and deferred deliveries. Gives how many.
 * @param eventOf makes the event of recipient `n`
 */
export async function cancelDeliveries(
  store: Store,
  message: StoredMessage,
  eventOf: (n: number) => NewEvent,
  nowMs: number,
): Promise<number> {
  const entries = message.deliveries.map(({ n }) => ({ messageId: message.messageId, n, event: eventOf(n) }));
  const results = await withHomeTables(store, nowMs, () =>
    batch(
      store.d1,
      appendEntries(homeOf(message.messageId).week, weekOf(nowMs), entries, {
        guard: sql`d.state IN ('scheduled', 'queued', 'deferred')`,
        set: sql`state = 'canceled', due_ms = NULL`,
      }),
    ),
  );
  return appended(results).length;
}

export function messageOf(
  row: Record<string, unknown>,
  deliveries: Record<string, unknown>[],
): StoredMessage {
  return {
    ...bodyPlaceOf(String(row.id), row),
    accountId: Number(row.account_id),
    seq: Number(row.seq),
    acceptedAtMs: Number(row.accepted_at_ms),
    class: classByRank(Number(row.class)),
    fromHeader: String(row.from_header),
    addressees: JSON.parse(String(row.addressees)) as { to: string[]; cc: string[] },
    subject: String(row.subject),
    tags: JSON.parse(String(row.tags)) as string[],
    metadata: JSON.parse(String(row.metadata)) as Record<string, string>,
    source: String(row.source),
    messageIdHeader: String(row.message_id_header),
    sizeBytes: Number(row.size_bytes),
    testMode: row.test_mode === 1,
    firstDueMs: Number(row.first_due_ms),
    tracked: trackedOf(Number(row.tracked)),
    deliveries: deliveries.map(deliveryOf),
  };
}

export function deliveryOf(row: Record<string, unknown>): StoredDelivery {
  return {
    n: Number(row.n),
    recipient: String(row.recipient),
    state: row.state as DeliveryState,
    reason: row.reason === null ? null : String(row.reason),
    accepted: row.accepted === 1,
    simulated: row.simulated === 1,
    dueMs: row.due_ms === null ? null : Number(row.due_ms),
    attempts: Number(row.attempts),
    node: row.node === null ? null : String(row.node),
    timeline: (JSON.parse(String(row.timeline)) as NewEvent[]).map((e) =>
      markSimulated(e, row.simulated === 1),
    ),
  };
}
