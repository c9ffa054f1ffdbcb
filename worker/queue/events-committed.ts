import type { Env } from '../env.ts';

/**
 * Called where events have been committed, with the accounts whose events they are: whoever hands events on is told
 * here. Nobody does yet; readers of the cursor see them in any case.
 */
export function eventsCommitted(_env: Env, _accountIds: readonly number[]): void {}
