import { getTableName, type SQL, sql } from 'drizzle-orm';
import * as control from '../../drizzle/schema/control.ts';

/** Tables whose rows have numbers that are told to the outside, or are moved with their account. */
export const numbered = [
  control.credentials,
  control.domains,
  control.dkimKeys,
  control.suppressions,
  control.webhookEndpoints,
  control.inboundRoutes,
  control.inboundRules,
  control.aliases,
  control.destinations,
  control.templates,
] as const;

/** The names of those tables. */
export const numberedNames: readonly string[] = numbered.map(getTableName);

/**
 * The number of a new row, to be said by every statement that makes one: SQLite itself would go on from the largest that
 * there is, which may have come from another home with its account. `sqlite_sequence` holds the last that was made here.
 */
export function nextNumber(table: (typeof numbered)[number]): SQL<number> {
  return sql`(coalesce((SELECT seq FROM sqlite_sequence WHERE name = ${sql.raw(`'${getTableName(table)}'`)}), 0) + 1)`;
}
