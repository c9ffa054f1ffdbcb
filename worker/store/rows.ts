import { type SQL, sql } from 'drizzle-orm';

/** What a key may see: an account, and of it what is of these domains; null: all. */
export interface Rows {
  accountId: number;
  domains: readonly string[] | null;
}

/** The condition that a row is among them. @param domain the column that says of which domain it is */
export function isAmong({ accountId, domains }: Rows, domain: SQL): SQL {
  const own = sql`account_id = ${accountId}`;
  if (domains === null) return own;
  return sql`${own} AND ${domain} IN (SELECT value FROM json_each(${JSON.stringify(domains)}))`;
}
