import type { Clock } from './clock.ts';
import type { Random } from './random.ts';

/** Where faults may strike. */
export const seams = ['d1', 'r2', 'queue', 'object', 'edge', 'hook', 'dns', 'disk', 'wake'] as const;
export type Seam = (typeof seams)[number];

/** A fault of one call. `after`: it took effect, and the answer is lost. */
export interface Fault {
  when: 'before' | 'after';
  text: string;
}

const words: Record<Seam, { before: readonly string[]; after: readonly string[] }> = {
  d1: {
    before: [
      'D1_ERROR: D1 DB is overloaded. Requests queued for too long.',
      'D1_ERROR: Network connection lost.',
    ],
    after: [
      'D1_ERROR: D1 DB reset because its code was updated.',
      'D1_ERROR: Network connection lost.',
      'D1_ERROR: Internal error in D1 DB storage caused object to be reset.',
    ],
  },
  r2: { before: ['R2: internal error (10001)'], after: ['R2: Network connection lost.'] },
  queue: { before: ['Queue sendBatch failed: Too Many Requests'], after: ['Network connection lost.'] },
  object: {
    before: ['Network connection lost.'],
    after: ['Durable Object reset because its code was updated.'],
  },
  edge: { before: ['connect ECONNREFUSED'], after: ['read ECONNRESET'] },
  hook: { before: ['Network connection lost.'], after: ['Network connection lost.'] },
  dns: { before: ['Network connection lost.'], after: ['Network connection lost.'] },
  disk: { before: ['ENOSPC: no space left on device, write'], after: ['EIO: i/o error, fdatasync'] },
  wake: { before: ['closed'], after: ['closed'] },
};

/** A time of faults at one seam. */
export interface Spell {
  seam: Seam;
  probability: number;
  forMs: number;
  /** How much slower answers are. */
  slowMs?: number;
}

const openingMs = 60_000;

/** Which faults strike now: nothing but spells, which are operations of the plan, and a small base rate. */
export class Weather {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #baseRate: number;
  /** The installation stands before its first trouble. */
  readonly #fromMs: number;
  #spells: { spell: Spell; untilMs: number }[] = [];
  #calmForGood = false;
  /** Faults that have struck, by seam. */
  readonly struck = new Map<string, number>();
  readonly #times: number[] = [];
  /** When the last spell of faults ended, or will end. */
  lastSpellMs: number;

  constructor(clock: Clock, random: Random, baseRate: number) {
    this.#clock = clock;
    this.#random = random;
    this.#baseRate = baseRate;
    this.#fromMs = clock.nowMs + openingMs;
    this.lastSpellMs = clock.nowMs;
  }

  begin(spell: Spell): void {
    if (this.#calmForGood) return;
    this.#spells.push({ spell, untilMs: this.#clock.nowMs + spell.forMs });
    this.lastSpellMs = Math.max(this.lastSpellMs, this.#clock.nowMs + spell.forMs);
  }

  /** No faults any more; what runs may come to its end. */
  calm(): void {
    this.#spells = [];
    this.#calmForGood = true;
  }

  /** Faults have stopped for good. */
  get isCalm(): boolean {
    return this.#calmForGood;
  }

  /** What strikes a call at this seam now; null: nothing. */
  draw(seam: Seam): Fault | null {
    const spell = this.#worst(seam);
    const isCalm = this.#calmForGood || this.#clock.nowMs < this.#fromMs;
    const probability = isCalm ? 0 : Math.max(spell?.probability ?? 0, this.#baseRate);
    if (!this.#random.chance(probability)) return null;
    this.note(seam);
    const when = this.#random.chance(0.5) ? 'before' : 'after';
    return { when, text: this.#random.pick(words[seam][when]) };
  }

  /** How long a way takes, milliseconds. */
  latencyMs(seam: Seam): number {
    const slow = this.#worst(seam)?.slowMs ?? 0;
    return 1 + this.#random.unit() * 5 + (slow > 0 ? this.#random.unit() * slow : 0);
  }

  /** True while a spell at this seam strikes every call. */
  isDown(seam: Seam): boolean {
    return (this.#worst(seam)?.probability ?? 0) >= 1;
  }

  note(seam: string): void {
    this.struck.set(seam, (this.struck.get(seam) ?? 0) + 1);
    this.#times.push(this.#clock.nowMs);
  }

  /** Whether any fault struck in that time. */
  struckBetween(fromMs: number, toMs: number): boolean {
    return this.#times.some((atMs) => atMs >= fromMs && atMs <= toMs);
  }

  get total(): number {
    return [...this.struck.values()].reduce((sum, count) => sum + count, 0);
  }

  #worst(seam: Seam): Spell | null {
    const nowMs = this.#clock.nowMs;
    if (this.#spells.length > 0) this.#spells = this.#spells.filter(({ untilMs }) => untilMs > nowMs);
    return this.#spells
      .map(({ spell }) => spell)
      .filter((spell) => spell.seam === seam)
      .reduce<Spell | null>(
        (worst, one) => (worst && worst.probability >= one.probability ? worst : one),
        null,
      );
  }
}
