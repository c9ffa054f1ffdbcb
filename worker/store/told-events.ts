import { sql } from 'drizzle-orm';
import { markSimulated } from '#domain/delivery/event.ts';
import { classByRank } from '#domain/message/class.ts';
import { acceptedEventId } from '#domain/message/ids.ts';
import { streamOf } from '#domain/message/stream.ts';
import { usedTemplateOf } from '#domain/template/used-template.ts';
import type { WebhookEvent } from '#domain/webhook.ts';
import { byRetainedWeek, weekTables, withHomeTables } from './home-tables.ts';
import { fromHeaderOf, messageIdHeaderOf, timelineOfRow } from './short-row.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

/** An event with what it is about. */
export interface ToldEvent extends WebhookEvent {
  signingDomain: string;
}

/** Columns of a message `m` and its delivery `d` that `acceptedEvent` reads. */
export const acceptedColumns =
  sql.raw(`m.seq, m.id, m.accepted_at_ms, m.class, m.size_bytes, m.from_address, m.from_header, m.subject,
  m.message_id_header, m.signing_domain, m.test_mode, m.tags, m.metadata, m.template, m.stream, d.n, d.recipient, d.simulated`);

/** That a message was accepted for a recipient. */
export function acceptedEvent(row: Record<string, unknown>): ToldEvent {
  const messageId = String(row.id);
  return {
    event: markSimulated(
      {
        id: acceptedEventId(messageId, Number(row.n)),
        kind: 'accepted',
        atMs: Number(row.accepted_at_ms),
        details: { class: classByRank(Number(row.class)), sizeBytes: Number(row.size_bytes) },
      },
      row.simulated === 1,
    ),
    ...subjectOf(messageId, row),
  };
}

/** What an event is about, from the columns of its message and delivery. */
function subjectOf(messageId: string, row: Record<string, unknown>): Omit<ToldEvent, 'event'> {
  return {
    messageId,
    recipient: String(row.recipient),
    from: fromHeaderOf(row),
    subject: String(row.subject),
    messageIdHeader: messageIdHeaderOf(row),
    signingDomain: String(row.signing_domain),
    stream: streamOf(row.stream),
    testMode: row.test_mode === 1,
    tags: JSON.parse(String(row.tags)) as string[],
    metadata: JSON.parse(String(row.metadata)) as Record<string, string>,
    template: usedTemplateOf(row.template),
  };
}

/** The timeline entries that cursor rows announce; those whose delivery is purged are empty. */
export async function readAnnounced(
  store: Store,
  accountId: number,
  rows: Record<string, unknown>[],
  nowMs: number,
): Promise<{ seq: number; events: ToldEvent[] }[]> {
  const byWeek = byRetainedWeek(rows, (row) => String(row.message_id), nowMs);
  const results = await withHomeTables(store, nowMs, () =>
    batch(
      store.d1,
      byWeek.map(([week, own]) => {
        const refs = JSON.stringify(own.map((row) => ({ m: row.message_id, n: row.n })));
        const { messages, deliveries } = weekTables(week);
        return sql`SELECT d.message_id, d.n, d.recipient, d.simulated, d.timeline, m.from_address, m.from_header, m.subject,
            m.message_id_header, m.signing_domain, m.test_mode, m.tags, m.metadata, m.template, m.stream
          FROM (SELECT DISTINCT value->>'m' AS m, value->>'n' AS n FROM json_each(${refs})) j
          CROSS JOIN ${deliveries} d ON d.message_id = j.m AND d.n = j.n
          CROSS JOIN ${messages} m ON m.account_id = ${accountId} AND m.seq = d.message_seq`;
      }),
    ),
  );
  const byDelivery = new Map(results.flat().map((row) => [`${row.message_id} ${row.n}`, row]));
  return rows.map((row) => {
    const delivery = byDelivery.get(`${row.message_id} ${row.n}`);
    if (!delivery) return { seq: Number(row.seq), events: [] };
    const timeline = timelineOfRow(delivery);
    return {
      seq: Number(row.seq),
      events: timeline.slice(Number(row.from_entry), Number(row.to_entry)).map((event) => ({
        event: markSimulated(event, delivery.simulated === 1),
        ...subjectOf(String(delivery.message_id), delivery),
      })),
    };
  });
}
