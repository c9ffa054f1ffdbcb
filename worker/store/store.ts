import { type DrizzleD1Database, drizzle } from 'drizzle-orm/d1';
import { firstHome, mostHomes } from '#domain/message/home.ts';
import * as control from '../../drizzle/schema/control.ts';
import { type D1Cost, metered, type Size } from './meter.ts';

/**
 * The database of one home, and the bucket, as the rest of `store/` uses them; nothing outside of `store/` looks inside.
 * Whoever asks for what belongs to an account, or to a message, is to have the store of its home; what spans accounts is
 * asked of `first`, whichever store it is called with.
 */
export interface Store {
  d1: D1Database;
  control: DrizzleD1Database<typeof control>;
  raw: R2Bucket;
  /** The form in which rows of mail are written (`domain/message/row-form.ts`). */
  writesRows: number;
  /** Of all homes together. */
  cost: D1Cost;
  /** Of this one, as it last said. */
  size: Size;
  /** The number of the home. */
  home: number;
  /** What it was opened with. */
  binding: D1Database;
  /** Control: the home 0, which has what spans accounts too. */
  first: Store;
  /** How many homes there are. */
  homes: number;
  /** The store of a home. @throws Error when there is no such home */
  at(home: number): Store;
}

/** The bindings of databases: `DB` is home 0, `DB_1` the home 1, and so on. */
export interface Databases {
  DB: D1Database;
  RAW: R2Bucket;
  [name: `DB_${number}`]: D1Database;
}

/** The databases in the order of their homes. They end where the first is missing. */
function databasesOf(bindings: Databases): D1Database[] {
  const found = [bindings.DB];
  for (let home = 1; home < mostHomes; home++) {
    const next = bindings[`DB_${home}`];
    if (!next) break;
    found.push(next);
  }
  return found;
}

/** Opens the store of control for one request, event or batch; opening costs nothing. */
export function openStore({
  bindings,
  writesRows,
}: { bindings: Databases } & Pick<Store, 'writesRows'>): Store {
  const cost: D1Cost = { roundTrips: 0, statements: 0, rowsRead: 0, rowsWritten: 0 };
  const databases = databasesOf(bindings);
  const opened: Store[] = [];
  const at = (home: number): Store => {
    const database = databases[home];
    if (!database) throw new Error(`there is no home ${home}, only ${databases.length} from 0 on`);
    opened[home] ??= openHome(database, home);
    return opened[home];
  };
  const openHome = (database: D1Database, home: number): Store => {
    const size = { bytes: 0 };
    let withSchema: Store['control'] | undefined;
    return {
      d1: metered(database, cost, size),
      // Drizzle works out the relations of the whole schema when it is opened, and accepting mail never needs them.
      get control() {
        withSchema ??= drizzle(database, { schema: control });
        return withSchema;
      },
      raw: bindings.RAW,
      writesRows,
      cost,
      size,
      home,
      binding: database,
      get first() {
        return at(firstHome);
      },
      homes: databases.length,
      at,
    };
  };
  return at(firstHome);
}

/** The store of every home, control first. */
export function everyHome(store: Store): Store[] {
  return Array.from({ length: store.homes }, (_, home) => store.at(home));
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
