import { type SQL, sql } from 'drizzle-orm';
import type { DeliveryState } from '#domain/delivery/delivery.ts';
import { classOf, type MailClass } from '#domain/message/class.ts';
import { weekOf } from '#domain/message/home.ts';
import type { SearchWord } from '#domain/message/search-word.ts';
import { defaultStream } from '#domain/message/stream.ts';
import { limits } from '#domain/message/submission.ts';

import { retainedWeeks, weekTables, withHomeTables } from './home-tables.ts';
import { type ListedMessage, listedOf } from './messages.ts';
import { rangesOf } from './search-words.ts';
import { hasMessageId } from './short-row.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

/** Where a page of an account's messages begins: below row `seq` of a week. */
export interface PageCursor {
  week: string;
  seq: number;
}

/** What people look for; null: anything. */
export interface MessageSearch {
  /** A recipient of the envelope: exactly so, or in whatever case. */
  recipient: { address: string; anyCase?: boolean } | null;
  /** The address of the From header. */
  from: string | null;
  /** A part of the subject, in whatever case. */
  subject: string | null;
  /** A part of the subject or of a recipient, in whatever case. */
  text: string | null;
  /** The Message-ID field, with or without its `<>`. */
  messageIdHeader: string | null;
  tag: string | null;
  class: MailClass | null;
  stream: string | null;
  status: DeliveryState | null;
  /** Only what these domains sign, see `rows.ts`. */
  domains: readonly string[] | null;
  /** Only messages accepted before this time, Unix ms. */
  beforeMs: number | null;
  /** Only messages accepted at or after this time, Unix ms. */
  fromMs: number | null;
}

export const anyMessage: MessageSearch = {
  recipient: null,
  from: null,
  subject: null,
  text: null,
  messageIdHeader: null,
  tag: null,
  class: null,
  stream: null,
  status: null,
  domains: null,
  beforeMs: null,
  fromMs: null,
};

export interface MessagePage {
  messages: ListedMessage[];
  /** Where to go on; null at the end. */
  next: PageCursor | null;
  /** How far back was looked, when that was not to the end and the page is not full; Unix ms. */
  searchedToMs: number | null;
  /** How many of those that `offset` skips were found: fewer when the search ended before. */
  skipped: number;
}

/** Rows that one search looks at: it goes on by the reader's wish, never by scanning everything. */
export const searchedRows = 450;
/** Rows of one statement: what is found soon is not searched for longer. */
const rowsAtOnce = 150;
/** A statement gets to the end of one message at least. */
const leastRows = limits.recipients + 1;

/**
 * A page of an account's messages, newest first. A search reads about `rows` rows at most, however many the account
 * has, and those of the messages that it found; one that found less than a page tells how far it has come.
 */
export async function readMessagePage(
  store: Store,
  accountId: number,
  search: MessageSearch,
  of: { from: PageCursor | null; limit: number; nowMs: number; offset?: number; rows?: number },
): Promise<MessagePage> {
  const { limit, nowMs, offset = 0, rows = searchedRows } = of;
  const { found, stopped } = await find(store, accountId, search, {
    from: of.from,
    wanted: offset + limit + 1,
    rows,
    nowMs,
  });
  const page = found.slice(offset, offset + limit);
  const full = found.length > offset + limit;
  return {
    messages: await readFound(store, accountId, page, nowMs),
    next: full ? (page.at(-1) ?? null) : stopped,
    searchedToMs: full ? null : (stopped?.atMs ?? null),
    skipped: Math.min(offset, found.length),
  };
}

interface Found extends PageCursor {
  /** Its columns: all of them, or its id at least. */
  row: Record<string, unknown>;
}

/** Looks for the newest `wanted` messages; `stopped` is where it had to end before. */
async function find(
  store: Store,
  accountId: number,
  search: MessageSearch,
  of: { from: PageCursor | null; wanted: number; rows: number; nowMs: number },
): Promise<{ found: Found[]; stopped: (PageCursor & { atMs: number }) | null }> {
  const weeks = retainedWeeks(of.nowMs)
    .reverse()
    .filter((week) => of.from === null || week <= of.from.week)
    .filter((week) => search.beforeMs === null || week <= weekOf(search.beforeMs))
    .filter((week) => search.fromMs === null || week >= weekOf(search.fromMs));
  const ranges = await rangesOf(store, accountId, wordsOf(search), weeks, of.nowMs);
  const found: Found[] = [];
  let left = of.rows;
  let atMs = of.nowMs;
  for (const week of weeks) {
    let upTo = of.from !== null && of.from.week === week ? of.from.seq : Number.MAX_SAFE_INTEGER;
    if (search.beforeMs !== null && week === weekOf(search.beforeMs))
      upTo = Math.min(upTo, await firstSeqFrom(store, accountId, week, search.beforeMs, of.nowMs));
    for (const { low, high } of ranges.get(week) ?? []) {
      let before = Math.min(upTo, high);
      while (before > low) {
        if (left <= 0) return { found, stopped: { week, seq: before, atMs } };
        const wanted = of.wanted - found.length;
        const most = isEverything(search)
          ? Math.min(left, wanted)
          : Math.max(leastRows, Math.min(left, rowsAtOnce));
        const looked = await look(store, accountId, week, search, { low, before, most, nowMs: of.nowMs });
        found.push(...looked.hits.slice(0, wanted).map((row) => ({ week, seq: Number(row.seq), row })));
        left -= looked.rows;
        if (found.length === of.wanted) return { found, stopped: null };
        if (looked.last === null) break;
        before = looked.last.before;
        atMs = looked.last.atMs;
        if (search.fromMs !== null && atMs < search.fromMs) return { found, stopped: null };
      }
    }
  }
  return { found, stopped: null };
}

function isEverything(search: MessageSearch): boolean {
  return Object.entries(search).every(([name, value]) => name === 'beforeMs' || value === null);
}

/** What of a search is known of pages of rows before any row is read. */
function wordsOf({ recipient, messageIdHeader, tag, stream }: MessageSearch): SearchWord[] {
  const words: SearchWord[] = [];
  if (recipient !== null) words.push({ of: 'recipient', address: recipient.address });
  if (messageIdHeader !== null) words.push({ of: 'messageId', header: messageIdHeader });
  if (tag !== null) words.push({ of: 'tag', tag });
  if (stream !== null && stream !== defaultStream) words.push({ of: 'stream', stream });
  return words;
}

/** Looks at the messages below a row, up to about `most` rows of them and their deliveries. One round trip. */
async function look(
  store: Store,
  accountId: number,
  week: string,
  search: MessageSearch,
  of: { low: number; before: number; most: number; nowMs: number },
): Promise<{
  hits: Record<string, unknown>[];
  rows: number;
  last: { before: number; atMs: number } | null;
}> {
  const { messages, deliveries } = weekTables(week);
  const onMessage = messageMatches(search);
  const onDelivery = deliveryMatches(search);
  const some = sql`FROM ${messages} m WHERE m.account_id = ${accountId} AND m.seq < ${of.before} AND m.seq >= ${of.low}
    ORDER BY m.seq DESC LIMIT ${of.most}`;
  const query = isEverything(search)
    ? sql`SELECT m.*, 1 AS hit ${some}`
    : onDelivery === null
      ? sql`SELECT m.seq, m.id, m.accepted_at_ms, ${onMessage} AS hit ${some}`
      : // One row a message, or one a delivery of those that may fit.
        sql`SELECT m.seq, m.id, m.accepted_at_ms, coalesce(${onDelivery}, 0) AS hit
          FROM (SELECT seq, id, accepted_at_ms, subject, tags, from_address, signing_domain, class, stream, message_id_header ${some}) m
          LEFT JOIN ${deliveries} d ON d.message_id = m.id AND ${onMessage} LIMIT ${of.most}`;
  const readBefore = store.cost.rowsRead;
  const [rows = []] = await withHomeTables(store, of.nowMs, () => batch(store.d1, [query]));
  const end = rows.at(-1);
  const hits = [
    ...new Map(rows.filter((row) => row.hit === 1).map((row) => [Number(row.seq), row])).values(),
  ];
  const read = store.cost.rowsRead - readBefore;
  if (end === undefined || rows.length < of.most) return { hits, rows: read, last: null };
  // The last message's deliveries may have been cut off: unless it fits already, it is looked at again.
  const cut = onDelivery !== null && !hits.some((row) => row.seq === end.seq);
  return {
    hits,
    rows: read,
    last: { before: Number(end.seq) + (cut ? 1 : 0), atMs: Number(end.accepted_at_ms) },
  };
}

function messageMatches(search: MessageSearch): SQL {
  const conditions = [sql`1`];
  if (search.from !== null) conditions.push(sql`m.from_address = ${search.from}`);
  if (search.subject !== null) conditions.push(sql`instr(lower(m.subject), lower(${search.subject})) > 0`);
  if (search.messageIdHeader !== null) conditions.push(hasMessageId(search.messageIdHeader));
  if (search.class !== null) conditions.push(sql`m.class = ${classOf(search.class).rank}`);
  if (search.stream !== null) conditions.push(sql`coalesce(m.stream, ${defaultStream}) = ${search.stream}`);
  if (search.domains !== null)
    conditions.push(
      sql`m.signing_domain IN (SELECT value FROM json_each(${JSON.stringify(search.domains)}))`,
    );
  if (search.tag !== null)
    conditions.push(sql`EXISTS (SELECT 1 FROM json_each(m.tags) WHERE value = ${search.tag})`);
  if (search.fromMs !== null) conditions.push(sql`m.accepted_at_ms >= ${search.fromMs}`);
  return sql`(${sql.join(conditions, sql` AND `)})`;
}

/** Null: the deliveries do not matter. */
function deliveryMatches({ recipient, text, status }: MessageSearch): SQL | null {
  if (recipient === null && text === null && status === null) return null;
  const conditions: SQL[] = [];
  if (recipient !== null)
    conditions.push(
      sql`d.recipient = ${recipient.address} ${sql.raw(recipient.anyCase ? 'COLLATE NOCASE' : '')}`,
    );
  if (text !== null)
    conditions.push(
      sql`(instr(lower(m.subject), lower(${text})) > 0 OR instr(lower(d.recipient), lower(${text})) > 0)`,
    );
  if (status !== null) conditions.push(sql`d.state = ${status}`);
  return sql`(${sql.join(conditions, sql` AND `)})`;
}

/** The messages of a page, in its order. One round trip. */
async function readFound(
  store: Store,
  accountId: number,
  page: readonly Found[],
  nowMs: number,
): Promise<ListedMessage[]> {
  const queries = [...Map.groupBy(page, ({ week }) => week)].flatMap(([week, own]) => {
    const { messages, deliveries } = weekTables(week);
    const ids = JSON.stringify(own.map(({ row }) => row.id));
    const missing = own.filter(({ row }) => row.subject === undefined).map(({ seq }) => seq);
    return [
      sql`SELECT m.* FROM json_each(${JSON.stringify(missing)}) j
        CROSS JOIN ${messages} m ON m.account_id = ${accountId} AND m.seq = j.value`,
      sql`SELECT d.message_id, d.n, d.recipient, d.state, d.simulated FROM json_each(${ids}) j
        CROSS JOIN ${deliveries} d ON d.message_id = j.value`,
    ];
  });
  const results = await withHomeTables(store, nowMs, () => batch(store.d1, queries));
  const rows = new Map(
    results.filter((_, i) => i % 2 === 0).flatMap((all) => all.map((row) => [row.id, row])),
  );
  const deliveries = Map.groupBy(results.filter((_, i) => i % 2 === 1).flat(), (row) => row.message_id);
  return page.map(({ row }) => listedOf(rows.get(row.id) ?? row, deliveries.get(row.id) ?? []));
}

/** So many places are probed at once: a few round trips find any time among millions of rows. */
const probes = 32;

/**
 * The first `seq` of a week whose message was accepted at or after a time. Rows are numbered in the order of
 * their commits, so times grow with them and the place is found by narrowing, not by scanning.
 */
export async function firstSeqFrom(
  store: Store,
  accountId: number,
  week: string,
  ms: number,
  nowMs: number,
): Promise<number> {
  const { messages } = weekTables(week);
  const [[top] = []] = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [sql`SELECT max(seq) AS seq FROM ${messages} WHERE account_id = ${accountId}`]),
  );
  let low = 1;
  let high = Number(top?.seq ?? 0) + 1;
  while (high > low) {
    const step = Math.max(1, Math.ceil((high - low) / probes));
    const places: number[] = [];
    for (let place = low; place < high; place += step) places.push(place);
    const [rows = []] = await batch(store.d1, [
      sql`SELECT j.value AS place, (SELECT accepted_at_ms FROM ${messages}
          WHERE account_id = ${accountId} AND seq >= j.value ORDER BY seq LIMIT 1) AS at
        FROM json_each(${JSON.stringify(places)}) j ORDER BY j.value`,
    ]);
    const reached = rows.findIndex((row) => row.at === null || Number(row.at) >= ms);
    if (reached === 0) return low;
    const below = Number(rows.at(reached < 0 ? -1 : reached - 1)?.place);
    if (reached >= 0) high = Number(rows[reached]?.place);
    low = below + 1;
  }
  return high;
}
