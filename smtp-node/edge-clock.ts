/**
 * The edge's clock, as far as it is known: leases end by it. Every answer of the edge sets it, and in between it goes on
 * with a clock that only runs forward, so that neither a wrong clock of the node nor one that is put right misjudges a lease.
 */
export class EdgeClock {
  readonly #sinceMs: () => number;
  /** What the edge's clock shows when the node's has run for no time. */
  #zeroMs: number;

  /** @param sinceMs a clock that only runs forward, from any time, milliseconds */
  constructor(sinceMs: () => number = () => performance.now()) {
    this.#sinceMs = sinceMs;
    this.#zeroMs = Date.now() - sinceMs();
  }

  nowMs(): number {
    return Math.round(this.#zeroMs + this.#sinceMs());
  }

  /** Milliseconds of the clock that only runs forward: for `set`. */
  markMs(): number {
    return this.#sinceMs();
  }

  /** @param askedMarkMs `markMs` when the edge was asked: it looked at its clock halfway between then and now */
  set(edgeNowMs: number, askedMarkMs: number): void {
    this.#zeroMs = edgeNowMs - (askedMarkMs + this.#sinceMs()) / 2;
  }
}
