import type { StepFailure } from './failures.ts';
import type { MxTarget } from './mx-order.ts';

/** An address that did not answer. */
interface Silence {
  /** When it was found out last, Unix ms. */
  atMs: number;
  text: string;
  /** One delivery may try it then. */
  probeAtMs: number;
  pauseMs: number;
  /** A delivery tries it now. */
  probed: boolean;
}

/**
 * `silent`: it did not answer a while ago, and somebody else finds out whether it does again; `probe`: this delivery
 * does, the first since the pause.
 */
export type Admission = 'open' | 'probe' | 'silent';

const firstPauseMs = 30_000;
const longestPauseMs = 10 * 60_000;
const mostSilent = 10_000;

/** Codes of a peer from which nothing came; a refusal is an answer, and costs no time. */
const silentCodes = new Set(['ETIMEDOUT', 'EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH']);

/**
 * Remembers the addresses that did not answer, so that a host that is down costs one delivery its time and not all. After
 * a pause of half a minute, doubled up to ten minutes while it stays silent, one delivery tries it again.
 */
export class SilentHosts {
  readonly #silent = new Map<string, Silence>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether the address is left alone now. */
  isSilent(address: string): boolean {
    return this.#silentNow(address) !== null;
  }

  /** A sentence that says why an address is left alone. */
  textOf({ host, address }: MxTarget): string {
    const known = this.#silent.get(address);
    if (!known) return `${host} [${address}] did not answer`;
    const seconds = Math.round((this.#now() - known.atMs) / 1000);
    return `${host} [${address}] did not answer ${seconds} s ago and is left alone for now: ${known.text}`;
  }

  #silentNow(address: string): Silence | null {
    const known = this.#silent.get(address);
    return known && (known.probed || this.#now() < known.probeAtMs) ? known : null;
  }

  /** Asked right before it is tried. After `probe`, `probed` is to be called whatever came of it. */
  admit(address: string): Admission {
    const known = this.#silent.get(address);
    if (!known) return 'open';
    if (this.#silentNow(address)) return 'silent';
    known.probed = true;
    return 'probe';
  }

  /** The delivery that tried it is done with it. */
  probed(address: string): void {
    const known = this.#silent.get(address);
    if (known) known.probed = false;
  }

  /** It was not the hosts' fault. */
  forget(): void {
    this.#silent.clear();
  }

  /** It greeted us. */
  answered(address: string): void {
    this.#silent.delete(address);
  }

  /** A connection could not be opened: it is silent when that was for want of an answer. */
  failed(address: string, failure: StepFailure): void {
    if (failure.reply !== null || failure.code === null || !silentCodes.has(failure.code)) return;
    const known = this.#silent.get(address);
    const nowMs = this.#now();
    // Those that were under way when the first found out say nothing new.
    const again = known?.probed;
    const pauseMs = again ? Math.min(known.pauseMs * 2, longestPauseMs) : (known?.pauseMs ?? firstPauseMs);
    this.#silent.delete(address);
    this.#silent.set(address, {
      atMs: nowMs,
      text: failure.message,
      probeAtMs: nowMs + pauseMs,
      pauseMs,
      probed: false,
    });
    const [oldest] = this.#silent.keys();
    if (this.#silent.size > mostSilent && oldest !== undefined) this.#silent.delete(oldest);
  }
}
