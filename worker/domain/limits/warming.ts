/**
 * Warming: a new sending domain's volume grows by a table, so that receivers get to know it. Days are UTC days;
 * day 1 is the day on which the phase began.
 */
export const phases = [
  { name: 'phase_1', first: 50, last: 1_500 },
  { name: 'phase_2', first: 2_000, last: 10_000 },
  { name: 'phase_3', first: 15_000, last: 60_000 },
  { name: 'phase_4', first: 100_000, last: 200_000 },
] as const;
export const phaseDays = 14;

export type Phase = (typeof phases)[number]['name'];
/** `warmed`: the table is behind it. `off`: the operator does without. */
export type WarmingState = Phase | 'warmed' | 'off';
export const warmingStates = [
  'phase_1',
  'phase_2',
  'phase_3',
  'phase_4',
  'warmed',
  'off',
] as const satisfies readonly WarmingState[];

const dayMs = 86_400_000;

/** Recipients that may be accepted in a UTC day, hour and minute. */
export interface WarmingLimits {
  daily: number;
  hourly: number;
  minute: number;
}

/** The day of the phase, from 1. */
export function dayOfPhase(phaseStartedAtMs: number, nowMs: number): number {
  return Math.max(0, Math.floor(nowMs / dayMs) - Math.floor(phaseStartedAtMs / dayMs)) + 1;
}

/** The limits of a moment; null when there are none. After its days a phase that waits keeps its last limit. */
export function warmingLimits(
  state: WarmingState,
  phaseStartedAtMs: number,
  nowMs: number,
): WarmingLimits | null {
  const phase = phases.find(({ name }) => name === state);
  if (!phase) return null;
  const day = Math.min(dayOfPhase(phaseStartedAtMs, nowMs), phaseDays);
  const daily = Math.round(phase.first + ((phase.last - phase.first) * (day - 1)) / (phaseDays - 1));
  return {
    daily,
    hourly: Math.max(1, Math.floor(daily / 10)),
    minute: Math.max(1, Math.floor(daily / 250)),
  };
}

/** What became of a domain's mail. */
export interface WarmingCounts {
  delivered: number;
  bounced: number;
  expired: number;
  failed: number;
  complained: number;
}

/** Shares from 0 to 1; null when nothing has come to an end yet. */
export interface WarmingRates {
  delivery: number;
  bounce: number;
  complaint: number;
}

export function warmingRates(counts: WarmingCounts): WarmingRates | null {
  const ended = counts.delivered + counts.bounced + counts.expired + counts.failed;
  if (ended === 0) return null;
  return {
    delivery: counts.delivered / ended,
    bounce: counts.bounced / ended,
    complaint: counts.complained / Math.max(1, counts.delivered),
  };
}

/**
 * The state after whole days of a phase have been judged: a step on when its days are over and delivery is at
 * least 95 %, bounces at most 2 % and complaints at most 0.1 %; a step back (or the first phase anew) when
 * bounces are over 5 % or complaints over 0.3 %; else null: it goes on as it is.
 */
export function judgePhase(
  state: WarmingState,
  phaseStartedAtMs: number,
  counts: WarmingCounts,
  nowMs: number,
): WarmingState | null {
  const at = phases.findIndex(({ name }) => name === state);
  const rates = warmingRates(counts);
  if (at < 0 || !rates) return null;
  if (rates.bounce > 0.05 || rates.complaint > 0.003) return phases[Math.max(0, at - 1)]?.name ?? null;
  const over = dayOfPhase(phaseStartedAtMs, nowMs) > phaseDays;
  if (!over || rates.delivery < 0.95 || rates.bounce > 0.02 || rates.complaint > 0.001) return null;
  return phases[at + 1]?.name ?? 'warmed';
}
