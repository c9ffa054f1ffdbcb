import { sql } from 'drizzle-orm';
import { batch } from '../sql.ts';
import type { Store } from '../store.ts';

/** Why an account cannot leave its home, and what to do; null: nothing holds it. */
export async function obstacleOf(store: Store, accountId: number): Promise<string | null> {
  const [[own] = [], [others] = []] = await batch(store.d1, [
    sql`SELECT a.domain FROM aliases a JOIN domains d ON d.id = a.domain_id
      WHERE a.account_id = ${accountId} AND d.account_id <> ${accountId} LIMIT 1`,
    sql`SELECT a.domain FROM aliases a JOIN domains d ON d.id = a.domain_id
      WHERE d.account_id = ${accountId} AND a.account_id <> ${accountId} LIMIT 1`,
  ]);
  if (own)
    return `The account has aliases at ${own.domain}, which is another account's; they would stay behind. Delete them first.`;
  if (others)
    return `Other accounts have aliases at ${others.domain}, which is this account's; they would stay behind. Delete them first.`;
  return null;
}
