import { type Choice, deepestReach, isDeep, type Place, parsePlace } from '#domain/delivery/lease-choice.ts';
import {
  formatPlaces,
  type Numbers,
  type Offer,
  parsePlaces,
  shareOf,
  shareOut,
  tooShallow,
} from '#domain/delivery/lease-homes.ts';
import { retainedWeeks } from './home-tables.ts';
import { chooseAgain, chooseFromHeads, fenceOffAt, readBoot, type Seen } from './lease-heads.ts';
import type { LeaseTerms, Row } from './lease-rows.ts';
import { type Lease, type Taken, takeChosen, takeLeases } from './leases.ts';
import { copyBoots } from './nodes.ts';
import { everyHome, type Store } from './store.ts';

/** What a node asks for: the terms of a lease but for the place, which is one of each home, and how far is looked. */
export type LeaseOrder = Omit<LeaseTerms, 'place' | 'look' | 'long'> & { place: string | null };

/** A lease, and the home in which it was taken. */
export type LeaseAt = Lease & { home: number };

export interface TakenOfHomes extends Omit<Taken, 'place' | 'leases'> {
  leases: LeaseAt[];
  place: string;
  /** Homes that have nothing due, so that they need not be asked until they are told to have. */
  empty: number[];
  /** Homes of which a short look shows only the beginning. */
  deep: number[];
}

/** A home to look at, and whether a long look at it is worth its while at once. */
export interface AskedHome {
  home: number;
  deep: boolean;
}

/**
 * Leases what is due in some of the homes: looks at their queues at once, at a share of what is wanted in each, chooses
 * the most urgent over all of them, and takes it in each; as many round trips one after the other as with one home, and
 * one more where a home has more of what is urgent than its share. The boot of the node is control's to say.
 * @param homes those that may have work; with one home it is asked, whatever they are
 */
export async function takeFromHomes(
  store: Store,
  homes: readonly AskedHome[],
  order: LeaseOrder,
): Promise<TakenOfHomes | { newestBootId: string | null }> {
  if (store.homes === 1) {
    const taken = await takeLeases(store, {
      ...order,
      look: order.max,
      long: false,
      place: parsePlace(order.place),
    });
    if ('newestBootId' in taken) return taken;
    const all = joined([{ home: store.home, taken }]);
    return { ...all, place: JSON.stringify(taken.place), empty: [], deep: [] };
  }
  const places = parsePlaces(order.place);
  const known = homes.filter(({ home }) => home < store.homes);
  const asked = known.map(({ home }) => home);
  const isLong = new Set(known.flatMap(({ home, deep }) => (deep ? [home] : [])));
  const look = shareOf(order.max, asked.length);
  const termsOf = (home: number): LeaseTerms => ({
    ...order,
    look,
    long: isLong.has(home),
    place: places.get(home) ?? parsePlace(null),
  });
  // A fence has to hold everywhere before anything is given again; it is new only once in a while.
  const boot = order.fence > 0 ? await fenced(store, asked, termsOf(0)) : readBoot(store, termsOf(0));
  const [{ boot: newest }, ...looks] = await Promise.all([
    boot,
    ...asked.map((home) => lookAt(store.at(home), termsOf(home))),
  ]);
  if (newest !== order.bootId) return { newestBootId: newest };
  const seen = await deepEnough(
    store,
    looks.flatMap((one) => (one ? [one] : [])),
    order,
    termsOf,
  );
  const chosen = chooseOver(seen, order, termsOf);
  const taken = await Promise.all(
    chosen.map(async ({ home, choice }) => ({
      home,
      taken: await takeChosen(store.at(home), termsOf(home), choice),
    })),
  );
  const after = new Map(places);
  for (const { home, taken: one } of taken) after.set(home, one.place);
  const wantsAll = order.otherMax > 0 && order.digestMax > 0;
  return {
    ...joined(taken),
    place: formatPlaces(after),
    empty: seen.flatMap(({ home, heads }) =>
      wantsAll && heads.length === 0 && isAtStart(places, home) ? [home] : [],
    ),
    deep: taken.flatMap(({ home, taken: { leases } }) => {
      const heads = seen.find((one) => one.home === home)?.heads ?? [];
      return isDeep(heads, leases) ? [home] : [];
    }),
  };
}

/** Whoever looks behind a place has not seen what stands before it. */
function isAtStart(places: ReadonlyMap<number, Place>, home: number): boolean {
  const place = places.get(home);
  return !place || (Object.keys(place.at).length === 0 && Object.keys(place.scout).length === 0);
}

interface SeenAt extends Seen {
  home: number;
}

/** What is due in a home; null: it does not know the node's boot, and control knows another one too. */
async function lookAt(home: Store, terms: LeaseTerms): Promise<SeenAt | null> {
  const weeks = retainedWeeks(terms.nowMs);
  let seen = await chooseFromHeads(home, terms, weeks);
  if (seen.boot !== terms.bootId) {
    // The hello of the node did not reach this home.
    await copyBoots(home);
    seen = await chooseFromHeads(home, terms, weeks);
  }
  return seen.boot === terms.bootId ? { ...seen, home: home.home } : null;
}

async function fenced(
  store: Store,
  asked: readonly number[],
  terms: LeaseTerms,
): Promise<{ boot: string | null }> {
  const known = await readBoot(store, terms);
  if (known.boot !== terms.bootId || known.fence >= terms.fence) return known;
  const others = everyHome(store).filter(({ home }) => home !== store.first.home && !asked.includes(home));
  await Promise.all(others.map((home) => fenceOffAt(home, terms)));
  // Last: it says that the others have it. Those that are asked have it by their own look.
  if (!asked.includes(store.first.home)) await fenceOffAt(store.first, terms);
  return known;
}

/** What each home has to give. */
function offersOf(seen: readonly SeenAt[]): Offer[] {
  const isAgain = seen.some(({ choice }) => choice.picked.some(({ mine }) => mine));
  return seen.map(({ home, heads, choice: { picked, left } }): Offer => {
    const own = isAgain ? [] : picked;
    const counts = [...Map.groupBy(own, (row) => row.class)].map(
      ([rank, rows]) => [rank, rows.length] as const,
    );
    const cut = heads.flatMap(({ rows, full }) => {
      const [first] = rows;
      return first && full && !rows.some((row) => left.has(row)) ? [first.class] : [];
    });
    return { home, byClass: new Map(counts), ...(cut.length > 0 && { cutAt: Math.min(...cut) }) };
  });
}

/** The same with another look at those homes of which too little was seen. */
async function deepEnough(
  store: Store,
  seen: readonly SeenAt[],
  order: LeaseOrder,
  termsOf: (home: number) => LeaseTerms,
): Promise<readonly SeenAt[]> {
  const offers = offersOf(seen);
  const homes = new Set(tooShallow(offers, shareOut(offers, order), order));
  if (homes.size === 0) return seen;
  return await Promise.all(
    seen.map(async (one) => {
      const { home } = one;
      if (!homes.has(home)) return one;
      const { place } = termsOf(home);
      const terms = { ...termsOf(home), look: order.max, place: { ...place, reach: deepestReach } };
      return { ...(await chooseFromHeads(store.at(home), terms, retainedWeeks(order.nowMs))), home };
    }),
  );
}

/** What each home is to give, as far as there is room for all of it. */
function chooseOver(
  seen: readonly SeenAt[],
  order: LeaseOrder,
  termsOf: (home: number) => LeaseTerms,
): { home: number; choice: Choice<Row> }[] {
  const wishes = shareOut(offersOf(seen), order);
  const nothing: Numbers = { max: 0, otherMax: 0, digestMax: 0 };
  return seen.map((one) => {
    // What a lost answer gave is given again, whatever is wished.
    const terms = { ...termsOf(one.home), ...(wishes.get(one.home) ?? nothing) };
    return { home: one.home, choice: chooseAgain(one, terms) };
  });
}

function joined(
  homes: readonly { home: number; taken: Taken }[],
): Omit<TakenOfHomes, 'place' | 'empty' | 'deep'> {
  const taken = homes.map((one) => one.taken);
  const keys = new Map(
    taken
      .flatMap((one) => one.keys)
      .map((key) => [`${key.accountId} ${key.domain} ${key.selector} ${key.algorithm}`, key]),
  );
  return {
    leases: homes
      .flatMap(({ home, taken: { leases } }) => leases.map((lease) => ({ ...lease, home })))
      .sort((a, b) => a.class - b.class),
    messages: new Map(taken.flatMap((one) => [...one.messages])),
    keys: [...keys.values()],
    more: taken.some((one) => one.more),
    told: [...new Set(taken.flatMap((one) => one.told))],
  };
}
