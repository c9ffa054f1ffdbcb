import { isIPv6 } from 'node:net';

export interface AddressLimitOptions {
  /** Open connections of one address. */
  connections: number;
  /** Failed logins of one address within `windowMs`. */
  failedLogins: number;
  windowMs?: number;
  now?: () => number;
}

interface Failures {
  count: number;
  untilMs: number;
}

const quarterHourMs = 15 * 60_000;
/** So many addresses are remembered for their failed logins; the oldest are forgotten first. */
const mostAddresses = 10_000;

/** Counts what one client address does, so that none takes all connections or guesses secrets at speed. */
export class AddressLimits {
  readonly #options: AddressLimitOptions;
  readonly #open = new Map<string, number>();
  readonly #failures = new Map<string, Failures>();

  constructor(options: AddressLimitOptions) {
    this.#options = options;
  }

  /** Counts a connection; false when the address has too many, and then it is not counted. */
  connect(address: string): boolean {
    const key = addressKey(address);
    const open = this.#open.get(key) ?? 0;
    if (open >= this.#options.connections) return false;
    this.#open.set(key, open + 1);
    return true;
  }

  /** A counted connection has ended. */
  disconnect(address: string): void {
    const key = addressKey(address);
    const open = (this.#open.get(key) ?? 0) - 1;
    if (open > 0) this.#open.set(key, open);
    else this.#open.delete(key);
  }

  /** True when the address has failed so often that further failures are answered late. */
  failsOften(address: string): boolean {
    const failures = this.#failures.get(addressKey(address));
    return (
      failures !== undefined && failures.untilMs > this.#now() && failures.count >= this.#options.failedLogins
    );
  }

  loginFailed(address: string): void {
    const key = addressKey(address);
    const nowMs = this.#now();
    const before = this.#failures.get(key);
    const failures =
      before && before.untilMs > nowMs
        ? before
        : { count: 0, untilMs: nowMs + (this.#options.windowMs ?? quarterHourMs) };
    failures.count += 1;
    this.#failures.delete(key);
    this.#failures.set(key, failures);
    const [oldest] = this.#failures.keys();
    if (oldest !== undefined && this.#failures.size > mostAddresses) this.#failures.delete(oldest);
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }
}

/** An IPv6 client has a whole /64 (RFC 6177), so that is what counts as its address. */
export function addressKey(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail ? tail.split(':') : [];
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  return [...left, ...Array.from({ length: zeros }, () => '0'), ...right].slice(0, 4).join(':');
}
