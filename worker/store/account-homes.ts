import { sql } from 'drizzle-orm';
import { firstHome, homeOf, homeOfNumber } from '#domain/message/home.ts';
import { isUuidV7, type MessageId } from '#domain/message/ids.ts';
import { batch } from './sql.ts';
import { everyHome, type Store } from './store.ts';
import { systemAccountId } from './system-account.ts';

/**
 * Where things are: the home of an account, of a message, of a domain's name. With one home nothing is asked for it. What
 * is looked up in control is remembered by the isolate for a minute.
 */

const rememberedForMs = 60_000;
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
    this.#homes.set(name, { home, untilMs: nowMs + rememberedForMs });
    const [oldest] = this.#homes.keys();
    if (oldest !== undefined && this.#homes.size > mostRemembered) this.#homes.delete(oldest);
  }
}

/** By the binding of control, so that it lives as long as the isolate has it. */
const memories = new WeakMap<D1Database, { accounts: Remembered<number>; domains: Remembered<string> }>();

function memoryOf({ first: { binding } }: Store) {
  const known = memories.get(binding);
  if (known) return known;
  const made = { accounts: new Remembered<number>(), domains: new Remembered<string>() };
  memories.set(binding, made);
  return made;
}

/** The store of an account's home. */
export async function storeOfAccount(store: Store, accountId: number): Promise<Store> {
  return (await storesOfAccounts(store, [accountId])).get(accountId) ?? store.first;
}

/** The stores of accounts' homes; one round trip for those that are not remembered. Who is not there is at the first. */
export async function storesOfAccounts(
  store: Store,
  accountIds: readonly number[],
): Promise<Map<number, Store>> {
  if (store.homes === 1) return new Map(accountIds.map((id) => [id, store.first]));
  const nowMs = Date.now();
  const { accounts } = memoryOf(store);
  const found = new Map<number, Store>();
  const unknown: number[] = [];
  for (const id of new Set(accountIds)) {
    const home = id === systemAccountId ? firstHome : accounts.get(id, nowMs);
    if (home === null) unknown.push(id);
    else found.set(id, store.at(home));
  }
  if (unknown.length > 0) {
    const [rows = []] = await batch(store.first.d1, [
      sql`SELECT id, home FROM accounts WHERE id IN (SELECT value FROM json_each(${JSON.stringify(unknown)}))`,
    ]);
    for (const row of rows) {
      const [id, home] = [Number(row.id), Number(row.home)];
      accounts.set(id, home, nowMs);
      found.set(id, store.at(home));
    }
  }
  return found;
}

/** Things by the store of their account's home. */
export async function byHomeOfAccount<T>(
  store: Store,
  things: readonly T[],
  accountIdOf: (thing: T) => number,
): Promise<[Store, T[]][]> {
  const stores = await storesOfAccounts(store, things.map(accountIdOf));
  return [...Map.groupBy(things, (thing) => stores.get(accountIdOf(thing)) ?? store.first)];
}

/** The store of a message's home, which its id tells; null: there is no such home. */
export function storeOfMessage(store: Store, messageId: MessageId): Store | null {
  if (store.homes === 1) return store.first;
  if (!isUuidV7(messageId)) return null;
  const { shard } = homeOf(messageId);
  return shard < store.homes ? store.at(shard) : null;
}

/** What points at messages, by the store of its home. What points at none is left out. */
export function byHomeOfMessage<T>(
  store: Store,
  refs: readonly T[],
  messageIdOf: (ref: T) => MessageId,
): [Store, T[]][] {
  const homes = Map.groupBy(refs, (ref) => storeOfMessage(store, messageIdOf(ref)));
  return [...homes].flatMap(([home, own]) => (home === null ? [] : [[home, own]]));
}

/** The stores in which something of a number may be, the home that made the number first. */
export function storesOfNumber(store: Store, number: number): Store[] {
  const made = homeOfNumber(number);
  return everyHome(store).sort((a, b) => Number(b.home === made) - Number(a.home === made));
}

/** What the first home gives that has it; null: none has. */
export async function inAnyHome<T>(
  stores: readonly Store[],
  look: (store: Store) => Promise<T | null>,
): Promise<T | null> {
  for (const store of stores) {
    const found = await look(store);
    if (found !== null) return found;
  }
  return null;
}

/**
 * The stores of homes in which an account has verified a domain, by the names of domains. Names that nobody has verified
 * are at the first, which knows nothing of them.
 */
export async function storesOfDomains(store: Store, names: readonly string[]): Promise<Map<string, Store>> {
  if (store.homes === 1) return new Map(names.map((name) => [name, store.first]));
  const nowMs = Date.now();
  const { domains } = memoryOf(store);
  const found = new Map<string, Store>();
  const unknown: string[] = [];
  for (const name of new Set(names)) {
    const home = domains.get(name, nowMs);
    if (home === null) unknown.push(name);
    else found.set(name, store.at(home));
  }
  if (unknown.length > 0) {
    const [rows = []] = await batch(store.first.d1, [
      sql`SELECT name, home FROM domain_homes WHERE name IN (SELECT value FROM json_each(${JSON.stringify(unknown)}))`,
    ]);
    for (const row of rows) {
      const [name, home] = [String(row.name), Number(row.home)];
      domains.set(name, home, nowMs);
      found.set(name, store.at(home));
    }
    // Not remembered: somebody may verify it at any moment.
    for (const name of unknown) if (!found.has(name)) found.set(name, store.first);
  }
  return found;
}
