/** So many destinations in a row, none of which answered, are no chance. */
const suspicious = 3;
const firstPauseMs = 10_000;
const longestPauseMs = 15 * 60_000;

/** Whether a delivery goes by port 25: as always, to find out whether it has opened, or not. */
export type Passage = 'open' | 'probe' | 'closed';

/**
 * Whether our own port 25 seems to be open: many networks let nothing out there, and then every MX looks dead. Known from
 * destinations that did not answer, one after the other, with none between that did. While it seems closed, only one delivery at a
 * time finds out whether it has opened, after ever longer pauses; those that have another transport take that at once.
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

  /** How a delivery that could go another way should take this one. */
  passage(): Passage {
    if (!this.seemsClosed) return 'open';
    if (this.#now() < this.#askAgainMs) return 'closed';
    this.#askAgainMs = this.#now() + this.#pauseMs;
    return 'probe';
  }

  answered(): void {
    this.#silent.clear();
    this.#pauseMs = firstPauseMs;
  }

  /** Nobody at this destination answered. Of those that were under way already when it closed, none makes the pause longer. */
  wasSilent(destination: string, passage: Passage): void {
    const known = this.seemsClosed;
    if (this.#silent.size < suspicious) this.#silent.add(destination);
    if (!this.seemsClosed) return;
    if (passage === 'probe') this.#pauseMs = Math.min(longestPauseMs, this.#pauseMs * 2);
    if (passage === 'probe' || !known) this.#askAgainMs = this.#now() + this.#pauseMs;
  }
}
