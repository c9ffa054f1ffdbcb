import { type SQL, sql } from 'drizzle-orm';
import { type ReplyAddress, replyHoldsMs, replyNotedMs } from '#domain/inbound/reply-address.ts';
import type { MessageId } from '#domain/message/ids.ts';
import { byRetainedWeek, weekTables, withHomeTables } from './home-tables.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

/** A reply address that a mail uses, and whom it stands for. */
export interface UsedReply extends ReplyAddress {
  address: string;
}

/** Notes whom a reply address stands for, or that it is used still: a row, or none within a month. */
export function noteReply({ aliasId, token, address }: UsedReply, nowMs: number): SQL {
  return sql`INSERT INTO reply_addresses (alias_id, token, address, used_at_ms)
    VALUES (${aliasId}, ${token}, ${address}, ${nowMs})
    ON CONFLICT DO UPDATE SET used_at_ms = excluded.used_at_ms
      WHERE reply_addresses.used_at_ms <= ${nowMs - replyNotedMs}`;
}

/** Message-IDs of ours stand for those of the one who wrote, in mail with the same reply address only. */
export async function readMaskedIds(
  store: Store,
  accountId: number,
  ids: readonly MessageId[],
  reply: string,
  nowMs: number,
): Promise<Map<MessageId, string>> {
  if (ids.length === 0) return new Map();
  const queries = byRetainedWeek(ids, (id) => id, nowMs).map(([week, own]) => {
    const { messages, deliveries } = weekTables(week);
    return sql`SELECT m.id, m.forward->'masked'->>'messageId' AS message_id
      FROM (SELECT d.account_id, d.message_seq FROM json_each(${JSON.stringify(own)}) j
        CROSS JOIN ${deliveries} d ON d.message_id = j.value AND d.n = 0 AND d.account_id = ${accountId}) d
      CROSS JOIN ${messages} m ON m.account_id = d.account_id AND m.seq = d.message_seq
      WHERE m.forward->'masked'->>'reply' = ${reply}`;
  });
  const rows = await withHomeTables(store, nowMs, () => batch(store.d1, queries));
  return new Map(rows.flat().map((row) => [String(row.id), String(row.message_id)]));
}

const purgedAtOnce = 1000;

/** Forgets reply addresses that nobody has used for long; true when there are more of them. */
export async function purgeReplies(store: Store, nowMs: number): Promise<boolean> {
  const [gone = []] = await batch(store.d1, [
    sql`DELETE FROM reply_addresses WHERE (alias_id, token) IN
      (SELECT alias_id, token FROM reply_addresses WHERE used_at_ms < ${nowMs - replyHoldsMs} LIMIT ${purgedAtOnce})
      RETURNING 1`,
  ]);
  return gone.length === purgedAtOnce;
}
