import { type SQL, sql } from 'drizzle-orm';
import type { SuppressionReason } from '#domain/suppression/suppression.ts';
import * as control from '../../drizzle/schema/control.ts';
import { onKnownAddress } from './consequences.ts';
import { withHomeTables } from './home-tables.ts';
import { nextNumber } from './numbers.ts';
import { isAmong, type Rows } from './rows.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';
import { tellAdded, tellRemoved } from './suppression-posts.ts';

/** An address that must not be mailed. */
export interface Suppression {
  id: number;
  address: string;
  /** Of what mail it keeps the address, see `domain/suppression/scope.ts`. */
  scope: string;
  reason: SuppressionReason;
  source: string;
  proof: string | null;
  messageId: string | null;
  createdAtMs: number;
  /** Null: for good. */
  expiresAtMs: number | null;
}

/** By which keys may be limited: an entry for the whole account is of no single domain. */
const ofDomain = sql`scope_domain`;

export type NewSuppression = Omit<Suppression, 'id'>;

export interface SuppressionFilter {
  /** Part of an address. */
  query: string | null;
  reason: SuppressionReason | null;
  /** Exactly this one; null: all. */
  scope: string | null;
}

export interface SuppressionPage {
  entries: Suppression[];
  /** The id below which to go on; null at the end. */
  next: number | null;
  /** How many of those that `offset` skips were found: fewer when the search ended before. */
  skipped: number;
}

/** Entries that one search looks at beyond those that it gives. */
const searchedEntries = 400;

/**
 * An account's entries that hold now, newest first, below an id (null: from the newest). Looks at a bounded number of
 * them, so that a page of a search may be short, or empty, before the end. A whole address finds just itself, at once.
 */
export async function listSuppressions(
  store: Store,
  rows: Rows,
  filter: SuppressionFilter,
  page: { limit: number; offset?: number; before: number | null },
  nowMs: number,
): Promise<SuppressionPage> {
  const { limit, offset = 0, before } = page;
  const own = isAmong(rows, ofDomain);
  const wanted = sql`${holds(nowMs)}${matches(filter)}`;
  if (filter.query?.includes('@')) {
    const spelt = JSON.stringify([filter.query, filter.query.toLowerCase()]);
    const [exact = []] = await batch(store.d1, [
      sql`SELECT * FROM suppressions WHERE ${own} AND address IN (SELECT value FROM json_each(${spelt}))
        AND ${wanted}`,
    ]);
    const all = exact
      .map(suppressionOf)
      .filter(({ id }) => before === null || id < before)
      .sort((a, b) => b.id - a.id);
    const entries = all.slice(offset, offset + limit);
    const more = all.length > offset + limit;
    if (exact.length > 0)
      return { entries, next: more ? (entries.at(-1)?.id ?? null) : null, skipped: offset };
  }
  const most = offset + limit + searchedEntries;
  const some = sql`FROM suppressions WHERE ${own} AND id < ${before ?? Number.MAX_SAFE_INTEGER}
    ORDER BY id DESC LIMIT ${most}`;
  const [looked = []] = await batch(store.d1, [
    sql`SELECT * FROM (SELECT * ${some}) WHERE ${wanted} LIMIT ${offset + limit + 1}`,
  ]);
  const found = looked.map(suppressionOf);
  const entries = found.slice(offset, offset + limit);
  const skipped = Math.min(offset, found.length);
  if (found.length > offset + limit) return { entries, next: entries.at(-1)?.id ?? null, skipped };
  // Ids only grow, so nothing has come in between meanwhile.
  const [[end] = []] = await batch(store.d1, [
    sql`SELECT min(id) AS id, count(*) AS looked FROM (SELECT id ${some})`,
  ]);
  return { entries, next: end && Number(end.looked) === most ? Number(end.id) : null, skipped };
}

/** So many are counted; the rest only make it more. */
export const mostCounted = 10_000;

/** How many of an account's entries hold now and match, up to `mostCounted`. */
export async function countSuppressions(
  store: Store,
  rows: Rows,
  filter: SuppressionFilter,
  nowMs: number,
): Promise<number> {
  const wanted = sql`${isAmong(rows, ofDomain)} AND ${holds(nowMs)}${matches(filter)}`;
  const [[found] = []] = await batch(store.d1, [
    sql`SELECT count(*) AS count FROM (SELECT 1 FROM suppressions WHERE ${wanted} LIMIT ${mostCounted})`,
  ]);
  return Number(found?.count ?? 0);
}

/** Entries in the order in which they were made, after an id: for export. */
export async function nextSuppressions(
  store: Store,
  rows: Rows,
  afterId: number,
  limit: number,
  nowMs: number,
): Promise<Suppression[]> {
  const [found = []] = await batch(store.d1, [
    sql`SELECT * FROM suppressions WHERE ${isAmong(rows, ofDomain)} AND id > ${afterId} AND ${holds(nowMs)}
      ORDER BY id LIMIT ${limit}`,
  ]);
  return found.map(suppressionOf);
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
  nowMs: number,
): Promise<Suppression> {
  const { before, after } = tellAdded(accountId, [entry], nowMs);
  const insert = sql`INSERT INTO suppressions (id, account_id, address, scope_domain, reason, source, proof, message_id, created_at_ms,
        expires_at_ms)
      VALUES (${nextNumber(control.suppressions)}, ${accountId}, ${entry.address}, ${entry.scope}, ${entry.reason}, ${entry.source}, ${entry.proof},
        ${entry.messageId}, ${entry.createdAtMs}, ${entry.expiresAtMs})
      ON CONFLICT (account_id, address, scope_domain) DO UPDATE SET reason = excluded.reason, source = excluded.source,
        proof = excluded.proof, message_id = excluded.message_id, created_at_ms = excluded.created_at_ms,
        expires_at_ms = excluded.expires_at_ms
      RETURNING *`;
  const results = await withHomeTables(store, nowMs, () => batch(store.d1, [...before, insert, ...after]));
  const rows = results[before.length] ?? [];
  if (!rows[0]) throw new Error('an insert gave no row');
  return suppressionOf(rows[0]);
}

/** Of an import so many entries are told to webhooks; each costs rows of every endpoint that asks. */
export const toldOfImport = 1000;

/**
 * Adds many in one transaction; entries that are there stay, as with bounces. Webhooks are told of the first `toldOfImport`
 * that are new.
 * @returns how many are new or changed
 */
export async function addSuppressions(
  store: Store,
  accountId: number,
  entries: readonly NewSuppression[],
  nowMs: number,
): Promise<number> {
  const { before, after } = tellAdded(accountId, entries.slice(0, toldOfImport), nowMs);
  const inserts = chunksOf(entries).map(
    (
      some,
    ) => sql`INSERT INTO suppressions (id, account_id, address, scope_domain, reason, source, proof, message_id,
          created_at_ms, expires_at_ms)
        SELECT ${nextNumber(control.suppressions)} + key, ${accountId}, value->>'address', value->>'scope', value->>'reason', value->>'source',
          value->>'proof', value->>'messageId', value->>'createdAtMs', value->>'expiresAtMs'
        FROM json_each(${JSON.stringify(some)}) WHERE true ${onKnownAddress} RETURNING id`,
  );
  const results = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [...before, ...inserts, ...after]),
  );
  return results.slice(before.length, before.length + inserts.length).flat().length;
}

/** Scopes of an address that webhooks are told of when it is removed in all of them. */
const mostScopes = 200;

/** Removes an address, in one scope or in all that may be seen (null), and forgets its full mailboxes. Gives how many entries there were. */
export async function removeSuppressions(
  store: Store,
  rows: Rows,
  address: string,
  scope: string | null,
  nowMs: number,
): Promise<number> {
  const one = scope === null ? sql`` : sql` AND scope_domain = ${scope}`;
  const which = sql`${isAmong(rows, ofDomain)} AND address = ${address}${one}`;
  const [, removed = []] = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [
      tellRemoved(which, mostScopes, nowMs),
      sql`DELETE FROM suppressions WHERE ${which} RETURNING id`,
      sql`DELETE FROM full_mailboxes WHERE account_id = ${rows.accountId} AND address = ${address}`,
    ]),
  );
  return removed.length;
}

/** Takes back what the recipient has unsubscribed from, and nothing that holds for another reason. Gives how many entries there were. */
export async function resumeMail(
  store: Store,
  of: { accountId: number; address: string; scopes: readonly string[] },
  nowMs: number,
): Promise<number> {
  const which = sql`account_id = ${of.accountId} AND address = ${of.address} AND reason = 'unsubscribe'
    AND scope_domain IN (SELECT value FROM json_each(${JSON.stringify(of.scopes)}))`;
  const [, removed = []] = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [
      tellRemoved(which, of.scopes.length, nowMs),
      sql`DELETE FROM suppressions WHERE ${which} RETURNING id`,
    ]),
  );
  return removed.length;
}

/** Entries that are looked at, and full mailboxes that are forgotten, in one step. */
const purgeStep = 5000;

/**
 * Forgets what has expired of the entries after an id, and full mailboxes that count no longer. Expired entries hold
 * nobody meanwhile. Gives the id after which to go on; null at the end.
 */
export async function purgeSuppressions(
  store: Store,
  afterId: number,
  { nowMs, strikesBeforeMs }: { nowMs: number; strikesBeforeMs: number },
): Promise<number | null> {
  const some = sql`SELECT id FROM suppressions WHERE id > ${afterId} ORDER BY id LIMIT ${purgeStep}`;
  const [[end] = []] = await batch(store.d1, [
    sql`SELECT max(id) AS id, count(*) AS looked FROM (${some})`,
    sql`DELETE FROM suppressions WHERE id IN (${some}) AND expires_at_ms <= ${nowMs}`,
    sql`DELETE FROM full_mailboxes WHERE rowid IN (SELECT rowid FROM full_mailboxes
      WHERE at_ms <= ${strikesBeforeMs} ORDER BY at_ms LIMIT ${purgeStep})`,
  ]);
  return end && Number(end.looked) === purgeStep ? Number(end.id) : null;
}

function holds(nowMs: number): SQL {
  return sql`(expires_at_ms IS NULL OR expires_at_ms > ${nowMs})`;
}

function matches({ query, reason, scope }: SuppressionFilter): SQL {
  const conditions: SQL[] = [];
  if (query !== null) conditions.push(sql`instr(lower(address), lower(${query})) > 0`);
  if (reason !== null) conditions.push(sql`reason = ${reason}`);
  if (scope !== null) conditions.push(sql`scope_domain = ${scope}`);
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
    scope: String(row.scope_domain),
    reason: row.reason as SuppressionReason,
    source: String(row.source),
    proof: row.proof === null ? null : String(row.proof),
    messageId: row.message_id === null ? null : String(row.message_id),
    createdAtMs: Number(row.created_at_ms),
    expiresAtMs: row.expires_at_ms === null ? null : Number(row.expires_at_ms),
  };
}
