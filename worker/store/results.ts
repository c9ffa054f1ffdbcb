import { type SQL, sql } from 'drizzle-orm';
import type { DeliveryFacts, DeliveryState } from '#domain/delivery/delivery.ts';
import { classByRank } from '#domain/message/class.ts';
import { homeOf, weekOf } from '#domain/message/home.ts';
import type { MessageId } from '#domain/message/ids.ts';
import { type NewConsequence, recipientColumns, recipientFacts } from './consequences.ts';
import { byRetainedWeek, weekTables, withHomeTables } from './home-tables.ts';
import { MovedAway } from './homes-memory.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';
import { appendEntries, appended, deliveryKey, type Entry } from './timeline.ts';
import { writeConsequences } from './write-consequences.ts';

/** Names one lease of one delivery: the fence. */
export interface LeaseRef {
  messageId: MessageId;
  n: number;
  leaseId: string;
}

/** A text that is equal for equal leases. */
export function leaseKey(lease: LeaseRef): string {
  return `${lease.messageId} ${lease.n} ${lease.leaseId}`;
}

/** What the reducer needs of a leased delivery, and whom its events are for. */
export interface LeasedFacts extends DeliveryFacts {
  accountId: number;
  recipient: string;
  /** The account has an active webhook endpoint. */
  webhooks: boolean;
}

/** What is known of the delivery that a report is about. */
export interface ReportedFacts extends LeasedFacts {
  /** The node that had it last; null: none has. */
  node: string | null;
  /** Its lease is still the one that is reported. */
  held: boolean;
  /** An acceptance under that lease is in its timeline already. */
  told: boolean;
}

/**
 * The deliveries that leases are about, in one round trip; by `leaseKey`. Those that are not kept are left out.
 * @throws MovedAway when an account of theirs has left the home
 */
export async function readLeasedFacts(
  store: Store,
  leases: LeaseRef[],
  nowMs: number,
): Promise<Map<string, ReportedFacts>> {
  const facts = new Map<string, ReportedFacts>();
  const results = await withHomeTables(store, nowMs, () =>
    batch(
      store.d1,
      byRetainedWeek(leases, (lease) => lease.messageId, nowMs).map(([week, own]) => {
        const refs = JSON.stringify(own);
        const { deliveries, messages } = weekTables(week);
        return sql`SELECT d.message_id, d.n, j.value->>'leaseId' AS asked, d.lease_id, d.state, d.class, d.attempts, d.first_due_ms, d.account_id,
          d.recipient, d.node, (SELECT webhooks + 2 * (home <> ${store.home}) FROM accounts WHERE id = d.account_id) AS webhooks,
          ${recipientColumns(messages, nowMs)}, ${isTold()} AS told
        FROM json_each(${refs}) j CROSS JOIN ${deliveries} d
          ON d.message_id = j.value->>'messageId' AND d.n = j.value->>'n'`;
      }),
    ),
  );
  for (const row of results.flat()) {
    if (Number(row.webhooks) >= 2) throw new MovedAway();
    facts.set(leaseKey({ messageId: String(row.message_id), n: Number(row.n), leaseId: String(row.asked) }), {
      held: row.lease_id === row.asked,
      told: row.told === 1,
      node: row.node === null ? null : String(row.node),
      state: row.state as DeliveryState,
      class: classByRank(Number(row.class)),
      attempts: Number(row.attempts),
      firstDueMs: Number(row.first_due_ms),
      accountId: Number(row.account_id),
      recipient: String(row.recipient),
      webhooks: row.webhooks === 1,
      ...recipientFacts(row),
    });
  }
  return facts;
}

/** Whether an acceptance under the lease `j` is in the timeline of `d`; see `leaseMark`. */
function isTold(): SQL {
  return sql`EXISTS (SELECT 1 FROM json_each(d.timeline) e WHERE e.value->>'lease' = substr(j.value->>'leaseId', -12))`;
}

/** What a report of a lease that is over still tells. */
export interface LateReport extends LeaseRef, Entry {
  /** The state that was read; when it is another one by now, nothing is written. */
  from: DeliveryState;
  /** Null: it stays what it is. */
  state: DeliveryState | null;
  reason: string | null;
}

/** Writes late reports, each once however often it comes. Gives the keys (`leaseKey`) of those that were written. */
export async function writeLate(store: Store, reports: LateReport[], nowMs: number): Promise<Set<string>> {
  const guard = sql`d.state = j.value->>'from' AND NOT ${isTold()}`;
  const ending = sql`state = j.value->>'state', reason = j.value->>'reason', due_ms = NULL, lease_id = NULL,
    lease_boot = NULL, lease_until_ms = NULL`;
  const groups = [
    { own: reports.filter(({ state }) => state !== null), set: ending },
    { own: reports.filter(({ state }) => state === null), set: sql`state = d.state` },
  ];
  const queries = groups.flatMap(({ own, set }) =>
    [...Map.groupBy(own, (report) => homeOf(report.messageId).week)].flatMap(([week, entries]) =>
      appendEntries(week, weekOf(nowMs), entries, { guard, set }),
    ),
  );
  const results = await withHomeTables(store, nowMs, () => batch(store.d1, queries));
  const written = new Set(appended(results));
  return new Set(reports.filter((report) => written.has(deliveryKey(report))).map(leaseKey));
}

/** What a leased delivery becomes. */
export interface Transition extends LeaseRef, Entry {
  state: DeliveryState;
  dueMs: number | null;
  reason: string | null;
  consequence: NewConsequence | null;
}

/**
 * Writes transitions, events and what they do to addresses included, in one transaction. Each is fenced by its
 * lease id once more, so of two reports of one lease only the first changes anything. Gives the keys (`leaseKey`)
 * of those that were written.
 */
export async function writeTransitions(
  store: Store,
  transitions: Transition[],
  nowMs: number,
): Promise<Set<string>> {
  const fenced = {
    guard: sql`d.lease_id = j.value->>'leaseId'`,
    set: sql`state = j.value->>'state', reason = j.value->>'reason', due_ms = j.value->>'dueMs', lease_id = NULL,
      lease_boot = NULL, lease_until_ms = NULL`,
  };
  const byWeek = [...Map.groupBy(transitions, (t) => homeOf(t.messageId).week)];
  const queries = byWeek.flatMap(([week, own]) => appendEntries(week, weekOf(nowMs), own, fenced));
  const consequences = writeConsequences(transitions, nowMs);
  const results = await withHomeTables(store, nowMs, () => batch(store.d1, [...queries, ...consequences]));
  // RETURNING cannot tell the lease id, but a delivery has one lease, so at most one transition of it was written.
  const written = new Set(appended(results.slice(0, queries.length)));
  return new Set(transitions.filter((t) => written.has(deliveryKey(t))).map(leaseKey));
}
