import { type SQL, sql } from 'drizzle-orm';
import type { NewEvent } from '#domain/delivery/event.ts';
import { homeOf } from '#domain/message/home.ts';
import type { MessageId } from '#domain/message/ids.ts';
import { weekTables } from './home-tables.ts';
import { parameterGroups } from './sql.ts';
import { storedEvent } from './stored-event.ts';

/** An event to be appended to the timeline of one delivery. */
export interface Entry {
  messageId: MessageId;
  n: number;
  event: NewEvent;
}

/**
 * The one way in which an event comes into being: statements, for one transaction, that announce entries in the
 * account's cursor and append them to their deliveries, by turns. Both look at the same guard, so an entry whose
 * delivery has meanwhile changed is left out by both. `appended` reads their results.
 *
 * In `guard` and `set`, `d` is the delivery and `j.value` the entry as JSON, with whatever else it carries.
 * @param week the deliveries' week; a delivery may occur once in `entries`
 * @param eventWeek the week that it is now
 */
export function appendEntries(
  week: string,
  eventWeek: string,
  entries: readonly Entry[],
  { guard, set }: { guard: SQL; set: SQL },
): SQL[] {
  const { deliveries } = weekTables(week);
  const { events } = weekTables(eventWeek);
  const meant = sql`d.message_id = j.value->>'messageId' AND d.n = j.value->>'n' AND ${guard}`;
  // The event is kept as text so that `json()` puts it in as it is, whatever SQLite makes of nested JSON.
  const texts = entries.map((entry) => ({
    ...entry,
    event: storedEvent(entry.event),
    consequence: undefined,
  }));
  return parameterGroups(texts).flatMap((group) => {
    const rows = sql`json_each(${JSON.stringify(group)})`;
    return [
      sql`INSERT INTO ${events} (account_id, seq, message_id, n, from_entry, to_entry)
        SELECT d.account_id,
          ${nextSeq(eventWeek, sql`d.account_id`)} - 1 + row_number() OVER (PARTITION BY d.account_id ORDER BY j.key),
          d.message_id, d.n, d.announced, json_array_length(d.timeline) + 1
        FROM ${rows} j CROSS JOIN ${deliveries} d ON ${meant}`,
      sql`UPDATE ${deliveries} AS d SET ${set}, announced = json_array_length(d.timeline) + 1,
          timeline = json_insert(d.timeline, '$[#]', json(j.value->>'event'))
        FROM ${rows} j WHERE ${meant} RETURNING message_id, n, account_id`,
    ];
  });
}

/** The number after the account's last row in a week's messages and events: rows are numbered as they commit. */
export function nextSeq(week: string, accountId: SQL): SQL {
  const { messages, events } = weekTables(week);
  return sql`(1 + max(coalesce((SELECT max(seq) FROM ${messages} WHERE account_id = ${accountId}), 0),
    coalesce((SELECT max(seq) FROM ${events} WHERE account_id = ${accountId}), 0)))`;
}

/** The keys (`deliveryKey`) of what the statements of `appendEntries` wrote, from their results. */
export function appended(results: Record<string, unknown>[][]): string[] {
  return results
    .filter((_, i) => i % 2 === 1)
    .flat()
    .map((row) => deliveryKey({ messageId: String(row.message_id), n: Number(row.n) }));
}

/** True, later in the same transaction, when the entry was written. */
export function wasWritten({ messageId, n, event }: Entry): SQL {
  const { deliveries } = weekTables(homeOf(messageId).week);
  return sql`EXISTS (SELECT 1 FROM ${deliveries} d, json_each(d.timeline) e
    WHERE d.message_id = ${messageId} AND d.n = ${n} AND e.value->>'id' = ${event.id})`;
}

/** A text that is equal for rows and entries of the same delivery. */
export function deliveryKey(of: { messageId: MessageId; n: number }): string {
  return `${of.messageId} ${of.n}`;
}
