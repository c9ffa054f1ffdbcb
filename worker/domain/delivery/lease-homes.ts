import { z } from 'zod';
import { classes, classOf } from '../message/class.ts';
import { type Place, placeSchema, type Wish } from './lease-choice.ts';

/** A lease over several homes: how far each was looked at, and what of each is given. */

const placesSchema = z.record(z.string().regex(/^\d{1,3}$/), placeSchema);

/** Places by the number of the home, where there are several. */
export function parsePlaces(text: string | null): ReadonlyMap<number, Place> {
  try {
    const read = placesSchema.safeParse(JSON.parse(text ?? 'null'));
    if (read.success) return new Map(Object.entries(read.data).map(([home, place]) => [Number(home), place]));
  } catch {
    // As with one place.
  }
  return new Map();
}

/** The text of places; the beginning of a queue needs no word. */
export function formatPlaces(places: ReadonlyMap<number, Place>): string {
  const moved = [...places].filter(
    ([, { reach, at, scout }]) => reach > 0 || Object.keys(at).length > 0 || Object.keys(scout).length > 0,
  );
  return JSON.stringify(Object.fromEntries(moved));
}

/** How much of each class a home has to give. */
export interface Offer {
  home: number;
  /** Number of deliveries by the rank of their class. */
  byClass: ReadonlyMap<number, number>;
  /** Rank of the most urgent class of which it may have more than was looked at; left out: of none. */
  cutAt?: number;
}

/** How much is given, in all and of some classes. */
export type Numbers = Pick<Wish, 'max' | 'otherMax' | 'digestMax'>;

/**
 * What a node takes of several homes: the most urgent class first over all of them, within a class in turns. Pure.
 * @returns the wish for each home: no more than what it is to give
 */
export function shareOut(offers: readonly Offer[], wish: Numbers): Map<number, Numbers> {
  const digest = classOf('digest').rank;
  const priority = classOf('priority').rank;
  const given = new Map(offers.map(({ home }) => [home, { max: 0, otherMax: 0, digestMax: 0 }]));
  const left = { ...wish };
  const ranks = [...new Set(offers.flatMap(({ byClass }) => [...byClass.keys()]))].sort((a, b) => a - b);
  for (const rank of ranks) {
    const own = offers.map(({ home, byClass }) => ({ home, count: byClass.get(rank) ?? 0 }));
    const names = (['max', 'otherMax', 'digestMax'] as const).slice(
      0,
      rank === priority ? 1 : rank === digest ? 3 : 2,
    );
    for (let some = own; some.length > 0; some = some.filter(({ count }) => count > 0)) {
      for (const one of some) {
        const numbers = given.get(one.home);
        if (!numbers || one.count === 0) continue;
        if (names.some((name) => left[name] === 0)) {
          one.count = 0;
          continue;
        }
        one.count -= 1;
        for (const name of names) {
          left[name] -= 1;
          numbers[name] += 1;
        }
      }
    }
  }
  return given;
}

/** How many deliveries of a class are looked for in each of some homes: a share of what is wanted. */
export function shareOf(max: number, homes: number): number {
  return Math.ceil(max / Math.max(1, homes));
}

/**
 * The homes to look deeper into: all that was seen of a class is given, there may be more of it, and there is room for
 * that, or what is given elsewhere is less urgent. Pure.
 * @param given what `shareOut` gives of the offers
 */
export function tooShallow(
  offers: readonly Offer[],
  given: ReadonlyMap<number, Numbers>,
  wish: Numbers,
): number[] {
  const all = [...given.values()];
  const sum = (of: (numbers: Numbers) => number) => all.reduce((total, one) => total + of(one), 0);
  const leastUrgent = Math.max(
    ...classes.map(({ rank }) => (sum((one) => givenOf(one, rank)) > 0 ? rank : -1)),
  );
  const hasRoom = (rank: number) =>
    sum(({ max }) => max) < wish.max &&
    (rank === classOf('priority').rank || sum(({ otherMax }) => otherMax) < wish.otherMax) &&
    (rank !== classOf('digest').rank || sum(({ digestMax }) => digestMax) < wish.digestMax);
  return offers.flatMap(({ home, byClass, cutAt }) => {
    const own = given.get(home);
    if (cutAt === undefined || !own) return [];
    const count = givenOf(own, cutAt);
    const isUsedUp = count > 0 && count === byClass.get(cutAt);
    return isUsedUp && (leastUrgent > cutAt || hasRoom(cutAt)) ? [home] : [];
  });
}

function givenOf({ max, otherMax, digestMax }: Numbers, rank: number): number {
  if (rank === classOf('priority').rank) return max - otherMax;
  return rank === classOf('digest').rank ? digestMax : otherMax - digestMax;
}
