import { knownForMs } from '#domain/account-move.ts';
import { errorText, type Store } from './store.ts';

/** What an isolate has found out of homes, for a minute. */

const mostRemembered = 10_000;

/** Homes by a name, of the last minute. */
class Remembered<K> {
  readonly #homes = new Map<K, { home: number; untilMs: number }>();

  get(name: K, nowMs: number): number | null {
    const known = this.#homes.get(name);
    return known && known.untilMs > nowMs ? known.home : null;
  }

  set(name: K, home: number, nowMs: number): void {
    this.#homes.delete(name);
    this.#homes.set(name, { home, untilMs: nowMs + knownForMs });
    const [oldest] = this.#homes.keys();
    if (oldest !== undefined && this.#homes.size > mostRemembered) this.#homes.delete(oldest);
  }
}

interface Memory {
  accounts: Remembered<number>;
  domains: Remembered<string>;
  /** Where accounts live now that have lived in a home before; null: not asked yet. */
  goals: { byHome: ReadonlyMap<number, readonly number[]>; atMs: number } | null;
}

/** By the binding of control, so that it lives as long as the isolate has it. */
const memories = new WeakMap<D1Database, Memory>();

export function memoryOf({ first: { binding } }: Store): Memory {
  const known = memories.get(binding);
  if (known) return known;
  const made: Memory = { accounts: new Remembered(), domains: new Remembered(), goals: null };
  memories.set(binding, made);
  return made;
}

/** Asks control again for whatever was found out. */
export function forgetHomes({ first: { binding } }: Store): void {
  memories.delete(binding);
}

/** What a database says, by its triggers, of an account that is about to leave it or has left. */
export const movingText = 'account is being moved to another home';

/** An account has left the home in which it was looked for. */
export class MovedAway extends Error {
  constructor() {
    super(movingText);
  }
}

/** Something was asked of a home that its account is about to leave, or has left. */
export function isMoving(error: unknown): boolean {
  return errorText(error).includes(movingText);
}

/** Does the work; where an account has left the home in which it was looked for, once more with what control says now. */
export async function withHomes<T>(store: Store, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isMoving(error)) throw error;
    forgetHomes(store);
    return await work();
  }
}

/** Does the work, and once more with what control says now where it has not found what it looked for. */
export async function sureOfHomes<T>(
  store: Store,
  work: () => Promise<T>,
  isFound: (result: T) => boolean,
): Promise<T> {
  const result = await withHomes(store, work);
  if (store.homes === 1 || isFound(result)) return result;
  forgetHomes(store);
  return await work();
}
