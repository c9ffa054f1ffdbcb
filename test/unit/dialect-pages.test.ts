import { describe, expect, it } from 'vitest';
import { entriesBefore, entriesFrom, type ListSource, listOf } from '../../worker/dialects/pages.ts';

const all = Array.from({ length: 250 }, (_, i) => `e${i}`);
/** Pages that are short before the end, as those of searches are. */
const short: ListSource<string, number> = {
  ...listOf(all, (entry) => entry),
  read: async (from, limit) => {
    const start = from ?? 0;
    const end = Math.min(all.length, start + Math.min(limit, 30));
    return { entries: all.slice(start, end), next: end < all.length ? end : null };
  },
};

describe('a page of a list', () => {
  it.each([
    ['at hand', listOf(all, (entry) => entry)],
    ['that is searched', short],
  ])('%s goes forth from an entry and back before one', async (_, source) => {
    expect(await entriesFrom(source, null, 2)).toEqual({ entries: ['e0', 'e1'], hasMore: true });
    const behind = await source.behind('e1');
    expect(await entriesFrom(source, behind, 100)).toEqual({ entries: all.slice(2, 102), hasMore: true });
    expect(await entriesFrom(source, await source.behind('e248'), 5)).toEqual({
      entries: ['e249'],
      hasMore: false,
    });
    expect(await entriesBefore(source, 'e3', 2)).toEqual({ entries: ['e1', 'e2'], hasMore: true });
    expect(await entriesBefore(source, 'e1', 2)).toEqual({ entries: ['e0'], hasMore: false });
    expect(await entriesBefore(source, 'e0', 2)).toEqual({ entries: [], hasMore: false });
    expect((await entriesBefore(source, 'e240', 3))?.entries).toEqual(['e237', 'e238', 'e239']);
    expect(await entriesBefore(source, 'nothing', 2)).toBeNull();
    expect(await source.behind('nothing')).toBeNull();
  });
});
