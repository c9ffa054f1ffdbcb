import { sql } from 'drizzle-orm';
import { type RecipientPolicy, recipientPolicy } from '#domain/delivery/recipient-policy.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

/** What recipient domains ask of TLS, as nodes tell it: of no account, one row a domain that asks for anything. */

const dayMs = 86_400_000;
/** What has not changed is noted as seen again after so long, and forgotten when nobody has seen it for a while. */
const seenAgainMs = 6 * dayMs;
const forgottenMs = 90 * dayMs;
const purgedAtOnce = 500;

/** Keeps what a node has found; what is known already costs no row. */
export async function keepPolicies(
  store: Store,
  policies: readonly RecipientPolicy[],
  nowMs: number,
): Promise<void> {
  const rows = policies.map(({ domain, ...policy }) => ({ domain, policy: JSON.stringify(policy) }));
  await batch(store.first.d1, [
    sql`INSERT INTO recipient_policies (domain, policy, seen_at_ms)
      SELECT value->>'domain', value->>'policy', ${nowMs} FROM json_each(${JSON.stringify(rows)}) WHERE true
      ON CONFLICT (domain) DO UPDATE SET policy = excluded.policy, seen_at_ms = excluded.seen_at_ms
      WHERE policy <> excluded.policy OR seen_at_ms < excluded.seen_at_ms - ${seenAgainMs}`,
  ]);
}

/** @param domain A-labels, lower case @returns null when no node has told of it */
export async function findPolicy(
  store: Store,
  domain: string,
): Promise<{ policy: RecipientPolicy; seenAtMs: number } | null> {
  const [[row] = []] = await batch(store.first.d1, [
    sql`SELECT policy, seen_at_ms FROM recipient_policies WHERE domain = ${domain}`,
  ]);
  if (!row) return null;
  const policy = recipientPolicy.parse({ domain, ...JSON.parse(String(row.policy)) });
  return { policy, seenAtMs: Number(row.seen_at_ms) };
}

/** Forgets domains that nobody has sent to for long. @returns whether there are more than one call removes */
export async function purgePolicies(store: Store, nowMs: number): Promise<boolean> {
  const [gone = []] = await batch(store.first.d1, [
    sql`DELETE FROM recipient_policies WHERE domain IN
      (SELECT domain FROM recipient_policies WHERE seen_at_ms < ${nowMs - forgottenMs} LIMIT ${purgedAtOnce}) RETURNING 1`,
  ]);
  return gone.length === purgedAtOnce;
}
