import { sql } from 'drizzle-orm';
import { firstHome } from '#domain/message/home.ts';
import { retainedWeeks, weekTables } from '../home-tables.ts';
import { forgetHomes } from '../homes-memory.ts';
import { batch } from '../sql.ts';
import type { Store } from '../store.ts';
import { copyChanges, mostChanges } from './changes.ts';
import { wake, wokenAtOnce } from './messages.ts';
import { advance, type IsOver, type Place, type Runner, setMove, write } from './record.ts';
import { copyPage, isOf, withRows } from './rows.ts';
import { frozenTables } from './tables.ts';

/** The columns of an account's row that are its own, and true in its home. */
const ownColumns = [
  ...['webhooks', 'track_opens', 'track_clicks', 'unsubscribe', 'content_days'],
  ...['health_level', 'digest_paused'],
] as const;

/** From here on nothing of the account can be written, until it lives in the new home or the freeze is given up. */
export async function freeze(runner: Runner, nowMs: number): Promise<void> {
  const { next, move } = runner;
  // What an earlier freeze has left.
  await write(
    runner,
    next,
    frozenTables
      .toReversed()
      .map((table) => sql`DELETE FROM ${sql.raw(`"${table.name}"`)} WHERE ${isOf(table, move.accountId)}`),
  );
  await advance(runner, { state: 'frozen', sinceMs: nowMs, place: { copied: true } });
}

/**
 * Copies what is left while nothing changes, as far as a budget goes.
 * @returns true when all of it is there
 */
export async function copyRest(runner: Runner, isOver: IsOver): Promise<boolean> {
  const { move, old } = runner;
  await write(runner, old, [setMove(move.accountId, { state: 'frozen' })], ['copying', 'frozen']);
  for (let seen = mostChanges; seen > 0; ) {
    if (isOver()) return false;
    seen = await copyChanges(runner);
  }
  const tables = await withRows(old, frozenTables, move.accountId);
  let at = Math.max(
    0,
    tables.findIndex(({ name }) => name === move.place.name),
  );
  let { after } = move.place;
  for (let table = tables[at]; table; table = tables[at]) {
    const reached: (string | number)[] | null = await copyPage(runner, table, after);
    after = reached ?? undefined;
    if (reached === null) at += 1;
    if (isOver()) {
      await advance(runner, { place: placeOf(tables[at]?.name, after) });
      return at === tables.length;
    }
  }
  return true;
}

function placeOf(name: string | undefined, after: Place['after']): Place {
  return { copied: true, ...(name && { name }), ...(after && { after }) };
}

/** Gives a freeze up: the account goes on where it is, and what is copied already is kept up to date. */
export async function thaw(
  runner: Runner,
  of: { nowMs: number; notBeforeMs: number; why: string },
): Promise<void> {
  const { old, move } = runner;
  await write(runner, old, [setMove(move.accountId, { state: 'copying' })], ['copying', 'frozen']);
  const place = { copied: true, notBeforeMs: of.notBeforeMs };
  await advance(runner, { state: 'copying', sinceMs: of.nowMs, place, waitsFor: of.why });
}

/** The account leaves its home: there is no way back from here. */
export async function leave({ old, next, move, ...runner }: Runner, nowMs: number): Promise<void> {
  const { accountId } = move;
  const weeks = retainedWeeks(nowMs);
  const changes = [
    // Nobody is to lease it there, nor to look at its domains.
    setMove(accountId, { state: 'removing' }),
    ...(await existing(old, weeks)).map(
      (week) =>
        sql`UPDATE ${weekTables(week).deliveries} SET due_ms = NULL WHERE account_id = ${accountId} AND due_ms IS NOT NULL`,
    ),
    sql`UPDATE domains SET next_check_ms = NULL WHERE account_id = ${accountId}`,
    sql`UPDATE accounts SET home = ${next.home} WHERE id = ${accountId}`,
    setMove(accountId, { state: 'left' }),
  ];
  await write({ move, ...runner }, old, changes, ['frozen']);
}

/** The weeks whose tables a home has. */
async function existing(store: Store, weeks: readonly string[]): Promise<string[]> {
  const [rows = []] = await batch(store.d1, [
    sql`SELECT name FROM sqlite_master WHERE name IN (SELECT 'deliveries_' || value FROM json_each(${JSON.stringify(weeks)}))`,
  ]);
  const names = new Set(rows.map(({ name }) => String(name)));
  return weeks.filter((week) => names.has(`deliveries_${week}`));
}

/** After `leave`: control says where the account is, then the new home knows that it is there. */
export async function arrive(runner: Runner, nowMs: number): Promise<void> {
  const { store, old, next, move } = runner;
  const { accountId, from } = move;
  const [[own] = [], names = []] = [
    ...(await batch(old.d1, [sql`SELECT * FROM accounts WHERE id = ${accountId}`])),
    ...(await batch(next.d1, [
      sql`SELECT name FROM domains WHERE account_id = ${accountId} AND status = 'verified'`,
    ])),
  ];
  if (!own) throw new Error(`home ${from} has no account ${accountId}`);
  const decided = sql.join(
    ownColumns.map((column) => sql`${sql.raw(column)} = ${own[column]}`),
    sql`, `,
  );
  const claimed =
    next.home === firstHome
      ? [sql`DELETE FROM domain_homes WHERE account_id = ${accountId}`]
      : [
          sql`INSERT INTO domain_homes (name, home, account_id)
            SELECT value, ${next.home}, ${accountId} FROM json_each(${JSON.stringify(names.map(({ name }) => name))}) WHERE true
            ON CONFLICT (name) DO UPDATE SET home = excluded.home, account_id = excluded.account_id`,
        ];
  await write(runner, store.first, [
    sql`UPDATE accounts SET home = ${next.home} WHERE id = ${accountId}`,
    sql`INSERT INTO former_homes (home, account_id, left_at_ms) VALUES (${from}, ${accountId}, ${nowMs})
      ON CONFLICT DO UPDATE SET left_at_ms = excluded.left_at_ms`,
    sql`DELETE FROM former_homes WHERE home = ${next.home} AND account_id = ${accountId}`,
    ...claimed,
    setMove(accountId, { state: 'left', sinceMs: nowMs, waitsFor: null }),
  ]);
  Object.assign(move, { state: 'left', sinceMs: nowMs });
  const [[told] = []] = await batch(store.first.d1, [sql`SELECT * FROM accounts WHERE id = ${accountId}`]);
  await write(runner, next, [
    sql`UPDATE accounts SET home = ${next.home}, name = ${told?.name}, status = ${told?.status}, status_reason = ${told?.status_reason},
      messages_per_minute = ${told?.messages_per_minute}, ${decided} WHERE id = ${accountId}`,
  ]);
  await advance(runner, { place: { copied: true, switched: true } });
  forgetHomes(store);
}

/** Lets go what was held back; true when that is all of it. */
export async function wakeHeld(runner: Runner, nowMs: number): Promise<boolean> {
  const { next, move } = runner;
  const weeks = await existing(next, retainedWeeks(nowMs));
  const rows = await write(
    runner,
    next,
    weeks.map((week) => wake(week, move.accountId)),
  );
  if (rows.some(({ length }) => length === wokenAtOnce)) return false;
  await advance(runner, { place: { copied: true, switched: true, woken: true } });
  return true;
}
