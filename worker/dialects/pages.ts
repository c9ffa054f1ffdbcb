/** Where a list is read from, newest first. */
export interface ListSource<T, C> {
  idOf(entry: T): string;
  /** A page from a place (null: the newest) and where to go on; a page may be short before the end. */
  read(from: C | null, limit: number): Promise<{ entries: T[]; next: C | null }>;
  /** The place behind an entry; null: there is none of that id. */
  behind(id: string): Promise<C | null>;
}

/** A list that is all at hand. */
export function listOf<T>(all: readonly T[], idOf: (entry: T) => string): ListSource<T, number> {
  return {
    idOf,
    read: async (from, limit) => {
      const start = from ?? 0;
      const end = start + limit;
      return { entries: all.slice(start, end), next: end < all.length ? end : null };
    },
    behind: async (id) => {
      const at = all.findIndex((entry) => idOf(entry) === id);
      return at < 0 ? null : at + 1;
    },
  };
}

/** Pages that one call reads at most: searches may give short ones. */
const mostReads = 10;
const readAtOnce = 100;

export interface Page<T> {
  entries: T[];
  hasMore: boolean;
}

/** Up to `limit` entries from a place on. */
export async function entriesFrom<T, C>(
  source: ListSource<T, C>,
  from: C | null,
  limit: number,
): Promise<Page<T>> {
  const entries: T[] = [];
  let next = from;
  for (let reads = 0; reads < mostReads && entries.length < limit; reads++) {
    const page = await source.read(next, limit - entries.length);
    entries.push(...page.entries);
    next = page.next;
    if (next === null) break;
  }
  return { entries, hasMore: next !== null };
}

/** The `limit` entries that are just newer than one; null: that one is not among the newest thousand. */
export async function entriesBefore<T, C>(
  source: ListSource<T, C>,
  id: string,
  limit: number,
): Promise<Page<T> | null> {
  const newer: T[] = [];
  let next: C | null = null;
  for (let reads = 0; reads < mostReads; reads++) {
    const page = await source.read(next, readAtOnce);
    const at = page.entries.findIndex((entry) => source.idOf(entry) === id);
    newer.push(...(at < 0 ? page.entries : page.entries.slice(0, at)));
    if (at >= 0) return { entries: newer.slice(-limit), hasMore: newer.length > limit };
    next = page.next;
    if (next === null) break;
  }
  return null;
}
