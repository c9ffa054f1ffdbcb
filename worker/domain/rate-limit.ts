import { Problem } from './problem.ts';
import type { WarmingState } from './warming.ts';

/** Windows begin with the UTC day, hour and minute. */
export const windowMs = { daily: 86_400_000, hourly: 3_600_000, minute: 60_000 } as const;
export type LimitType = keyof typeof windowMs;

/** How much of a limit is used. */
export interface Counter {
  type: LimitType;
  limit: number;
  used: number;
}

/** The number of the window that holds a time. */
export function windowOf(type: LimitType, nowMs: number): number {
  return Math.floor(nowMs / windowMs[type]);
}

/** The first counter that `count` more would take over its limit, the longest window first; null when it fits. */
export function exceededBy(count: number, counters: readonly Counter[]): Counter | null {
  return counters.find(({ used, limit }) => used + count > limit) ?? null;
}

/** The refusal, with the fields that clients read (`Retry-After` included): until the window's end. */
export function rateLimited(
  { type, limit, used }: Counter,
  of: { who: string; what: string; count: number; warmingPhase: WarmingState | null },
  nowMs: number,
): Problem {
  const endMs = (windowOf(type, nowMs) + 1) * windowMs[type];
  const retryAfterSeconds = Math.max(1, Math.ceil((endMs - nowMs) / 1000));
  const span = { daily: 'a day', hourly: 'an hour', minute: 'a minute' }[type];
  const warming = of.warmingPhase ? ` while it is being warmed (${of.warmingPhase})` : '';
  // What is larger than the whole limit never fits, however long one waits.
  const next =
    of.count > limit
      ? `this message has ${of.count}: send smaller ones`
      : `try again in ${retryAfterSeconds} seconds`;
  const message = `${of.who} may send ${limit} ${of.what} ${span}${warming}, ${used} are used; ${next}.`;
  return new Problem('rate_limit_exceeded', message, {
    members: {
      error: 'rate_limit_exceeded',
      message,
      limit_type: type,
      limit,
      used,
      retry_after_seconds: retryAfterSeconds,
      warming_phase: of.warmingPhase,
    },
    headers: { 'Retry-After': String(retryAfterSeconds) },
  });
}
