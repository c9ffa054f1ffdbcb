import type { Violation } from './history.ts';
import { type RunOptions, type RunResult, run } from './run.ts';
import { titleOf } from './service.ts';

/** The shortest history that was found: operations of the plan that are enough for the same failure. */
export interface Shrunk {
  only: readonly number[];
  result: RunResult;
  tries: number;
}

/**
 * Leaves out operations as long as the same promise is broken (ddmin: Zeller and Hildebrandt, 2002), for so long.
 * Each try is a whole run of the same seed, on the quick engine.
 */
export async function shrink(
  options: RunOptions,
  failed: RunResult,
  failure: Violation,
  most: { tries: number; ms: number },
): Promise<Shrunk> {
  const endsAt = performance.now() + most.ms;
  const same = (one: Violation) => one.invariant === failure.invariant && titleOf(one) === titleOf(failure);
  const failedMs = failed.service.clock.nowMs;
  let only = failed.plan.filter(({ atMs }) => atMs <= failedMs).map(({ id }) => id);
  let best = failed;
  let tries = 0;
  let parts = 4;
  const fails = async (ids: readonly number[]) => {
    tries += 1;
    const result = await run({ ...options, only: new Set(ids), stopWhen: same });
    if (!result.failures.some(same)) return false;
    best = result;
    return true;
  };
  while (only.length > 1 && tries < most.tries && performance.now() < endsAt) {
    const size = Math.ceil(only.length / parts);
    let shorter: number[] | null = null;
    for (
      let from = 0;
      from < only.length && !shorter && tries < most.tries && performance.now() < endsAt;
      from += size
    ) {
      const rest = [...only.slice(0, from), ...only.slice(from + size)];
      if (await fails(rest)) shorter = rest;
    }
    if (shorter) {
      only = shorter;
      parts = Math.max(2, parts - 1);
    } else if (size === 1) break;
    else parts = Math.min(only.length, parts * 2);
  }
  return { only, result: best, tries };
}
