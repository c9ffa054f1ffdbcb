import { sql } from 'drizzle-orm';
import type { NewEvent } from '#domain/delivery/event.ts';
import { classes } from '#domain/message/class.ts';
import { weekOf } from '#domain/message/home.ts';
import type { MessageId } from '#domain/message/ids.ts';
import { byRetainedWeek, retainedWeeks, weekTables, withHomeTables } from './home-tables.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';
import { appendEntries, appended } from './timeline.ts';

/** A delivery that has not come to its end. */
export interface Waiting {
  messageId: MessageId;
  n: number;
  /** A node has it right now. */
  underWay: boolean;
}

/**
 * Deliveries of a sending domain that have not come to their end, `most` of a week at the most. Reads the index of all
 * that waits in the installation: for rare calls.
 */
export async function waitingOf(
  store: Store,
  of: { accountId: number; domain: string },
  most: number,
  nowMs: number,
): Promise<Waiting[]> {
  const ranks = sql.raw(classes.map(({ rank }) => rank).join(', '));
  const results = await withHomeTables(store, nowMs, () =>
    batch(
      store.d1,
      retainedWeeks(nowMs).map((week) => {
        const { deliveries, messages } = weekTables(week);
        return sql`SELECT d.message_id, d.n, d.state = 'sending' AND d.lease_until_ms > ${nowMs}
            AND d.lease_boot IN (SELECT boot_id FROM nodes) AS under_way
          FROM ${deliveries} d WHERE d.class IN (${ranks}) AND d.due_ms IS NOT NULL AND d.account_id = ${of.accountId}
            AND (SELECT signing_domain FROM ${messages} m WHERE m.account_id = d.account_id AND m.seq = d.message_seq) = ${of.domain}
          LIMIT ${most}`;
      }),
    ),
  );
  return results.flat().map((row) => ({
    messageId: String(row.message_id),
    n: Number(row.n),
    underWay: row.under_way === 1,
  }));
}

/** Cancels deliveries that no node has right now; gives how many. @param newEvent makes the event of each */
export async function cancelWaiting(
  store: Store,
  waiting: readonly Waiting[],
  newEvent: () => NewEvent,
  nowMs: number,
): Promise<number> {
  const guard = sql`d.due_ms IS NOT NULL AND (d.state <> 'sending' OR d.lease_until_ms <= ${nowMs}
    OR d.lease_boot NOT IN (SELECT boot_id FROM nodes))`;
  const set = sql`state = 'canceled', due_ms = NULL, lease_id = NULL, lease_boot = NULL, lease_until_ms = NULL`;
  const queries = byRetainedWeek(waiting, ({ messageId }) => messageId, nowMs).flatMap(([week, own]) =>
    appendEntries(
      week,
      weekOf(nowMs),
      own.map(({ messageId, n }) => ({ messageId, n, event: newEvent() })),
      { guard, set },
    ),
  );
  return appended(await withHomeTables(store, nowMs, () => batch(store.d1, queries))).length;
}

/** A leased delivery that is given back untried, with why it waits. */
export interface Held {
  messageId: MessageId;
  n: number;
  leaseId: string;
  /** With a fingerprint: the same reason again is not told again. */
  event: NewEvent;
  /** Null: it stays due as it was, and keeps its place. */
  dueMs: number | null;
}

/**
 * Gives leased deliveries back until they are due again, and tells why: once for each reason.
 * @param of.nodeId only leases that this node holds
 * @returns how many were still held, and the accounts of those of which it was told now
 */
export async function holdLeased(
  store: Store,
  held: readonly Held[],
  nowMs: number,
  { nodeId }: { nodeId?: string } = {},
): Promise<{ count: number; told: number[] }> {
  const back = sql`state = 'queued', attempts = attempts - 1, due_ms = coalesce(j.value->>'dueMs', d.due_ms), lease_id = NULL,
    lease_boot = NULL, lease_until_ms = NULL`;
  const isHeld = sql`d.lease_id = j.value->>'leaseId'${nodeId === undefined ? sql`` : sql` AND d.node = ${nodeId}`}`;
  const isTold = sql`EXISTS (SELECT 1 FROM json_each(d.timeline) e
    WHERE e.value->>'fingerprint' = json_extract(j.value->>'event', '$.fingerprint'))`;
  const queries = byRetainedWeek(held, ({ messageId }) => messageId, nowMs).flatMap(([week, own]) => [
    ...appendEntries(week, weekOf(nowMs), own, {
      guard: sql`${isHeld} AND NOT ${isTold}`,
      set: back,
    }),
    sql`UPDATE ${weekTables(week).deliveries} AS d SET ${back} FROM json_each(${JSON.stringify(own)}) j
      WHERE d.message_id = j.value->>'messageId' AND d.n = j.value->>'n' AND ${isHeld}
      RETURNING n`,
  ]);
  const rows = (await withHomeTables(store, nowMs, () => batch(store.d1, queries))).flat();
  const told = new Set(rows.flatMap(({ account_id: id }) => (id === undefined ? [] : Number(id))));
  return { count: rows.length, told: [...told] };
}
