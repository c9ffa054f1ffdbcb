/** What statistics are told by. */
export const dimensions = ['day', 'tag', 'domain', 'class'] as const;
export type Dimension = (typeof dimensions)[number];
