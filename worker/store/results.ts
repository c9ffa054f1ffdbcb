import { sql } from 'drizzle-orm';
import { classByRank } from '#domain/class.ts';
import type { DeliveryFacts, DeliveryState } from '#domain/delivery.ts';
import { homeOf, weekOf } from '#domain/home.ts';
import type { MessageId } from '#domain/ids.ts';
import { type NewConsequence, recipientColumns, recipientFacts, writeConsequence } from './consequences.ts';
import { ofRetainedWeeks, weekTables, withHomeTables } from './home-tables.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';
import { appendEntries, appended, deliveryKey, type Entry } from './timeline.ts';

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

/** The deliveries whose lease is still the given one, in one round trip; by `leaseKey`. */
export async function readLeasedFacts(
  store: Store,
  leases: LeaseRef[],
  nowMs: number,
): Promise<Map<string, LeasedFacts>> {
  const facts = new Map<string, LeasedFacts>();
  const kept = ofRetainedWeeks(leases, nowMs);
  const results = await withHomeTables(store, nowMs, () =>
    batch(
      store.d1,
      weeksOf(kept).map((week) => {
        const refs = JSON.stringify(kept.filter((l) => homeOf(l.messageId).week === week));
        const { deliveries, messages } = weekTables(week);
        return sql`SELECT d.message_id, d.n, d.lease_id, d.state, d.class, d.attempts, d.first_due_ms, d.account_id,
          d.recipient, (SELECT webhooks FROM accounts WHERE id = d.account_id) AS webhooks,
          ${recipientColumns(messages, nowMs)}
        FROM json_each(${refs}) j CROSS JOIN ${deliveries} d
          ON d.message_id = j.value->>'messageId' AND d.n = j.value->>'n' AND d.lease_id = j.value->>'leaseId'`;
      }),
    ),
  );
  for (const row of results.flat()) {
    facts.set(
      leaseKey({ messageId: String(row.message_id), n: Number(row.n), leaseId: String(row.lease_id) }),
      {
        state: row.state as DeliveryState,
        class: classByRank(Number(row.class)),
        attempts: Number(row.attempts),
        firstDueMs: Number(row.first_due_ms),
        accountId: Number(row.account_id),
        recipient: String(row.recipient),
        webhooks: row.webhooks === 1,
        ...recipientFacts(row),
      },
    );
  }
  return facts;
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
  const consequences = transitions.flatMap((t) => (t.consequence ? writeConsequence(t, t.consequence) : []));
  const results = await withHomeTables(store, nowMs, () => batch(store.d1, [...queries, ...consequences]));
  // RETURNING cannot tell the lease id, but a delivery has one lease, so at most one transition of it was written.
  const written = new Set(appended(results.slice(0, queries.length)));
  return new Set(transitions.filter((t) => written.has(deliveryKey(t))).map(leaseKey));
}

function weeksOf(refs: { messageId: MessageId }[]): string[] {
  return [...new Set(refs.map((ref) => homeOf(ref.messageId).week))];
}
