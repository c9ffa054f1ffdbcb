import { createHash, type Hash } from 'node:crypto';
import type { Clock } from './clock.ts';

/** What happened in a run, in its order; equal runs have equal hashes. */
export class History {
  readonly #clock: Clock;
  readonly #hash: Hash = createHash('sha256');
  readonly #kept: string[] = [];
  readonly #most: number;
  count = 0;

  /** @param most lines that are kept for a failure to be told with; the oldest are let go */
  constructor(clock: Clock, most = 400_000) {
    this.#clock = clock;
    this.#most = most;
  }

  add(line: string): void {
    this.#hash.update(this.note(line));
  }

  /** Keeps a line that is told of what happened, and is no part of it. */
  note(line: string): string {
    const text = `${new Date(this.#clock.nowMs).toISOString()} ${line}`;
    this.count += 1;
    this.#kept.push(text);
    if (this.#kept.length > 2 * this.#most) this.#kept.splice(0, this.#most);
    return text;
  }

  /** The newest lines that speak of one of the words. */
  about(words: readonly string[], most: number): string[] {
    return this.#kept.filter((line) => words.some((word) => line.includes(word))).slice(-most);
  }

  lines(): readonly string[] {
    return this.#kept;
  }

  digest(): string {
    return this.#hash.copy().digest('hex').slice(0, 24);
  }
}

/** A broken promise of the product. */
export class Violation extends Error {
  /** Number and name of the invariant. */
  readonly invariant: string;
  /** Ids that the history of it speaks of. */
  readonly about: readonly string[];

  constructor(invariant: string, message: string, about: readonly string[] = []) {
    super(message);
    this.invariant = invariant;
    this.about = about;
  }
}
