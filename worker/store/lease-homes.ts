import { type Choice, type Place, parsePlace } from '#domain/delivery/lease-choice.ts';
import { formatPlaces, type Offer, parsePlaces, shareOut } from '#domain/delivery/lease-homes.ts';
import { retainedWeeks } from './home-tables.ts';
import {
  chooseAgain,
  chooseFromHeads,
  fenceOffAt,
  type LeaseTerms,
  type Row,
  readBoot,
  type Seen,
} from './lease-heads.ts';
import { type Lease, type Taken, takeChosen, takeLeases } from './leases.ts';
import { copyBoots } from './nodes.ts';
import { everyHome, type Store } from './store.ts';

/** What a node asks for: the terms of a lease but for the place, which is one of each home. */
export type LeaseOrder = Omit<LeaseTerms, 'place'> & { place: string | null };

/** A lease, and the home in which it was taken. */
export type LeaseAt = Lease & { home: number };

export interface TakenOfHomes extends Omit<Taken, 'place' | 'leases'> {
  leases: LeaseAt[];
  place: string;
  /** Homes that have nothing due, so that they need not be asked until they are told to have. */
  empty: number[];
}

/**
 * Leases what is due in some of the homes: looks at their queues at once, chooses the most urgent over all of them, and
 * takes it in each; as many round trips one after the other as with one home. The boot of the node is control's to say.
 * @param homes those that may have work; with one home it is asked, whatever they are
 */
export async function takeFromHomes(
  store: Store,
  homes: readonly number[],
  order: LeaseOrder,
): Promise<TakenOfHomes | { newestBootId: string | null }> {
  if (store.homes === 1) {
    const taken = await takeLeases(store, { ...order, place: parsePlace(order.place) });
    if ('newestBootId' in taken) return taken;
    const all = joined([{ home: store.home, taken }]);
    return { ...all, place: JSON.stringify(taken.place), empty: [] };
  }
  const places = parsePlaces(order.place);
  const termsOf = (home: number): LeaseTerms => ({ ...order, place: places.get(home) ?? parsePlace(null) });
  const asked = homes.filter((home) => home < store.homes);
  // A fence has to hold everywhere before anything is given again; it is new only once in a while.
  const boot = order.fence > 0 ? await fenced(store, asked, termsOf(0)) : readBoot(store, termsOf(0));
  const [{ boot: newest }, ...looks] = await Promise.all([
    boot,
    ...asked.map((home) => lookAt(store.at(home), termsOf(home))),
  ]);
  if (newest !== order.bootId) return { newestBootId: newest };
  const seen = looks.flatMap((one) => (one ? [one] : []));
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

/** What each home is to give, as far as there is room for all of it. */
function chooseOver(
  seen: readonly SeenAt[],
  order: LeaseOrder,
  termsOf: (home: number) => LeaseTerms,
): { home: number; choice: Choice<Row> }[] {
  const again = seen.some(({ choice }) => choice.picked.some(({ mine }) => mine));
  const offers = seen.map(({ home, choice }): Offer => {
    const own = again ? [] : choice.picked;
    const counts = [...Map.groupBy(own, (row) => row.class)].map(
      ([rank, rows]) => [rank, rows.length] as const,
    );
    return { home, byClass: new Map(counts) };
  });
  const wishes = shareOut(offers, order);
  return seen.map((one) => {
    const wish = wishes.get(one.home) ?? { max: 0, otherMax: 0, digestMax: 0 };
    // What a lost answer gave is given again, whatever is wished.
    return { home: one.home, choice: chooseAgain(one, { ...termsOf(one.home), ...wish }) };
  });
}

function joined(homes: readonly { home: number; taken: Taken }[]): Omit<TakenOfHomes, 'place' | 'empty'> {
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
