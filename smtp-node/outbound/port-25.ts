/** So many destinations in a row, none of which answered, are no chance. */
const suspicious = 3;
const firstPauseMs = 60_000;
const longestPauseMs = 15 * 60_000;

/**
 * Whether our own port 25 seems to be open: many networks let nothing out there, and then every MX looks dead. Known from
 * destinations that did not answer, one after the other, with none between that did. While it seems closed, only one delivery at a
 * time finds out whether it has opened; those that have another transport take that at once.
 */
export class Port25 {
  readonly #now: () => number;
  readonly #silent = new Set<string>();
  #pauseMs = firstPauseMs;
  #askAgainMs = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  get seemsClosed(): boolean {
    return this.#silent.size >= suspicious;
  }

  /** Whether a delivery that could go another way should try this one. */
  admits(): boolean {
    if (!this.seemsClosed) return true;
    if (this.#now() < this.#askAgainMs) return false;
    this.#askAgainMs = this.#now() + this.#pauseMs;
    return true;
  }

  answered(): void {
    this.#silent.clear();
    this.#pauseMs = firstPauseMs;
  }

  /** Nobody at this destination answered. */
  wasSilent(destination: string): void {
    const known = this.seemsClosed;
    if (this.#silent.size < suspicious) this.#silent.add(destination);
    if (!this.seemsClosed) return;
    if (known) this.#pauseMs = Math.min(longestPauseMs, this.#pauseMs * 2);
    this.#askAgainMs = this.#now() + this.#pauseMs;
  }
}
