import type { Env } from '../env.ts';

/** Sees to it that the move of an account goes on, in an invocation of its own. */
export async function sendMove(env: Env, accountId: number, delaySeconds = 0): Promise<void> {
  await env.bindings.DELIVERY.send({ move: accountId }, { delaySeconds });
}
