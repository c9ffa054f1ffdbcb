import { diffLines, diffWordsWithSpace } from 'diff';

/** What two versions of a text differ in, line by line, for people to read. */

export interface Piece {
  text: string;
  /** It is what the line differs in from its counterpart. */
  changed: boolean;
}

export type DiffLine =
  | { kind: 'same' | 'removed' | 'added'; pieces: Piece[] }
  /** Lines that are the same in both, or more than are shown. */
  | { kind: 'gap'; lines: number };

/** Lines around a change that are shown with it. */
const around = 3;
export const diffBounds = {
  lines: 2000,
  /** Of one line; the rest is cut. */
  characters: 2000,
  /** Changes that are looked for; texts that differ in more are shown as one removed and one added. */
  lineEdits: 300,
  wordEdits: 60,
  /** Lines that are looked at word by word, of one change. */
  pairs: 100,
} as const;

const plain = (text: string): Piece[] => [{ text, changed: false }];
const linesOf = (text: string) => text.replace(/\n$/, '').split('\n');

/** @returns no line when both are the same; line ends count as one */
export function lineDiff(before: string, after: string): DiffLine[] {
  const [from, to] = [before, after].map(cleaned) as [string, string];
  if (from === to) return [];
  const changes = diffLines(from, to, { maxEditLength: diffBounds.lineEdits }) ?? [
    { value: from, removed: true, added: false },
    { value: to, removed: false, added: true },
  ];
  const shown: DiffLine[] = [];
  for (let i = 0; i < changes.length; i++) {
    const change = changes[i];
    const next = changes[i + 1];
    if (!change || change.value === '') continue;
    const lines = linesOf(change.value);
    if (change.removed && next?.added) {
      shown.push(...replaced(lines, linesOf(next.value)));
      i++;
    } else if (change.removed || change.added) {
      const kind = change.removed ? 'removed' : 'added';
      shown.push(...lines.map((line) => ({ kind, pieces: plain(cut(line)) }) as const));
    } else shown.push(...kept(lines, { first: i === 0, last: next === undefined }));
  }
  const over = shown.length - diffBounds.lines;
  return over > 0 ? [...shown.slice(0, diffBounds.lines), { kind: 'gap', lines: over }] : shown;
}

/** Every text ends in a line end, so that none differs in that alone. */
function cleaned(text: string): string {
  const lines = text.replace(/\r\n?/g, '\n').replace(/\n+$/, '');
  return lines === '' ? '' : `${lines}\n`;
}

/** Of lines that are the same, those near to a change. */
function kept(lines: string[], { first, last }: { first: boolean; last: boolean }): DiffLine[] {
  const head = first ? 0 : around;
  const tail = last ? 0 : around;
  const same = (line: string): DiffLine => ({ kind: 'same', pieces: plain(cut(line)) });
  // A gap of one line would take as much room as the line.
  if (lines.length <= head + tail + 1) return lines.map(same);
  return [
    ...lines.slice(0, head).map(same),
    { kind: 'gap', lines: lines.length - head - tail },
    ...lines.slice(lines.length - tail).map(same),
  ];
}

/** Lines in the place of others; where they are as many, each with its counterpart. */
function replaced(removed: string[], added: string[]): DiffLine[] {
  const arePairs = removed.length === added.length && removed.length <= diffBounds.pairs;
  const pairs = arePairs ? removed.map((line, i) => inWords(line, added[i] ?? '')) : [];
  const pieces = (lines: string[], side: 'removed' | 'added') =>
    lines.map((line, i) => ({ kind: side, pieces: pairs[i]?.[side] ?? plain(cut(line)) }));
  return [...pieces(removed, 'removed'), ...pieces(added, 'added')];
}

/** Null: they have too little in common, or are too long to be looked at. */
function inWords(removed: string, added: string): { removed: Piece[]; added: Piece[] } | null {
  if (Math.max(removed.length, added.length) > diffBounds.characters) return null;
  const changes = diffWordsWithSpace(removed, added, { maxEditLength: diffBounds.wordEdits });
  const common = (changes ?? [])
    .filter((change) => !change.added && !change.removed)
    .reduce((sum, { value }) => sum + value.trim().length, 0);
  if (!changes || 3 * common < Math.min(removed.length, added.length)) return null;
  const of = (side: 'removed' | 'added') =>
    changes
      .filter((change) => change[side] || (!change.added && !change.removed))
      .map((change) => ({ text: change.value, changed: change[side] }));
  return { removed: of('removed'), added: of('added') };
}

function cut(line: string): string {
  return line.length > diffBounds.characters ? `${line.slice(0, diffBounds.characters)} …` : line;
}
