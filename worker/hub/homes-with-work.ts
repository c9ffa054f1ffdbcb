/** A home that may have work, and what was known of it when it was asked for. */
export interface MayHaveWork {
  home: number;
  mark: string;
  /** The last lease found more there than a short look shows; it is worth a long one at once. */
  deep: boolean;
}

/**
 * Which homes may have due work: all at first, less those whose lease came back empty, more those that a wake is about. It
 * lives in memory: who forgets it asks all homes once more. A wake that comes while a lease looks is not forgotten with it.
 */
export class HomesWithWork {
  readonly #since = crypto.randomUUID();
  readonly #idle = new Set<number>();
  readonly #wakes = new Map<number, number>();
  readonly #deep = new Set<number>();

  /** There is work, or there will be right now. */
  told(homes: readonly number[]): void {
    for (const home of homes) {
      this.#idle.delete(home);
      this.#wakes.set(home, (this.#wakes.get(home) ?? 0) + 1);
    }
  }

  /** @param count how many homes there are */
  list(count: number): MayHaveWork[] {
    return Array.from({ length: count }, (_, home) => ({
      home,
      mark: this.#markOf(home),
      deep: this.#deep.has(home),
    })).filter(({ home }) => !this.#idle.has(home));
  }

  /** A lease that was begun with what `list` gave has found nothing there. */
  empty(homes: readonly MayHaveWork[]): void {
    for (const { home, mark } of homes) if (mark === this.#markOf(home)) this.#idle.add(home);
  }

  /** How much a lease has found in homes, where that is not what `list` said. */
  depth(homes: readonly Pick<MayHaveWork, 'home' | 'deep'>[]): void {
    for (const { home, deep } of homes) {
      if (deep) this.#deep.add(home);
      else this.#deep.delete(home);
    }
  }

  #markOf(home: number): string {
    return `${this.#since} ${this.#wakes.get(home) ?? 0}`;
  }
}
