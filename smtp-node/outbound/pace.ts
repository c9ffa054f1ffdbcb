const minuteMs = 60_000;

/** How often something may begin: evenly, with what one second has in store (a token bucket). */
export class Pace {
  readonly perMinute: number;
  readonly #most: number;
  #tokens: number;
  #atMs: number;

  /** @param perMinute more than 0 */
  constructor(perMinute: number, nowMs: number) {
    this.perMinute = perMinute;
    this.#most = Math.max(1, perMinute / 60);
    this.#tokens = this.#most;
    this.#atMs = nowMs;
  }

  /** Whether one may begin now; then it has begun. */
  take(nowMs: number): boolean {
    const passedMs = Math.max(0, nowMs - this.#atMs);
    this.#tokens = Math.min(this.#most, this.#tokens + (passedMs / minuteMs) * this.perMinute);
    this.#atMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** How long until the next one may begin, ms from when `take` was last asked. */
  waitMs(nowMs: number): number {
    const missing = Math.max(0, 1 - this.#tokens);
    return Math.max(0, Math.ceil((missing * minuteMs) / this.perMinute) - (nowMs - this.#atMs));
  }
}
