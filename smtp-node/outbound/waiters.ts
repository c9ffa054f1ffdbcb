import { classes, classOf, type MailClass } from '#domain/message/class.ts';

/** Who waits for something: the most urgent class first, and of a class who came first. */
export class Waiters<W extends { mailClass: MailClass }> {
  readonly #byRank: readonly Set<W>[] = classes.map(() => new Set());

  get size(): number {
    return this.#byRank.reduce((sum, waiters) => sum + waiters.size, 0);
  }

  /** How many wait for anything that is free, not for one of their class's share. */
  get ofFullShare(): number {
    return classes.reduce((sum, { rank, share }) => sum + (share === 1 ? this.#of(rank).size : 0), 0);
  }

  /** Nobody waits that is as urgent. */
  isNext(mailClass: MailClass): boolean {
    const { rank } = classOf(mailClass);
    return this.#byRank.every((waiters, i) => i > rank || waiters.size === 0);
  }

  add(waiter: W): void {
    this.#of(classOf(waiter.mailClass).rank).add(waiter);
  }

  delete(waiter: W): void {
    this.#of(classOf(waiter.mailClass).rank).delete(waiter);
  }

  /** Takes everybody out. */
  clear(): void {
    for (const waiters of this.#byRank) waiters.clear();
  }

  *[Symbol.iterator](): Iterator<W> {
    for (const waiters of this.#byRank) yield* waiters;
  }

  #of(rank: number): Set<W> {
    return this.#byRank[rank] ?? new Set();
  }
}
