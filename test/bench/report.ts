/** One line of the bench: a budget of the plan, or a figure that explains one. */
export interface Figure {
  what: string;
  /** The budget in words; null: a figure without one. */
  budget: string | null;
  measured: string;
  /** Whether the budget is kept; null when there is none. */
  pass: boolean | null;
}

export interface SectionReport {
  title: string;
  figures: Figure[];
  /** How it was measured, and what the figures leave out. */
  notes: string[];
}

/** A figure with a budget. */
export function judged(what: string, budget: string, measured: string, pass: boolean): Figure {
  return { what, budget, measured, pass };
}

/** A figure without a budget. */
export function told(what: string, measured: string): Figure {
  return { what, budget: null, measured, pass: null };
}

/** The report as a table of text. */
export function table({ title, figures, notes }: SectionReport): string {
  const rows = figures.map(({ what, budget, measured, pass }) => [
    what,
    budget ?? '',
    measured,
    pass === null ? '' : pass ? 'pass' : 'MISS',
  ]);
  const all = [['what', 'budget', 'measured', ''], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const line = (row: string[]) =>
    `  ${row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()}`;
  const [head = [], ...body] = all;
  return [
    `\n${title}`,
    line(head),
    `  ${widths.map((width) => '─'.repeat(width)).join('  ')}`,
    ...body.map(line),
    ...notes.map((note) => `  · ${note}`),
  ].join('\n');
}

export function median(values: number[]): number {
  return quantile(values, 0.5);
}

/** The value below which a share of the values lies (nearest rank). */
export function quantile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))];
  if (value === undefined) throw new Error('no values');
  return value;
}

export function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** A number with so many digits after the point. */
export function fixed(value: number, digits = 1): string {
  return value.toFixed(digits);
}
