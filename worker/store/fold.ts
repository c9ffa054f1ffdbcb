import { type SQL, sql } from 'drizzle-orm';
import { eventKinds } from '#domain/delivery/event.ts';
import type { SearchWord } from '#domain/message/search-word.ts';
import { byRetainedWeek, dropAfterMs, retainedWeeks, weekTables, withHomeTables } from './home-tables.ts';
import { FoundWords, pageShift } from './search-words.ts';
import { messageIdExpression } from './short-row.ts';
import { batch } from './sql.ts';
import { errorText, type Store } from './store.ts';
import { type CountRow, Tally } from './tally.ts';

/**
 * Statistics are a fold over the account's event cursor: every row of messages and events is read once, in the
 * order of the commits, and added to counters; `stats_progress` says up to where. So accepting and reporting write
 * nothing for them, a fold that is done twice counts once, and asking for them reads counters. The same fold notes what
 * exact searches find (`search-words.ts`). What is in test mode or goes to the simulator is left out of the counters, and
 * so are complaints that nobody vouches for.
 */

/** A fold is worth its rows when so many rows wait, or after this time. */
const worthRows = 500;
const worthAfterMs = 3_600_000;
/** Rows of the cursor that are folded in one transaction, of one account or of many. */
const pageRows = 2_000;
/** Accounts that one step looks at. */
export const stepSize = 200;
/** No fold is begun after so many statements of a step; one has at most some fifteen. */
const stepStatements = 90;
/** Rows of one account that a step folds at most, so that the others have their turn; and one question about it. */
const stepRows = 16_000;
const askedRows = 40_000;

/** A row `e` of a timeline is no complaint that anybody could have written: `countsInFigures`. */
const inFigures = sql`coalesce(e.value->'details'->>'verified', 1) <> 0`;

/** Rows behind `from` up to `to` of an account's cursor in a week. */
interface Span {
  accountId: number;
  from: number;
  to: number;
}

/** What a step has come to. */
export interface FoldStep {
  /** Accounts up to this one were looked at. */
  reached: number;
  /** Of those, the ones that could not be folded, or not to the end. */
  behind: Set<number>;
  /** No account is beyond. */
  last: boolean;
  faults: unknown[];
}

/**
 * Folds what is worth it of the accounts after a place: those of `urgent` in any case. A step is bounded, and small
 * accounts share statements; should theirs fail, each is folded alone, so that one account never stops another.
 */
export async function foldStep(
  store: Store,
  place: number,
  urgent: readonly number[],
  nowMs: number,
): Promise<FoldStep> {
  const some = sql`SELECT id FROM accounts WHERE id > ${place} AND home = ${store.home} ORDER BY id LIMIT ${stepSize}`;
  const [ids = []] = await batch(store.d1, [some]);
  const last = ids.length < stepSize;
  const end = last ? Number.MAX_SAFE_INTEGER : Number(ids.at(-1)?.id);
  const waiting = await readWaiting(store, some, nowMs, urgent);
  const budget = store.cost.statements + stepStatements;
  const done = await foldAll(store, waiting, { most: stepRows, budget }, nowMs);
  // The next step begins with the first account that had no turn.
  const reached = done.waits.length === 0 ? end : Math.min(...done.waits) - 1;
  return { ...done, reached, last: last && reached === end };
}

/**
 * Folds what has happened in one account, so that its counters are of this moment.
 * @returns false when so much waits that it is not all counted yet
 */
export async function foldAccount(store: Store, accountId: number, nowMs: number): Promise<boolean> {
  const waiting = await readWaiting(store, sql`SELECT ${accountId} AS id`, nowMs, [accountId]);
  const budget = Number.POSITIVE_INFINITY;
  const { behind, faults } = await foldAll(store, waiting, { most: askedRows, budget }, nowMs);
  if (faults.length > 0) throw faults[0];
  return behind.size === 0;
}

/** What waits, by week, of accounts for which a fold is worth it or that are urgent. */
async function readWaiting(
  store: Store,
  accountIds: SQL,
  nowMs: number,
  urgent: readonly number[],
): Promise<Map<string, Span[]>> {
  const weeks = retainedWeeks(nowMs);
  const results = await withHomeTables(store, nowMs, () =>
    batch(
      store.d1,
      weeks.map((week) => {
        const { messages, events } = weekTables(week);
        return sql`SELECT id, done, last FROM (
          SELECT a.id, coalesce(p.seq, 0) AS done, coalesce(p.folded_at_ms, 0) AS folded_at_ms,
            max(coalesce((SELECT max(seq) FROM ${messages} WHERE account_id = a.id), 0),
                coalesce((SELECT max(seq) FROM ${events} WHERE account_id = a.id), 0)) AS last
          FROM (${accountIds}) a LEFT JOIN stats_progress p ON p.account_id = a.id AND p.week = ${week})
          WHERE last > done AND (last >= done + ${worthRows} OR folded_at_ms <= ${nowMs - worthAfterMs}
            OR id IN (SELECT value FROM json_each(${JSON.stringify(urgent)}))) ORDER BY id`;
      }),
    ),
  );
  return new Map(
    weeks.map((week, i) => [
      week,
      (results[i] ?? []).map((row) => ({
        accountId: Number(row.id),
        from: Number(row.done),
        to: Number(row.last),
      })),
    ]),
  );
}

interface Folded {
  /** Accounts that had no turn. */
  waits: number[];
  behind: Set<number>;
  faults: unknown[];
}

async function foldAll(
  store: Store,
  waiting: Map<string, Span[]>,
  of: { most: number; budget: number },
  nowMs: number,
): Promise<Folded> {
  const waits: number[] = [];
  const behind = new Set<number>();
  const failed = new Set<number>();
  const faults: unknown[] = [];
  /** Folds a page; of one that fails, each account alone. */
  const tryFold = async (week: string, spans: Span[]): Promise<void> => {
    if (store.cost.statements >= of.budget) {
      waits.push(...spans.map(({ accountId }) => accountId));
      return;
    }
    try {
      await fold(store, { week, spans }, nowMs);
    } catch (error) {
      const [first, ...more] = spans;
      if (first && more.length === 0) {
        const { accountId } = first;
        const msg = 'the statistics of an account were not folded';
        console.error(JSON.stringify({ level: 'error', msg, accountId, error: errorText(error) }));
        failed.add(accountId);
        faults.push(error);
      } else for (const span of spans) await tryFold(week, [span]);
    }
  };
  for (const [week, spans] of waiting) {
    for (const { accountId, from, to } of spans) if (to - from > of.most) behind.add(accountId);
    for (const page of pagesOf(
      spans.map((span) => ({ ...span, to: Math.min(span.to, span.from + of.most) })),
    )) {
      const turn = page.filter(({ accountId }) => !failed.has(accountId));
      if (turn.length > 0) await tryFold(week, turn);
    }
  }
  return { waits, behind: new Set([...behind, ...failed]), faults };
}

/** The spans in their order, cut and put together into pages of up to `pageRows` rows. */
function pagesOf(spans: readonly Span[]): Span[][] {
  const pages: Span[][] = [];
  let room = 0;
  for (const { accountId, from, to } of spans) {
    for (let at = from; at < to; ) {
      if (room === 0) {
        pages.push([]);
        room = pageRows;
      }
      const end = Math.min(to, at + room);
      pages.at(-1)?.push({ accountId, from: at, to: end });
      room -= end - at;
      at = end;
    }
  }
  return pages;
}

interface Page {
  week: string;
  spans: Span[];
}

async function fold(store: Store, page: Page, nowMs: number): Promise<void> {
  const tally = new Tally();
  const words = new FoundWords();
  await readPage(store, page, { tally, words }, nowMs);
  await write(store, page, { rows: await tally.rows(store), words }, nowMs);
}

/** What counts in figures of whatever kind: neither mail in test mode, nor a part that the simulator plays. */
const counted = sql`(m.test_mode = 0 AND d.simulated = 0)`;

async function readPage(
  store: Store,
  { week, spans }: Page,
  { tally, words }: { tally: Tally; words: FoundWords },
  nowMs: number,
): Promise<void> {
  const { messages, deliveries, events } = weekTables(week);
  const rowsOf = (table: SQL) => sql`json_each(${JSON.stringify(spans)}) s CROSS JOIN ${table} t
    ON t.account_id = s.value->>'accountId' AND t.seq > s.value->>'from' AND t.seq <= s.value->>'to'`;
  const hour = (ms: SQL) => sql`strftime('%Y%m%d%H', ${ms} / 1000, 'unixepoch')`;
  const [accepted = [], announced = []] = await batch(store.d1, [
    sql`SELECT m.account_id, m.seq >> ${pageShift} AS page, ${hour(sql`m.accepted_at_ms`)} AS hour, m.class, m.signing_domain,
        m.stream, m.tags, 'accepted' AS kind, sum(d.accepted = 1 AND ${counted}) AS times,
        json_group_array(d.recipient) AS recipients, json_group_array(DISTINCT ${messageIdExpression}) AS headers
      FROM (SELECT t.* FROM ${rowsOf(messages)}) m
      CROSS JOIN ${deliveries} d ON d.message_id = m.id GROUP BY 1, 2, 3, 4, 5, 6, 7`,
    sql`SELECT t.message_id AS m, t.n, t.seq >> ${pageShift} AS p, t.from_entry AS f, t.to_entry AS t FROM ${rowsOf(events)}`,
  ]);
  // An event lives in the week in which it happened, its delivery in the week of the message.
  // Counted until the tables go, which is later than they are read: of the last events before none is left out.
  const untilMs = nowMs - dropAfterMs;
  const homes = byRetainedWeek(announced, (row) => String(row.m), untilMs);
  const results = await withHomeTables(store, untilMs, () =>
    batch(
      store.d1,
      homes.map(([home, rows]) => {
        const tables = weekTables(home);
        return sql`SELECT m.account_id, j.value->>'p' AS page, ${hour(sql`(e.value->>'atMs')`)} AS hour, m.class, m.signing_domain,
          m.stream, m.tags, e.value->>'kind' AS kind, d.domain,
          (SELECT h.value->>'$.details.mx.host' FROM json_each(d.timeline) h WHERE h.value->>'$.details.mx.host' IS NOT NULL LIMIT 1) AS mx,
          coalesce(e.value->>'$.details.class', e.value->>'$.details.reason') AS reason,
          sum((${counted}) AND ${inFigures}) AS times, json_group_array(DISTINCT d.recipient) AS recipients
        FROM json_each(${JSON.stringify(rows)}) j
        CROSS JOIN ${tables.deliveries} d ON d.message_id = j.value->>'m' AND d.n = j.value->>'n'
        CROSS JOIN ${tables.messages} m ON m.account_id = d.account_id AND m.seq = d.message_seq
        CROSS JOIN json_each(d.timeline) e ON e.key >= j.value->>'f' AND e.key < j.value->>'t'
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11`;
      }),
    ),
  );
  for (const row of [...accepted, ...results.flat()]) {
    if (Number(row.times) > 0) tally.add(row);
    words.add(Number(row.account_id), Number(row.page), wordsOf(row));
  }
}

function wordsOf(row: Record<string, unknown>): SearchWord[] {
  const list = (json: unknown) => JSON.parse(String(json ?? '[]')) as string[];
  const recipients = list(row.recipients).map((address) => ({ of: 'recipient', address }) as const);
  // Every message has been accepted: there the kind would tell nothing, and messages have the rest.
  if (row.kind !== 'accepted') return [...recipients, { of: 'kind', kind: String(row.kind) }];
  return [
    ...recipients,
    ...list(row.headers).map((header) => ({ of: 'messageId', header }) as const),
    ...list(row.tags).map((tag) => ({ of: 'tag', tag }) as const),
    ...(row.stream == null ? [] : [{ of: 'stream', stream: String(row.stream) } as const]),
  ];
}

/** Adds the rows and moves the progress on, once: another fold of the same page finds the progress moved. */
async function write(
  store: Store,
  { week, spans }: Page,
  { rows, words }: { rows: CountRow[]; words: FoundWords },
  nowMs: number,
): Promise<void> {
  const names = sql.raw(eventKinds.join(', '));
  const values = sql.raw(eventKinds.map((kind) => `coalesce(j.value->>'${kind}', 0)`).join(', '));
  const sums = sql.raw(eventKinds.map((kind) => `${kind} = ${kind} + excluded.${kind}`).join(', '));
  const from = new Map(spans.map((span) => [span.accountId, span.from]));
  const added = rows.map((row) => ({ ...row, from: from.get(row.accountId) }));
  const isFirst = sql`EXISTS (SELECT 1 FROM stats_progress p
    WHERE p.account_id = j.value->>'accountId' AND p.week = ${week} AND p.seq = j.value->>'from')`;
  await batch(store.d1, [
    sql`INSERT OR IGNORE INTO stats_progress (account_id, week, seq, folded_at_ms)
      SELECT value->>'accountId', ${week}, 0, 0 FROM json_each(${JSON.stringify(spans)})`,
    sql`INSERT INTO stats (account_id, day, dimension, value, ${names})
      SELECT j.value->>'accountId', j.value->>'day', j.value->>'dimension', j.value->>'value', ${values}
      FROM json_each(${JSON.stringify(added)}) j WHERE ${isFirst} ON CONFLICT DO UPDATE SET ${sums}`,
    ...words.write(week, spans, isFirst),
    sql`UPDATE stats_progress SET seq = j.value->>'to', folded_at_ms = ${nowMs}
      FROM json_each(${JSON.stringify(spans)}) j WHERE account_id = j.value->>'accountId' AND week = ${week}
        AND seq = j.value->>'from'`,
  ]);
}
