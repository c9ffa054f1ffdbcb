import { type SQL, sql } from 'drizzle-orm';
import { classByRank } from '#domain/class.ts';
import type { DeliveryFacts, DeliveryState } from '#domain/delivery.ts';
import type { NewEvent } from '#domain/event.ts';
import { homeOf, weekOf } from '#domain/home.ts';
import type { MessageId } from '#domain/ids.ts';
import { ofRetainedWeeks, weekTables, withHomeTables } from './home-tables.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

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

/** The deliveries whose lease is still the given one, in one round trip; by `leaseKey`. */
export async function readLeasedFacts(
  store: Store,
  leases: LeaseRef[],
  nowMs: number,
): Promise<Map<string, DeliveryFacts>> {
  const facts = new Map<string, DeliveryFacts>();
  const kept = ofRetainedWeeks(leases, nowMs);
  const results = await withHomeTables(store, nowMs, () =>
    batch(
      store.d1,
      weeksOf(kept).map((week) => {
        const refs = JSON.stringify(kept.filter((l) => homeOf(l.messageId).week === week));
        return sql`SELECT d.message_id, d.n, d.lease_id, d.state, d.class, d.attempts, d.first_due_ms
        FROM json_each(${refs}) j CROSS JOIN ${weekTables(week).deliveries} d
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
      },
    );
  }
  return facts;
}

/** What a leased delivery becomes. */
export interface Transition extends LeaseRef {
  state: DeliveryState;
  dueMs: number | null;
  reason: string | null;
  event: NewEvent;
}

/**
 * Writes transitions, events included, in one transaction. Each is fenced by its lease id once more, so of two
 * reports of one lease only the first changes anything. Gives the keys (`leaseKey`) of those that were written.
 */
export async function writeTransitions(
  store: Store,
  transitions: Transition[],
  nowMs: number,
): Promise<Set<string>> {
  const weeks = weeksOf(transitions);
  const results = await withHomeTables(store, nowMs, () =>
    batch(
      store.d1,
      weeks.flatMap((week) =>
        chunksOf(transitions.filter((t) => homeOf(t.messageId).week === week)).flatMap((json) => {
          const rows = sql`json_each(${json})`;
          return [announceFenced(week, weekOf(nowMs), rows), applyFenced(week, rows)];
        }),
      ),
    ),
  );
  // RETURNING cannot tell the lease id, but a delivery has one lease, so at most one transition of it was written.
  const written = new Set(results.filter((_, i) => i % 2 === 1).flatMap((rows) => rows.map(deliveryKey)));
  return new Set(
    transitions.filter((t) => written.has(deliveryKey({ message_id: t.messageId, n: t.n }))).map(leaseKey),
  );
}

/** D1 takes at most two million bytes in one parameter; a character may need three. */
const largestParameter = 500_000;

/** JSON arrays of the transitions, each small enough for one parameter. */
function chunksOf(transitions: Transition[]): string[] {
  const chunks: string[][] = [[]];
  let size = 0;
  for (const transition of transitions) {
    const row = JSON.stringify({ ...transition, event: JSON.stringify(transition.event) });
    if (size + row.length > largestParameter && size > 0) {
      chunks.push([]);
      size = 0;
    }
    chunks.at(-1)?.push(row);
    size += row.length;
  }
  return chunks.map((rows) => `[${rows.join(',')}]`);
}

function deliveryKey(row: Record<string, unknown>): string {
  return `${row.message_id} ${row.n}`;
}

/** Cursor rows for the entries that the transitions are about to append, and those not announced before. */
function announceFenced(week: string, eventWeek: string, rows: SQL): SQL {
  const { deliveries } = weekTables(week);
  const { events, messages } = weekTables(eventWeek);
  return sql`INSERT INTO ${events} (account_id, seq, message_id, n, from_entry, to_entry)
    SELECT d.account_id,
      max(coalesce((SELECT max(seq) FROM ${messages} WHERE account_id = d.account_id), 0),
          coalesce((SELECT max(seq) FROM ${events} WHERE account_id = d.account_id), 0))
        + row_number() OVER (PARTITION BY d.account_id ORDER BY j.key),
      d.message_id, d.n, d.announced, json_array_length(d.timeline) + 1
    FROM ${rows} j CROSS JOIN ${deliveries} d
      ON d.message_id = j.value->>'messageId' AND d.n = j.value->>'n' AND d.lease_id = j.value->>'leaseId'`;
}

function applyFenced(week: string, rows: SQL): SQL {
  const { deliveries } = weekTables(week);
  return sql`UPDATE ${deliveries} SET state = t.value->>'state', reason = t.value->>'reason',
      due_ms = t.value->>'dueMs', lease_id = NULL, lease_boot = NULL, lease_until_ms = NULL,
      announced = json_array_length(timeline) + 1, timeline = json_insert(timeline, '$[#]', json(t.value->>'event'))
    FROM ${rows} t
    WHERE message_id = t.value->>'messageId' AND n = t.value->>'n' AND lease_id = t.value->>'leaseId'
    RETURNING message_id, n`;
}

function weeksOf(refs: { messageId: MessageId }[]): string[] {
  return [...new Set(refs.map((ref) => homeOf(ref.messageId).week))];
}
