/** What will happen at a time. */
interface Entry {
  atMs: number;
  order: number;
  work: (() => unknown) | null;
}

const mostInMinute = 300_000;

/** Something that was set for a time and can be called off. */
export interface Appointment {
  cancel(): void;
}

/**
 * The virtual time of a run and all that will happen in it. Exactly one thing happens at a time: an entry is taken, its
 * own real I/O is awaited, everything that it made runnable runs to its end, and only then the next one is taken and
 * time jumps to it. So the order of a run depends on nothing but its seed.
 */
export class Clock {
  nowMs: number;
  /** How many things have happened. */
  turn = 0;
  #order = 0;
  #minute = 0;
  #inMinute = 0;
  readonly #heap: Entry[] = [];
  /** What an entry threw: a fault of the simulation or of a program's callback. */
  onError: (error: unknown) => void = (error) => {
    throw error;
  };

  constructor(startMs: number) {
    this.nowMs = startMs;
  }

  /** Has `work` done so much later; a promise that it gives is awaited before anything else happens. */
  after(delayMs: number, work: () => unknown): Appointment {
    return this.at(this.nowMs + Math.max(0, delayMs), work);
  }

  at(atMs: number, work: () => unknown): Appointment {
    const entry: Entry = { atMs: Math.max(atMs, this.nowMs), order: this.#order++, work };
    this.#push(entry);
    return {
      cancel: () => {
        entry.work = null;
      },
    };
  }

  /** How many entries wait. */
  get pending(): number {
    return this.#heap.length;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve);
    });
  }

  /** Lives on until that time, or until `done`. */
  async run(untilMs: number, done: () => boolean = () => false): Promise<void> {
    await settled();
    while (!done()) {
      const entry = this.#heap[0];
      if (!entry || entry.atMs > untilMs) {
        this.nowMs = Math.max(this.nowMs, untilMs);
        return;
      }
      this.#pop();
      const { work } = entry;
      if (!work) continue;
      this.nowMs = Math.max(this.nowMs, entry.atMs);
      this.turn += 1;
      this.#guard();
      try {
        const result = work();
        if (result instanceof Promise) await result;
      } catch (error) {
        this.onError(error);
      }
      await settled();
    }
  }

  /** Who does a hundred thousand things within a minute goes round in a circle. */
  #guard(): void {
    const minute = Math.floor(this.nowMs / 60_000);
    this.#inMinute = minute === this.#minute ? this.#inMinute + 1 : 0;
    this.#minute = minute;
    if (this.#inMinute === mostInMinute)
      this.onError(new Error('more happens within a minute than can: something goes round in a circle'));
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const above = heap[up];
      if (!above || before(above, entry)) break;
      heap[at] = above;
      at = up;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= heap.length) break;
      const [l, r] = [heap[left], heap[left + 1]];
      const next = r && l && before(r, l) ? left + 1 : left;
      const below = heap[next];
      if (!below || before(last, below)) break;
      heap[at] = below;
      at = next;
    }
    heap[at] = last;
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** Everything that is runnable has run: an immediate comes after all microtasks and ticks. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
