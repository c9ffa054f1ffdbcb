import { type SQL, sql } from 'drizzle-orm';
import { hashOf, type SearchWord, streamsKnown } from '#domain/message/search-word.ts';
import { weekTables, withHomeTables } from './home-tables.ts';
import { batch, parameterGroups } from './sql.ts';
import type { Store } from './store.ts';

/**
 * Where exact searches may find something. Rows of an account's messages and events are numbered together (`seq`); of
 * every `pageSize` numbers (a page) `search_words` keeps the hashes of what can be asked for. They are added by the fold
 * that counts the statistics, so that accepting and reporting write nothing for them, and a search over a month of mail
 * reads a row for two pages and then only pages that have it.
 */

/** As a shift: 2,048 numbers. */
export const pageShift = 11;
const pageSize = 2 ** pageShift;

/**
 * A row keeps two pages, each in a column of its own, so that a search reads a row for two. Its key is that of the pair
 * behind all numbers of pages: older rows, which keep one page each under its number, stay what they are, and a version
 * that knows only those sees nothing in the others and looks for itself.
 */
const firstPair = 2 ** 40;

/** Hashes that a fold has found, by account and page. */
export class FoundWords {
  readonly #pages = new Map<string, { accountId: number; page: number; hashes: Set<string> }>();

  /** @param page the number of a row, shifted by `pageShift` */
  add(accountId: number, page: number, words: readonly SearchWord[]): void {
    const { hashes } = this.#page(accountId, page);
    for (const word of words) hashes.add(hashOf(word));
  }

  /** Statements that add what was found in these rows. @param guard asks for `accountId` and `from` of a span, as `j.value` */
  write(week: string, spans: readonly { accountId: number; from: number; to: number }[], guard: SQL): SQL[] {
    for (const { accountId, from, to } of spans)
      for (let page = (from + 1) >> pageShift; page <= to >> pageShift; page++) {
        const { hashes } = this.#page(accountId, page);
        if (from < Math.max(1, page * pageSize)) hashes.add(streamsKnown);
      }
    const from = new Map(spans.map((span) => [span.accountId, span.from]));
    const pairs = Map.groupBy(this.#pages.values(), ({ accountId, page }) => `${accountId} ${page >> 1}`);
    const rows = [...pairs.values()].flatMap((pages) => {
      const [first] = pages;
      if (!first) return [];
      const { accountId } = first;
      const pair = first.page >> 1;
      const wordsOf = (half: 0 | 1) =>
        pages.flatMap(({ page, hashes }) => ((page & 1) === half ? [...hashes] : [])).join('');
      const after = from.get(accountId) ?? 0;
      const fromSeq = Math.max(pair * 2 * pageSize, after + 1);
      const [words, later] = [wordsOf(0), wordsOf(1)];
      return [{ accountId, key: firstPair + pair, from: after, fromSeq, words, later }];
    });
    return parameterGroups(rows).map(
      (group) => sql`INSERT INTO search_words (account_id, week, page, from_seq, words, later_words)
        SELECT j.value->>'accountId', ${week}, j.value->>'key', j.value->>'fromSeq', j.value->>'words', j.value->>'later'
        FROM json_each(${JSON.stringify(group)}) j WHERE ${guard}
        ON CONFLICT DO UPDATE SET words = words || excluded.words, later_words = later_words || excluded.later_words
          WHERE excluded.words <> '' OR excluded.later_words <> ''`,
    );
  }

  #page(accountId: number, page: number) {
    const key = `${accountId} ${page}`;
    const known = this.#pages.get(key) ?? { accountId, page, hashes: new Set<string>() };
    this.#pages.set(key, known);
    return known;
  }
}

/** Rows from `low` up to and without `high`. */
export interface SeqRange {
  low: number;
  high: number;
}

export const everywhere: readonly SeqRange[] = [{ low: 0, high: Number.MAX_SAFE_INTEGER }];

/**
 * Rows of each week that may have all of the words, the newest first: what is known not to have them is left out. One round
 * trip; reads a row for two pages.
 */
export async function rangesOf(
  store: Store,
  accountId: number,
  words: readonly SearchWord[],
  weeks: readonly string[],
  nowMs: number,
): Promise<Map<string, readonly SeqRange[]>> {
  if (words.length === 0) return new Map(weeks.map((week) => [week, everywhere]));
  const hasAll = (column: 'words' | 'later_words') =>
    sql.join(
      words.map((word) => {
        const has = (text: string) => sql`instr(${sql.raw(column)}, ${text}) > 0`;
        return word.of === 'stream'
          ? sql`(${has(hashOf(word))} OR NOT ${has(streamsKnown)})`
          : has(hashOf(word));
      }),
      sql` AND `,
    );
  const results = await withHomeTables(store, nowMs, () =>
    batch(
      store.d1,
      weeks.flatMap((week) => {
        const { messages, events } = weekTables(week);
        return [
          sql`SELECT coalesce((SELECT seq FROM stats_progress WHERE account_id = ${accountId} AND week = ${week}), 0) AS done,
            max(coalesce((SELECT max(seq) FROM ${messages} WHERE account_id = ${accountId}), 0),
                coalesce((SELECT max(seq) FROM ${events} WHERE account_id = ${accountId}), 0)) AS last`,
          sql`SELECT page, from_seq, ${hasAll('words')} AS hit, ${hasAll('later_words')} AS later_hit FROM search_words WHERE account_id = ${accountId} AND week = ${week}`,
        ];
      }),
    ),
  );
  return new Map(
    weeks.map((week, i) => {
      const [reach] = results[2 * i] ?? [];
      const pages = new Map((results[2 * i + 1] ?? []).map((row) => [Number(row.page), row]));
      return [week, rangesIn(pages, { done: Number(reach?.done ?? 0), last: Number(reach?.last ?? 0) })];
    }),
  );
}

/** What rows tell of a page: whether it may have the words, and from which number on they know; null: nothing. */
function knownOf(
  pages: ReadonlyMap<number, Record<string, unknown>>,
  page: number,
): { hit: boolean; from: number } | null {
  const pair = pages.get(firstPair + (page >> 1));
  const alone = pages.get(page);
  const known = [
    ...(pair ? [{ hit: (page & 1 ? pair.later_hit : pair.hit) === 1, from: Number(pair.from_seq) }] : []),
    ...(alone ? [{ hit: alone.hit === 1, from: Number(alone.from_seq) }] : []),
  ];
  if (known.length === 0) return null;
  return { hit: known.some(({ hit }) => hit), from: Math.min(...known.map(({ from }) => from)) };
}

function rangesIn(
  pages: ReadonlyMap<number, Record<string, unknown>>,
  { done, last }: { done: number; last: number },
): SeqRange[] {
  const ranges: SeqRange[] = [];
  const add = (low: number, high: number) => {
    const newer = ranges.at(-1);
    if (low >= high) return;
    if (newer?.low === high) newer.low = low;
    else ranges.push({ low, high });
  };
  for (let page = last >> pageShift; last > 0 && page >= 0; page--) {
    const [start, end] = [page * pageSize, (page + 1) * pageSize];
    const known = knownOf(pages, page);
    if (!known || known.hit) add(start, end);
    else {
      // Not folded yet, and what was folded before words were kept.
      add(Math.max(start, done + 1), end);
      add(start, known.from <= 1 ? start : Math.min(known.from, end));
    }
  }
  return ranges;
}
