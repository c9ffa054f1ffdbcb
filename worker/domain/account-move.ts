/**
 * An account on its way to another home (a database), while it goes on working:
 *
 * - `copying`: it lives where it did. What it has is copied, and what changes meanwhile is copied again.
 * - `frozen`: nothing of it can be written. The last changes are copied, and what the account has decided and made.
 * - `left`: it lives in the new home. Nothing can be written where it was, so that whoever has not heard of it cannot do harm.
 * - `removing`: what it had in the old home goes.
 */
export const moveStates = ['copying', 'frozen', 'left', 'removing'] as const;
export type MoveState = (typeof moveStates)[number];

/** Writes are refused for so long at most; what has not come to its end then is given up, and tried again. */
export const frozenForMs = 40_000;
/** What an isolate has found out of homes it takes to be true for so long. */
export const knownForMs = 60_000;
/** The old copy is read for so long by whoever has not heard that the account has left. */
export const removedAfterMs = 3 * knownForMs;
/** After a freeze that came to nothing, the next is tried so much later. */
export const freezeAgainMs = 60_000;

/** What is to be done next. */
export type MoveTask = 'copy' | 'freeze' | 'finish' | 'thaw' | 'switch' | 'wake' | 'wait' | 'remove';

/** What is known of a move. */
export interface MoveProgress {
  state: MoveState;
  /** When the state began, Unix ms. */
  sinceMs: number;
  /** All tables were gone through once. */
  copied: boolean;
  /** No freeze before this time, Unix ms. */
  notBeforeMs: number;
  /** The new home knows that it has the account. */
  switched: boolean;
  /** Nothing is held back any more. */
  woken: boolean;
}

/** What a move needs at a time. @param oldHome the state as the home that is left knows it: there it is decided */
export function taskOf(move: MoveProgress, oldHome: MoveState, nowMs: number): MoveTask {
  const forMs = nowMs - move.sinceMs;
  if (move.state === 'removing') return 'remove';
  if (oldHome === 'left') {
    if (!move.switched) return 'switch';
    if (!move.woken) return 'wake';
    return forMs < removedAfterMs ? 'wait' : 'remove';
  }
  if (move.state === 'frozen') return forMs < frozenForMs ? 'finish' : 'thaw';
  if (!move.copied || nowMs < move.notBeforeMs) return 'copy';
  return 'freeze';
}

/** How long a move that waits has to, ms. */
export function waitsForMs({ sinceMs }: MoveProgress, nowMs: number): number {
  return Math.max(0, sinceMs + removedAfterMs - nowMs);
}
