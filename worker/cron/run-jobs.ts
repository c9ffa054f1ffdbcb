/**
 * What cron does, in steps: a step is bounded whatever the installation holds, and says where the next one goes on,
 * so that no tick does more than a Worker may, and nothing is left out.
 */
export interface Job<T> {
  name: string;
  /** A new round is begun once in so long, at the first tick of it; 0: at every tick. */
  everyMs: number;
  /**
   * Does a step from a place, 0 at the beginning of a round; gives the place of the next, null at the round's end.
   * @param tell notes the failure of a part that does not hold up the rest
   */
  step(tick: T, place: number, tell: (fault: unknown) => void): Promise<number | null>;
}

/** How far a job is: the place of its next step (null: its round is done), and when it did its last. */
export interface Progress {
  place: number | null;
  atMs: number;
}

/** By the name of the job. */
export type Progresses = Record<string, Progress>;

/**
 * Does a step of each job that is due, in their order. One that fails keeps none of the others from being done, and is
 * tried again from its place by the next tick.
 */
export async function runJobs<T>(
  jobs: readonly Job<T>[],
  tick: T,
  before: Progresses,
  nowMs: number,
): Promise<{ after: Progresses; faults: Error[] }> {
  const after: Progresses = {};
  const faults: Error[] = [];
  for (const { name, everyMs, step } of jobs) {
    const at = before[name];
    if (at) after[name] = at;
    const round = (ms: number) => Math.floor(ms / everyMs);
    const due = !at || at.place !== null || everyMs === 0 || round(at.atMs) !== round(nowMs);
    if (!due) continue;
    const tell = (error: unknown) => faults.push(new Error(`${name}: ${String(error)}`, { cause: error }));
    try {
      after[name] = { place: await step(tick, at?.place ?? 0, tell), atMs: nowMs };
    } catch (error) {
      tell(error);
    }
  }
  return { after, faults };
}
