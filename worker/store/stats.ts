import { sql } from 'drizzle-orm';
import { type EventKind, eventKinds } from '#domain/delivery/event.ts';
import { dayOf } from '#domain/message/home.ts';
import { defaultStream } from '#domain/message/stream.ts';
import { type Dimension, hourDays } from '#domain/stats.ts';
import { retainedWeeks } from './home-tables.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

/** How often each event happened. The counters are made by `fold.ts`. */
export type Counts = Record<EventKind, number>;

/** How long counters are kept. */
const keepDays = 400;
const dayMs = 86_400_000;

/** A value of a dimension: mail of a tag, to a provider, and so on. */
export interface OneValue {
  dimension: Exclude<Dimension, 'day' | 'hour'>;
  value: string;
}

/**
 * Counters of an account by a dimension, both days included; the busiest values first, days in their order. `only`: by
 * day, those of one value.
 */
export async function readStats(
  store: Store,
  accountId: number,
  of: { by: Dimension; fromDay: string; toDay: string; nowMs: number; only?: OneValue | null },
): Promise<{ value: string; counts: Counts }[]> {
  const sums = sql.raw(eventKinds.map((kind) => `sum(f.factor * ${kind}) AS ${kind}`).join(', '));
  const value =
    { day: sql`s.day`, hour: sql`s.day || s.value` }[of.by as string] ?? sql`coalesce(f.name, s.value)`;
  const inOrder = of.by === 'day' || of.by === 'hour';
  const order = inOrder ? sql`1` : sql`accepted DESC, delivered + bounced + deferred DESC, 1`;
  const days = keptDays(of.nowMs).filter((day) => day >= of.fromDay && day <= of.toDay);
  const [rows = []] = await batch(store.d1, [
    sql`SELECT ${value} AS name, ${sums} FROM json_each(${JSON.stringify(days)}) t
      CROSS JOIN (SELECT value->>'dimension' AS dimension, value->>'only' AS only, value->>'name' AS name,
        value->>'factor' AS factor FROM json_each(${JSON.stringify(counted(of.by, of.only ?? null))})) f
      CROSS JOIN stats s ON s.account_id = ${accountId} AND s.day = t.value AND s.dimension = f.dimension
        AND (f.only IS NULL OR s.value = f.only)
      GROUP BY 1 ORDER BY ${order} LIMIT 1000`,
  ]);
  const counters = rows.map((row) => ({ value: String(row.name), counts: countsOf(row) }));
  return of.by === 'stream'
    ? counters.filter(({ counts }) => Object.values(counts).some((count) => count !== 0))
    : counters;
}

/** Rows of which dimension are added up, and how often each. */
interface Counted {
  dimension: Dimension;
  /** Of this value alone. */
  only?: string;
  /** Under this name; left out: each under its own. */
  name?: string;
  factor: 1 | -1;
}

/** Of the default stream no counters are kept, so that it costs nothing: it is all mail without the other streams. */
const ofDefaultStream: Counted[] = [
  { dimension: 'day', name: defaultStream, factor: 1 },
  { dimension: 'stream', name: defaultStream, factor: -1 },
];

function counted(by: Dimension, only: OneValue | null): Counted[] {
  if (by === 'stream') return [{ dimension: by, factor: 1 }, ...ofDefaultStream];
  if (by !== 'day' || only === null) return [{ dimension: by, factor: 1 }];
  const { dimension, value } = only;
  if (dimension === 'stream' && value === defaultStream) return ofDefaultStream;
  return [{ dimension, only: value, factor: 1 }];
}

/** Days of which counters are kept, the last ones first; tomorrow is one, for clocks that are ahead. */
function keptDays(nowMs: number): string[] {
  return Array.from({ length: keepDays + 2 }, (_, i) => dayOf(nowMs + dayMs - i * dayMs));
}

/** Counters of one sending domain, both days included. */
export async function readDomainStats(
  store: Store,
  of: { accountId: number; domain: string; fromDay: string; toDay: string },
): Promise<Counts> {
  const sums = sql.raw(eventKinds.map((kind) => `sum(${kind}) AS ${kind}`).join(', '));
  const [[row = {}] = []] = await batch(store.d1, [
    sql`SELECT ${sums} FROM stats WHERE account_id = ${of.accountId} AND day BETWEEN ${of.fromDay} AND ${of.toDay}
      AND dimension = 'domain' AND value = ${of.domain}`,
  ]);
  return countsOf(row);
}

function countsOf(row: Record<string, unknown>): Counts {
  return Object.fromEntries(eventKinds.map((kind) => [kind, Number(row[kind] ?? 0)])) as Counts;
}

/**
 * Counters of sending domains, each from a day of its own (`20261121`) to the same one, both included; by `id`. Reads
 * a row a domain and day.
 */
export async function sumDomains(
  store: Store,
  of: readonly { id: number; accountId: number; name: string; fromDay: string }[],
  toMs: number,
): Promise<Map<number, Counts>> {
  const days = keptDays(toMs - dayMs);
  const asked = JSON.stringify(days.filter((day) => of.some(({ fromDay }) => fromDay <= day)));
  const sums = sql.raw(eventKinds.map((kind) => `sum(${kind}) AS ${kind}`).join(', '));
  const [rows = []] = await batch(store.d1, [
    sql`SELECT j.value->>'id' AS id, ${sums} FROM json_each(${JSON.stringify(of)}) j
      CROSS JOIN json_each(${asked}) t ON t.value >= j.value->>'fromDay'
      CROSS JOIN stats s ON s.account_id = j.value->>'accountId' AND s.day = t.value AND s.dimension = 'domain'
        AND s.value = j.value->>'name' GROUP BY 1`,
  ]);
  const found = new Map(rows.map((row) => [Number(row.id), countsOf(row)]));
  return new Map(of.map(({ id }) => [id, found.get(id) ?? countsOf({})]));
}

/** Hours are forgotten soon; a cron that was away for days leaves theirs to the end of the others. */
const hoursForgotten = 7;

/** Removes counters whose time is over, of the accounts after one up to another. */
export async function purgeStats(
  store: Store,
  { after, upTo }: { after: number; upTo: number },
  nowMs: number,
): Promise<void> {
  const hours = Array.from({ length: hoursForgotten }, (_, i) => dayOf(nowMs - (hourDays + i) * dayMs));
  const accounts = sql`account_id IN (SELECT id FROM accounts WHERE id > ${after} AND id <= ${upTo})`;
  await batch(store.d1, [
    sql`DELETE FROM stats WHERE ${accounts} AND day < ${dayOf(nowMs - keepDays * dayMs)}`,
    sql`DELETE FROM stats WHERE ${accounts} AND day IN (SELECT value FROM json_each(${JSON.stringify(hours)}))
      AND dimension = 'hour'`,
    sql`DELETE FROM search_words WHERE ${accounts} AND week < ${retainedWeeks(nowMs)[0] ?? ''}`,
    sql`DELETE FROM stats_progress WHERE account_id > ${after} AND account_id <= ${upTo}
      AND week < ${retainedWeeks(nowMs)[0] ?? ''}`,
  ]);
}
