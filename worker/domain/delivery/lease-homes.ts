import { z } from 'zod';
import { classOf } from '../message/class.ts';
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
}

/**
 * What a node takes of several homes: the most urgent class first over all of them, within a class in turns. Pure.
 * @returns the wish for each home: no more than what it is to give
 */
export function shareOut(
  offers: readonly Offer[],
  { max, otherMax, digestMax }: Pick<Wish, 'max' | 'otherMax' | 'digestMax'>,
): Map<number, Pick<Wish, 'max' | 'otherMax' | 'digestMax'>> {
  const digest = classOf('digest').rank;
  const priority = classOf('priority').rank;
  const wishes = new Map(offers.map(({ home }) => [home, { max: 0, otherMax: 0, digestMax: 0 }]));
  let [room, otherRoom, digestRoom] = [max, otherMax, digestMax];
  const ranks = [...new Set(offers.flatMap(({ byClass }) => [...byClass.keys()]))].sort((a, b) => a - b);
  for (const rank of ranks) {
    const left = offers.map(({ home, byClass }) => ({ home, count: byClass.get(rank) ?? 0 }));
    for (let some = left; some.length > 0; some = some.filter(({ count }) => count > 0)) {
      for (const one of some) {
        const wish = wishes.get(one.home);
        const isOther = rank !== priority;
        const isDigest = rank === digest;
        if (!wish || one.count === 0) continue;
        if (room === 0 || (isOther && otherRoom === 0) || (isDigest && digestRoom === 0)) {
          one.count = 0;
          continue;
        }
        one.count -= 1;
        room -= 1;
        wish.max += 1;
        if (isOther) {
          otherRoom -= 1;
          wish.otherMax += 1;
        }
        if (isDigest) {
          digestRoom -= 1;
          wish.digestMax += 1;
        }
      }
    }
  }
  return wishes;
}
