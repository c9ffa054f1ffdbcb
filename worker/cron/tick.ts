import { noteTick } from '../store/installation.ts';
import { errorText, type Store } from '../store/store.ts';
import { eachOf } from './each-of.ts';

/** Does the jobs of one tick, and notes that it ticked and what failed, for the operator to see. */
export async function ticked(
  store: Store,
  nowMs: number,
  jobs: readonly (() => Promise<unknown>)[],
): Promise<void> {
  try {
    await eachOf(jobs);
    await noteTick(store, nowMs, null);
  } catch (error) {
    // A database that is away takes no note either; what is thrown is the cause.
    await noteTick(store, nowMs, errorText(error)).catch(() => undefined);
    throw error;
  }
}
