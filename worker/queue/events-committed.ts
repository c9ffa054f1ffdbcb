import type { Env } from '../env.ts';
import { openStore } from '../store/store.ts';
import { activeEndpointIds } from '../store/webhook-endpoints.ts';
import { pokeSenders } from './webhook.ts';

/**
 * Called where events have been committed outside of a request of the account: pokes the senders of its webhook
 * endpoints at once, without the queue, since such events are few. Never throws: the sweep finds what is behind.
 */
export async function eventsCommitted(env: Env, accountIds: readonly number[]): Promise<void> {
  try {
    await pokeSenders(env, await activeEndpointIds(openStore(env.bindings), [...accountIds]));
  } catch (error) {
    console.warn(
      JSON.stringify({ level: 'warn', msg: 'senders not poked; the sweep will', error: String(error) }),
    );
  }
}
