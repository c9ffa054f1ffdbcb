/**
 * Forms in which rows of mail are written, by number; the code reads all up to `newestRows` for ever. A deployment writes
 * none that the version before could not read, so that one can go back to it (`WRITES_ROWS`).
 *
 * 1: compressed bodies as base64. 2: as they are. 3: rows leave out what the rest of them tells (`store/short-row.ts`).
 */
export const newestRows = 3;

/** The variable of a deployed Worker that says up to which form it reads. */
export const readsRowsName = 'READS_ROWS';

/** The form that a version may write. @param before what the version that runs now reads, as its variable says it */
export function writableRows(before: string | undefined): number {
  const reads = Number(before ?? 1);
  return Number.isInteger(reads) && reads >= 1 ? Math.min(reads, newestRows) : 1;
}
