import { sql } from 'drizzle-orm';
import { knownForMs } from '#domain/account-move.ts';
import { homeOf } from '#domain/message/home.ts';
import { isUuidV7, type MessageId } from '#domain/message/ids.ts';
import { byRetainedWeek, weekTables, withHomeTables } from './home-tables.ts';
import { memoryOf } from './homes-memory.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

/**
 * Where messages and keys are: in the home that they name, or in that to which their account has moved since. With one
 * home nothing is asked for it, and with several nothing but, once a minute, which homes have been left.
 */

/**
 * The homes in which accounts live now that have lived in a home before.
 * @param of.ms how old the answer may be
 */
export async function goalsOf(
  store: Store,
  home: number,
  { ms = knownForMs } = {},
): Promise<readonly number[]> {
  if (store.homes === 1) return [];
  const memory = memoryOf(store);
  const nowMs = Date.now();
  if (!memory.goals || nowMs - memory.goals.atMs >= ms) {
    const [rows = []] = await batch(store.first.d1, [
      sql`SELECT DISTINCT f.home, a.home AS goal FROM former_homes f JOIN accounts a ON a.id = f.account_id
        WHERE a.home <> f.home`,
    ]);
    const byHome = new Map<number, number[]>();
    for (const row of rows) {
      const goals = byHome.get(Number(row.home)) ?? [];
      byHome.set(Number(row.home), [...goals, Number(row.goal)]);
    }
    memory.goals = { byHome, atMs: nowMs };
  }
  return (memory.goals.byHome.get(home) ?? []).filter((goal) => goal < store.homes);
}

/** The stores of messages' homes, by id; left out are ids that name no home. */
async function storesOfMessages(store: Store, ids: readonly MessageId[]): Promise<Map<MessageId, Store>> {
  const found = new Map<MessageId, Store>();
  if (store.homes === 1) {
    for (const id of ids) found.set(id, store.first);
    return found;
  }
  for (const id of ids) {
    const shard = isUuidV7(id) ? homeOf(id).shard : store.homes;
    if (shard < store.homes) found.set(id, store.at(shard));
  }
  for (const [home, own] of Map.groupBy(found.keys(), (id) => found.get(id) as Store)) {
    const goals = await goalsOf(store, home.home);
    if (goals.length === 0) continue;
    const there = await thoseAt(home, own);
    const gone = own.filter((id) => !there.has(id));
    if (gone.length === 0) continue;
    for (const goal of goals)
      for (const id of await thoseAt(store.at(goal), gone)) found.set(id, store.at(goal));
  }
  return found;
}

/** Those of the messages that are in a home, and whose account lives there. */
async function thoseAt(store: Store, ids: readonly MessageId[]): Promise<Set<MessageId>> {
  const nowMs = Date.now();
  const weeks = byRetainedWeek([...new Set(ids)], (id) => id, nowMs);
  const results = await withHomeTables(store, nowMs, () =>
    batch(
      store.d1,
      weeks.map(([week, own]) => {
        const { deliveries } = weekTables(week);
        return sql`SELECT d.message_id FROM json_each(${JSON.stringify(own)}) j CROSS JOIN ${deliveries} d
          ON d.message_id = j.value AND d.n = 0 CROSS JOIN accounts a ON a.id = d.account_id AND a.home = ${store.home}`;
      }),
    ),
  );
  return new Set(results.flat().map((row) => String(row.message_id)));
}

/** The store of a message's home; null: there is no such home. */
export async function storeOfMessage(store: Store, messageId: MessageId): Promise<Store | null> {
  return (await storesOfMessages(store, [messageId])).get(messageId) ?? null;
}

/** What points at messages, by the store of its home. What points at none is left out. */
export async function byHomeOfMessage<T>(
  store: Store,
  refs: readonly T[],
  messageIdOf: (ref: T) => MessageId,
): Promise<[Store, T[]][]> {
  const stores = await storesOfMessages(store, refs.map(messageIdOf));
  const homes = Map.groupBy(refs, (ref) => stores.get(messageIdOf(ref)) ?? null);
  return [...homes].flatMap(([home, own]) => (home === null ? [] : [[home, own]]));
}

/** The homes in which messages may be: where a wake is to look. */
export async function homesOfMessages(store: Store, ids: readonly MessageId[]): Promise<number[]> {
  const named = new Set(ids.filter(isUuidV7).map((id) => homeOf(id).shard));
  const goals = await Promise.all([...named].map((home) => goalsOf(store, home)));
  return [...new Set([...named, ...goals.flat()])];
}
