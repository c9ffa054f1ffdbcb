import { foldStep, stepSize } from '../store/fold.ts';
import { purgeStats } from '../store/stats.ts';
import { errorText, type Store } from '../store/store.ts';
import { judgeWarming, unjudged } from '../store/warming.ts';

/**
 * A step of the round over all accounts, some hundreds at once: adds what has happened to their statistics where that
 * is worth its rows, judges once a UTC day the warming of their domains by them, and forgets old counters. A round over
 * 10,000 accounts takes 50 ticks.
 * @param tell is told when accounts could not be folded; all others are
 */
export async function stepAccounts(
  { store, nowMs }: { store: Store; nowMs: number },
  place: number,
  tell: (fault: unknown) => void,
): Promise<number | null> {
  const waiting = await unjudged(store, { after: place, most: stepSize }, nowMs);
  const urgent = [...new Set(waiting.map(({ accountId }) => accountId))];
  const { reached, behind, last, faults } = await foldStep(store, place, urgent, nowMs);
  const folded = waiting.filter(({ accountId }) => accountId <= reached && !behind.has(accountId));
  await judgeWarming(store, folded, nowMs);
  await purgeStats(store, { after: place, upTo: reached }, nowMs);
  const [fault] = faults;
  if (fault !== undefined) tell(`${faults.length} not folded: ${errorText(fault)}`);
  return last ? null : reached;
}
