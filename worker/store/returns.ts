import { sql } from 'drizzle-orm';
import type { CounterName } from '#domain/counter.ts';
import type { DeliveryState } from '#domain/delivery/delivery.ts';
import type { ReturnFacts } from '#domain/delivery/returned-event.ts';
import { homeOf, weekOf } from '#domain/message/home.ts';
import type { MessageId } from '#domain/message/ids.ts';
import { streamOf } from '#domain/message/stream.ts';
import { type NewConsequence, recipientColumns, recipientFacts } from './consequences.ts';
import { addTo } from './counters.ts';
import { keptWeekOf, weekTables, withHomeTables } from './home-tables.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';
import { appendEntries, appended, type Entry, wasWritten } from './timeline.ts';
import { writeConsequences } from './write-consequences.ts';

/** Which delivery a mail came back to. */
export interface DeliveryRef {
  messageId: MessageId;
  n: number;
}

/** A delivery as it is when a mail came back to it. */
export interface ReturnedDelivery extends ReturnFacts, DeliveryRef {
  accountId: number;
  /** Of the mails that have come back to it before. */
  fingerprints: string[];
}

/** The delivery; null when its message is not kept (any more). One round trip. */
export async function findReturned(
  store: Store,
  { messageId, n }: DeliveryRef,
  nowMs: number,
): Promise<ReturnedDelivery | null> {
  const found = await findReturnedAll(store, messageId, nowMs);
  return found.find((delivery) => delivery.n === n) ?? null;
}

/** The deliveries of a message. One round trip. */
export async function findReturnedAll(
  store: Store,
  messageId: MessageId,
  nowMs: number,
): Promise<ReturnedDelivery[]> {
  const week = keptWeekOf(messageId, nowMs);
  if (week === null) return [];
  const { deliveries, messages } = weekTables(week);
  const [rows = []] = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [
      sql`SELECT d.n, d.account_id, d.state, d.node, d.recipient, ${recipientColumns(messages, nowMs)},
          (SELECT m.stream FROM ${messages} m WHERE m.account_id = d.account_id AND m.seq = d.message_seq) AS stream,
          (SELECT json_group_array(e.value->>'fingerprint') FROM json_each(d.timeline) e
            WHERE e.value->>'fingerprint' IS NOT NULL) AS fingerprints
        FROM ${deliveries} d WHERE d.message_id = ${messageId}`,
    ]),
  );
  return rows.map((row) => ({
    messageId,
    n: Number(row.n),
    accountId: Number(row.account_id),
    state: row.state as DeliveryState,
    recipient: String(row.recipient),
    dispatched: row.node !== null,
    stream: streamOf(row.stream),
    fingerprints: JSON.parse(String(row.fingerprints)) as string[],
    ...recipientFacts(row),
  }));
}

/** What a mail that came back does to its delivery. */
export interface NewReturn extends Entry {
  event: Entry['event'] & { fingerprint: string };
  /** The state that was read; when it is another one by now, nothing is written. */
  from: DeliveryState;
  /** The next state; null: as it is. */
  to: DeliveryState | null;
  reason: string | null;
  consequence: NewConsequence | null;
  /** What it is counted as. */
  counters: readonly CounterName[];
}

/**
 * Writes the event, the delivery, the cursor's row, the suppression and the count in one transaction. False when
 * nothing was written because the delivery has changed or has the same mail already: of concurrent repeats one wins.
 */
export async function writeReturn(store: Store, returned: NewReturn, nowMs: number): Promise<boolean> {
  const { messageId, to, reason } = returned;
  const set =
    to === null
      ? sql`state = d.state`
      : sql`state = ${to}, reason = ${reason}, due_ms = NULL, lease_id = NULL, lease_boot = NULL, lease_until_ms = NULL`;
  const queries = appendEntries(homeOf(messageId).week, weekOf(nowMs), [returned], {
    guard: sql`d.state = j.value->>'from' AND NOT EXISTS (SELECT 1 FROM json_each(d.timeline) e
      WHERE e.value->>'fingerprint' = ${returned.event.fingerprint})`,
    set,
  });
  const consequences = writeConsequences([returned], nowMs);
  const results = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [
      ...queries,
      ...consequences,
      ...returned.counters.map((name) => addTo(name, nowMs, 1, wasWritten(returned))),
    ]),
  );
  return appended(results.slice(0, queries.length)).length > 0;
}
