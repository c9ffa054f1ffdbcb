import { sql } from 'drizzle-orm';
import { homeOf } from '#domain/message/home.ts';
import { bodiesName, bodyDayOf, weekTables, withHomeTables } from './home-tables.ts';
import type { StoredMessage } from './messages.ts';
import { bodyKey } from './raw.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

/**
 * Moves what waits for its time to another one. The body goes along where it would not be kept for so long. Gives how
 * many deliveries that are.
 * @param contentDays how long the content is kept after the day on which it is first due
 */
export async function rescheduleDeliveries(
  store: Store,
  message: StoredMessage,
  { dueMs, contentDays }: { dueMs: number; contentDays: number },
  nowMs: number,
): Promise<number> {
  const { messageId, accountId, seq, bodyDay, bodyId } = message;
  const { messages, deliveries } = weekTables(homeOf(messageId).week);
  const wanted = bodyDayOf(dueMs, contentDays);
  const moved = wanted > bodyDay;
  if (moved && bodyId === null) await copyLarge(store, message, wanted);
  const waiting = sql`message_id = ${messageId} AND account_id = ${accountId} AND state = 'scheduled'`;
  const isWaiting = sql`EXISTS (SELECT 1 FROM ${deliveries} WHERE ${waiting})`;
  const newId = bodyId === null ? sql`NULL` : sql`(SELECT max(id) FROM ${bodiesName(wanted)})`;
  const place = moved ? sql`, body_day = ${wanted}, body_id = ${newId}` : sql``;
  const copy =
    moved && bodyId !== null
      ? [
          sql`INSERT INTO ${bodiesName(wanted)} (raw, gzip) SELECT raw, gzip FROM ${bodiesName(bodyDay)}
            WHERE id = ${bodyId} AND ${isWaiting}`,
        ]
      : [];
  const results = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [
      ...copy,
      sql`UPDATE ${messages} SET first_due_ms = ${dueMs}${place}
        WHERE account_id = ${accountId} AND seq = ${seq} AND ${isWaiting}`,
      sql`UPDATE ${deliveries} SET due_ms = ${dueMs}, first_due_ms = ${dueMs}${place} WHERE ${waiting} RETURNING n`,
    ]),
  );
  return results.at(-1)?.length ?? 0;
}

async function copyLarge(store: Store, { bodyDay, messageId }: StoredMessage, day: string): Promise<void> {
  const object = await store.raw.get(bodyKey(bodyDay, messageId));
  if (object) await store.raw.put(bodyKey(day, messageId), await object.arrayBuffer());
}
