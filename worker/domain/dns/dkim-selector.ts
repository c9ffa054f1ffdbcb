/** Names of DKIM keys below `_domainkey` (RFC 6376 §3.1). */

/** What the selectors of keys that are made begin with, unless another beginning is chosen. */
export const defaultSelector = 'pennypost';

const label = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';
/** Labels in lower case, with dots between them. */
export const selectorPattern = new RegExp(`^(?=.{1,100}$)${label}(\\.${label})*$`);
/** Room is left for the number and the ending of a pair. */
export const selectorStemPattern = /^[a-z]([a-z0-9-]{0,48}[a-z0-9])?$/;

/** The selectors of a pair: `pennypost2`, `pennypost2-ed`; the first has no number. */
export function selectorsOf(stem: string, generation: number): { rsa: string; ed25519: string } {
  const rsa = generation === 1 ? stem : `${stem}${generation}`;
  return { rsa, ed25519: `${rsa}-ed` };
}

/** The generation of the next pair: above every one that was made, so that no selector is used twice. */
export function nextGeneration(stem: string, selectors: readonly string[]): number {
  return Math.max(0, ...selectors.map((selector) => generationOf(stem, selector) ?? 0)) + 1;
}

/** Which pair a selector is of; null: its beginning is another. */
export function generationOf(stem: string, selector: string): number | null {
  if (!selector.startsWith(stem)) return null;
  const [, number] = /^(\d{0,6})(-ed)?$/.exec(selector.slice(stem.length)) ?? [];
  return number === undefined ? null : Number(number || 1);
}
