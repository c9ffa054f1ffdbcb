/**
 * Pauses between tries that failed: they double from `firstMs` to `mostMs`, each drawn evenly from its upper
 * half, so that nodes that lost the same edge do not come back together.
 */
export class Backoff {
  readonly #firstMs: number;
  readonly #mostMs: number;
  readonly #random: () => number;
  #failures = 0;

  constructor(firstMs: number, mostMs: number, random: () => number = Math.random) {
    this.#firstMs = firstMs;
    this.#mostMs = mostMs;
    this.#random = random;
  }

  /** A try failed: how long to wait before the next, milliseconds. */
  nextMs(): number {
    const fullMs = Math.min(this.#mostMs, this.#firstMs * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    return fullMs * (0.5 + 0.5 * this.#random());
  }

  /** A try succeeded. */
  reset(): void {
    this.#failures = 0;
  }
}
