/** Why an address is suppressed: one table; the schema, the API and imports derive from it. */
export const suppressionReasons = ['hard_bounce', 'complaint', 'manual', 'unsubscribe'] as const;
export type SuppressionReason = (typeof suppressionReasons)[number];

/** An entry that keeps an address from being mailed. */
export interface SuppressionEntry {
  address: string;
  /** '': the whole account; otherwise the sending domain it is limited to. */
  scopeDomain: string;
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
export function entryView({ address, scopeDomain, createdAtMs }: SuppressionEntry): EntryView {
  return { address, scope: scopeDomain || 'account', since: new Date(createdAtMs).toISOString() };
}
