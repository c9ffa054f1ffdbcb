import { sql } from 'drizzle-orm';
import { warnedDatabaseBytes } from '#domain/dns/installation.ts';
import { batch } from './sql.ts';
import { everyHome, type Store } from './store.ts';

/**
 * The home with the smallest database: where a new account goes that the operator has not placed. One that is filling up
 * gets none as long as there is another. Asks nothing with one home, else each home once.
 */
export async function emptiestHome(store: Store): Promise<number> {
  if (store.homes === 1) return store.home;
  const homes = everyHome(store);
  // Any answer of a database tells how large it is.
  await Promise.all(homes.map((home) => batch(home.d1, [sql`SELECT 1`])));
  const sizes = homes.map(({ home, size: { bytes } }) => ({ home, bytes }));
  const open = sizes.filter(({ bytes }) => bytes < warnedDatabaseBytes);
  const [emptiest] = (open.length > 0 ? open : sizes).sort((a, b) => a.bytes - b.bytes || a.home - b.home);
  return emptiest?.home ?? store.first.home;
}
