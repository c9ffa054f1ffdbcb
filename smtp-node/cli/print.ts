/** What a command has to say: to programs as JSON, to people as a table or lines. */
export interface Said {
  json: unknown;
  text: string;
}

/** What controls a terminal has no place on it, wherever it comes from; line ends of one's own are put in later. */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' ');
}

const widest = 60;
const cut = (text: string) => (text.length > widest ? `${text.slice(0, widest - 1)}…` : text);

/** Columns side by side under their heads; the last one keeps its length. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const last = head.length - 1;
  const cells = [head, ...rows].map((row) =>
    row.map((cell, i) => (i === last ? plain(cell) : cut(plain(cell)))),
  );
  const widths = head.map((_, i) => Math.max(...cells.map((row) => (row[i] ?? '').length)));
  return cells
    .map((row) =>
      row
        .map((cell, i) => (i === last ? cell : cell.padEnd(widths[i] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
