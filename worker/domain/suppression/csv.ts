/** A table of text: what stands in a CSV file. */
export interface CsvRow {
  /** Line of the file on which the row begins, from 1. */
  line: number;
  cells: string[];
}

/** What is wrong with a CSV text. */
export class CsvError extends Error {
  readonly line: number;
  constructor(line: number, text: string) {
    super(`line ${line}: ${text}`);
    this.name = 'CsvError';
    this.line = line;
  }
}

/** What spreadsheets put between cells, by the language that they run in. */
export const separators = [',', ';', '\t', '|'] as const;
export type Separator = (typeof separators)[number];

/** The separator that stands most often in the first line, outside of quoted cells; a comma when there is none. */
export function separatorOf(text: string): Separator {
  const line = /^\ufeff?(?:[^"\r\n]|"[^"]*")*/.exec(text.slice(0, 10_000))?.[0].replace(/"[^"]*"/g, '') ?? '';
  const count = (separator: string) => line.split(separator).length;
  return separators.reduce((best, one) => (count(one) > count(best) ? one : best));
}

/**
 * Reads CSV (RFC 4180): separators, double quotes, lines that end in CRLF or LF, the last one perhaps in nothing. Empty
 * lines are left out; a byte order mark at the beginning as well. Linear.
 * @throws CsvError on a quote inside of an unquoted cell, on text after a closing quote, and on a quote without end
 */
export function parseCsv(text: string, separator: Separator = ','): CsvRow[] {
  const rows: CsvRow[] = [];
  let at = text.startsWith('\ufeff') ? 1 : 0;
  let line = 1;
  while (at < text.length) {
    const row: CsvRow = { line, cells: [] };
    for (;;) {
      const cell =
        text[at] === '"' ? quotedCell(text, at, line, separator) : plainCell(text, at, line, separator);
      row.cells.push(cell.value);
      line += cell.lines;
      at = cell.end;
      if (text[at] !== separator) break;
      at += 1;
    }
    if (text[at] === '\r') at += 1;
    at += 1;
    line += 1;
    if (row.cells.length > 1 || row.cells[0] !== '') rows.push(row);
  }
  return rows;
}

interface Cell {
  value: string;
  /** Where the separator, the line's end or the end of the text is. */
  end: number;
  /** Line ends inside. */
  lines: number;
}

function plainCell(text: string, start: number, line: number, separator: Separator): Cell {
  let end = start;
  while (end < text.length && text[end] !== separator && text[end] !== '\n' && !isCrLf(text, end)) {
    if (text[end] === '"') throw new CsvError(line, 'a quote stands inside of a cell that is not quoted');
    end += 1;
  }
  return { value: text.slice(start, end), end, lines: 0 };
}

function quotedCell(text: string, start: number, line: number, separator: Separator): Cell {
  let at = start + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) throw new CsvError(line, 'a quoted cell has no end');
    at = quote + 1;
    if (text[at] === '"') {
      at += 1;
      continue;
    }
    if (at < text.length && text[at] !== separator && text[at] !== '\n' && !isCrLf(text, at)) {
      throw new CsvError(line, 'text follows the closing quote of a cell');
    }
    const inside = text.slice(start + 1, quote);
    return { value: inside.replaceAll('""', '"'), end: at, lines: inside.split('\n').length - 1 };
  }
}

function isCrLf(text: string, at: number): boolean {
  return text[at] === '\r' && text[at + 1] === '\n';
}

/** Beginnings that a spreadsheet takes for a formula, and that which keeps it from doing so. */
const formula = /^['=+\-@\t\r]/;

/** A text that no spreadsheet takes for a formula, whoever wrote it: a recipient, a peer, a stranger. `livingCell` undoes it. */
export function inertCell(text: string): string {
  return formula.test(text) ? `'${text}` : text;
}

/** What `inertCell` was given. */
export function livingCell(cell: string): string {
  return cell.startsWith("'") && formula.test(cell.slice(1)) ? cell.slice(1) : cell;
}

/** One row as a line with CRLF; cells are quoted where they must be. */
export function formatCsvRow(cells: readonly string[]): string {
  // A row of one empty cell must not look like an empty line.
  if (cells.length === 1 && cells[0] === '') return '""\r\n';
  return `${cells.map(formatCell).join(',')}\r\n`;
}

function formatCell(cell: string): string {
  return /[",\r\n\ufeff]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
