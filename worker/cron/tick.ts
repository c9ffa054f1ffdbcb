import type { Env } from '../env.ts';
import { noteTick, readProgress } from '../store/installation.ts';
import type { Store } from '../store/store.ts';
import { jobs } from './jobs.ts';
import { runJobs } from './run-jobs.ts';

/** Does what is due at one tick of cron, and notes how far it came and what failed, for the operator to see. */
export async function tick(store: Store, env: Env, nowMs: number): Promise<void> {
  const { after, faults } = await runJobs(jobs, { store, env, nowMs }, await readProgress(store), nowMs);
  const all = faults.map(({ message }) => message).join('; ');
  await noteTick(store, nowMs, faults.length > 0 ? `cron: ${all}` : null, after);
  if (faults.length > 0) throw new AggregateError(faults, `cron: ${all}`);
}
