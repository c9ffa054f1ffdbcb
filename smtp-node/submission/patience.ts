import { addressKey } from './address-limits.ts';

const dayMs = 86_400_000;
const mostAddresses = 10_000;

/**
 * Remembers which clients waited for the greeting, as they must (RFC 5321 §4.3.1). smtp-server greets late to catch
 * those that do not; who has waited once is greeted at once for a day, as Postfix's postscreen(8) does it with its
 * PREGREET test. An address that talks early has to wait again.
 */
export class Patience {
  readonly #waited = new Map<string, number>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  has(address: string): boolean {
    return (this.#waited.get(addressKey(address)) ?? 0) > this.#nowMs();
  }

  /** It said nothing for the whole time before its greeting. */
  waited(address: string): void {
    const key = addressKey(address);
    this.#waited.delete(key);
    this.#waited.set(key, this.#nowMs() + dayMs);
    const [oldest] = this.#waited.keys();
    if (this.#waited.size > mostAddresses && oldest !== undefined) this.#waited.delete(oldest);
  }

  talkedEarly(address: string): void {
    this.#waited.delete(addressKey(address));
  }
}
