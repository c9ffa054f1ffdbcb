import { type SQL, sql } from 'drizzle-orm';
import type { Beyond, Head, Place, Position } from '#domain/delivery/lease-choice.ts';
import { homeOf } from '#domain/message/home.ts';
import {
  candidates,
  columns,
  dueRows,
  isFree,
  isUnwanted,
  type LeaseTerms,
  mayBeLeased,
  type Row,
  rowOf,
} from './lease-rows.ts';

/** Looks behind a head that is full: for other accounts, where it is one account's mail, or for all that is wanted. */
export interface Scout {
  key: string;
  week: string;
  rank: number;
  from: Position;
  /** The account that fills the head; null: all that is wanted is looked for. */
  accountId: number | null;
}

/** So many rows are looked at behind a head, in all homes together; so many of one account and in all taken of them. */
const scoutLook = 1000;
const mostOfOne = 8;
const mostBeyond = 60;

export function scoutForOthers(head: Head<Row>, picked: ReadonlySet<Row>, place: Place): Scout[] {
  const own = head.rows.filter((row) => picked.has(row) && !row.mine);
  const [most] = [...Map.groupBy(own, (row) => row.accountId)].sort(([, a], [, b]) => b.length - a.length);
  if (!head.full || !most || most[1].length * 2 <= own.length) return [];
  return scoutOf(head, most[0], place.scout[head.key] ?? null);
}

/** @param at how far was looked already */
export function scoutOf({ key, rows }: Head<Row>, accountId: number | null, at: Position | null): Scout[] {
  const last = rows.at(-1);
  if (!last) return [];
  const end: Position = [last.dueMs, last.messageId, last.n];
  const from = at && isBehind(at, end) ? at : end;
  return [{ key, week: homeOf(last.messageId).week, rank: last.class, from, accountId }];
}

function isBehind(a: Position, b: Position): boolean {
  if (a[0] !== b[0]) return a[0] > b[0];
  return a[1] === b[1] ? a[2] > b[2] : a[1] > b[1];
}

export function scoutLookOf({ look, max }: LeaseTerms): number {
  return Math.max(mostBeyond, Math.ceil((scoutLook * Math.min(look, max)) / Math.max(1, max)));
}

export function selectBeyond({ week, rank, from, accountId }: Scout, terms: LeaseTerms): SQL {
  const active = sql`(SELECT ${mayBeLeased(sql`class`)} FROM accounts WHERE id = account_id)`;
  const isSought =
    accountId === null
      ? sql`free AND NOT ${isUnwanted(terms)} AND ${active}`
      : sql`account_id <> ${accountId} AND free AND own <= ${mostOfOne}`;
  const most = scoutLookOf(terms);
  const rows = sql`SELECT ${sql.raw(columns)}, week, at FROM (SELECT b.*, row_number() OVER (ORDER BY due_ms, message_id, n) AS at,
      row_number() OVER (PARTITION BY account_id, free ORDER BY due_ms, message_id, n) AS own
      FROM (SELECT *, ${isFree(terms.nowMs)} AS free FROM (${dueRows(week, rank, from, terms, most)})) b)
    WHERE (${isSought}) OR at = ${most} ORDER BY at LIMIT ${mostBeyond}`;
  return candidates([week], rows, terms);
}

export function beyondOf(
  scout: Scout,
  found: Record<string, unknown>[],
  seen: readonly Row[],
  most: number,
): Beyond<Row> {
  const known = new Set(seen.map(({ messageId, n }) => `${messageId} ${n}`));
  const all = found.map(rowOf);
  const last = all.at(-1);
  const hasMore = found.length === mostBeyond || Number(found.at(-1)?.at) === most;
  return {
    key: scout.key,
    all: scout.accountId === null,
    rows: all.filter((row) => row.accountId !== scout.accountId && !known.has(`${row.messageId} ${row.n}`)),
    from: scout.from,
    end: last && hasMore ? [last.dueMs, last.messageId, last.n] : null,
  };
}
