import { shownScope } from './scope.ts';

/** Why an address is suppressed: one table; the schema, the API and imports derive from it. */
export const suppressionReasons = ['hard_bounce', 'complaint', 'manual', 'unsubscribe'] as const;
export type SuppressionReason = (typeof suppressionReasons)[number];

/** An entry that keeps an address from being mailed. */
export interface SuppressionEntry {
  address: string;
  /** Of what mail it keeps the address, see `scope.ts`. */
  scope: string;
  reason: string;
  createdAtMs: number;
}

/** The details of the event `suppressed`: why, and by which entry. */
export function suppressedDetails(entry: SuppressionEntry): { reason: string; entry: EntryView } {
  return { reason: entry.reason, entry: entryView(entry) };
}

export interface EntryView {
  address: string;
  scope: string;
  since: string;
}

/** The entry as events and rehearsals tell it. */
export function entryView({ address, scope, createdAtMs }: SuppressionEntry): EntryView {
  return { address, scope: shownScope(scope), since: new Date(createdAtMs).toISOString() };
}
