import { eventKinds } from '#domain/delivery/event.ts';
import { dayOf } from '#domain/message/home.ts';
import { foldAccount } from '../../store/fold.ts';
import { type Counts, type OneValue, readStats } from '../../store/stats.ts';
import type { Store } from '../../store/store.ts';

/** What happened in a day or an hour. */
export interface Bucket {
  fromMs: number;
  counts: Counts;
}

export interface Figures {
  /** Every one of the stretch, in their order. */
  buckets: Bucket[];
  total: Counts;
  /** False: so much has just happened that not all of it is counted yet. */
  complete: boolean;
}

const spanMs = { hour: 3_600_000, day: 86_400_000 };

/**
 * What happened in an account, by the UTC days or hours that hold the times from `fromMs` to `toMs`; counted to this
 * moment. `only`: by day, of one value of a dimension.
 */
export async function readFigures(
  store: Store,
  accountId: number,
  of: { by: 'day' | 'hour'; fromMs: number; toMs: number; nowMs: number; only?: OneValue | null },
): Promise<Figures> {
  const { by, nowMs } = of;
  const complete = await foldAccount(store, accountId, nowMs);
  const rows = await readStats(store, accountId, {
    by,
    fromDay: dayOf(of.fromMs),
    toDay: dayOf(of.toMs),
    nowMs,
    only: of.only ?? null,
  });
  const found = new Map(rows.map(({ value, counts }) => [value, counts]));
  const buckets: Bucket[] = [];
  for (let at = Math.floor(of.fromMs / spanMs[by]) * spanMs[by]; at <= of.toMs; at += spanMs[by]) {
    const hour = new Date(at).toISOString().slice(11, 13);
    const counts = found.get(by === 'day' ? dayOf(at) : dayOf(at) + hour);
    buckets.push({ fromMs: at, counts: counts ?? sumOf([]) });
  }
  return { buckets, total: sumOf(buckets.map(({ counts }) => counts)), complete };
}

export function sumOf(all: readonly Counts[]): Counts {
  const sum = (kind: keyof Counts) => all.reduce((n, counts) => n + counts[kind], 0);
  return Object.fromEntries(eventKinds.map((kind) => [kind, sum(kind)])) as Counts;
}
