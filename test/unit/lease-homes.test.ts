import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Place } from '#domain/delivery/lease-choice.ts';
import { formatPlaces, parsePlaces, shareOut } from '#domain/delivery/lease-homes.ts';
import { HomesWithWork } from '../../worker/hub/homes-with-work.ts';

const offer = (home: number, ...counts: number[]) => ({
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

  it('is not what another hub has known', () => {
    const asked = new HomesWithWork().list(2);
    const homes = new HomesWithWork();
    homes.empty(asked);
    expect(homes.list(2)).toHaveLength(2);
  });
});
