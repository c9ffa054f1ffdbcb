/** How long a key that was let in passes the first look without being read again. */
const knownForMs = 60_000;
/** So many are remembered by an isolate; the oldest are forgotten first. */
const mostKeys = 10_000;

/**
 * Keys that were let in within the last minute, by hash and by what they were asked for, with the home in which their account
 * was. It decides only whether a body is worth reading, and where to ask: whether a message is accepted is decided by what
 * the database says in the same request.
 */
export class KnownKeys {
  readonly #known = new Map<string, { home: number; untilMs: number }>();

  /** The home; null: it is not known. */
  get(key: string, nowMs: number): number | null {
    const known = this.#known.get(key);
    return known && known.untilMs > nowMs ? known.home : null;
  }

  set(key: string, home: number, nowMs: number): void {
    this.#known.delete(key);
    this.#known.set(key, { home, untilMs: nowMs + knownForMs });
    const [oldest] = this.#known.keys();
    if (oldest !== undefined && this.#known.size > mostKeys) this.#known.delete(oldest);
  }

  delete(key: string): void {
    this.#known.delete(key);
  }
}
