/** What several tell of the same, put together: one entry for each name, in the order of their first. */
export function byName<T extends { name: string }>(
  list: readonly T[],
  together: (first: T, of: readonly T[]) => T,
): T[] {
  return [...Map.groupBy(list, ({ name }) => name).values()].flatMap((of) =>
    of[0] === undefined ? [] : [together(of[0], of)],
  );
}
