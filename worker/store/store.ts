import { type DrizzleD1Database, drizzle } from 'drizzle-orm/d1';
import * as control from '../../drizzle/schema/control.ts';
import { type D1Cost, metered } from './meter.ts';

/** The databases and buckets as the rest of `store/` uses them; nothing outside of `store/` looks inside. */
export interface Store {
  d1: D1Database;
  control: DrizzleD1Database<typeof control>;
  raw: R2Bucket;
  cost: D1Cost;
}

/** Opens the store for one request, event or batch; opening costs nothing. */
export function openStore(bindings: { DB: D1Database; RAW: R2Bucket }): Store {
  const cost: D1Cost = { roundTrips: 0, statements: 0, rowsRead: 0, rowsWritten: 0, databaseBytes: 0 };
  const d1 = metered(bindings.DB, cost);
  let opened: Store['control'] | undefined;
  return {
    d1,
    // Drizzle works out the relations of the whole schema when it is opened, and accepting mail never needs them.
    get control() {
      opened ??= drizzle(bindings.DB, { schema: control });
      return opened;
    },
    raw: bindings.RAW,
    cost,
  };
}

/** A clash with a UNIQUE constraint of the named table or index. */
export function isUniqueViolation(error: unknown, table: string): boolean {
  return new RegExp(`UNIQUE constraint failed: ${table}\\b`).test(errorText(error));
}

/** An error's own words and those of its causes. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${errorText(error.cause)}`;
}
