import { type SQL, sql } from 'drizzle-orm';
import { homeOf } from '#domain/message/home.ts';
import { receivedName, retainedWeeks, withHomeTables } from './home-tables.ts';
import { type ListedReceived, type ReceivedStatus, receivedOf, withStatus } from './received.ts';
import { isAmong, type Rows } from './rows.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

/** Which received mails are asked for; texts are parts of what they are compared with, case folded. */
export interface ReceivedFilter {
  q: string | null;
  from: string | null;
  to: string | null;
  subject: string | null;
  envelopeSender: string | null;
  domain: string | null;
  alias: number | null;
  hasAttachments: boolean | null;
  fromMs: number | null;
  toMs: number | null;
  status: ReceivedStatus | null;
}

export const anyReceived: ReceivedFilter = {
  ...{ q: null, from: null, to: null, subject: null, envelopeSender: null, domain: null },
  ...{ hasAttachments: null, alias: null, fromMs: null, toMs: null, status: null },
};

/** So many rows one call looks at. */
export const mostLookedAt = 2_000;

/**
 * Received mails, newest first, from before an id. Looks at a bounded number, so that a page of a search may be short
 * before the end; `next` is the id before which to go on, null at the end. A round trip a week, or two.
 */
export async function listReceived(
  store: Store,
  rows: Rows,
  filter: ReceivedFilter,
  page: { limit: number; before: string | null },
  nowMs: number,
): Promise<{ received: ListedReceived[]; next: string | null }> {
  const found: ListedReceived[] = [];
  let looked = 0;
  let before = page.before ?? '~';
  for (const week of retainedWeeks(nowMs).reverse()) {
    if (page.before !== null && week > homeOf(page.before).week) continue;
    for (;;) {
      const chunk = Math.min(500, mostLookedAt - looked);
      if (chunk <= 0) return { received: found, next: before };
      const some = sql`(SELECT * FROM ${receivedName(week)} WHERE ${isAmong(rows, sql`domain`)} AND id < ${before}
        ORDER BY id DESC LIMIT ${chunk})`;
      const [[end] = [], raws = []] = await withHomeTables(store, nowMs, () =>
        batch(store.d1, [
          sql`SELECT min(id) AS id, count(*) AS looked FROM ${some}`,
          sql`SELECT * FROM ${some} WHERE ${matching(filter)} ORDER BY id DESC`,
        ]),
      );
      looked += Number(end?.looked ?? 0);
      for (const one of await withStatus(store, raws.map(receivedOf), nowMs)) {
        if (filter.status !== null && one.status !== filter.status) continue;
        found.push(one);
        if (found.length > page.limit) {
          const kept = found.slice(0, page.limit);
          return { received: kept, next: kept.at(-1)?.id ?? null };
        }
      }
      if (Number(end?.looked ?? 0) < chunk) break;
      before = String(end?.id);
    }
    before = '~';
  }
  return { received: found, next: null };
}

/** How many of the newest received mails match, of as many as one call looks at; the status is left out of it. */
export async function countReceived(
  store: Store,
  rows: Rows,
  filter: ReceivedFilter,
  nowMs: number,
): Promise<number> {
  const weeks = retainedWeeks(nowMs).reverse();
  const each = Math.floor(mostLookedAt / weeks.length);
  const counts = await withHomeTables(store, nowMs, () =>
    batch(
      store.d1,
      weeks.map(
        (week) => sql`SELECT count(*) AS count FROM (SELECT * FROM ${receivedName(week)}
          WHERE ${isAmong(rows, sql`domain`)} ORDER BY id DESC LIMIT ${each}) WHERE ${matching(filter)}`,
      ),
    ),
  );
  return counts.reduce((sum, [row]) => sum + Number(row?.count ?? 0), 0);
}

function matching(filter: ReceivedFilter): SQL {
  const has = (column: SQL, text: string | null) =>
    text === null ? [] : [sql`instr(lower(${column}), ${text.toLowerCase()}) > 0`];
  const { q } = filter;
  const all = [
    ...has(sql`from_header`, filter.from),
    ...has(sql`recipients`, filter.to),
    ...has(sql`subject`, filter.subject),
    ...(q === null
      ? []
      : has(sql`(from_header || ' ' || recipients || ' ' || subject || ' ' || envelope_from)`, q)),
    ...(filter.envelopeSender === null
      ? []
      : [sql`lower(envelope_from) = ${filter.envelopeSender.toLowerCase()}`]),
    ...(filter.domain === null ? [] : [sql`domain = ${filter.domain}`]),
    ...(filter.alias === null ? [] : [sql`decision->>'alias' = ${filter.alias}`]),
    ...(filter.hasAttachments === null ? [] : [sql`has_attachments = ${Number(filter.hasAttachments)}`]),
    ...(filter.fromMs === null ? [] : [sql`received_at_ms >= ${filter.fromMs}`]),
    ...(filter.toMs === null ? [] : [sql`received_at_ms < ${filter.toMs}`]),
  ];
  return all.length === 0 ? sql`true` : sql.join(all, sql` AND `);
}
