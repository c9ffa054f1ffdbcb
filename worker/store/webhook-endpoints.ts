import { and, eq, getTableColumns, inArray, type SQL, sql } from 'drizzle-orm';
import { weekOf } from '#domain/message/home.ts';
import * as control from '../../drizzle/schema/control.ts';
import { inAnyHome, storesOfNumber } from './account-homes.ts';
import { wholeRow } from './events.ts';
import { retainedWeeks, webhookTable, webhookWeeks, weekTables, withHomeTables } from './home-tables.ts';
import { nextNumber } from './numbers.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';
import { nextSeq } from './timeline.ts';

const endpoints = control.webhookEndpoints;

export type Endpoint = typeof endpoints.$inferSelect;
type NewEndpoint = Omit<typeof endpoints.$inferInsert, 'cursorWeek' | 'cursorSeq' | 'cursorTaken'>;
type Change = Partial<
  Pick<
    Endpoint,
    | 'url'
    | 'format'
    | 'events'
    | 'synchronous'
    | 'domain'
    | 'addressPattern'
    | 'authorizationUrl'
    | 'sendingDomains'
    | 'tags'
    | 'streams'
    | 'headerNames'
    | 'username'
    | 'ownEncrypted'
    | 'description'
    | 'state'
    | 'stateReason'
    | 'failingSinceMs'
    | 'secretEncrypted'
    | 'previousSecretEncrypted'
    | 'previousSecretUntilMs'
  >
>;

/** Makes an endpoint whose place in the feed is its end: it gets what happens from now on. */
export async function createEndpoint(store: Store, values: NewEndpoint, nowMs: number): Promise<Endpoint> {
  const week = weekOf(nowMs);
  const [[endpoint]] = await withHomeTables(store, nowMs, () =>
    store.control.batch([
      store.control
        .insert(endpoints)
        .values({
          ...values,
          id: nextNumber(endpoints),
          cursorWeek: week,
          cursorSeq: sql`${nextSeq(week, sql`${values.accountId}`)} - 1`,
          cursorTaken: wholeRow,
        })
        .returning(),
      flagAccount(store, values.accountId),
    ]),
  );
  if (!endpoint) throw new Error('an insert gave no row');
  return endpoint;
}

/** Notes at the account whether it has an active endpoint; goes into the batch of each change. */
function flagAccount(store: Store, accountId: number) {
  return store.control
    .update(control.accounts)
    .set({
      webhooks: sql`EXISTS (SELECT 1 FROM webhook_endpoints WHERE account_id = ${accountId} AND state = 'active')`,
    })
    .where(eq(control.accounts.id, accountId));
}

export async function listEndpoints(store: Store, accountId: number): Promise<Endpoint[]> {
  return await store.control.query.webhookEndpoints.findMany({
    where: eq(endpoints.accountId, accountId),
    orderBy: endpoints.id,
  });
}

/** The account's endpoint of a public id; null for another account's. */
export async function findEndpoint(
  store: Store,
  accountId: number,
  publicId: string,
): Promise<Endpoint | null> {
  const where = and(eq(endpoints.accountId, accountId), eq(endpoints.publicId, publicId));
  return (await store.control.query.webhookEndpoints.findFirst({ where })) ?? null;
}

/** Changes an endpoint; null when it is gone. */
export async function updateEndpoint(
  store: Store,
  of: { id: number; accountId: number },
  change: Change,
): Promise<Endpoint | null> {
  const [[endpoint]] = await store.control.batch([
    store.control.update(endpoints).set(change).where(eq(endpoints.id, of.id)).returning(),
    flagAccount(store, of.accountId),
  ]);
  return endpoint ?? null;
}

/** Disables an active endpoint; false when it was not active any more. */
export async function disableEndpoint(
  store: Store,
  of: { id: number; accountId: number },
  reason: string,
): Promise<boolean> {
  const [changed] = await store.control.batch([
    store.control
      .update(endpoints)
      .set({ state: 'disabled', stateReason: reason })
      .where(and(eq(endpoints.id, of.id), eq(endpoints.state, 'active')))
      .returning({ id: endpoints.id }),
    flagAccount(store, of.accountId),
  ]);
  return changed.length > 0;
}

export async function deleteEndpoint(store: Store, of: { id: number; accountId: number }): Promise<void> {
  await store.control.batch([
    store.control.delete(endpoints).where(eq(endpoints.id, of.id)),
    flagAccount(store, of.accountId),
  ]);
}

/** The store of the home that an endpoint is in. One round trip with several homes, more when its account was moved. */
export async function storeOfEndpoint(store: Store, id: number): Promise<Store> {
  if (store.homes === 1) return store;
  const found = await inAnyHome(storesOfNumber(store, id), async (home) => {
    const [[row] = []] = await batch(home.d1, [
      sql`SELECT 1 FROM webhook_endpoints e JOIN accounts a ON a.id = e.account_id
        WHERE e.id = ${id} AND a.home = ${home.home}`,
    ]);
    return row ? home : null;
  });
  return found ?? store;
}

/** The active endpoints of accounts: whom a pointer is for. */
export async function activeEndpoints(
  store: Store,
  accountIds: number[],
): Promise<{ id: number; accountId: number }[]> {
  return await store.control
    .select({ id: endpoints.id, accountId: endpoints.accountId })
    .from(endpoints)
    .where(
      and(
        inArray(endpoints.accountId, sql`(SELECT value FROM json_each(${JSON.stringify(accountIds)}))`),
        eq(endpoints.state, 'active'),
      ),
    );
}

/** Endpoints that one sweep looks at, and pokes; the next goes on. */
const mostLookedAt = 1000;
const mostSwept = 60;

/**
 * Active endpoints after an id that have something to do: events behind their cursor, or deliveries that are due.
 * Bounded; `next` is the id after which to go on, null at the end.
 */
export async function endpointsWithWork(
  store: Store,
  nowMs: number,
  afterId = 0,
): Promise<{ ids: number[]; next: number | null }> {
  const unread = retainedWeeks(nowMs).map((week) => {
    const { messages, events } = weekTables(week);
    const since = sql`CASE WHEN e.cursor_week = ${week} THEN e.cursor_seq ELSE 0 END`;
    const any = (table: SQL) =>
      sql`EXISTS (SELECT 1 FROM ${table} t WHERE t.account_id = e.account_id AND t.seq > ${since})`;
    return sql`(e.cursor_week <= ${week} AND (${any(messages)} OR ${any(events)}))`;
  });
  const due = webhookWeeks(nowMs).map(
    (week) =>
      sql`EXISTS (SELECT 1 FROM ${webhookTable(week)} d
        WHERE d.endpoint_id = e.id AND d.state <> 'delivered' AND d.due_ms <= ${nowMs})`,
  );
  const some = sql`SELECT * FROM ${endpoints} WHERE id > ${afterId} ORDER BY id LIMIT ${mostLookedAt}`;
  const [rows = [], [end] = []] = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [
      sql`SELECT e.id FROM (${some}) e WHERE e.state = 'active'
        AND (e.behind OR ${sql.join([...unread, ...due], sql` OR `)}) ORDER BY e.id LIMIT ${mostSwept}`,
      sql`SELECT max(id) AS id, count(*) AS looked FROM (${some})`,
    ]),
  );
  const ids = rows.map((row) => Number(row.id));
  const looked = end && Number(end.looked) === mostLookedAt ? Number(end.id) : null;
  return { ids, next: ids.length === mostSwept ? (ids.at(-1) ?? null) : looked };
}

/** An endpoint from a row that a plain query gave. */
export function endpointOf(row: Record<string, unknown>): Endpoint {
  const values = Object.entries(getTableColumns(endpoints)).map(([key, column]) => {
    const value = row[column.name];
    return [key, value === null || value === undefined ? null : column.mapFromDriverValue(value)];
  });
  return Object.fromEntries(values) as Endpoint;
}
