import { z } from 'zod';
import { classOf } from '../message/class.ts';
import type { SuppressionEntry } from '../suppression/suppression.ts';

/** A due delivery as the head of a queue shows it. */
export interface Candidate {
  messageId: string;
  n: number;
  /** Rank of the class. */
  class: number;
  /** Of the recipient. */
  domain: string;
  accountId: number;
  dueMs: number;
  /** Its account is suspended, or its mail of this class paused. */
  suspended: boolean;
  /** The entry that its recipient is suppressed by, meanwhile; null: by none. */
  suppression: SuppressionEntry | null;
  /** It is held by the lease that is asked for: its answer was lost. */
  mine: boolean;
  /** No lease holds it. */
  free: boolean;
}

/** The first due deliveries of one class and week, in their order. */
export interface Head<T extends Candidate> {
  /** Names it in a place. */
  key: string;
  rows: T[];
  /** There may be more behind them. */
  full: boolean;
}

/** Due deliveries behind a head that is full: those of others than the account that fills it, or all that are wanted. */
export interface Beyond<T extends Candidate> {
  /** The head's. */
  key: string;
  rows: T[];
  /** Nothing else that is wanted stands between head and end. */
  all: boolean;
  from: Position;
  /** How far was looked; null: to the end of the queue. */
  end: Position | null;
}

/** What a node wants. */
export interface Wish {
  max: number;
  /** Of other classes than `priority`. */
  otherMax: number;
  digestMax: number;
  /** To one recipient domain, as long as there is mail to others. */
  domainMax: number;
  excludeDomains: readonly string[];
  /** Domains of which only `priority` is wanted. */
  busyDomains: readonly string[];
  /** Unix ms. */
  nowMs: number;
}

/** The largest `reach`. */
export const deepestReach = 3;

const position = z.tuple([z.number(), z.string().max(64), z.number()]);

/**
 * How far a node has looked at the queue. What stands before is leased, or was not wanted when it was looked at, so that
 * no lease reads again what an earlier one has passed by. `reach`: how far a lease looks, see `looksOf`. `scout`: how far
 * other accounts have been looked for behind a head that one account fills.
 */
export const placeSchema = z.object({
  reach: z.number().int().min(0).max(deepestReach),
  at: z.record(z.string(), position),
  scout: z.record(z.string(), position).default({}),
});
export type Place = z.infer<typeof placeSchema>;
export type Position = z.infer<typeof position>;

/** The place that a node gives back; one that cannot be read is the beginning. */
export function parsePlace(text: string | null): Place {
  try {
    const read = placeSchema.safeParse(JSON.parse(text ?? 'null'));
    if (read.success) return read.data;
  } catch {
    // Not JSON: nothing of ours.
  }
  return { reach: 0, at: {}, scout: {} };
}

/** How many due rows are looked at, of one class and week and in all. */
export interface Look {
  ofOne: number;
  ofAll: number;
}

/** So many rows in all are looked at first, about four rows read each: an idle lease reads few, however much waits. */
const leastLook = 21;

/** More at once while there is more than fits. */
export function looksOf(reach: number, max: number): Look {
  const ofOne = Math.min(max + leastLook, leastLook * 4 ** reach);
  return { ofOne, ofAll: reach === 0 ? leastLook : Number.POSITIVE_INFINITY };
}

/** The heads that a short look shows. Pure. */
export function beginning<T extends Candidate>(heads: readonly Head<T>[]): Head<T>[] {
  let before = 0;
  return heads.filter(({ rows }) => {
    const isShown = before < leastLook;
    before += rows.length;
    return isShown;
  });
}

/** A short look would have shown only the beginning of it, and some of it was given. Pure. */
export function isDeep<T extends Candidate>(heads: readonly Head<T>[], given: readonly unknown[]): boolean {
  return given.length > 0 && heads.reduce((sum, { rows }) => sum + rows.length, 0) >= leastLook;
}

/** No transaction takes longer to commit. */
const settledAfterMs = 10_000;

/** So many deliveries are ended by one lease at the most. */
const mostEnded = 40;

export interface Choice<T extends Candidate> {
  /** To be leased, or held by this lease already. */
  picked: T[];
  /** Of a suppressed recipient: to be ended, not leased. */
  suppressed: T[];
  place: Place;
  more: boolean;
  /** What is wanted of what was looked at and is not given. */
  left: ReadonlySet<T>;
}

/**
 * Chooses what a lease gives: the most urgent class first over all weeks, and within a class what has been due for
 * longest, of one domain and of one account no more than their share as long as there is other mail. Pure.
 */
export function chooseWork<T extends Candidate>(
  heads: readonly Head<T>[],
  wish: Wish,
  from: Place,
  beyond: readonly Beyond<T>[] = [],
): Choice<T> {
  const digest = classOf('digest').rank;
  const priority = classOf('priority').rank;
  const excluded = new Set(wish.excludeDomains);
  const busy = new Set(wish.busyDomains);
  const all = [...heads, ...beyond]
    .flatMap(({ rows }) => rows)
    .sort((a, b) => a.class - b.class || a.dueMs - b.dueMs);
  const asked = all.filter(({ mine }) => mine);
  const picked: T[] = [...asked];
  const suppressed: T[] = [];
  const left = new Set<T>();
  // An answer that was lost is given again as it was: nothing is added to it.
  let room = asked.length > 0 ? 0 : wish.max;
  let otherRoom = wish.otherMax;
  let digestRoom = wish.digestMax;
  const give = (row: T) => {
    const other = row.class !== priority;
    const isDigest = row.class === digest;
    if (room === 0 || (other && otherRoom === 0) || (isDigest && digestRoom === 0)) {
      left.add(row);
      return;
    }
    room -= 1;
    if (other) otherRoom -= 1;
    if (isDigest) digestRoom -= 1;
    picked.push(row);
  };
  const wanted: T[] = [];
  for (const row of all) {
    if (row.mine || row.suspended || !row.free) continue;
    if (row.suppression) {
      if (suppressed.length < mostEnded) suppressed.push(row);
      else left.add(row);
      continue;
    }
    if (excluded.has(row.domain) || (busy.has(row.domain) && row.class !== priority)) continue;
    wanted.push(row);
  }
  for (const [, own] of Map.groupBy(wanted, (row) => row.class)) {
    for (const row of sharesFirst(own, wish)) give(row);
  }
  const at = { ...from.at };
  for (const { key, rows, full } of heads) {
    const first = rows.findIndex((row) => left.has(row));
    const passed = first === -1 ? rows : rows.slice(0, first);
    // What falls due right now may still be joined by what commits a little later or by a clock that is a little behind,
    // and what others hold may be given back: both are looked at again, unless a full head stands in the way of
    // everything behind it.
    const isOver = (row: T) => (row.free || row.mine) && row.dueMs <= wish.nowMs - settledAfterMs;
    const last = passed.findLast((row) => full || isOver(row));
    if (last) at[key] = [last.dueMs, last.messageId, last.n];
  }
  const scout = { ...from.scout };
  for (const { key, rows, all: isAll, from: began, end } of beyond) {
    const first = rows.findIndex((row) => left.has(row));
    if (isAll) {
      const isSeen = beyond.every(
        (one) => one.key !== key || one.all || !one.rows.some((row) => left.has(row)),
      );
      const passed = first === -1 ? end : positionOf(rows[first - 1]);
      if (passed && isSeen) at[key] = passed;
      continue;
    }
    const before = positionOf(rows[first - 1]);
    if (before) scout[key] = before;
    else if (first === 0) scout[key] = began;
    else if (end) scout[key] = end;
    else delete scout[key];
  }
  const full = heads.some((head) => head.full);
  // No more is held than nodes have room for: one more look passes it by.
  const isHeld = all.length > 0 && all.every((row) => !row.free && !row.mine);
  const further = isHeld ? deepestReach : Math.min(deepestReach, from.reach + 1);
  return {
    picked,
    suppressed,
    place: { reach: full ? further : 0, at, scout },
    more: full || left.size > 0,
    left,
  };
}

function positionOf(row: Candidate | undefined): Position | null {
  return row ? [row.dueMs, row.messageId, row.n] : null;
}

/**
 * The heads behind which something more urgent than what was chosen may stand: all that was seen in them is given or
 * passed by, and there may be more of them. Pure.
 */
export function headsToPass<T extends Candidate>(
  heads: readonly Head<T>[],
  { picked, left }: Pick<Choice<T>, 'picked' | 'left'>,
): Head<T>[] {
  const leastUrgent = Math.max(-1, ...picked.filter(({ mine }) => !mine).map((row) => row.class));
  return heads.filter(
    ({ rows, full }) => full && rows.every((row) => row.class < leastUrgent && !left.has(row)),
  );
}

/** The rows in another order: first what is within the share of its domain and of its account, then the others. */
function sharesFirst<T extends Candidate>(rows: readonly T[], { max, domainMax }: Wish): T[] {
  const accountMax = Math.ceil(max / 2);
  const ofDomain = new Map<string, number>();
  const ofAccount = new Map<number, number>();
  const isWithin = ({ domain, accountId }: T) => {
    const [ownDomain, ownAccount] = [ofDomain.get(domain) ?? 0, ofAccount.get(accountId) ?? 0];
    if (ownDomain >= domainMax || ownAccount >= accountMax) return false;
    ofDomain.set(domain, ownDomain + 1);
    ofAccount.set(accountId, ownAccount + 1);
    return true;
  };
  const { within = [], over = [] } = Object.groupBy(rows, (row) => (isWithin(row) ? 'within' : 'over'));
  return [...within, ...over];
}
