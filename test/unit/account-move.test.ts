import { describe, expect, it } from 'vitest';
import {
  freezeAgainMs,
  frozenForMs,
  type MoveProgress,
  removedAfterMs,
  taskOf,
  waitsForMs,
} from '#domain/account-move.ts';

const begun: MoveProgress = {
  state: 'copying',
  sinceMs: 1000,
  copied: false,
  notBeforeMs: 0,
  switched: false,
  woken: false,
};

describe('what a move needs next', () => {
  it.each([
    ['copies', begun, 'copying', 1000, 'copy'],
    ['freezes once all is copied', { ...begun, copied: true }, 'copying', 1000, 'freeze'],
    [
      'waits after a freeze that came to nothing',
      { ...begun, copied: true, notBeforeMs: 1000 + freezeAgainMs },
      'copying',
      1000 + freezeAgainMs - 1,
      'copy',
    ],
    ['copies the rest', { ...begun, state: 'frozen' }, 'frozen', 1000 + frozenForMs - 1, 'finish'],
    [
      'gives a freeze up that lasts too long',
      { ...begun, state: 'frozen' },
      'frozen',
      1000 + frozenForMs,
      'thaw',
    ],
    [
      'gives a freeze up that the old home has not heard of',
      { ...begun, state: 'frozen' },
      'copying',
      1000 + frozenForMs,
      'thaw',
    ],
    [
      'goes on where the account has left, however late it is and whatever control has heard',
      { ...begun, state: 'frozen' },
      'left',
      1000 + 10 * frozenForMs,
      'switch',
    ],
    ['lets waiting mail go', { ...begun, state: 'left', switched: true }, 'left', 1000, 'wake'],
    [
      'leaves the old copy to those who have not heard',
      { ...begun, state: 'left', switched: true, woken: true },
      'left',
      1000 + removedAfterMs - 1,
      'wait',
    ],
    [
      'removes it after that',
      { ...begun, state: 'left', switched: true, woken: true },
      'left',
      1000 + removedAfterMs,
      'remove',
    ],
    ['goes on removing', { ...begun, state: 'removing' }, 'removing', 1000, 'remove'],
  ] as const)('%s', (_, move, oldHome, nowMs, task) => {
    expect(taskOf(move as MoveProgress, oldHome, nowMs)).toBe(task);
  });

  it('tells how long it waits', () => {
    expect(waitsForMs({ ...begun, sinceMs: 1000 }, 1000)).toBe(removedAfterMs);
    expect(waitsForMs({ ...begun, sinceMs: 1000 }, 1000 + 2 * removedAfterMs)).toBe(0);
  });
});
