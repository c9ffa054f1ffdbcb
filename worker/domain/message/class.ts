/**
 * Classes of mail, most urgent first: one table; the lease order, SMTP header values and API values derive
 * from it. `retryForMs` is how long delivery is tried before a message expires; `share` how much of a node's slots,
 * and of its connections to one MX, the class may have at once.
 */
const hourMs = 3_600_000;

export const classes = [
  { name: 'priority', rank: 0, retryForMs: 6 * hourMs, share: 1, about: 'skips ahead of everything' },
  { name: 'standard', rank: 1, retryForMs: 72 * hourMs, share: 1, about: 'the default' },
  { name: 'digest', rank: 2, retryForMs: 72 * hourMs, share: 0.5, about: 'bulk of one kind, spread out' },
] as const;

export type MailClass = (typeof classes)[number]['name'];
export const classNames = ['priority', 'standard', 'digest'] as const satisfies readonly MailClass[];

/**
 * Digest mail that is accepted while more than so many wait for the same recipient domain is spread over an hour,
 * so that a flood of it arrives there as a stream.
 */
export const digestSmoothing = { above: 100, overMs: hourMs } as const;

/** The row of a class. */
export function classOf(name: MailClass): (typeof classes)[number] {
  return classes[classNames.indexOf(name)] ?? classes[1];
}

/** The class of a rank stored in the database; throws on a rank that no class has (a bug). */
export function classByRank(rank: number): MailClass {
  const found = classes.find((c) => c.rank === rank);
  if (!found) throw new Error(`no class of rank ${rank}`);
  return found.name;
}

/** What a class may have at once of so many slots or connections; one at least. */
export function shareOf(name: MailClass, of: number): number {
  return Math.max(1, Math.floor(of * classOf(name).share));
}
