/**
 * How many connections a host is given: halved when it says to slow down, raised by one after a whole window of
 * successes (additive increase, multiplicative decrease, as in TCP congestion control, RFC 5681 §3.1).
 */
export interface Throttle {
  limit: number;
  readonly max: number;
  /** Unix ms until which nothing new is begun; 0 when not paused. */
  pausedUntilMs: number;
  pauseMs: number;
  successes: number;
}

export const maxPauseMs = 5 * 60_000;

export function newThrottle(max: number): Throttle {
  return { limit: max, max, pausedUntilMs: 0, pauseMs: 0, successes: 0 };
}

/**
 * The state after a 421 or a reply that speaks of too much mail. Further ones during the pause are echoes of the
 * same burst and change nothing; one after it doubles the pause, up to five minutes.
 */
export function slowDown(throttle: Throttle, nowMs: number, firstPauseMs: number): Throttle {
  if (nowMs < throttle.pausedUntilMs) return throttle;
  const pauseMs = Math.min(throttle.pauseMs === 0 ? firstPauseMs : throttle.pauseMs * 2, maxPauseMs);
  return {
    ...throttle,
    limit: Math.max(1, Math.floor(throttle.limit / 2)),
    pauseMs,
    pausedUntilMs: nowMs + pauseMs,
    successes: 0,
  };
}

/** The state after a message was taken. */
export function speedUp(throttle: Throttle): Throttle {
  if (throttle.limit >= throttle.max && throttle.pauseMs === 0) return throttle;
  const successes = throttle.successes + 1;
  if (successes < throttle.limit) return { ...throttle, successes };
  const limit = Math.min(throttle.max, throttle.limit + 1);
  return { ...throttle, limit, pauseMs: limit === throttle.max ? 0 : throttle.pauseMs, successes: 0 };
}
