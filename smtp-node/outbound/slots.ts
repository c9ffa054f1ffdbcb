import { classNames, type MailClass } from '#domain/message/class.ts';

/** Deliveries that may wait for a peer, for each slot: each has a socket and, when it is small, its message. */
const mostWaitingPerSlot = 10;
/** From this part of them on, no delivery is given long to reach its peer. */
const crowdedFrom = 0.3;

/** One delivery's hold on a slot. */
export interface Hold {
  /** True: it waits for a peer or its turn, and holds no slot meanwhile. */
  waits(waiting: boolean): void;
  end(): void;
}

/** How many deliveries may be begun: in all, and of other classes than `priority`. */
export interface Room {
  all: number;
  other: number;
}

/**
 * What a node is at work on. A slot is held while something is done for a delivery, not while a peer is waited for:
 * so hosts that are dead or slow, however many they are, take nothing from the others. Some slots are for `priority`
 * alone.
 */
export class Slots {
  readonly #count: number;
  readonly #working = new Map<MailClass, number>();
  #waiting = 0;
  /** What leases under way may bring. */
  readonly #asked: Room = { all: 0, other: 0 };

  constructor(count: number) {
    this.#count = count;
  }

  /** Slots that only `priority` may have. */
  get urgent(): number {
    return Math.ceil(this.#count / 8);
  }

  working(mailClass: MailClass): number {
    return this.#working.get(mailClass) ?? 0;
  }

  get areFull(): boolean {
    return this.#allWorking >= this.#count;
  }

  /** Very many deliveries wait for their peers. */
  get areCrowded(): boolean {
    return this.#waiting > this.#count * mostWaitingPerSlot * crowdedFrom;
  }

  get room(): Room {
    const all = Math.max(0, this.#count - this.#allWorking - this.#asked.all);
    if (this.#waiting >= this.#count * mostWaitingPerSlot) return { all, other: 0 };
    const others = this.#allWorking - this.working('priority');
    return { all, other: Math.max(0, Math.min(all, this.#mostOther - others - this.#asked.other)) };
  }

  /** Enough is free that a lease is worth its request. */
  get worthAsking(): boolean {
    return this.room.other * 4 >= this.#mostOther;
  }

  get #mostOther(): number {
    return this.#count === 1 ? 1 : this.#count - this.urgent;
  }

  /** A lease is under way that may bring so much. Gives what ends that. */
  ask({ all, other }: Room): () => void {
    this.#asked.all += all;
    this.#asked.other += other;
    return () => {
      this.#asked.all -= all;
      this.#asked.other -= other;
    };
  }

  /** @param onFree told when the delivery does not hold its slot any more, for now or for good */
  begin(mailClass: MailClass, onFree: () => void): Hold {
    let state: 'working' | 'waiting' | 'over' = 'working';
    const count = (by: number) => this.#working.set(mailClass, this.working(mailClass) + by);
    count(1);
    const become = (next: typeof state) => {
      // What goes on of an attempt that was given up changes nothing.
      if (state === 'over' || state === next) return;
      if (state === 'working') count(-1);
      else this.#waiting -= 1;
      if (next === 'working') count(1);
      if (next === 'waiting') this.#waiting += 1;
      state = next;
      if (next !== 'working') onFree();
    };
    return { waits: (waiting) => become(waiting ? 'waiting' : 'working'), end: () => become('over') };
  }

  get #allWorking(): number {
    return classNames.reduce((sum, name) => sum + this.working(name), 0);
  }
}
