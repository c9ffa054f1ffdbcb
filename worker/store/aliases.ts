import { and, eq, type SQL, sql } from 'drizzle-orm';
import * as control from '../../drizzle/schema/control.ts';
import { AlreadyThere } from './domains.ts';
import { nextNumber } from './numbers.ts';
import { isAmong, type Rows } from './rows.ts';
import { batch } from './sql.ts';
import { isUniqueViolation, type Store } from './store.ts';

const table = control.aliases;

/** An address that mail is sent on from. */
export type Alias = typeof table.$inferSelect;

/** A domain at which aliases may be made. */
export interface AliasDomain {
  id: number;
  accountId: number;
  name: string;
}

/** The domain of the account, of type `alias`, verified or not; null: it has none of that name. */
export async function findAliasDomain(
  store: Store,
  accountId: number,
  name: string,
): Promise<AliasDomain | null> {
  return await oneDomain(store, sql`account_id = ${accountId} AND name = ${name}`);
}

/** The installation's shared domain, once it is verified. */
export async function findSharedDomain(store: Store, name: string): Promise<AliasDomain | null> {
  return await oneDomain(store, sql`name = ${name} AND status = 'verified'`);
}

async function oneDomain(store: Store, which: SQL): Promise<AliasDomain | null> {
  const [[row] = []] = await batch(store.d1, [
    sql`SELECT id, account_id, name FROM domains WHERE ${which} AND type = 'alias' LIMIT 1`,
  ]);
  return row ? { id: Number(row.id), accountId: Number(row.account_id), name: String(row.name) } : null;
}

/** @throws AlreadyThere when the address is somebody's */
export async function createAlias(store: Store, values: typeof table.$inferInsert): Promise<Alias> {
  try {
    const [alias] = await store.control
      .insert(table)
      .values({ ...values, id: nextNumber(table) })
      .returning();
    if (!alias) throw new Error('an insert gave no row');
    return alias;
  } catch (error) {
    if (isUniqueViolation(error, 'aliases')) throw new AlreadyThere(values.localPart);
    throw error;
  }
}

export async function countAliases(store: Store, accountId: number): Promise<number> {
  const [[row] = []] = await batch(store.d1, [
    sql`SELECT count(*) AS count FROM aliases WHERE account_id = ${accountId}`,
  ]);
  return Number(row?.count ?? 0);
}

/** An account's aliases, the newest first. @param q part of address, description or destinations; null: all */
export async function listAliases(
  store: Store,
  rows: Rows,
  q: string | null,
  { limit, offset }: { limit: number; offset: number },
): Promise<{ aliases: Alias[]; total: number }> {
  const among = isAmong(rows, sql`domain`);
  const text = sql`lower(local_part || '@' || domain || ' ' || description || ' ' || forward_to)`;
  const wanted = q === null ? among : sql`${among} AND instr(${text}, ${q.toLowerCase()}) > 0`;
  const [aliases, [counted]] = await store.control.batch([
    store.control.select().from(table).where(wanted).orderBy(sql`id DESC`).limit(limit).offset(offset),
    store.control.select({ total: sql<number>`count(*)` }).from(table).where(wanted),
  ]);
  return { aliases, total: counted?.total ?? 0 };
}

/** Null when the account has no such alias, or the key is not for its domain. */
export async function findAlias(store: Store, rows: Rows, id: number): Promise<Alias | null> {
  const [alias] = await store.control
    .select()
    .from(table)
    .where(sql`id = ${id} AND ${isAmong(rows, sql`domain`)}`);
  return alias ?? null;
}

export async function updateAlias(
  store: Store,
  { id, accountId }: Pick<Alias, 'id' | 'accountId'>,
  values: Partial<Pick<Alias, 'forwardTo' | 'webhook' | 'description' | 'masked' | 'active'>>,
  nowMs: number,
): Promise<Alias | null> {
  const [alias] = await store.control
    .update(table)
    .set({ ...values, updatedAtMs: nowMs })
    .where(and(eq(table.id, id), eq(table.accountId, accountId)))
    .returning();
  return alias ?? null;
}

export async function deleteAlias(
  store: Store,
  { id, accountId }: Pick<Alias, 'id' | 'accountId'>,
): Promise<void> {
  await store.control.delete(table).where(and(eq(table.id, id), eq(table.accountId, accountId)));
}

/** Address and state of an alias, whosesoever it is: for the link in its mail. */
export async function readAlias(
  store: Store,
  id: number,
): Promise<{ address: string; active: boolean } | null> {
  const [[row] = []] = await batch(store.d1, [
    sql`SELECT local_part || '@' || domain AS address, active FROM aliases WHERE id = ${id}`,
  ]);
  return row ? { address: String(row.address), active: row.active === 1 } : null;
}

/** Switches an alias off, whosesoever it is. */
export async function switchOffAlias(store: Store, id: number, nowMs: number): Promise<void> {
  await batch(store.d1, [
    sql`UPDATE aliases SET active = 0, updated_at_ms = ${nowMs} WHERE id = ${id} AND active = 1`,
  ]);
}
