import { describe, expect, it } from 'vitest';
import { eachOf } from '../../worker/cron/each-of.ts';

describe('jobs of a cron tick', () => {
  it('are all done, whichever of them fails, and the failures are told', async () => {
    const done: string[] = [];
    const job = (name: string, fails: boolean) => async () => {
      done.push(name);
      if (fails) throw new Error(`${name} failed`);
    };
    const all = eachOf([job('a', true), job('b', false), job('c', true)]);
    await expect(all).rejects.toThrow(/a failed.*c failed/);
    expect(done).toEqual(['a', 'b', 'c']);
  });

  it('are silent when they succeed', async () => {
    await expect(eachOf([async () => 1])).resolves.toBeUndefined();
  });
});
