import { Problem } from '../problem.ts';
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

/** The refusal of mail that a limit does not let in: until the window's end, which is `endsMs` where it began otherwise. */
export function rateLimited(
  { type, limit, used }: Counter,
  of: { who: string; what: string; count: number; warmingPhase: WarmingState | null; endsMs?: number },
  nowMs: number,
): Problem {
  const endMs = of.endsMs ?? (windowOf(type, nowMs) + 1) * windowMs[type];
  const retryAfterSeconds = Math.max(1, Math.ceil((endMs - nowMs) / 1000));
  const span = { daily: 'a day', hourly: 'an hour', minute: 'a minute' }[type];
  const warming = of.warmingPhase ? ` while it is being warmed (${of.warmingPhase})` : '';
  // What is larger than the whole limit never fits, however long one waits.
  const next =
    of.count > limit
      ? `this message has ${of.count}: send smaller ones`
      : `try again in ${retryAfterSeconds} seconds`;
  const message = `${of.who} may send ${limit} ${of.what} ${span}${warming}, ${used} are used; ${next}.`;
  return limitProblem({ type, limit, used }, message, retryAfterSeconds, of.warmingPhase);
}

/** How often the records of a domain are looked at because somebody asks: each time is some forty DNS queries. */
export const verificationLimits = [
  { type: 'minute', limit: 10 },
  { type: 'hourly', limit: 60 },
] as const satisfies readonly { type: LimitType; limit: number }[];

/** The refusal of one look too many. @param endsMs when the window ends that began with the first */
export function verifiedTooOften(
  domain: string,
  { type, limit }: (typeof verificationLimits)[number],
  { endsMs, nowMs }: { endsMs: number; nowMs: number },
): Problem {
  const seconds = Math.max(1, Math.ceil((endsMs - nowMs) / 1000));
  const span = type === 'minute' ? 'a minute' : 'an hour';
  const message = `The records of ${domain} are looked at ${limit} times ${span} at most; try again in ${seconds} seconds. They are also looked at by themselves, and DNS takes a while to tell of a change.`;
  return limitProblem({ type, limit, used: limit }, message, seconds, null);
}

/** How often domains are added to an account, and how many it may have: each is looked at again and again by itself. */
export const domainLimits = [
  { type: 'minute', limit: 10 },
  { type: 'hourly', limit: 60 },
] as const satisfies readonly { type: LimitType; limit: number }[];
export const mostDomains = 1000;

/** The refusal of one domain too many. @param endsMs when the window ends that began with the first */
export function addedTooOften(
  { type, limit }: (typeof domainLimits)[number],
  { endsMs, nowMs }: { endsMs: number; nowMs: number },
): Problem {
  const seconds = Math.max(1, Math.ceil((endsMs - nowMs) / 1000));
  const span = type === 'minute' ? 'a minute' : 'an hour';
  const message = `At most ${limit} domains ${span} are added to an account; try again in ${seconds} seconds.`;
  return limitProblem({ type, limit, used: limit }, message, seconds, null);
}

/** With the fields that clients read, `Retry-After` included. */
function limitProblem(
  { type, limit, used }: Counter,
  message: string,
  retryAfterSeconds: number,
  warmingPhase: WarmingState | null,
): Problem {
  return new Problem('rate_limit_exceeded', message, {
    members: {
      error: 'rate_limit_exceeded',
      message,
      limit_type: type,
      limit,
      used,
      retry_after_seconds: retryAfterSeconds,
      warming_phase: warmingPhase,
    },
    headers: { 'Retry-After': String(retryAfterSeconds) },
  });
}
