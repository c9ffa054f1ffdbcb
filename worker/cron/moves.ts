import type { Env } from '../env.ts';
import { hubOf } from '../hub/hub-of.ts';
import { sendMove } from '../hub/send-move.ts';
import { findMove, listMoves, Superseded } from '../store/moving/record.ts';
import { stepMove } from '../store/moving/step.ts';
import { errorText, type Store } from '../store/store.ts';
import { eventsCommitted } from '../webhook/poke.ts';

/** A queue message waits for so long at most (Queues, limits); cron goes on with what waits for longer. */
const longestWaitMs = 600_000;

/** Cron sees to it that no move stands still: each goes on by a queue message of its own. */
export async function sendMoves(store: Store, env: Env): Promise<void> {
  if (store.homes === 1) return;
  for (const { accountId } of await listMoves(store)) await sendMove(env, accountId);
}

/**
 * Carries a move on, and sends it on while there is more. What fails is logged and tried again by cron; the account goes on
 * where it is, or where it has come to.
 */
export async function moveOn(store: Store, env: Env, accountId: number): Promise<void> {
  const move = await findMove(store, accountId);
  if (!move || move.from >= store.homes || move.to >= store.homes) return;
  try {
    const before = move.place.woken;
    const after = await stepMove(store, move, Date.now);
    if (move.place.woken && !before) {
      await hubOf(env.bindings.HUB).wake([move.to]);
      await eventsCommitted(env, [accountId]);
    }
    if (after === 'again') await sendMove(env, accountId);
    else if (after !== 'done' && after.waitMs < longestWaitMs)
      await sendMove(env, accountId, Math.ceil(after.waitMs / 1000));
  } catch (error) {
    if (error instanceof Superseded) return;
    const msg = 'the move of an account does not go on; cron tries again';
    console.error(JSON.stringify({ level: 'error', msg, accountId, error: errorText(error) }));
  }
}
