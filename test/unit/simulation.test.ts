import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { bundlePrograms, run } from '../simulation/run.ts';

const programs = await bundlePrograms();
const live = (seed: number, engine: 'workerd' | 'quick') =>
  run({ seed, days: 1, engine, programs, only: null, stopWhen: () => false });

describe('the simulation', () => {
  it('lives the same history twice from one seed, and another from another', async () => {
    const [first, again, other] = [await live(3, 'quick'), await live(3, 'quick'), await live(4, 'quick')];
    expect(again.digest).toBe(first.digest);
    expect(first.service.figures.operations).toBeGreaterThan(0);
    expect(other.digest).not.toBe(first.digest);
  }, 120_000);

  it('lives the same history on D1 in workerd as on the quick engine', async () => {
    const [quick, real] = [await live(3, 'quick'), await live(3, 'workerd')];
    expect(real.digest).toBe(quick.digest);
  }, 120_000);

  it('leaves nothing of a life behind, however many are lived', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const service = await (async () => new WeakRef((await live(3, 'quick')).service))();
    for (let turn = 0; turn < 20 && service.deref(); turn++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      collect();
    }
    expect(service.deref()).toBeUndefined();
  }, 120_000);
});
