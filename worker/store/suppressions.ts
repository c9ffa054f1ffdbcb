import { type SQL, sql } from 'drizzle-orm';
import type { SuppressionReason } from '#domain/suppression.ts';
import { onKnownAddress } from './consequences.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

/** An address that must not be mailed. */
export interface Suppression {
  id: number;
  address: string;
  /** `''`: the whole account; otherwise the sending domain that it is limited to. */
  scopeDomain: string;
  reason: SuppressionReason;
  source: string;
  proof: string | null;
  messageId: string | null;
  createdAtMs: number;
  /** Null: for good. */
  expiresAtMs: number | null;
}

export type NewSuppression = Omit<Suppression, 'id'>;

export interface SuppressionFilter {
  /** Part of an address. */
  query: string | null;
  reason: SuppressionReason | null;
  /** A scope domain, or `''` for the whole account; null: all. */
  scopeDomain: string | null;
}

/** An account's entries that hold now, newest first. */
export async function listSuppressions(
  store: Store,
  accountId: number,
  filter: SuppressionFilter,
  page: { limit: number; offset: number },
  nowMs: number,
): Promise<{ entries: Suppression[]; hasMore: boolean }> {
  const [rows = []] = await batch(store.d1, [
    sql`SELECT * FROM suppressions WHERE account_id = ${accountId} AND ${holds(nowMs)}${matches(filter)}
      ORDER BY id DESC LIMIT ${page.limit + 1} OFFSET ${page.offset}`,
  ]);
  return { entries: rows.slice(0, page.limit).map(suppressionOf), hasMore: rows.length > page.limit };
}

/** Entries in the order in which they were made, after an id: for export. */
export async function nextSuppressions(
  store: Store,
  accountId: number,
  afterId: number,
  limit: number,
  nowMs: number,
): Promise<Suppression[]> {
  const [rows = []] = await batch(store.d1, [
    sql`SELECT * FROM suppressions WHERE account_id = ${accountId} AND id > ${afterId} AND ${holds(nowMs)}
      ORDER BY id LIMIT ${limit}`,
  ]);
  return rows.map(suppressionOf);
}

/** The entries of exactly these addresses that hold now. */
export async function findSuppressions(
  store: Store,
  accountId: number,
  addresses: readonly string[],
  nowMs: number,
): Promise<Suppression[]> {
  const results = await batch(
    store.d1,
    chunksOf(addresses).map(
      (some) => sql`SELECT * FROM suppressions WHERE account_id = ${accountId}
        AND address IN (SELECT value FROM json_each(${JSON.stringify(some)})) AND ${holds(nowMs)}`,
    ),
  );
  return results.flat().map(suppressionOf);
}

/** Sets an entry on the owner's word: what was there for the address and scope is replaced. */
export async function putSuppression(
  store: Store,
  accountId: number,
  entry: NewSuppression,
): Promise<Suppression> {
  const [rows = []] = await batch(store.d1, [
    sql`INSERT INTO suppressions (account_id, address, scope_domain, reason, source, proof, message_id, created_at_ms,
        expires_at_ms)
      VALUES (${accountId}, ${entry.address}, ${entry.scopeDomain}, ${entry.reason}, ${entry.source}, ${entry.proof},
        ${entry.messageId}, ${entry.createdAtMs}, ${entry.expiresAtMs})
      ON CONFLICT (account_id, address, scope_domain) DO UPDATE SET reason = excluded.reason, source = excluded.source,
        proof = excluded.proof, message_id = excluded.message_id, created_at_ms = excluded.created_at_ms,
        expires_at_ms = excluded.expires_at_ms
      RETURNING *`,
  ]);
  if (!rows[0]) throw new Error('an insert gave no row');
  return suppressionOf(rows[0]);
}

/** Adds many in one transaction; entries that are there stay, as with bounces. Gives how many are new or changed. */
export async function addSuppressions(
  store: Store,
  accountId: number,
  entries: readonly NewSuppression[],
): Promise<number> {
  const results = await batch(
    store.d1,
    chunksOf(entries).map(
      (
        some,
      ) => sql`INSERT INTO suppressions (account_id, address, scope_domain, reason, source, proof, message_id,
          created_at_ms, expires_at_ms)
        SELECT ${accountId}, value->>'address', value->>'scopeDomain', value->>'reason', value->>'source',
          value->>'proof', value->>'messageId', value->>'createdAtMs', value->>'expiresAtMs'
        FROM json_each(${JSON.stringify(some)}) WHERE true ${onKnownAddress} RETURNING id`,
    ),
  );
  return results.flat().length;
}

/** Removes an address, in one scope or in all (null), and forgets its full mailboxes. Gives how many entries there were. */
export async function removeSuppressions(
  store: Store,
  accountId: number,
  address: string,
  scopeDomain: string | null,
): Promise<number> {
  const scope = scopeDomain === null ? sql`` : sql` AND scope_domain = ${scopeDomain}`;
  const [rows = []] = await batch(store.d1, [
    sql`DELETE FROM suppressions WHERE account_id = ${accountId} AND address = ${address}${scope} RETURNING id`,
    sql`DELETE FROM full_mailboxes WHERE account_id = ${accountId} AND address = ${address}`,
  ]);
  return rows.length;
}

/** Forgets what has expired or counts no longer. */
export async function purgeSuppressions(store: Store, nowMs: number, strikesBeforeMs: number): Promise<void> {
  await batch(store.d1, [
    sql`DELETE FROM suppressions WHERE expires_at_ms <= ${nowMs}`,
    sql`DELETE FROM full_mailboxes WHERE at_ms <= ${strikesBeforeMs}`,
  ]);
}

function holds(nowMs: number): SQL {
  return sql`(expires_at_ms IS NULL OR expires_at_ms > ${nowMs})`;
}

function matches({ query, reason, scopeDomain }: SuppressionFilter): SQL {
  const conditions: SQL[] = [];
  if (query !== null) conditions.push(sql`instr(lower(address), lower(${query})) > 0`);
  if (reason !== null) conditions.push(sql`reason = ${reason}`);
  if (scopeDomain !== null) conditions.push(sql`scope_domain = ${scopeDomain}`);
  return sql.join(conditions.map((condition) => sql` AND ${condition}`));
}

/** Parameters of D1 are bounded; so many entries with their proofs fit well. */
const chunkSize = 200;

function chunksOf<T>(list: readonly T[]): T[][] {
  const chunks: T[][] = [];
  for (let i = 0; i < list.length; i += chunkSize) chunks.push(list.slice(i, i + chunkSize));
  return chunks;
}

function suppressionOf(row: Record<string, unknown>): Suppression {
  return {
    id: Number(row.id),
    address: String(row.address),
    scopeDomain: String(row.scope_domain),
    reason: row.reason as SuppressionReason,
    source: String(row.source),
    proof: row.proof === null ? null : String(row.proof),
    messageId: row.message_id === null ? null : String(row.message_id),
    createdAtMs: Number(row.created_at_ms),
    expiresAtMs: row.expires_at_ms === null ? null : Number(row.expires_at_ms),
  };
}
