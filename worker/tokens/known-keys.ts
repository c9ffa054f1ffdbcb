/** How long a key that was let in passes the first look without being read again. */
const knownForMs = 60_000;
/** So many are remembered by an isolate; the oldest are forgotten first. */
const mostKeys = 10_000;

/**
 * Keys that were let in within the last minute, by hash and by what they were asked for. It decides only whether a
 * body is worth reading: whether a message is accepted is decided by what the database says in the same request.
 */
export class KnownKeys {
  readonly #untilMs = new Map<string, number>();

  has(key: string, nowMs: number): boolean {
    return (this.#untilMs.get(key) ?? 0) > nowMs;
  }

  add(key: string, nowMs: number): void {
    this.#untilMs.delete(key);
    this.#untilMs.set(key, nowMs + knownForMs);
    const [oldest] = this.#untilMs.keys();
    if (oldest !== undefined && this.#untilMs.size > mostKeys) this.#untilMs.delete(oldest);
  }

  delete(key: string): void {
    this.#untilMs.delete(key);
  }
}
