import { sql } from 'drizzle-orm';
import type { DeliveryState } from '#domain/delivery/delivery.ts';
import { markSimulated, type NewEvent } from '#domain/delivery/event.ts';
import { classByRank, type MailClass } from '#domain/message/class.ts';
import { homeOf, weekOf } from '#domain/message/home.ts';
import type { MessageId } from '#domain/message/ids.ts';
import { streamOf } from '#domain/message/stream.ts';
import { type Tracked, trackedOf } from '#domain/message/tracking.ts';
import { type UsedTemplate, usedTemplateOf } from '#domain/template/used-template.ts';
import { byRetainedWeek, keptWeekOf, weekTables, withHomeTables } from './home-tables.ts';
import type { BodyPlace } from './raw.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';
import { timelineOf } from './stored-event.ts';
import { appendEntries, appended } from './timeline.ts';
import { waitingQueries, whyWaits } from './why-waiting.ts';

/** A message as its owner sees it. */
export interface StoredMessage extends BodyPlace {
  accountId: number;
  seq: number;
  acceptedAtMs: number;
  class: MailClass;
  stream: string;
  fromHeader: string;
  addressees: { to: string[]; cc: string[] };
  subject: string;
  tags: string[];
  metadata: Record<string, string>;
  source: string;
  /** The key that it was submitted with; 0: none, a page of the dashboard. */
  credentialId: number;
  /** The domain that signs it, by which keys may be limited. */
  signingDomain: string;
  messageIdHeader: string;
  sizeBytes: number;
  testMode: boolean;
  firstDueMs: number;
  /** What was put into it. */
  tracked: Tracked;
  /** What it was made of; null: no template. */
  template: UsedTemplate | null;
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
  /** Why it is not tried although it has been due for a minute; null: it has not. */
  waitsFor: string | null;
  timeline: NewEvent[];
}

/** A message as lists show it: its deliveries without their histories. */
export interface ListedMessage extends Omit<StoredMessage, 'deliveries'> {
  deliveries: Pick<StoredDelivery, 'n' | 'recipient' | 'state' | 'simulated'>[];
}

/** One message with its deliveries; null when the account has no such message (any more). One round trip. */
export async function findMessage(
  store: Store,
  accountId: number,
  messageId: MessageId,
  nowMs: number,
): Promise<StoredMessage | null> {
  const week = keptWeekOf(messageId, nowMs);
  if (week === null) return null;
  const { messages, deliveries } = weekTables(week);
  const [[message] = [], rows = [], ...around] = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [
      sql`SELECT * FROM ${messages} WHERE account_id = ${accountId}
        AND seq = (SELECT message_seq FROM ${deliveries} WHERE message_id = ${messageId} LIMIT 1) AND id = ${messageId}`,
      sql`SELECT * FROM ${deliveries} WHERE message_id = ${messageId} AND account_id = ${accountId} ORDER BY n`,
      ...waitingQueries(accountId),
    ]),
  );
  if (!message) return null;
  return {
    ...factsOf(message),
    deliveries: rows.map((row) => ({ ...deliveryOf(row), waitsFor: whyWaits(row, around, nowMs) })),
  };
}

/** Where the raw message is, whosesoever it is: for nodes. */
export async function findBodyOf(
  store: Store,
  messageId: MessageId,
  nowMs: number,
): Promise<BodyPlace | null> {
  const week = keptWeekOf(messageId, nowMs);
  if (week === null) return null;
  const { deliveries } = weekTables(week);
  const [[row] = []] = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [
      sql`SELECT body_day, body_id FROM ${deliveries} WHERE message_id = ${messageId} LIMIT 1`,
    ]),
  );
  return row ? bodyPlaceOf(messageId, row) : null;
}

/** Where the raw message is that a node is delivering; null when it has no lease of it that goes on. */
export async function findLeasedBody(
  store: Store,
  messageId: MessageId,
  nodeId: string,
  nowMs: number,
): Promise<BodyPlace | null> {
  const week = keptWeekOf(messageId, nowMs);
  if (week === null) return null;
  const { deliveries } = weekTables(week);
  const [[row] = []] = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [
      sql`SELECT body_day, body_id FROM ${deliveries} WHERE message_id = ${messageId} AND node = ${nodeId}
        AND lease_id IS NOT NULL AND lease_until_ms > ${nowMs} LIMIT 1`,
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

/** A message of a list; of the deliveries `n`, `recipient`, `state` and `simulated` are needed. */
export function listedOf(row: Record<string, unknown>, deliveries: Record<string, unknown>[]): ListedMessage {
  const shown = deliveries.map((one) => ({
    n: Number(one.n),
    recipient: String(one.recipient),
    state: one.state as DeliveryState,
    simulated: one.simulated === 1,
  }));
  return { ...factsOf(row), deliveries: shown };
}

function factsOf(row: Record<string, unknown>): Omit<StoredMessage, 'deliveries'> {
  return {
    ...bodyPlaceOf(String(row.id), row),
    accountId: Number(row.account_id),
    seq: Number(row.seq),
    acceptedAtMs: Number(row.accepted_at_ms),
    class: classByRank(Number(row.class)),
    stream: streamOf(row.stream),
    fromHeader: String(row.from_header),
    addressees: JSON.parse(String(row.addressees)) as { to: string[]; cc: string[] },
    subject: String(row.subject),
    tags: JSON.parse(String(row.tags)) as string[],
    metadata: JSON.parse(String(row.metadata)) as Record<string, string>,
    source: String(row.source),
    credentialId: Number(row.credential_id),
    signingDomain: String(row.signing_domain),
    messageIdHeader: String(row.message_id_header),
    sizeBytes: Number(row.size_bytes),
    testMode: row.test_mode === 1,
    firstDueMs: Number(row.first_due_ms),
    tracked: trackedOf(Number(row.tracked)),
    template: usedTemplateOf(row.template),
  };
}

function deliveryOf(row: Record<string, unknown>): Omit<StoredDelivery, 'waitsFor'> {
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
    timeline: timelineOf(row.timeline).map((e) => markSimulated(e, row.simulated === 1)),
  };
}

/** A delivery with what happened to it. */
export type DeliveryHistory = Pick<StoredDelivery, 'n' | 'recipient' | 'state' | 'timeline'>;

/** The histories of the deliveries of some messages of an account, by message. One round trip. */
export async function readHistories(
  store: Store,
  accountId: number,
  ids: readonly MessageId[],
  nowMs: number,
): Promise<Map<MessageId, DeliveryHistory[]>> {
  const queries = byRetainedWeek(ids, (id) => id, nowMs).map(
    ([week, own]) => sql`SELECT * FROM ${weekTables(week).deliveries}
      WHERE message_id IN (SELECT value FROM json_each(${JSON.stringify(own)})) AND account_id = ${accountId}
      ORDER BY message_id, n`,
  );
  const rows = (await withHomeTables(store, nowMs, () => batch(store.d1, queries))).flat();
  const byMessage = Map.groupBy(rows, (row) => String(row.message_id));
  return new Map([...byMessage].map(([id, own]) => [id, own.map(deliveryOf)]));
}

/** Which of some messages the account has sent and are kept. One round trip. */
export async function sentBy(
  store: Store,
  accountId: number,
  ids: readonly MessageId[],
  nowMs: number,
): Promise<Set<MessageId>> {
  const queries = byRetainedWeek(ids, (id) => id, nowMs).map(
    ([week, own]) => sql`SELECT message_id FROM ${weekTables(week).deliveries}
      WHERE message_id IN (SELECT value FROM json_each(${JSON.stringify(own)})) AND n = 0 AND account_id = ${accountId}`,
  );
  const rows = await withHomeTables(store, nowMs, () => batch(store.d1, queries));
  return new Set(rows.flat().map((row) => String(row.message_id)));
}
