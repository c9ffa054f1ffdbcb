import { type SQL, sql } from 'drizzle-orm';
import { movingText } from '../homes-memory.ts';
import { batch } from '../sql.ts';
import type { Store } from '../store.ts';
import { type MovedTable, tablesOf } from './tables.ts';

/**
 * While an account moves, triggers in the home that it leaves see every row of it that is written, whoever writes it and
 * why: they note what has changed since it was copied, and they refuse while nothing may be written. So no path of the
 * Worker has to know of moves, and none can be forgotten. No other account pays for it.
 */
/** An account has some 240, each made and dropped by a statement. */
export const mostTriggers = 280;

const changes = ['INSERT', 'UPDATE', 'DELETE'] as const;

function prefixOf(accountId: number): string {
  return `moving_${accountId}_`;
}

/** Makes the triggers of an account in the home that it leaves; costs a look when they are there. */
export async function ensureTriggers(store: Store, accountId: number): Promise<void> {
  const [{ moved, deliveries }, there] = await Promise.all([tablesOf(store), triggersOf(store, accountId)]);
  const wanted = [
    ...moved.flatMap((table) => triggersOn(table, accountId)),
    ...deliveries.flatMap((name) => triggersOnDeliveries(name, accountId)),
    ...triggersOnAccount(accountId),
  ];
  await batch(
    store.d1,
    wanted.filter(({ name }) => !there.has(name)).map(({ text }) => text),
  );
}

export async function dropTriggers(store: Store, accountId: number): Promise<void> {
  const there = await triggersOf(store, accountId);
  await batch(
    store.d1,
    [...there].map((name) => sql.raw(`DROP TRIGGER IF EXISTS "${name}"`)),
  );
}

async function triggersOf(store: Store, accountId: number): Promise<Set<string>> {
  const prefix = prefixOf(accountId);
  const [rows = []] = await batch(store.d1, [
    sql`SELECT name FROM sqlite_master WHERE type = 'trigger' AND substr(name, 1, ${prefix.length}) = ${prefix}`,
  ]);
  return new Set(rows.map((row) => String(row.name)));
}

interface Trigger {
  name: string;
  text: SQL;
}

function trigger(accountId: number, of: { name: string; on: string; when: string; does: string[] }): Trigger {
  const name = `${prefixOf(accountId)}${of.name}`;
  const text = `CREATE TRIGGER IF NOT EXISTS "${name}" ${of.on} WHEN ${of.when} BEGIN ${of.does.join('; ')}; END`;
  return { name, text: sql.raw(text) };
}

const stateOf = (accountId: number) => `(SELECT state FROM account_moves WHERE account_id = ${accountId})`;
const isShut = (accountId: number) => `${stateOf(accountId)} IN ('frozen', 'left')`;
const refuse = (accountId: number) => `SELECT RAISE(ABORT, '${movingText}') WHERE ${isShut(accountId)}`;

function note(accountId: number, name: string, key: string): string {
  return `INSERT INTO moved_rows (account_id, name, key) SELECT ${accountId}, '${name}', json_array(${key})
    WHERE ${stateOf(accountId)} = 'copying'`;
}

function triggersOn({ name, key, isOf, ahead }: MovedTable, accountId: number): Trigger[] {
  return changes.map((change) => {
    const row = change === 'DELETE' ? 'OLD' : 'NEW';
    const columns = key.map((column) => `${row}."${column}"`).join(', ');
    return trigger(accountId, {
      name: `${name}_${change}`,
      on: `AFTER ${change} ON "${name}"`,
      when: isOf(row, accountId),
      does: [refuse(accountId), ...(ahead ? [note(accountId, name, columns)] : [])],
    });
  });
}

/** A delivery is noted as its message. What a lease would take is passed over, so that it gets the others. */
function triggersOnDeliveries(name: string, accountId: number): Trigger[] {
  const messages = name.replace('deliveries', 'messages');
  const noted = changes.map((change) => {
    const row = change === 'DELETE' ? 'OLD' : 'NEW';
    return trigger(accountId, {
      name: `${name}_${change}`,
      on: `AFTER ${change} ON "${name}"`,
      when: `${row}.account_id = ${accountId}`,
      does: [refuse(accountId), note(accountId, messages, `${row}.message_seq`)],
    });
  });
  const passedOver = trigger(accountId, {
    name: `${name}_lease`,
    on: `BEFORE UPDATE OF lease_id ON "${name}"`,
    when: `NEW.account_id = ${accountId} AND NEW.lease_id IS NOT NULL AND NEW.lease_id IS NOT OLD.lease_id`,
    does: [`SELECT RAISE(IGNORE) WHERE ${isShut(accountId)}`],
  });
  return [...noted, passedOver];
}

/** What the account has decided for itself stands in its row; what the operator decides is control's, and goes on. */
function triggersOnAccount(accountId: number): Trigger[] {
  const own = 'webhooks, track_opens, track_clicks, unsubscribe, content_days, health_level, digest_paused';
  return [
    trigger(accountId, {
      name: 'accounts_UPDATE',
      on: `AFTER UPDATE OF ${own} ON "accounts"`,
      when: `NEW.id = ${accountId}`,
      does: [refuse(accountId)],
    }),
  ];
}
