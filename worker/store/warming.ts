import { and, eq, sql } from 'drizzle-orm';
import { dayOf } from '#domain/home.ts';
import { windowOf } from '#domain/rate-limit.ts';
import { judgePhase, type WarmingState } from '#domain/warming.ts';
import { domains, domainWarming } from '../../drizzle/schema/control.ts';
import { batch } from './sql.ts';
import { readDomainStats } from './stats.ts';
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

/**
 * Judges every phase once a UTC day by the whole days before it, statistics being up to date. A phase that is
 * entered begins with the day on which it is judged.
 */
export async function judgeWarming(store: Store, nowMs: number): Promise<void> {
  const today = windowOf('daily', nowMs);
  const [rows = []] = await batch(store.d1, [
    sql`SELECT d.account_id, d.id, d.name, d.verified_at_ms, w.* FROM ${domainWarming} w JOIN ${domains} d ON d.id = w.domain_id
      WHERE w.state NOT IN ('warmed', 'off') AND w.judged_day < ${today}`,
  ]);
  for (const row of rows) {
    const { domainId, name, state, phaseStartedAtMs } = usageOf(row, nowMs);
    const counts = await readDomainStats(store, {
      accountId: Number(row.account_id),
      domain: name,
      fromDay: dayOf(phaseStartedAtMs),
      toDay: dayOf(nowMs - dayMs),
    });
    const next = judgePhase(state, phaseStartedAtMs, counts, nowMs);
    // An operator's word in the meantime stands.
    await store.control
      .update(domainWarming)
      .set({ judgedDay: today, ...(next ? { state: next, phaseStartedAtMs: nowMs } : {}) })
      .where(
        and(
          eq(domainWarming.domainId, domainId),
          eq(domainWarming.state, state),
          eq(domainWarming.phaseStartedAtMs, phaseStartedAtMs),
        ),
      );
  }
}
