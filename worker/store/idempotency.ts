import { sql } from 'drizzle-orm';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

/** Rows that are deleted at once: the database does nothing else meanwhile. */
const purgedAtOnce = 5000;

/** Forgets answers whose time is over; true when there are more of them. */
export async function purgeIdempotencyKeys(store: Store, nowMs: number): Promise<boolean> {
  const [rows = []] = await batch(store.d1, [
    sql`DELETE FROM idempotency_keys WHERE rowid IN (SELECT rowid FROM idempotency_keys
      WHERE expires_at_ms <= ${nowMs} ORDER BY expires_at_ms LIMIT ${purgedAtOnce}) RETURNING 1`,
  ]);
  return rows.length === purgedAtOnce;
}
