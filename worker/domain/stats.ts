/** What statistics are told by. */
export const dimensions = ['day', 'hour', 'stream', 'tag', 'domain', 'class', 'provider', 'reason'] as const;
export type Dimension = (typeof dimensions)[number];

/** For so many days, this one included, hours are told. */
export const hourDays = 3;

/** What of a recipient's mail came to an end, and how. */
export interface EndedCounts {
  delivered: number;
  bounced: number;
  expired: number;
  failed: number;
}

/** How many deliveries came to an end: what shares of delivered mail are shares of. */
export function endedOf(counts: EndedCounts): number {
  return counts.delivered + counts.bounced + counts.expired + counts.failed;
}
