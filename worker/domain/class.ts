/**
 * Classes of mail, most urgent first: one table; the lease order, SMTP header values and API values derive
 * from it. `retryForMs` is how long delivery is tried before a message expires.
 */
const hourMs = 3_600_000;

export const classes = [
  { name: 'priority', rank: 0, retryForMs: 6 * hourMs, about: 'skips ahead of everything' },
  { name: 'standard', rank: 1, retryForMs: 72 * hourMs, about: 'the default' },
  { name: 'digest', rank: 2, retryForMs: 72 * hourMs, about: 'bulk of one kind, spread out' },
] as const;

export type MailClass = (typeof classes)[number]['name'];
export const classNames = ['priority', 'standard', 'digest'] as const satisfies readonly MailClass[];

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
