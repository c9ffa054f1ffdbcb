import { describe, expect, it } from 'vitest';
import { type Job, type Progresses, runJobs } from '../../worker/cron/run-jobs.ts';

const hourMs = 3_600_000;
const minuteMs = 60_000;

/** Jobs that note their steps; a place is counted up to 3, `fails` throws. */
function world() {
  const done: string[] = [];
  const job = (name: string, everyMs: number, ends = 1): Job<null> => ({
    name,
    everyMs,
    step: async (_, place) => {
      done.push(`${name}${place}`);
      if (name === 'fails') throw new Error('no luck');
      return place + 1 < ends ? place + 1 : null;
    },
  });
  return { done, job };
}

describe('jobs of a cron tick', () => {
  it('are all done in their order, whichever of them fails, and the failures are told', async () => {
    const { done, job } = world();
    const { faults } = await runJobs([job('a', 0), job('fails', 0), job('c', 0)], null, {}, hourMs);
    expect(done).toEqual(['a0', 'fails0', 'c0']);
    expect(faults.map(({ message }) => message)).toEqual(['fails: Error: no luck']);
  });

  it('are begun once in their time, whichever tick of it comes first, and go on until their round is done', async () => {
    const { done, job } = world();
    const jobs = [job('hourly', hourMs, 3), job('always', 0)];
    let kept: Progresses = {};
    for (const minute of [7, 8, 9, 10, 59, 61, 61, 62, 63, 64]) {
      ({ after: kept } = await runJobs(jobs, null, kept, minute * minuteMs));
    }
    expect(done.filter((step) => step.startsWith('hourly'))).toEqual([
      'hourly0',
      'hourly1',
      'hourly2',
      'hourly0',
      'hourly1',
      'hourly2',
    ]);
    expect(done.filter((step) => step === 'always0')).toHaveLength(10);
  });

  it('are tried again at the next tick, from the same place, when they fail', async () => {
    const { done, job } = world();
    const kept = { fails: { place: 2, atMs: 0 }, gone: { place: 1, atMs: 0 } };
    const { after } = await runJobs([job('fails', hourMs)], null, kept, minuteMs);
    expect(after).toEqual({ fails: { place: 2, atMs: 0 } });
    await runJobs([job('fails', hourMs)], null, after, 2 * minuteMs);
    expect(done).toEqual(['fails2', 'fails2']);
  });
});
