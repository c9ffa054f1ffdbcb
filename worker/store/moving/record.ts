import { type SQL, sql } from 'drizzle-orm';
import { type MoveProgress, type MoveState, moveStates } from '#domain/account-move.ts';
import { batch } from '../sql.ts';
import type { Store } from '../store.ts';

/** How far the copying or the removing of rows is. */
export interface Place {
  /** The table that is being gone through. */
  name?: string;
  /** The key of the last row that was. */
  after?: (string | number)[];
  copied?: boolean;
  notBeforeMs?: number;
  switched?: boolean;
  woken?: boolean;
}

/** A move as control knows it. */
export interface Move {
  accountId: number;
  from: number;
  to: number;
  state: MoveState;
  place: Place;
  startedAtMs: number;
  sinceMs: number;
  waitsFor: string | null;
}

/** Another invocation has taken a move over, or it has come to its end. */
export class Superseded extends Error {}

function moveOf(row: Record<string, unknown>): Move {
  return {
    accountId: Number(row.account_id),
    from: Number(row.from_home),
    to: Number(row.to_home),
    state: stateOf(row.state),
    place: JSON.parse(String(row.place)) as Place,
    startedAtMs: Number(row.started_at_ms),
    sinceMs: Number(row.since_ms),
    waitsFor: row.waits_for === null ? null : String(row.waits_for),
  };
}

function stateOf(value: unknown): MoveState {
  const state = moveStates.find((one) => one === value);
  if (!state) throw new Error(`no state of a move: ${value}`);
  return state;
}

export function progressOf({ state, sinceMs, place }: Move): MoveProgress {
  return {
    state,
    sinceMs,
    copied: place.copied === true,
    notBeforeMs: place.notBeforeMs ?? 0,
    switched: place.switched === true,
    woken: place.woken === true,
  };
}

/** The moves that are under way, the oldest first. */
export async function listMoves(store: Store): Promise<Move[]> {
  const [rows = []] = await batch(store.first.d1, [
    sql`SELECT * FROM account_moves ORDER BY started_at_ms, account_id LIMIT 100`,
  ]);
  return rows.map(moveOf);
}

export async function findMove(store: Store, accountId: number): Promise<Move | null> {
  const [[row] = []] = await batch(store.first.d1, [
    sql`SELECT * FROM account_moves WHERE account_id = ${accountId}`,
  ]);
  return row ? moveOf(row) : null;
}

/** Notes in control that an account is to move; what is noted already stays. */
export async function noteMove(
  store: Store,
  { accountId, from, to }: { accountId: number; from: number; to: number },
  nowMs: number,
): Promise<Move> {
  const [, [row] = []] = await batch(store.first.d1, [
    sql`INSERT INTO account_moves (account_id, from_home, to_home, state, started_at_ms, since_ms)
      VALUES (${accountId}, ${from}, ${to}, 'copying', ${nowMs}, ${nowMs}) ON CONFLICT DO NOTHING`,
    sql`SELECT * FROM account_moves WHERE account_id = ${accountId}`,
  ]);
  if (!row) throw new Error('an insert gave no row');
  return moveOf(row);
}

/**
 * Takes a move over: who had it until now cannot write any more, in control or in either home.
 * @returns its state where the account is, or was: what triggers look at
 */
export async function takeOver(store: Store, move: Move, runner: string): Promise<MoveState> {
  const { accountId, from, to, state, startedAtMs, sinceMs } = move;
  await batch(store.first.d1, [
    sql`UPDATE account_moves SET runner = ${runner} WHERE account_id = ${accountId}`,
  ]);
  const put = sql`INSERT INTO account_moves (account_id, from_home, to_home, state, runner, started_at_ms, since_ms)
    VALUES (${accountId}, ${from}, ${to}, ${state}, ${runner}, ${startedAtMs}, ${sinceMs})
    ON CONFLICT (account_id) DO UPDATE SET runner = excluded.runner`;
  const [[, [row] = []]] = await Promise.all([
    batch(store.at(from).d1, [put, sql`SELECT state FROM account_moves WHERE account_id = ${accountId}`]),
    batch(store.at(to).d1, [put]),
  ]);
  return stateOf(row?.state);
}

/** Whether an invocation has done what it may. @param reserve statements that are to be left for what comes next */
export type IsOver = (reserve?: number) => boolean;

/** Whoever carries a move on, and what they may write. */
export interface Runner {
  store: Store;
  move: Move;
  /** Unique to the invocation. */
  id: string;
  old: Store;
  next: Store;
  /** The tables that the new home has: what the old one is about to drop may be gone there. */
  tables: ReadonlySet<string>;
}

/** Writes in one transaction, if the move is still the runner's there. @throws Superseded */
export async function write(
  { id, move: { accountId } }: Pick<Runner, 'id' | 'move'>,
  store: Store,
  queries: readonly SQL[],
  states: readonly MoveState[] = moveStates,
): Promise<Record<string, unknown>[][]> {
  const known = sql`state IN (SELECT value FROM json_each(${JSON.stringify(states)}))`;
  try {
    const [, ...results] = await batch(store.d1, [
      // A column that may not be NULL stops the transaction.
      sql`INSERT INTO account_moves (account_id, from_home, to_home, state, started_at_ms, since_ms)
        SELECT NULL, NULL, 0, 'copying', 0, 0 WHERE NOT EXISTS
          (SELECT 1 FROM account_moves WHERE account_id = ${accountId} AND runner = ${id} AND ${known})`,
      ...queries,
    ]);
    return results;
  } catch (error) {
    if (/NOT NULL constraint failed: account_moves\.from_home/.test(String(error)))
      throw new Superseded(`account ${accountId}`);
    throw error;
  }
}

/** The change of a move's row, in control or in a home. */
export function setMove(
  accountId: number,
  { state, place, sinceMs, waitsFor }: Partial<Pick<Move, 'state' | 'place' | 'sinceMs' | 'waitsFor'>>,
): SQL {
  const changes = [
    ...(state === undefined ? [] : [sql`state = ${state}`]),
    ...(place === undefined ? [] : [sql`place = ${JSON.stringify(place)}`]),
    ...(sinceMs === undefined ? [] : [sql`since_ms = ${sinceMs}`]),
    ...(waitsFor === undefined ? [] : [sql`waits_for = ${waitsFor}`]),
  ];
  return sql`UPDATE account_moves SET ${sql.join(changes, sql`, `)} WHERE account_id = ${accountId}`;
}

/** Notes in control how far a move is. */
export async function advance(
  runner: Runner,
  change: Partial<Pick<Move, 'state' | 'place' | 'sinceMs' | 'waitsFor'>>,
): Promise<void> {
  await write(runner, runner.store.first, [setMove(runner.move.accountId, change)]);
  Object.assign(runner.move, change);
}
