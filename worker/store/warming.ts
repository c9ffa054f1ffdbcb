import { type SQL, sql } from 'drizzle-orm';
import { windowOf } from '#domain/limits/rate-limit.ts';
import { judgePhase, type WarmingState } from '#domain/limits/warming.ts';
import { dayOf } from '#domain/message/home.ts';
import { domains, domainWarming, keptWarming } from '../../drizzle/schema/control.ts';
import { batch } from './sql.ts';
import { sumDomains } from './stats.ts';
import type { Store } from './store.ts';
import { type DomainUsage, usageOf } from './usage.ts';

const dayMs = 86_400_000;

/** A verified domain's warming; null when the account has no such domain, `verified` false before its begin. */
export async function findWarming(
  store: Store,
  accountId: number,
  domainId: number,
  nowMs: number,
): Promise<{ usage: DomainUsage; verified: boolean } | null> {
  const [[row] = []] = await batch(store.d1, [
    sql`SELECT d.id, d.name, d.verified_at_ms, w.* FROM ${domains} d
      LEFT JOIN ${domainWarming} w ON w.domain_id = d.id WHERE d.account_id = ${accountId} AND d.id = ${domainId}`,
  ]);
  if (!row) return null;
  return { usage: usageOf(row, nowMs), verified: row.domain_id !== null || row.verified_at_ms !== null };
}

/** The operator's word; a phase begins anew. What is used of the limits stays. */
export async function setWarming(
  store: Store,
  domainId: number,
  state: WarmingState,
  nowMs: number,
): Promise<void> {
  await store.control
    .insert(domainWarming)
    .values({ domainId, state, startedAtMs: nowMs, phaseStartedAtMs: nowMs })
    .onConflictDoUpdate({ target: domainWarming.domainId, set: { state, phaseStartedAtMs: nowMs } });
}

/** What is kept of a warming: all of its row but whose it is. */
const kept = [
  ...['state', 'started_at_ms', 'phase_started_at_ms', 'judged_day', 'day', 'day_used', 'day_limit'],
  ...['hour', 'hour_used', 'hour_limit', 'minute', 'minute_used', 'minute_limit'],
];

/** Keeps the warming of a domain that is being removed: removing it is no way to a fresh day. For its transaction. */
export function keepWarming(domainId: number): SQL {
  return sql`INSERT OR REPLACE INTO ${keptWarming} (account_id, name, warming)
    SELECT d.account_id, d.name, json_array(${sql.raw(kept.join(', '))}) FROM ${domains} d
    JOIN ${domainWarming} w ON w.domain_id = d.id WHERE d.id = ${domainId}`;
}

/** Gives a domain that is added again the warming that was kept. For its transaction, after the domain. */
export function bringBackWarming({ accountId, name }: { accountId: number; name: string }): SQL[] {
  const values = kept.map((_, i) => sql`k.warming->>${sql.raw(`'$[${i}]'`)}`);
  const of = sql`account_id = ${accountId} AND name = ${name}`;
  return [
    sql`INSERT INTO ${domainWarming} (domain_id, ${sql.raw(kept.join(', '))})
      SELECT (SELECT id FROM domains WHERE ${of}), ${sql.join(values, sql`, `)} FROM ${keptWarming} k WHERE ${of}`,
    sql`DELETE FROM ${keptWarming} WHERE ${of}`,
  ];
}

/** A domain whose phase is to be judged. */
interface Unjudged {
  accountId: number;
  usage: DomainUsage;
}

/** Domains that are judged at once; of an account that has more, the others are in the next round. */
const judgedAtOnce = 500;

/** Domains of the accounts after one up to another whose phase was not judged on this UTC day. */
export async function unjudged(
  store: Store,
  { after, most }: { after: number; most: number },
  nowMs: number,
): Promise<Unjudged[]> {
  const [rows = []] = await batch(store.d1, [
    sql`SELECT d.account_id, d.id, d.name, d.verified_at_ms, w.*
      FROM (SELECT id FROM accounts WHERE id > ${after} AND home = ${store.home} ORDER BY id LIMIT ${most}) a
      CROSS JOIN ${domains} d ON d.account_id = a.id CROSS JOIN ${domainWarming} w ON w.domain_id = d.id
      WHERE w.state NOT IN ('warmed', 'off') AND w.judged_day < ${windowOf('daily', nowMs)} LIMIT ${judgedAtOnce}`,
  ]);
  return rows.map((row) => ({ accountId: Number(row.account_id), usage: usageOf(row, nowMs) }));
}

/**
 * Judges phases by the whole UTC days before this one, the statistics of their accounts being up to date. A phase that
 * is entered begins with the day on which it is judged.
 */
export async function judgeWarming(store: Store, of: readonly Unjudged[], nowMs: number): Promise<void> {
  if (of.length === 0) return;
  const asked = of.map(({ accountId, usage: { domainId: id, name, phaseStartedAtMs } }) => ({
    id,
    accountId,
    name,
    fromDay: dayOf(phaseStartedAtMs),
  }));
  const sums = await sumDomains(store, asked, nowMs - dayMs);
  const judged = of.flatMap(({ usage: { domainId: id, state: was, phaseStartedAtMs: since } }) => {
    const counts = sums.get(id);
    return counts ? [{ id, was, since, next: judgePhase(was, since, counts, nowMs) }] : [];
  });
  // An operator's word in the meantime stands.
  await batch(store.d1, [
    sql`UPDATE domain_warming SET judged_day = ${windowOf('daily', nowMs)},
        state = coalesce(j.value->>'next', state),
        phase_started_at_ms = CASE WHEN j.value->>'next' IS NULL THEN phase_started_at_ms ELSE ${nowMs} END
      FROM json_each(${JSON.stringify(judged)}) j WHERE domain_id = j.value->>'id' AND state = j.value->>'was'
        AND phase_started_at_ms = j.value->>'since'`,
  ]);
}
