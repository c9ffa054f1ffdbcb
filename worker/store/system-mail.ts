import { type SQL, sql } from 'drizzle-orm';
import { note } from './installation.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

/**
 * Mail of the installation itself. Its messages are of account 0, which nobody belongs to and no key is of; their domain
 * is of an account that the operator owns, both when they are accepted and when they are signed.
 */
export { systemAccountId } from './system-account.ts';

/** Domains `d` that such mail may be signed by. */
export const isSystemDomain: SQL = sql`d.status = 'verified' AND d.type IN ('outbound', 'both')
  AND d.account_id IN (SELECT o.account_id FROM auth_organizations o
    JOIN auth_members m ON m.organization_id = o.id AND m.role = 'owner'
    JOIN auth_users u ON u.id = m.user_id AND u.operator = 1
    JOIN accounts a ON a.id = o.account_id AND a.status = 'active')`;

/** The domains that the operator may choose from, oldest first. */
export async function listSystemDomains(store: Store): Promise<{ accountId: number; domain: string }[]> {
  const [rows = []] = await batch(store.first.d1, [
    sql`SELECT d.account_id, d.name FROM domains d WHERE ${isSystemDomain} ORDER BY d.id LIMIT 1000`,
  ]);
  return rows.map((row) => ({ accountId: Number(row.account_id), domain: String(row.name) }));
}

/** The domain that was chosen on the page Installation; null: none. */
export async function chosenSystemDomain(store: Store): Promise<string | null> {
  const [[row] = []] = await batch(store.first.d1, [
    sql`SELECT value->>'domain' AS domain FROM installation WHERE name = 'system-mail'`,
  ]);
  return typeof row?.domain === 'string' ? row.domain : null;
}

export async function chooseSystemDomain(store: Store, domain: string, nowMs: number): Promise<void> {
  await note(store, 'system-mail', nowMs, { domain });
}
