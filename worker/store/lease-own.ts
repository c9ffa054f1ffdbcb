import { sql } from 'drizzle-orm';
import { homeOf } from '#domain/message/home.ts';
import { weekTables, withHomeTables } from './home-tables.ts';
import type { Row } from './lease-rows.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';
import { deliveryKey } from './timeline.ts';

/** What a message's route is chosen by, beside its row. */
export interface MessageFacts {
  signingDomain: string;
  sizeBytes: number;
}

/**
 * Those rows that may be leased, as their messages are; what an earlier request of the same lease has taken is among them
 * whatever is said of it now. Of those whose last transport may have taken them, or was not heard of again, the reason is left out:
 * no other is to have them for it. One round trip, which writes nothing.
 */
export async function ownRows(
  home: Store,
  rows: readonly Row[],
  nowMs: number,
  takes: (row: Row, message: MessageFacts) => boolean,
): Promise<Row[]> {
  const byWeek = [...Map.groupBy(rows, ({ messageId }) => homeOf(messageId).week)];
  const results = await withHomeTables(home, nowMs, () =>
    batch(
      home.d1,
      byWeek.map(([week, own]) => {
        const { deliveries, messages } = weekTables(week);
        const refs = JSON.stringify(own.map(({ messageId, n }) => ({ m: messageId, n })));
        return sql`SELECT d.message_id, d.n, m.signing_domain, m.size_bytes,
            (SELECT e.value->>'$.details.maybeAccepted' FROM json_each(d.timeline) e
              WHERE e.value->>'kind' = 'deferred' ORDER BY e.key DESC LIMIT 1) AS maybe_accepted
          FROM json_each(${refs}) j
          CROSS JOIN ${deliveries} d ON d.message_id = j.value->>'m' AND d.n = j.value->>'n'
          CROSS JOIN ${messages} m ON m.account_id = d.account_id AND m.seq = d.message_seq`;
      }),
    ),
  );
  const found = new Map(
    results.flat().map((row) => [deliveryKey({ messageId: String(row.message_id), n: Number(row.n) }), row]),
  );
  return rows.flatMap((row) => {
    const facts = found.get(deliveryKey(row));
    if (row.mine || !facts) return [row];
    const own = row.unreported || facts.maybe_accepted === 1 ? { ...row, reason: null } : row;
    const message = { signingDomain: String(facts.signing_domain), sizeBytes: Number(facts.size_bytes) };
    return takes(own, message) ? [own] : [];
  });
}
