import { shareOf } from '#domain/message/class.ts';

/** So long after an attempt at `priority` mail began, more of it is likely to come. */
const urgentForMs = 3000;
/** Meanwhile digests are asked for no oftener than that where the edge has some, a quarter of their share at once. */
const besideUrgentEveryMs = 150;
const besideUrgentShare = 0.25;

/**
 * How many digests a node has under way, and when it may ask for more: as many and as often as there is room for, but
 * sips beside urgent mail. Digests by the hundred keep edge and node busy, and what is urgent would wait behind them in
 * both.
 */
export class DigestPace {
  readonly #share: number;
  readonly #onOpen: () => void;
  readonly #nowMs: () => number;
  #urgentAtMs = Number.NEGATIVE_INFINITY;
  #givenAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;

  /**
   * @param slots deliveries of all classes at once
   * @param onOpen told when digests may be asked for again that had to wait
   */
  constructor(slots: number, onOpen: () => void, nowMs: () => number = () => performance.now()) {
    this.#share = shareOf('digest', slots);
    this.#onOpen = onOpen;
    this.#nowMs = nowMs;
  }

  /** Digests under way at once, now. */
  get most(): number {
    return this.#isUrgent ? Math.ceil(this.#share * besideUrgentShare) : this.#share;
  }

  /** Digests may be asked for. */
  get isOpen(): boolean {
    return this.#waitMs <= 0;
  }

  urgentBegan(): void {
    this.#urgentAtMs = this.#nowMs();
    this.#openLater();
  }

  /** The edge had digests. Where it had none, asking for them beside the rest costs nothing. */
  given(): void {
    this.#givenAtMs = this.#nowMs();
    this.#openLater();
  }

  get #isUrgent(): boolean {
    return this.#nowMs() - this.#urgentAtMs < urgentForMs;
  }

  get #waitMs(): number {
    return this.#isUrgent ? this.#givenAtMs + besideUrgentEveryMs - this.#nowMs() : 0;
  }

  #openLater(): void {
    if (this.#timer || this.isOpen) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (this.isOpen) this.#onOpen();
      else this.#openLater();
    }, this.#waitMs);
    this.#timer.unref();
  }
}
