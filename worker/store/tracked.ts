import { sql } from 'drizzle-orm';
import type { DeliveryState } from '#domain/delivery/delivery.ts';
import { type TrackedFacts, trackingLimits } from '#domain/delivery/tracked-event.ts';
import { classByRank, type MailClass } from '#domain/message/class.ts';
import { homeOf, weekOf } from '#domain/message/home.ts';
import { streamOf } from '#domain/message/stream.ts';
import { type NewConsequence, recipientColumns, recipientFacts } from './consequences.ts';
import { keptWeekOf, weekTables, withHomeTables } from './home-tables.ts';
import type { DeliveryRef } from './returns.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';
import { appendEntries, appended, type Entry } from './timeline.ts';
import { writeConsequences } from './write-consequences.ts';

/** None of these events changes a delivery's state. */
const asItIs = sql`state = d.state`;

/** A delivery as it is when a link of its mail is fetched. */
export interface TrackedDelivery extends TrackedFacts, DeliveryRef {
  accountId: number;
  recipient: string;
  signingDomain: string;
  class: MailClass;
  stream: string;
  tags: string[];
  /** A simulated recipient that was not asked to be suppressed, or mail in test mode. */
  exempt: boolean;
}

/** The delivery; null when its message is not kept (any more). One round trip. */
export async function findTracked(
  store: Store,
  { messageId, n }: DeliveryRef,
  nowMs: number,
): Promise<TrackedDelivery | null> {
  const week = keptWeekOf(messageId, nowMs);
  if (week === null) return null;
  const { deliveries, messages } = weekTables(week);
  const [[row] = []] = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [
      sql`SELECT d.account_id, d.state, d.recipient, m.signing_domain, m.class, m.stream, m.tags, ${recipientColumns(messages, nowMs)},
          (SELECT max(e.value->>'atMs') FROM json_each(d.timeline) e WHERE e.value->>'kind' = 'delivered') AS delivered_at
        FROM ${deliveries} d CROSS JOIN ${messages} m ON m.account_id = d.account_id AND m.seq = d.message_seq
        WHERE d.message_id = ${messageId} AND d.n = ${n}`,
    ]),
  );
  if (!row) return null;
  const state = row.state as DeliveryState;
  return {
    messageId,
    n,
    accountId: Number(row.account_id),
    state,
    recipient: String(row.recipient),
    signingDomain: String(row.signing_domain),
    class: classByRank(Number(row.class)),
    stream: streamOf(row.stream),
    tags: JSON.parse(String(row.tags)) as string[],
    deliveredAtMs: row.delivered_at === null ? null : Number(row.delivered_at),
    exempt: recipientFacts(row).exempt || state === 'simulated',
  };
}

/**
 * Writes an open or a click; false when it is the same one again or there are enough. The bounds are looked at in the
 * transaction, so they hold however many come at once.
 */
export async function writeTracked(store: Store, entry: Entry, nowMs: number): Promise<boolean> {
  const { kind, details } = entry.event;
  const guard = sql`(SELECT count(*) FROM json_each(d.timeline) e
      WHERE e.value->>'kind' IN ('opened', 'clicked')) < ${trackingLimits.events}
    AND NOT EXISTS (SELECT 1 FROM json_each(d.timeline) e WHERE e.value->>'kind' = ${kind}
      AND coalesce(e.value->>'$.details.url', '') = ${String(details.url ?? '')}
      AND e.value->>'atMs' > ${nowMs - trackingLimits.sameWithinMs})`;
  const queries = appendEntries(homeOf(entry.messageId).week, weekOf(nowMs), [entry], { guard, set: asItIs });
  const results = await withHomeTables(store, nowMs, () => batch(store.d1, queries));
  return appended(results).length > 0;
}

/**
 * Writes that a recipient wants no more mail, and the suppression, in one transaction; once a scope, unless somebody has
 * removed the suppression since, and no more often than `trackingLimits` says. False when nothing was written.
 * @param consequence null for a recipient that nothing is done to
 */
export async function writeUnsubscribed(
  store: Store,
  entry: Entry,
  consequence: NewConsequence | null,
  nowMs: number,
): Promise<boolean> {
  const lapsed = consequence
    ? sql` OR NOT EXISTS (SELECT 1 FROM suppressions s WHERE s.account_id = ${consequence.accountId}
        AND s.address = ${consequence.address} AND s.scope_domain = ${consequence.scope ?? ''}
        AND (s.expires_at_ms IS NULL OR s.expires_at_ms > ${nowMs}))`
    : sql``;
  const earlier = sql`FROM json_each(d.timeline) e WHERE e.value->>'kind' = 'unsubscribed'`;
  const guard = sql`(NOT EXISTS (SELECT 1 ${earlier} AND e.value->>'$.details.scope' = ${String(entry.event.details.scope)})${lapsed})
    AND (SELECT count(*) ${earlier}) < ${trackingLimits.unsubscribed}`;
  const queries = appendEntries(homeOf(entry.messageId).week, weekOf(nowMs), [entry], { guard, set: asItIs });
  const consequences = writeConsequences([{ ...entry, consequence }], nowMs);
  const results = await withHomeTables(store, nowMs, () => batch(store.d1, [...queries, ...consequences]));
  return appended(results.slice(0, queries.length)).length > 0;
}
