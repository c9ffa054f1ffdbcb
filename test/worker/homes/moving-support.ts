import { type MoveState, removedAfterMs } from '#domain/account-move.ts';
import { forgetHomes } from '../../../worker/store/homes-memory.ts';
import { findMove, noteMove, Superseded } from '../../../worker/store/moving/record.ts';
import { stepMove } from '../../../worker/store/moving/step.ts';
import { movedTable } from '../../../worker/store/moving/tables.ts';
import { openStore, type Store } from '../../../worker/store/store.ts';
import { bindings, type TestAccount, testStore } from '../support.ts';

/** The tables of a home that moves know. */
export function ownedTables(names: readonly string[]): string[] {
  return names.filter((name) => movedTable(name) !== null);
}

/**
 * All rows of an account in a home, by the kind of their table; bodies stand in the place of their numbers, and what is only
 * true of a moment is left out.
 */
export async function everythingOf(
  database: D1Database,
  accountId: number,
): Promise<Map<string, Record<string, unknown>[]>> {
  const { results } = await database
    .prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    .all<{ name: string }>();
  const names = results.map(({ name }) => name);
  const found = new Map<string, Record<string, unknown>[]>();
  const add = (kind: string, rows: Record<string, unknown>[]) =>
    found.set(kind, [...(found.get(kind) ?? []), ...rows]);
  const read = async (query: string) =>
    (await database.prepare(query).all<Record<string, unknown>>()).results;
  for (const name of ownedTables(names)) {
    const table = movedTable(name);
    if (!table) continue;
    const order = table.primary.join(', ');
    const rows = await read(
      `SELECT * FROM "${name}" WHERE ${table.isOf(`"${name}"`, accountId)} ORDER BY ${order}`,
    );
    add(name.replace(/_\d{4}w\d{2}$/, ''), await withBodies(database, names, rows));
  }
  for (const name of names.filter((one) => one.startsWith('deliveries_'))) {
    const rows = await read(`SELECT * FROM "${name}" WHERE account_id = ${accountId} ORDER BY message_id, n`);
    add('deliveries', await withBodies(database, names, rows));
  }
  return found;
}

async function withBodies(database: D1Database, names: readonly string[], rows: Record<string, unknown>[]) {
  const told = [];
  for (const row of rows) {
    const table = `bodies_${row.body_day}`;
    if (typeof row.body_id !== 'number' || !names.includes(table)) {
      told.push(row);
      continue;
    }
    const body = await database
      .prepare(`SELECT raw, gzip FROM "${table}" WHERE id = ?`)
      .bind(row.body_id)
      .first();
    told.push({ ...row, body_id: JSON.stringify(body) });
  }
  return told;
}

async function begin(account: TestAccount, to: number): Promise<void> {
  const store = testStore();
  const [row] = (
    await store.first.d1
      .prepare('SELECT home FROM accounts WHERE id = ?')
      .bind(account.id)
      .all<{ home: number }>()
  ).results;
  await noteMove(store, { accountId: account.id, from: row?.home ?? 0, to }, Date.now());
}

/** Moves an account until it lives in its new home; what it had is still in the old one. */
export async function arriveAt(
  account: TestAccount,
  to: number,
  clock: () => number = Date.now,
): Promise<void> {
  await begin(account, to);
  for (let steps = 0; steps < 50; steps++) {
    const move = await findMove(testStore(), account.id);
    if (!move || move.place.woken) return;
    await stepMove(testStore(), move, clock);
  }
  throw new Error('the account does not arrive');
}

/** Moves an account to the end of the move. */
export async function moveTo(
  account: TestAccount,
  to: number,
  clock: () => number = Date.now,
): Promise<void> {
  await arriveAt(account, to, clock);
  for (let steps = 0; steps < 50; steps++) {
    const move = await findMove(testStore(), account.id);
    if (!move) return;
    await stepMove(testStore(), move, () => clock() + removedAfterMs);
  }
  throw new Error('the move does not end');
}

/** Goes on until a state has begun, and no further. */
export async function stepUntil(
  account: TestAccount,
  to: number,
  state: MoveState,
  clock: () => number = Date.now,
): Promise<void> {
  await begin(account, to);
  for (let steps = 0; steps < 50; steps++) {
    const move = await findMove(testStore(), account.id);
    if (move?.state === state && (state !== 'copying' || move.place.copied)) return;
    if (!move) break;
    // Nothing is done after the state has begun.
    const store = state === 'frozen' ? stoppingAfterFreeze() : testStore();
    await stepMove(store, move, clock).catch((error: unknown) => {
      if (!(error instanceof Stopped) && !/stopped/.test(String(error))) throw error;
    });
  }
  throw new Error(`the move never is ${state}`);
}

class Stopped extends Error {}

/** Stores whose databases answer nothing more once a freeze has begun: control knows it first, then the old home. */
function stoppingAfterFreeze(): Store {
  let changes = 0;
  return storeWith(async (run, statements) => {
    if (changes === 2) throw new Stopped('stopped');
    const result = await run();
    if (statements.some((text) => text.includes('UPDATE account_moves SET state = ?'))) changes += 1;
    return result;
  });
}

type Around = (run: () => Promise<unknown>, statements: string[]) => Promise<unknown>;

/** The stores, with every transaction going through a function. */
function storeWith(around: Around): Store {
  const environment = { ...bindings } as Record<string, unknown>;
  for (const [name, database] of Object.entries(environment)) {
    if (!/^DB(_\d+)?$/.test(name)) continue;
    environment[name] = wrapped(database as D1Database, around);
  }
  return openStore(environment as never);
}

function wrapped(database: D1Database, around: Around): D1Database {
  const texts = new WeakMap<object, string>();
  return new Proxy(database, {
    get(target, name) {
      if (name === 'prepare') {
        return (text: string) => {
          const statement = target.prepare(text);
          texts.set(statement, text);
          return new Proxy(statement, {
            get(inner, method) {
              if (method === 'inner') return inner;
              const value = Reflect.get(inner, method);
              if (method === 'bind')
                return (...values: unknown[]) => {
                  const bound = inner.bind(...values);
                  texts.set(bound, text);
                  return bound;
                };
              return typeof value === 'function' ? value.bind(inner) : value;
            },
          });
        };
      }
      if (name === 'batch')
        return (statements: D1PreparedStatement[]) => {
          const plain = statements.map((one) => (one as { inner?: D1PreparedStatement }).inner ?? one);
          return around(
            () => target.batch(plain),
            plain.map((one) => texts.get(one) ?? ''),
          );
        };
      const value = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/**
 * Carries a move on with one transaction of the invocation broken: by turns before it is done, as when the question is lost,
 * and behind, as when the answer is.
 * @returns true when the move is over
 */
export async function stepBroken(
  account: TestAccount,
  to: number,
  at: number,
  clock: () => number,
): Promise<boolean> {
  if (at === 0) await begin(account, to);
  const move = await findMove(testStore(), account.id);
  if (!move) return true;
  let done = 0;
  const store = storeWith(async (run) => {
    done += 1;
    if (done - 1 !== at) return await run();
    if (at % 2 === 1) await run();
    throw new Error('broken by the test');
  });
  forgetHomes(testStore());
  await stepMove(store, move, clock).catch((error: unknown) => {
    if (!/broken by the test/.test(String(error)) && !(error instanceof Superseded)) throw error;
  });
  return false;
}
