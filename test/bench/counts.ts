/** What the edge did that is billed, counted at its bindings (`counting-worker.ts`). */
export interface Counts {
  /** Requests to the Worker. */
  requests: number;
  /** Invocations by the queue; each is billed as a request. */
  queueInvocations: number;
  cronInvocations: number;
  /** Queue operations, one for every 64 KB of a message. */
  queueWrites: number;
  queueReads: number;
  queueDeletes: number;
  /** Requests to the Durable Object. */
  objectRequests: number;
  /** How long its callers waited for it, ms. */
  objectMs: number;
  /** Alarms of Durable Objects that rang; setting one is billed as a row written. */
  alarms: number;
  r2Writes: number;
  r2Reads: number;
  d1Trips: number;
  d1Statements: number;
  /** Statements at control, the first database, whoever made them. */
  controlStatements: number;
  d1RowsRead: number;
  d1RowsWritten: number;
  /** Requests by path. */
  byPath: Record<string, number>;
}

/** What was added from one reading to a later one. */
export function countsBetween(before: Counts, after: Counts): Counts {
  const difference = { ...after, byPath: { ...after.byPath } };
  for (const [key, value] of Object.entries(before)) {
    if (typeof value === 'number') difference[key as Exclude<keyof Counts, 'byPath'>] -= value;
  }
  for (const [path, value] of Object.entries(before.byPath)) {
    difference.byPath[path] = (difference.byPath[path] ?? 0) - value;
  }
  return difference;
}
