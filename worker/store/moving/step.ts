import { freezeAgainMs, frozenForMs, type MoveState, taskOf, waitsForMs } from '#domain/account-move.ts';
import { assertNever } from '#domain/assert-never.ts';
import { findAccount } from '../accounts.ts';
import { copyAccounts } from '../copies.ts';
import { ensureHomeTables } from '../home-tables.ts';
import { errorText, type Store } from '../store.ts';
import { copyChanges, mostChanges } from './changes.ts';
import { copyMessages } from './messages.ts';
import { advance, type IsOver, type Move, progressOf, type Runner, takeOver } from './record.ts';
import { removeOld } from './remove.ts';
import { copyPage, withRows } from './rows.ts';
import { arrive, copyRest, freeze, leave, thaw, wakeHeld } from './switch.ts';
import { namesOf, tablesOf, weekOfMessages } from './tables.ts';
import { ensureTriggers, mostTriggers } from './triggers.ts';

/** What is to happen after a step: the next at once, the next after a time (ms), or nothing more. */
export type After = 'again' | 'done' | { waitMs: number };

/** An invocation begins nothing more after so many statements; what is begun has some fifty at most. */
const mostStatements = 300;
/** It is given up after thirty seconds behind a request, and later behind a queue message. */
const longestMs = 20_000;
/** A freeze is begun only when the last look found no more changes than this. */
const fewChanges = 200;

/**
 * Carries a move on for as long as an invocation may: it may end at any point, and whoever comes next goes on. Two at once do
 * no harm: the later has it.
 * @param clock Unix ms
 * @throws Superseded when another has taken it over
 */
export async function stepMove(store: Store, move: Move, clock: () => number): Promise<After> {
  const [old, next] = [store.at(move.from), store.at(move.to)];
  const [statements, beganMs] = [store.cost.statements, clock()];
  const isOver: IsOver = (reserve = 0) =>
    store.cost.statements - statements + reserve > mostStatements || clock() - beganMs > longestMs;
  if (move.state === 'copying' && !(await prepare({ store, old, next, move }, isOver, clock())))
    return 'again';
  const id = crypto.randomUUID();
  const oldHome = await takeOver(store, move, id);
  const runner: Runner = { store, move, id, old, next, tables: new Set(await namesOf(next)) };
  for (let state: MoveState = oldHome; ; ) {
    const after = await doTask(runner, state, isOver, clock);
    if (typeof after === 'object' && 'oldHome' in after) state = after.oldHome;
    else return after;
    if (isOver()) return 'again';
  }
}

/** Makes the tables, the account's row and the triggers before anything is copied; true when they are there. */
async function prepare(
  { store, old, next, move }: Pick<Runner, 'store' | 'old' | 'next' | 'move'>,
  isOver: IsOver,
  nowMs: number,
): Promise<boolean> {
  await Promise.all([ensureHomeTables(old, nowMs), ensureHomeTables(next, nowMs)]);
  const account = await findAccount(store.first, move.accountId);
  if (!account) throw new Error(`there is no account ${move.accountId}`);
  await copyAccounts(next, [account]);
  if (isOver(mostTriggers)) return false;
  await ensureTriggers(old, move.accountId);
  return true;
}

async function doTask(
  runner: Runner,
  oldHome: MoveState,
  isOver: IsOver,
  clock: () => number,
): Promise<After | { oldHome: MoveState }> {
  const { move } = runner;
  const task = taskOf(progressOf(move), oldHome, clock());
  switch (task) {
    case 'copy':
      return (await copyAhead(runner, isOver))
        ? { waitMs: Math.max(0, (move.place.notBeforeMs ?? 0) - clock()) }
        : 'again';
    case 'freeze':
      for (let seen = mostChanges; seen > fewChanges; seen = await copyChanges(runner))
        if (isOver()) return 'again';
      await freeze(runner, clock());
      return await finish(runner, isOver, clock);
    case 'finish':
      return await finish(runner, isOver, clock);
    case 'thaw':
      await giveUp(runner, clock(), `it did not come to its end within ${frozenForMs / 1000} seconds`);
      return 'again';
    case 'switch':
      await arrive(runner, clock());
      return { oldHome: 'left' };
    case 'wake':
      return (await wakeHeld(runner, clock())) ? { oldHome: 'left' } : 'again';
    case 'wait':
      return { waitMs: waitsForMs(progressOf(move), clock()) };
    case 'remove':
      if (move.state !== 'removing') await advance(runner, { state: 'removing', sinceMs: clock() });
      return (await removeOld(runner, isOver)) ? 'done' : 'again';
    default:
      return assertNever(task);
  }
}

/** Copies table by table, and what changes; true when all was gone through. */
async function copyAhead(runner: Runner, isOver: IsOver): Promise<boolean> {
  const { move, old } = runner;
  // What comes to a table without rows meanwhile is a change.
  const known = (await tablesOf(old)).moved.filter(({ ahead, name }) => ahead && runner.tables.has(name));
  const tables = await withRows(old, known, move.accountId);
  while (!isOver()) {
    if ((await copyChanges(runner)) === mostChanges) continue;
    if (move.place.copied) return true;
    const { name, after } = move.place;
    const table = tables.find((one) => name === undefined || (after ? one.name >= name : one.name > name));
    if (!table) {
      await advance(runner, { place: { ...move.place, copied: true } });
      return true;
    }
    const week = weekOfMessages(table.name);
    const behind = table.name === name ? after : undefined;
    const reached =
      week === null
        ? await copyPage(runner, table, behind)
        : await copyMessages(runner, week, Number(behind?.[0] ?? 0)).then((seq) => seq && [seq]);
    await advance(runner, { place: { name: table.name, ...(reached && { after: reached }) } });
  }
  return false;
}

async function finish(
  runner: Runner,
  isOver: IsOver,
  clock: () => number,
): Promise<After | { oldHome: MoveState }> {
  try {
    if (!(await copyRest(runner, isOver))) return 'again';
    await leave(runner, clock());
    return { oldHome: 'left' };
  } catch (error) {
    // Rather let the account go on than hold it.
    await giveUp(runner, clock(), errorText(error)).catch(() => undefined);
    throw error;
  }
}

async function giveUp(runner: Runner, nowMs: number, why: string): Promise<void> {
  await thaw(runner, { nowMs, notBeforeMs: nowMs + freezeAgainMs, why: why.slice(0, 300) });
}
