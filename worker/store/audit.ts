import { sql } from 'drizzle-orm';
import { weekOf } from '#domain/message/home.ts';
import { auditName, auditWeeks, withHomeTables } from './home-tables.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

/**
 * Who did what, and from where: one row each, in tables of weeks that are dropped whole after ninety days, so that an
 * entry costs one row written in all. Entries of account 0 are of the installation.
 */
export interface AuditEntry {
  accountId: number;
  atMs: number;
  /** A member's mail address, `key <number>`, `operator token`, `somebody`. */
  who: string;
  /** The address that the request came from; empty: not known. */
  source: string;
  /** As the table of access says, or a sign-in. */
  what: string;
  /** What it was done to. */
  details: Record<string, string>;
}

export interface StoredAuditEntry extends AuditEntry {
  /** Ordered by time. */
  id: number;
}

/** Entries of one millisecond have different numbers with near certainty; one that has not tries again. */
const spread = 4096;

export async function noteAudit(store: Store, entries: readonly AuditEntry[]): Promise<void> {
  if (entries.length === 0) return;
  const statements = () =>
    entries.map(({ accountId, atMs, who, source, what, details }) => {
      const [random = 0] = crypto.getRandomValues(new Uint16Array(1));
      return sql`INSERT INTO ${auditName(weekOf(atMs))} (account_id, id, who, source, what, details)
        VALUES (${accountId}, ${atMs * spread + (random % spread)}, ${who.slice(0, 320)}, ${source.slice(0, 64)},
          ${what}, ${JSON.stringify(details)})`;
    });
  const write = () => withHomeTables(store, entries[0]?.atMs ?? 0, () => batch(store.d1, statements()));
  await write().catch(write);
}

/** Entries of an account, newest first, below an id (null: from the newest). One round trip. */
export async function readAudit(
  store: Store,
  accountId: number,
  { before, limit }: { before: number | null; limit: number },
  nowMs: number,
): Promise<{ entries: StoredAuditEntry[]; next: number | null }> {
  const top = before ?? Number.MAX_SAFE_INTEGER;
  const weeks = auditWeeks(nowMs)
    .reverse()
    .filter((week) => before === null || week <= weekOf(Math.floor(before / spread)));
  const results = await withHomeTables(store, nowMs, () =>
    batch(
      store.d1,
      weeks.map(
        (week) => sql`SELECT * FROM ${auditName(week)} WHERE account_id = ${accountId} AND id < ${top}
          ORDER BY id DESC LIMIT ${limit + 1}`,
      ),
    ),
  );
  const rows = results.flat();
  const entries = rows.slice(0, limit).map((row) => ({
    id: Number(row.id),
    accountId,
    atMs: Math.floor(Number(row.id) / spread),
    who: String(row.who),
    source: String(row.source),
    what: String(row.what),
    details: JSON.parse(String(row.details)) as Record<string, string>,
  }));
  return { entries, next: rows.length > limit ? (entries.at(-1)?.id ?? null) : null };
}
