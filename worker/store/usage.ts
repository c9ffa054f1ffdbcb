import { type SQL, sql } from 'drizzle-orm';
import { type Counter, type LimitType, windowOf } from '#domain/limits/rate-limit.ts';
import { type WarmingState, warmingLimits } from '#domain/limits/warming.ts';
import { weekOf } from '#domain/message/home.ts';
import * as control from '../../drizzle/schema/control.ts';
import { weekTables, withHomeTables } from './home-tables.ts';
import { batch } from './sql.ts';
import { errorText, type Store } from './store.ts';

/**
 * Counters of limits. Both kinds are kept by the statements that accept a message, in their transaction, and both
 * make the whole transaction fail when a limit would be passed, so they are exact whoever accepts at the same time:
 *
 * - of a domain that is being warmed: one row of `domain_warming`, whose CHECK constraints hold the limits;
 * - of an account: a running number in the row of the message itself (`rate_minute`, `rate_count`), which costs
 *   no row; where it would pass the limit it is NULL, which the column refuses.
 *
 * Clocks of isolates differ a little, so a window never goes back: a late one counts in the newer window.
 */

/** How far a domain is warmed, and what it has used. */
export interface DomainUsage {
  domainId: number;
  name: string;
  state: WarmingState;
  startedAtMs: number;
  phaseStartedAtMs: number;
  windows: Record<LimitType, { window: number; used: number }>;
}

/** A limit was reached by others at the same time; nothing was written. */
export class LimitReached extends Error {}

const columns = { daily: 'day', hourly: 'hour', minute: 'minute' } as const;
const types = ['daily', 'hourly', 'minute'] as const;

/** Usage of an account's domains by name. A domain without a row begins to be warmed when it was verified. */
export function selectUsage(account: SQL, domains: readonly string[]): SQL {
  return sql`SELECT d.id, d.name, d.verified_at_ms, w.* FROM ${control.domains} d
    LEFT JOIN ${control.domainWarming} w ON w.domain_id = d.id
    WHERE d.account_id = ${account} AND d.name IN (SELECT value FROM json_each(${JSON.stringify(domains)}))`;
}

export function usageOf(row: Record<string, unknown>, nowMs: number): DomainUsage {
  const verifiedAtMs = row.verified_at_ms === null ? nowMs : Number(row.verified_at_ms);
  const known = row.domain_id !== null;
  const counter = (type: LimitType) => ({
    window: Number(row[`${columns[type]}`] ?? 0),
    used: Number(row[`${columns[type]}_used`] ?? 0),
  });
  return {
    domainId: Number(row.id),
    name: String(row.name),
    state: known ? (row.state as WarmingState) : 'phase_1',
    startedAtMs: known ? Number(row.started_at_ms) : verifiedAtMs,
    phaseStartedAtMs: known ? Number(row.phase_started_at_ms) : verifiedAtMs,
    windows: { daily: counter('daily'), hourly: counter('hourly'), minute: counter('minute') },
  };
}

/** The domain's counters at a moment; empty when it is not limited. */
export function countersOf(usage: DomainUsage, nowMs: number): Counter[] {
  const limits = warmingLimits(usage.state, usage.phaseStartedAtMs, nowMs);
  if (!limits) return [];
  return types.map((type) => ({ type, limit: limits[type], used: usedOf(usage.windows[type], type, nowMs) }));
}

function usedOf(counter: { window: number; used: number }, type: LimitType, nowMs: number): number {
  return counter.window >= windowOf(type, nowMs) ? counter.used : 0;
}

/** Counts accepted recipients of a domain that is being warmed; fails the transaction over a limit. One row. */
export function countWarming(usage: DomainUsage, count: number, nowMs: number): SQL[] {
  const limits = warmingLimits(usage.state, usage.phaseStartedAtMs, nowMs);
  if (!limits || count === 0) return [];
  const of = (type: LimitType) => sql`${windowOf(type, nowMs)}, ${count}, ${limits[type]}`;
  const update = (type: LimitType) => {
    const column = columns[type];
    return sql.raw(
      `${column} = max(${column}, excluded.${column}), ${column}_limit = excluded.${column}_limit, ${column}_used = excluded.${column}_used + CASE WHEN ${column} >= excluded.${column} THEN ${column}_used ELSE 0 END`,
    );
  };
  return [
    sql`INSERT INTO domain_warming (domain_id, state, started_at_ms, phase_started_at_ms,
        day, day_used, day_limit, hour, hour_used, hour_limit, minute, minute_used, minute_limit)
      VALUES (${usage.domainId}, ${usage.state}, ${usage.startedAtMs}, ${usage.phaseStartedAtMs},
        ${of('daily')}, ${of('hourly')}, ${of('minute')})
      ON CONFLICT (domain_id) DO UPDATE SET ${update('daily')}, ${update('hourly')}, ${update('minute')}`,
  ];
}

/**
 * Values of `rate_minute` and `rate_count` of an account's next messages; the second is NULL over the limit.
 * @param earlier how many messages the same statement puts in before
 */
export function nextRate(
  messages: SQL,
  accountId: number,
  perMinute: number,
  nowMs: number,
  earlier: SQL,
): SQL {
  const minute = windowOf('minute', nowMs);
  const last = (column: SQL) =>
    sql`coalesce((SELECT ${column} FROM ${messages} WHERE account_id = ${accountId} ORDER BY seq DESC LIMIT 1), 0)`;
  const used = last(sql`CASE WHEN rate_minute >= ${minute} THEN rate_count ELSE 0 END`);
  return sql`max(${minute}, ${last(sql`rate_minute`)}), (SELECT CASE WHEN used + ${earlier} < ${perMinute} THEN used + ${earlier} + 1 END FROM (SELECT ${used} AS used))`;
}

/** True for the failure of a transaction that would have passed a limit. */
export function isLimitReached(error: unknown): boolean {
  return /CHECK constraint failed: warming_|NOT NULL constraint failed: messages_\w+\.rate_count/.test(
    errorText(error),
  );
}

/** What is used right now: of the account in this minute, and of domains. One round trip. */
export async function readUsage(
  store: Store,
  { accountId, domainsOf }: { accountId: number; domainsOf: number },
  domains: readonly string[],
  nowMs: number,
): Promise<{ accountUsed: number; domains: DomainUsage[] }> {
  const { messages } = weekTables(weekOf(nowMs));
  const [usage = [], [last] = []] = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [
      selectUsage(sql`${domainsOf}`, domains),
      sql`SELECT rate_minute AS minute, rate_count AS used FROM ${messages} WHERE account_id = ${accountId}
        ORDER BY seq DESC LIMIT 1`,
    ]),
  );
  return {
    accountUsed: last ? usedOf({ window: Number(last.minute), used: Number(last.used) }, 'minute', nowMs) : 0,
    domains: usage.map((row) => usageOf(row, nowMs)),
  };
}
