/**
 * Lets so many pieces of work run at a time; of those that wait the most urgent is next, in the order in which they
 * came. For work that keeps a thread busy: begun all at once, it would all end at the same late time.
 */
export class Turns {
  readonly #waiting: { rank: number; begin: () => void }[] = [];
  #free: number;

  constructor(width = 1) {
    this.#free = width;
  }

  /**
   * Runs `work` when it is its turn.
   * @param rank the smaller, the more urgent
   */
  async take<T>(rank: number, work: () => Promise<T>): Promise<T> {
    if (this.#free === 0) await new Promise<void>((begin) => this.#wait(rank, begin));
    else this.#free--;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      // The turn is handed on: nobody who comes meanwhile finds it free.
      if (next) next.begin();
      else this.#free++;
    }
  }

  #wait(rank: number, begin: () => void): void {
    const before = this.#waiting.findIndex((other) => other.rank > rank);
    this.#waiting.splice(before === -1 ? this.#waiting.length : before, 0, { rank, begin });
  }
}
