import { sql } from 'drizzle-orm';
import { homeOf } from '#domain/message/home.ts';
import { weekTables, withHomeTables } from './home-tables.ts';
import type { Row } from './lease-rows.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

/** What a message's route is chosen by, beside its row. */
export interface MessageFacts {
  signingDomain: string;
  sizeBytes: number;
}

/**
 * Those rows that may be leased, as their messages are; what an earlier request of the same lease has taken is among them
 * whatever is said of it now. One round trip, which writes nothing.
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
        const refs = JSON.stringify(own.map((row) => ({ a: row.accountId, s: row.messageSeq })));
        return sql`SELECT m.account_id, m.seq, m.signing_domain, m.size_bytes
          FROM (SELECT DISTINCT value->>'a' AS a, value->>'s' AS s FROM json_each(${refs})) j
          CROSS JOIN ${weekTables(week).messages} m ON m.account_id = j.a AND m.seq = j.s`;
      }),
    ),
  );
  const messages = new Map(
    byWeek.map(([week], i) => [
      week,
      new Map((results[i] ?? []).map((row) => [`${row.account_id} ${row.seq}`, row])),
    ]),
  );
  return rows.filter((row) => {
    const found = messages.get(homeOf(row.messageId).week)?.get(`${row.accountId} ${row.messageSeq}`);
    if (row.mine || !found) return true;
    const message = { signingDomain: String(found.signing_domain), sizeBytes: Number(found.size_bytes) };
    return takes(row, message);
  });
}
