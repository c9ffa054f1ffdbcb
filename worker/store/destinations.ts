import { sql } from 'drizzle-orm';
import { aliasLimits, linkHoldsMs } from '#domain/inbound/alias.ts';
import * as control from '../../drizzle/schema/control.ts';
import { nextNumber } from './numbers.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

const dayMs = 86_400_000;

/** An address that an account's mail is to be sent on to. */
export interface Destination {
  address: string;
  state: 'pending' | 'verified';
  /** When its owner was asked last. */
  sentAtMs: number;
}

/** Those of the addresses that the account has named before. */
export async function readDestinations(
  store: Store,
  accountId: number,
  addresses: readonly string[],
): Promise<Destination[]> {
  const [rows = []] = await batch(store.d1, [
    sql`SELECT address, state, sent_at_ms FROM destinations WHERE account_id = ${accountId}
      AND address IN (SELECT value FROM json_each(${JSON.stringify(addresses)}))`,
  ]);
  return rows.map((row) => ({
    address: String(row.address),
    state: row.state === 'verified' ? 'verified' : 'pending',
    sentAtMs: Number(row.sent_at_ms),
  }));
}

/** An address whose owner is to be asked, with the hash of what the link has. */
export interface Asking {
  address: string;
  secretHash: string;
}

/**
 * Notes addresses whose owners are asked now: new ones, and those that wait and were last asked a day ago. The account
 * may ask so many in a day.
 * @returns those that may be asked; fewer than given when the day's are used up, and then none is noted
 */
export async function noteAsked(
  store: Store,
  accountId: number,
  asked: readonly Asking[],
  nowMs: number,
): Promise<Set<string>> {
  const since = nowMs - dayMs;
  const used = sql`(SELECT count(*) FROM destinations WHERE account_id = ${accountId} AND sent_at_ms > ${since})`;
  const all = JSON.stringify(asked);
  const [rows = []] = await batch(store.d1, [
    sql`INSERT INTO destinations (id, account_id, address, state, secret_hash, sent_at_ms, created_at_ms)
      SELECT ${nextNumber(control.destinations)} + j.key, ${accountId}, j.value->>'address', 'pending', j.value->>'secretHash', ${nowMs}, ${nowMs}
      FROM json_each(${all}) j WHERE ${used} + ${asked.length} <= ${aliasLimits.newADay}
      ON CONFLICT (account_id, address) DO UPDATE SET secret_hash = excluded.secret_hash, sent_at_ms = excluded.sent_at_ms
        WHERE destinations.state = 'pending' AND destinations.sent_at_ms <= ${since}
      RETURNING address`,
  ]);
  return new Set(rows.map((row) => String(row.address)));
}

/** Takes back what could not be asked. */
export async function forgetAsked(store: Store, accountId: number, { secretHash }: Asking): Promise<void> {
  await batch(store.d1, [
    sql`DELETE FROM destinations WHERE account_id = ${accountId} AND secret_hash = ${secretHash} AND state = 'pending'`,
  ]);
}

/** Whom a link is about, as long as it holds. */
export async function findAsked(
  store: Store,
  secretHash: string,
  nowMs: number,
): Promise<{ address: string; account: string } | null> {
  const [[row] = []] = await batch(store.d1, [
    sql`SELECT t.address, a.name FROM destinations t JOIN accounts a ON a.id = t.account_id
      WHERE t.secret_hash = ${secretHash} AND t.sent_at_ms > ${nowMs - linkHoldsMs}`,
  ]);
  return row ? { address: String(row.address), account: String(row.name) } : null;
}

/** Uses a link up: mail is sent on there from now on. Gives the address; null when the link is not good any more. */
export async function agree(store: Store, secretHash: string, nowMs: number): Promise<string | null> {
  const [[row] = []] = await batch(store.d1, [
    sql`UPDATE destinations SET state = 'verified', verified_at_ms = ${nowMs}, secret_hash = NULL
      WHERE secret_hash = ${secretHash} AND sent_at_ms > ${nowMs - linkHoldsMs} RETURNING address`,
  ]);
  return row ? String(row.address) : null;
}

/** The operator says that mail of an account may be sent on to an address. */
export async function vouchFor(
  store: Store,
  accountId: number,
  address: string,
  nowMs: number,
): Promise<void> {
  await batch(store.d1, [
    sql`INSERT INTO destinations (id, account_id, address, state, sent_at_ms, verified_at_ms, created_at_ms)
      VALUES (${nextNumber(control.destinations)}, ${accountId}, ${address}, 'verified', 0, ${nowMs}, ${nowMs})
      ON CONFLICT (account_id, address) DO UPDATE SET state = 'verified', verified_at_ms = excluded.verified_at_ms,
        secret_hash = NULL WHERE destinations.state = 'pending'`,
  ]);
}
