/** Refusals of one key that an isolate writes down in a minute. */
const mostAMinute = 20;
/** So many keys are remembered; the oldest are forgotten first. */
const mostKeys = 10_000;

/**
 * Bounds what a program that is refused again and again has us write: of one key some refusals a minute, of the others how
 * many they were.
 */
export class RefusalBudget {
  readonly #keys = new Map<string, { minute: number; written: number; leftOut: number }>();

  /** How many were left out since the last that was written down; null: leave this one out too. */
  take(key: string, nowMs: number): number | null {
    const minute = Math.floor(nowMs / 60_000);
    const before = this.#keys.get(key);
    const written = before?.minute === minute ? before.written : 0;
    const leftOut = before?.leftOut ?? 0;
    const fits = written < mostAMinute;
    this.#keys.delete(key);
    this.#keys.set(key, { minute, written: written + Number(fits), leftOut: fits ? 0 : leftOut + 1 });
    const [oldest] = this.#keys.keys();
    if (oldest !== undefined && this.#keys.size > mostKeys) this.#keys.delete(oldest);
    return fits ? leftOut : null;
  }
}
