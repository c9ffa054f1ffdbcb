/**
 * Forms in which rows of mail are written, by number; the code reads all up to `newestRows` for ever. A deployment writes
 * none that the version before could not read, so that one can go back to it (`WRITES_ROWS`).
 *
 * 1: compressed bodies as base64. 2: as they are. 3: rows leave out what the rest of them tells (`store/short-row.ts`).
 * 4: bodies are compressed with a dictionary (`store/row-body.ts`).
 */
export const newestRows = 4;

const readsRows = 'READS_ROWS_';

/**
 * The name of a binding by which a deployed version says up to which form it reads. It is no variable, since a version that
 * knows nothing of it would keep that of the version before.
 */
export const readsRowsBinding = `${readsRows}${newestRows}`;

/** The form that a version may write. @param bindings the names of those of the version that runs now */
export function writableRows(bindings: readonly string[]): number {
  const name = bindings.find((one) => one.startsWith(readsRows));
  const reads = Number(name?.slice(readsRows.length));
  return Number.isInteger(reads) && reads >= 1 ? Math.min(reads, newestRows) : 1;
}

/** The newest form of which an installation may have rows. @param text the variable `WRITES_ROWS` of the version that runs now */
export function writtenRows(text: string | undefined): number {
  const written = Number(text);
  return Number.isInteger(written) && written >= 1 ? written : 1;
}
