import { sql } from 'drizzle-orm';
import { firstHome, homeOfNumber } from '#domain/message/home.ts';
import { isMoving, memoryOf } from './homes-memory.ts';
import { batch } from './sql.ts';
import { everyHome, type Store } from './store.ts';
import { systemAccountId } from './system-account.ts';

/**
 * Where things are: the home of an account, of a domain's name, of a number. With one home nothing is asked for it. What
 * is looked up in control is remembered by the isolate for a minute.
 */

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

/** The stores in which something of a number may be, the home that made the number first. */
export function storesOfNumber(store: Store, number: number): Store[] {
  const made = homeOfNumber(number);
  return everyHome(store).sort((a, b) => Number(b.home === made) - Number(a.home === made));
}

/** What the first home gives that has it, or has it still; null: none has. */
export async function inAnyHome<T>(
  stores: readonly Store[],
  look: (store: Store) => Promise<T | null>,
): Promise<T | null> {
  let left: unknown = null;
  for (const store of stores) {
    const found = await look(store).catch((error: unknown) => {
      if (!isMoving(error)) throw error;
      left = error;
      return null;
    });
    if (found !== null) return found;
  }
  if (left !== null) throw left;
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
