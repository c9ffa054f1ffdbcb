import { type SQL, sql } from 'drizzle-orm';
import { firstHome } from '#domain/message/home.ts';
import { storesOfDomains } from './account-homes.ts';
import { batch } from './sql.ts';
import { errorText, isUniqueViolation, type Store } from './store.ts';

/**
 * One account at a time has a domain verified, in whichever home it lives. Within a home an index sees to that; between
 * homes control does: it holds the names that other homes have verified, and its own domains are the first home's. A name
 * is claimed before it is verified and released after it is not any more; what is left over is released by cron.
 */

/** Thrown when an account of another home has verified a name. */
class NameTaken extends Error {}

/** A clash with a name that another account has verified, here or in another home, or that the account has already. */
export function isTaken(error: unknown): boolean {
  return (
    error instanceof NameTaken ||
    isUniqueViolation(error, 'domains') ||
    /NOT NULL constraint failed: domain_homes\.home/.test(errorText(error))
  );
}

/**
 * Claims a name for an account that is about to have it verified. Costs nothing with one home.
 * @returns what has to be in the transaction that makes it verified
 * @throws an error that `isTaken` tells, when another home has it
 */
export async function claimName(
  store: Store,
  { name, accountId }: { name: string; accountId: number },
): Promise<SQL[]> {
  if (store.homes === 1) return [];
  if (store.home === firstHome) {
    // Fails where there is such a row.
    return [sql`UPDATE domain_homes SET home = NULL WHERE name = ${name}`];
  }
  const [, [row] = []] = await batch(store.first.d1, [
    sql`INSERT INTO domain_homes (name, home, account_id) SELECT ${name}, ${store.home}, ${accountId}
      WHERE NOT EXISTS (SELECT 1 FROM domains WHERE name = ${name} AND status = 'verified')
      ON CONFLICT (name) DO UPDATE SET home = excluded.home WHERE domain_homes.account_id = excluded.account_id`,
    sql`SELECT 1 AS own FROM domain_homes WHERE name = ${name} AND account_id = ${accountId}`,
  ]);
  if (row?.own !== 1) throw new NameTaken(name);
  return [];
}

/** Lets others have a name that an account has not verified any more. */
export async function releaseName(
  store: Store,
  { name, accountId }: { name: string; accountId: number },
): Promise<void> {
  if (store.home === firstHome) return;
  await batch(store.first.d1, [
    sql`DELETE FROM domain_homes WHERE name = ${name} AND account_id = ${accountId} AND home = ${store.home}`,
  ]);
}

/** Names that one step looks at. */
const lookedAtOnce = 1000;

/**
 * Releases names that nobody in the home has verified any more: what could not be released when it was lost.
 * @param after how many names are passed by
 * @returns how many the next step passes by; null at the end
 */
export async function releaseLost(store: Store, after: number): Promise<number | null> {
  const [claimed = []] = await batch(store.first.d1, [
    sql`SELECT name, account_id FROM domain_homes WHERE home = ${store.home} ORDER BY name
      LIMIT ${lookedAtOnce} OFFSET ${after}`,
  ]);
  const [lost = []] = await batch(store.d1, [
    sql`SELECT j.value->>'name' AS name, j.value->>'account_id' AS account_id FROM json_each(${JSON.stringify(claimed)}) j
      WHERE NOT EXISTS (SELECT 1 FROM domains WHERE status = 'verified' AND name = j.value->>'name'
        AND account_id = j.value->>'account_id')`,
  ]);
  if (lost.length > 0) {
    await batch(store.first.d1, [
      sql`DELETE FROM domain_homes WHERE home = ${store.home} AND (name, account_id) IN
        (SELECT value->>'name', value->>'account_id' FROM json_each(${JSON.stringify(lost)}))`,
    ]);
  }
  return claimed.length === lookedAtOnce ? after + claimed.length - lost.length : null;
}

/** The store of the home in which an account may have verified a name. */
export async function holdingStore(store: Store, name: string): Promise<Store> {
  return (await storesOfDomains(store, [name])).get(name) ?? store.first;
}

/** Whether a host is the link host of a domain that somebody has verified. */
export async function isLinkHost(store: Store, host: string): Promise<boolean> {
  const [label = '', ...rest] = host.split('.');
  if (rest.length < 2) return false;
  const name = rest.join('.');
  const [rows = []] = await batch((await holdingStore(store, name)).d1, [
    sql`SELECT 1 FROM domains WHERE name = ${name} AND status = 'verified' AND link_label = ${label}`,
  ]);
  return rows.length > 0;
}
