import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Place } from '#domain/delivery/lease-choice.ts';
import {
  formatPlaces,
  type Offer,
  parsePlaces,
  shareOf,
  shareOut,
  tooShallow,
} from '#domain/delivery/lease-homes.ts';
import { HomesWithWork } from '../../worker/hub/homes-with-work.ts';

const offer = (home: number, ...counts: number[]): Offer => ({
  home,
  byClass: new Map(counts.map((count, rank) => [rank, count])),
});
const all = { max: 500, otherMax: 500, digestMax: 500 };

describe('sharing out a lease over homes', () => {
  it('gives everything where there is room', () => {
    const wishes = shareOut([offer(0, 1, 2, 3), offer(3, 4, 0, 1)], all);
    expect(wishes.get(0)).toEqual({ max: 6, otherMax: 5, digestMax: 3 });
    expect(wishes.get(3)).toEqual({ max: 5, otherMax: 1, digestMax: 1 });
  });

  it('gives the most urgent class first over all of them, in turns within a class', () => {
    const wishes = shareOut([offer(0, 0, 50), offer(1, 4, 50), offer(2, 0, 1)], { ...all, max: 10 });
    expect(wishes.get(1)).toEqual({ max: 6, otherMax: 2, digestMax: 0 });
    expect(wishes.get(0)).toEqual({ max: 3, otherMax: 3, digestMax: 0 });
    expect(wishes.get(2)).toEqual({ max: 1, otherMax: 1, digestMax: 0 });
  });

  it('passes no bound, and leaves nothing where there is room for it', () => {
    const count = fc.nat(30);
    const offers = fc.uniqueArray(fc.record({ home: fc.nat(15), counts: fc.tuple(count, count, count) }), {
      selector: ({ home }) => home,
    });
    const bounds = fc.record({ max: fc.nat(60), otherMax: fc.nat(60), digestMax: fc.nat(60) });
    fc.assert(
      fc.property(offers, bounds, (given, wish) => {
        const wishes = [
          ...shareOut(
            given.map(({ home, counts }) => offer(home, ...counts)),
            wish,
          ).values(),
        ];
        const sum = (name: 'max' | 'otherMax' | 'digestMax') =>
          wishes.reduce((total, one) => total + one[name], 0);
        const has = (rank: number) => given.reduce((total, { counts }) => total + (counts[rank] ?? 0), 0);
        expect(sum('otherMax')).toBeLessThanOrEqual(wish.otherMax);
        expect(sum('digestMax')).toBeLessThanOrEqual(wish.digestMax);
        const digests = Math.min(has(2), wish.digestMax, wish.otherMax);
        const others = Math.min(wish.otherMax, has(1) + digests);
        expect(sum('max')).toBeLessThanOrEqual(wish.max);
        expect(sum('max')).toBe(Math.min(wish.max, has(0) + others));
        expect(sum('max') - sum('otherMax')).toBe(Math.min(wish.max, has(0)));
      }),
    );
  });

  it('looks deeper where what is given elsewhere is less urgent, or where there is room', () => {
    const deeper = (wish: typeof all, ...offers: ReturnType<typeof offer>[]) =>
      tooShallow(offers, shareOut(offers, wish), wish);
    const few = { ...all, max: 10 };
    expect(deeper(few, { ...offer(0, 5), cutAt: 0 }, offer(1, 0, 9))).toEqual([0]);
    expect(deeper(few, { ...offer(0, 5), cutAt: 0 }, { ...offer(1, 5), cutAt: 0 })).toEqual([]);
    expect(deeper(few, { ...offer(0, 5), cutAt: 0 }, offer(1, 2))).toEqual([0]);
    expect(deeper(few, { ...offer(0, 0, 8), cutAt: 1 }, { ...offer(1, 5), cutAt: 0 })).toEqual([1]);
    expect(deeper({ ...few, otherMax: 4 }, { ...offer(0, 0, 4), cutAt: 1 }, offer(1))).toEqual([]);
    expect(deeper(few, offer(0, 5), { ...offer(1), cutAt: 0 })).toEqual([]);
  });

  it('gives by a share of each home and a second look what all of them would give', () => {
    const count = fc.nat(120);
    const homes = fc.array(fc.tuple(count, count, count), { minLength: 1, maxLength: 5 });
    const wishes = fc.record({ max: fc.nat(60), otherMax: fc.nat(60), digestMax: fc.nat(60) });
    fc.assert(
      fc.property(homes, wishes, (queues, wish) => {
        const seenOf = (most: number, home: number): Offer => {
          const waiting = queues[home] ?? [];
          const cutAt = waiting.findIndex((one) => one >= most);
          const seen = offer(home, ...waiting.map((one) => Math.min(one, most)));
          return cutAt === -1 ? seen : { ...seen, cutAt };
        };
        const look = shareOf(wish.max, queues.length) + 1;
        const first = queues.map((_, home) => seenOf(look, home));
        const deeper = tooShallow(first, shareOut(first, wish), wish);
        const second = first.map((one) => (deeper.includes(one.home) ? seenOf(wish.max + 1, one.home) : one));
        const sums = (offers: Offer[]) => {
          const given = [...shareOut(offers, wish).values()];
          return (['max', 'otherMax', 'digestMax'] as const).map((name) =>
            given.reduce((total, one) => total + one[name], 0),
          );
        };
        expect(sums(second)).toEqual(sums(queues.map((_, home) => seenOf(Number.MAX_SAFE_INTEGER, home))));
      }),
    );
  });

  it('keeps places by home, and none for a home at its beginning', () => {
    const moved: Place = { reach: 1, at: { '2026w47/0': [1, 'a', 0] }, scout: {} };
    const text = formatPlaces(
      new Map([
        [0, { reach: 0, at: {}, scout: {} }],
        [12, moved],
      ]),
    );
    expect([...parsePlaces(text)]).toEqual([[12, moved]]);
    expect([...parsePlaces(null), ...parsePlaces('{'), ...parsePlaces('{"x":1}')]).toEqual([]);
  });
});

describe('what the hub knows of homes', () => {
  it('is that any may have work, until a lease finds none', () => {
    const homes = new HomesWithWork();
    const [, second] = homes.list(3);
    expect(homes.list(3).map(({ home }) => home)).toEqual([0, 1, 2]);
    homes.empty(second ? [second] : []);
    expect(homes.list(3).map(({ home }) => home)).toEqual([0, 2]);
    homes.told([1]);
    expect(homes.list(3).map(({ home }) => home)).toEqual([0, 1, 2]);
  });

  it('does not forget a wake that came while a lease looked', () => {
    const homes = new HomesWithWork();
    const asked = homes.list(2);
    homes.told([1]);
    homes.empty(asked);
    expect(homes.list(2).map(({ home }) => home)).toEqual([1]);
  });

  it('tells where the last lease found much', () => {
    const homes = new HomesWithWork();
    const deep = () => homes.list(3).map((one) => one.deep);
    expect(deep()).toEqual([false, false, false]);
    homes.depth([{ home: 1, deep: true }]);
    expect(deep()).toEqual([false, true, false]);
    homes.depth([{ home: 1, deep: false }]);
    expect(deep()).toEqual([false, false, false]);
  });

  it('is not what another hub has known', () => {
    const asked = new HomesWithWork().list(2);
    const homes = new HomesWithWork();
    homes.empty(asked);
    expect(homes.list(2)).toHaveLength(2);
  });
});
