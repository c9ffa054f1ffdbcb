import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Turns } from '../../smtp-node/outbound/turns.ts';

describe('turns', () => {
  it('run one at a time, the most urgent next, equals in the order in which they came', async () => {
    const turns = new Turns();
    const ended: string[] = [];
    let running = 0;
    const work = (name: string) => async () => {
      running += 1;
      expect(running).toBe(1);
      await pause(1);
      running -= 1;
      ended.push(name);
    };
    await Promise.all([
      turns.take(2, work('digest first')),
      turns.take(2, work('digest second')),
      turns.take(1, work('standard')),
      turns.take(2, work('digest third')),
      turns.take(0, work('priority')),
    ]);
    expect(ended).toEqual(['digest first', 'priority', 'standard', 'digest second', 'digest third']);
  });

  it('run as many at a time as they are wide', async () => {
    const turns = new Turns(3);
    let running = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++running);
      await pause(1);
      running -= 1;
    };
    await Promise.all(Array.from({ length: 20 }, () => turns.take(1, work)));
    expect([most, running]).toEqual([3, 0]);
  });

  it('go on after work that fails, and are free again at the end', async () => {
    const turns = new Turns();
    const failing = turns.take(1, async () => {
      throw new Error('no');
    });
    const after = turns.take(1, async () => 'done');
    await expect(failing).rejects.toThrow('no');
    expect(await after).toBe('done');
    expect(await turns.take(1, async () => 'again')).toBe('again');
  });
});
