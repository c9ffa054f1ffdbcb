import { dayOfPhase, phases, warmingLimits, warmingRates } from '#domain/limits/warming.ts';
import { dayOf } from '#domain/message/home.ts';
import { uuidOfNumber } from '#domain/number-id.ts';
import { Problem } from '#domain/problem.ts';
import { newApp } from '../http/app.ts';
import { rowsOf, sees } from '../identity/rows.ts';
import { foldAccount } from '../store/fold.ts';
import { readDomainStats } from '../store/stats.ts';
import type { Store } from '../store/store.ts';
import { countersOf, type DomainUsage } from '../store/usage.ts';
import { findWarming } from '../store/warming.ts';
import { domainIdOf } from './domain-of.ts';

/** `GET /v1/domains/:id/warming`: how far a domain is warmed, what it may send and what it has sent. */
export const warmingApp = newApp();

warmingApp.get('/domains/:id/warming', async (c) => {
  const id = await domainIdOf(c);
  const rows = rowsOf(c);
  const { accountId } = rows;
  const nowMs = Date.now();
  const found = id === undefined ? null : await findWarming(c.get('store'), accountId, id, nowMs);
  if (!found || !sees(rows, found.usage.name))
    throw new Problem('not_found', `There is no domain ${(c.req.param('id') ?? '').slice(0, 64)}.`);
  if (!found.verified) {
    throw new Problem('conflict', `${found.usage.name} is not verified yet; warming begins when it is.`);
  }
  return c.json(await warmingView(c.get('store'), accountId, found.usage, nowMs));
});

/** The warming of a domain as its owner and the operator see it. */
export async function warmingView(store: Store, accountId: number, usage: DomainUsage, nowMs: number) {
  const { state, name, startedAtMs, phaseStartedAtMs } = usage;
  await foldAccount(store, accountId, nowMs);
  const of = { accountId, domain: name, toDay: dayOf(nowMs) };
  const counts = await readDomainStats(store, { ...of, fromDay: dayOf(phaseStartedAtMs) });
  const limits = warmingLimits(state, phaseStartedAtMs, nowMs);
  const counters = countersOf(usage, nowMs);
  const used = (type: string) => counters.find((counter) => counter.type === type)?.used ?? null;
  // Without limits nothing is counted at acceptance; the statistics know the day.
  const today = used('daily') ?? (await readDomainStats(store, { ...of, fromDay: of.toDay })).accepted;
  const inPhase = phases.some((phase) => phase.name === state);
  const rates = warmingRates(counts);
  return {
    domain_id: uuidOfNumber('domain', usage.domainId),
    domain: name,
    phase: state,
    warming_started_at: new Date(startedAtMs).toISOString(),
    phase_started_at: new Date(phaseStartedAtMs).toISOString(),
    days_in_current_phase: inPhase ? dayOfPhase(phaseStartedAtMs, nowMs) : null,
    current_limits: limits && {
      daily_limit: limits.daily,
      hourly_limit: limits.hourly,
      per_minute_limit: limits.minute,
    },
    today_sent: today,
    this_hour_sent: used('hourly'),
    remaining_today: limits && Math.max(0, limits.daily - today),
    remaining_this_hour: limits && Math.max(0, limits.hourly - (used('hourly') ?? 0)),
    metrics: {
      delivery_rate: rates?.delivery ?? null,
      bounce_rate: rates?.bounce ?? null,
      complaint_rate: rates?.complaint ?? null,
      delivered: counts.delivered,
      bounced: counts.bounced,
      complained: counts.complained,
    },
  };
}
