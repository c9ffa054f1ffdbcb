import { and, eq, gt, type SQL, sql } from 'drizzle-orm';
import { firstHome, firstNumberOf } from '#domain/message/home.ts';
import * as control from '../../drizzle/schema/control.ts';
import { copyBoots } from './nodes.ts';
import { numberedNames } from './numbers.ts';
import { batch } from './sql.ts';
import { isUniqueViolation, type Store } from './store.ts';
import { systemAccountId } from './system-account.ts';

/**
 * What control decides and the other homes have copies of: so that neither a send nor a lease has to ask control. It is
 * written to control first; what could not be written to a home is copied again by cron.
 */

type Account = typeof control.accounts.$inferSelect;

/** What the operator decides of an account. The rest of its row is its own, and true in its home. */
const copiedColumns = ['name', 'status', 'statusReason', 'messagesPerMinute', 'home'] as const;
export type CopiedColumn = (typeof copiedColumns)[number];

/** Writes rows of control's accounts into a home. Costs nothing at the first, whose rows they are. */
export async function copyAccounts(home: Store, accounts: readonly Account[]): Promise<void> {
  if (home.home === firstHome || accounts.length === 0) return;
  const rows = JSON.stringify(accounts);
  await batch(home.d1, [
    // Numbers of this home begin where no other home's do, before it makes the first.
    sql`INSERT INTO sqlite_sequence (name, seq) SELECT value, ${firstNumberOf(home.home)}
      FROM json_each(${JSON.stringify(numberedNames)}) WHERE value NOT IN (SELECT name FROM sqlite_sequence)`,
    sql`INSERT INTO accounts (id, name, status, status_reason, messages_per_minute, created_at_ms, home)
      SELECT value->>'id', value->>'name', value->>'status', value->>'statusReason', value->>'messagesPerMinute',
        value->>'createdAtMs', value->>'home' FROM json_each(${rows}) WHERE true
      ON CONFLICT (id) DO UPDATE SET name = excluded.name, status = excluded.status, status_reason = excluded.status_reason,
        messages_per_minute = excluded.messages_per_minute, home = excluded.home
        WHERE (accounts.name, accounts.status, accounts.status_reason, accounts.messages_per_minute, accounts.home)
          IS NOT (excluded.name, excluded.status, excluded.status_reason, excluded.messages_per_minute, excluded.home)`,
  ]);
}

/** Accounts that one step looks at. */
const copiedAtOnce = 500;

/**
 * Copies again what control knows of a home's accounts, a bounded number after an id, and of nodes: what could not be
 * written when it was decided. What is the same already costs no row written.
 * @returns the id after which the next step goes on; null at the end
 */
export async function mendCopies(home: Store, after: number): Promise<number | null> {
  if (after === 0) await Promise.all([copyBoots(home), copySystemDomains(home)]);
  const { id, home: lives } = control.accounts;
  const accounts = await home.first.control.query.accounts.findMany({
    where: and(eq(lives, home.home), gt(id, after)),
    orderBy: id,
    limit: copiedAtOnce,
  });
  await copyAccounts(home, accounts);
  return accounts.length === copiedAtOnce ? (accounts.at(-1)?.id ?? null) : null;
}

/**
 * Copies the domains of the installation itself into a home, with their keys: every account may send from its sandbox. No
 * records of the copies are looked at. A name that an account of the home has verified is left to it.
 */
export async function copySystemDomains(home: Store): Promise<void> {
  if (home.home === firstHome) return;
  const [wanted, there] = await Promise.all([systemRows(home.first), systemRows(home)]);
  const known = new Set(there.map(({ table, row }) => JSON.stringify([table, row])));
  const queries = wanted
    .filter(({ table, row }) => !known.has(JSON.stringify([table, row])))
    .map(({ table, row }) => copyRow(table, row));
  await batch(home.d1, queries).catch((error: unknown) => {
    if (!isUniqueViolation(error, 'domains')) throw error;
  });
}

async function systemRows(store: Store): Promise<{ table: string; row: Record<string, unknown> }[]> {
  const [domains = [], keys = []] = await batch(store.d1, [
    sql`SELECT * FROM domains WHERE account_id = ${systemAccountId} ORDER BY id LIMIT ${mostSystemDomains}`,
    sql`SELECT k.* FROM dkim_keys k JOIN domains d ON d.id = k.domain_id WHERE d.account_id = ${systemAccountId}
      ORDER BY k.id LIMIT ${10 * mostSystemDomains}`,
  ]);
  return [
    ...domains.map((row) => ({ table: 'domains', row: { ...row, next_check_ms: null } })),
    ...keys.map((row) => ({ table: 'dkim_keys', row })),
  ];
}

/** One is the sandbox's; there is no way to make others. */
const mostSystemDomains = 4;

/** Puts a row of control into the same table of a home, or in the place of what was copied before. */
function copyRow(table: string, row: Record<string, unknown>): SQL {
  const names = Object.keys(row).map((name) => sql.raw(`"${name}"`));
  const values = Object.values(row).map((value) => sql`${value}`);
  const changes = names.map((name) => sql`${name} = excluded.${name}`);
  return sql`INSERT INTO ${sql.raw(`"${table}"`)} (${sql.join(names, sql`, `)}) VALUES (${sql.join(values, sql`, `)})
    ON CONFLICT (id) DO UPDATE SET ${sql.join(changes, sql`, `)}`;
}
