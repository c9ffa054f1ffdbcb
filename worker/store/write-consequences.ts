import type { SQL } from 'drizzle-orm';
import { type NewConsequence, writeConsequence } from './consequences.ts';
import { tellConsequences } from './suppression-posts.ts';
import type { Entry } from './timeline.ts';

/**
 * Statements for the transaction that writes the entries, after them: what the events do to their recipients' addresses,
 * and the webhook deliveries that tell of it.
 */
export function writeConsequences(
  entries: readonly (Entry & { consequence: NewConsequence | null })[],
  nowMs: number,
): SQL[] {
  const all = entries.flatMap((entry) => (entry.consequence ? [{ entry, of: entry.consequence }] : []));
  const { before, after } = tellConsequences(all, nowMs);
  return [...before, ...all.flatMap(({ entry, of }) => writeConsequence(entry, of)), ...after];
}
