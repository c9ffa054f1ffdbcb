import type { Random } from './random.ts';

/** What is done in a run; all details of an operation come from a source of chance of its own. */
export interface Operation {
  id: number;
  atMs: number;
  kind: OperationKind;
}

/** Kinds of operations, and how often each is done. */
const usual = {
  send: 14,
  schedule: 6,
  batch: 3,
  crowdedMessage: 2,
  keyed: 5,
  raw: 3,
  rehearsed: 2,
  cancel: 3,
  suppress: 3,
  unsuppress: 1,
  visit: 8,
  suspend: 1,
  removeDomain: 1,
  rotateKeys: 1,
  openEndpoint: 2,
  changeEndpoint: 1,
  read: 8,
  oldCursor: 4,
  operate: 1,
  campaign: 0.2,
  lastWeek: 0.4,
  suppressedBatch: 0.3,
  storm: 0.3,
  archive: 0.1,
  recovery: 0.4,
  returnedWhileReleased: 0.5,
} as const;

const troubles = {
  databaseFaults: 4,
  bucketFaults: 1,
  queueFaults: 1,
  objectFaults: 1,
  edgeAway: 3,
  edgeFlaky: 2,
  hookFaults: 1,
  dnsFaults: 1,
  diskTrouble: 2,
  deaf: 1,
  restartIsolates: 2,
  resetObjects: 2,
  killNode: 4,
  stopNode: 2,
  replaceNode: 1,
  moveClock: 2,
  wrongToken: 0.5,
} as const;

/** Come to pass at times of their own: what else is planned does not change with them. */
const rare = ['greylisted', 'awayForLong', 'killedAtTheDot', 'foldedTwice'] as const;

export type OperationKind =
  | keyof typeof usual
  | keyof typeof troubles
  | (typeof rare)[number]
  | 'check'
  | 'crowd'
  | 'lastOpens'
  | 'moveHome';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
/** Every so many days nothing is done for some hours, and everything is checked. */
const checkEveryDays = 6;

/** The operations of a run, by time: bursts with quiet between them, more of them where a week or a month ends. */
export function planOf(
  random: Random,
  startMs: number,
  { days, homes }: { days: number; homes: number },
): Operation[] {
  // Each run does some things more often and others not at all: what hides behind the usual mixture is met.
  const mixed = <K extends string>(weights: Readonly<Record<K, number>>): Record<K, number> =>
    Object.fromEntries(
      Object.entries(weights).map(([kind, weight]) => [
        kind,
        (weight as number) * random.pick([0.2, 1, 1, 1, 3]),
      ]),
    ) as Record<K, number>;
  const works = mixed(usual);
  const harms = mixed(troubles);
  const found: Omit<Operation, 'id'>[] = [];
  const burst = (fromMs: number, most: number) => {
    const harmful = random.chance(0.6);
    if (harmful) found.push({ atMs: fromMs + random.between(0, 5 * minuteMs), kind: random.weighted(harms) });
    for (let left = random.between(2, most); left > 0; left--) {
      found.push({ atMs: fromMs + random.between(0, 9 * minuteMs), kind: random.weighted(works) });
    }
  };
  if (random.chance(0.3)) found.push({ atMs: startMs + dayMs + 7 * hourMs, kind: 'crowd' });
  for (let day = 0; day < days; day++) {
    const dawnMs = startMs + day * dayMs;
    const date = new Date(dawnMs);
    const ends = date.getUTCDay() === 0 || new Date(dawnMs + dayMs).getUTCDate() === 1;
    if (ends && random.chance(0.8)) burst(dawnMs + dayMs - 5 * minuteMs, 8);
    if (random.chance(0.65)) burst(dawnMs + random.between(7 * 60, 22 * 60) * minuteMs, 10);
    for (let left = random.between(0, 2); left > 0; left--) {
      const kind = random.pick(['visit', 'read', 'oldCursor', 'send'] as const);
      found.push({ atMs: dawnMs + random.between(7 * 60, 22 * 60) * minuteMs, kind });
    }
    // The tables of a week are asked for to the end of a Saturday: what happens in their last minutes is told, too.
    if (date.getUTCDay() === 6 && day > 30)
      found.push({ atMs: dawnMs + dayMs - random.between(14, 40) * minuteMs, kind: 'lastOpens' });
    if (day % checkEveryDays === checkEveryDays - 1)
      found.push({ atMs: dawnMs + dayMs + 4 * hourMs, kind: 'check' });
  }
  const planned = found.sort((a, b) => a.atMs - b.atMs);
  const apart = random.fork('rare');
  for (let day = apart.between(0, 6); day < days; day += apart.between(3, 16))
    planned.push({
      atMs: startMs + day * dayMs + apart.between(7 * 60, 22 * 60) * minuteMs,
      kind: apart.pick(rare),
    });
  const moving = random.fork('moves');
  for (let day = moving.between(0, 1); homes > 1 && day < days; day += moving.between(1, 4))
    planned.push({
      atMs: startMs + day * dayMs + moving.between(7 * 60, 22 * 60) * minuteMs,
      kind: 'moveHome',
    });
  return planned.map((operation, id) => ({ id, ...operation })).sort((a, b) => a.atMs - b.atMs);
}
