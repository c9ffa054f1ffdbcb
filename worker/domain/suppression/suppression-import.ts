import { readDate } from '../time.ts';
import { type CsvRow, livingCell, parseCsv, separatorOf } from './csv.ts';
import type { SuppressionReason } from './suppression.ts';

/** One row of an export, as far as it could be read; the address is the caller's to check. */
export interface ImportedRow {
  line: number;
  email: string;
  reason: SuppressionReason;
  /** As the file spells it; empty: none is said. */
  scope: string;
  proof: string | null;
  createdAtMs: number | null;
  expiresAtMs: number | null;
}

export interface ImportFault {
  line: number;
  detail: string;
}

export interface ImportedFile {
  /** Name of the format in the table below. */
  format: string;
  rows: ImportedRow[];
  /** Rows that are left out. */
  faults: ImportFault[];
  /** What is not understood of rows that are taken. */
  remarks: ImportFault[];
}

type Cells = Readonly<Record<string, string>>;

interface ImportFormat {
  name: string;
  /** Columns that tell the format, in lower case without spaces and underscores; the first format that has all decides. */
  columns: readonly string[];
  /** There are no others: with them it is a list of contacts, who want their mail. */
  alone?: true;
  email: string;
  /** Null: the row is no suppression, e.g. a contact that has not unsubscribed. A text: what is wrong. */
  reason: (cells: Cells) => SuppressionReason | null | { fault: string };
  proof?: (cells: Cells) => string;
  created?: string;
  scope?: string;
  expires?: string;
}

const always = (reason: SuppressionReason) => () => reason;

const reasonWords: ReadonlyMap<string, SuppressionReason> = new Map([
  ['hardbounce', 'hard_bounce'],
  ['bounce', 'hard_bounce'],
  ['bounced', 'hard_bounce'],
  ['complaint', 'complaint'],
  ['complained', 'complaint'],
  ['spamcomplaint', 'complaint'],
  ['manual', 'manual'],
  ['manualsuppression', 'manual'],
  ['unsubscribe', 'unsubscribe'],
  ['unsubscribed', 'unsubscribe'],
]);

function reasonIn(column: string) {
  return (cells: Cells) => {
    const word = cells[column] ?? '';
    const reason = reasonWords.get(word.toLowerCase().replace(/[\s_-]/g, ''));
    return reason ?? { fault: `the reason "${word.slice(0, 64)}" is not known` };
  };
}

const said =
  (...columns: string[]) =>
  (cells: Cells) =>
    columns
      .map((column) => cells[column] ?? '')
      .filter((text) => text !== '')
      .join(' ');

/** Exports that are understood, the most particular first. */
export const importFormats: readonly ImportFormat[] = [
  {
    name: 'pennypost',
    columns: ['email', 'reason', 'scope'],
    email: 'email',
    reason: reasonIn('reason'),
    proof: said('proof'),
    created: 'createdat',
    scope: 'scope',
    expires: 'expiresat',
  },
  {
    name: 'postmark',
    columns: ['emailaddress', 'suppressionreason'],
    email: 'emailaddress',
    reason: reasonIn('suppressionreason'),
    proof: said('suppressionreason', 'origin'),
    created: 'createdat',
  },
  {
    name: 'ses',
    columns: ['emailaddress', 'reason'],
    email: 'emailaddress',
    reason: reasonIn('reason'),
    created: 'lastupdatetime',
  },
  {
    name: 'mailgun bounces',
    columns: ['address', 'code', 'error'],
    email: 'address',
    reason: always('hard_bounce'),
    proof: said('code', 'error'),
    created: 'createdat',
  },
  {
    name: 'mailgun unsubscribes',
    columns: ['address', 'tags'],
    email: 'address',
    reason: always('unsubscribe'),
    created: 'createdat',
  },
  {
    name: 'mailgun complaints',
    columns: ['address', 'createdat'],
    email: 'address',
    reason: always('complaint'),
    created: 'createdat',
  },
  {
    name: 'resend contacts',
    columns: ['email', 'unsubscribed'],
    email: 'email',
    reason: (cells) => (/^(true|1|yes)$/i.test(cells.unsubscribed ?? '') ? 'unsubscribe' : null),
    created: 'createdat',
  },
  {
    name: 'resend suppressions',
    columns: ['email', 'origin'],
    email: 'email',
    reason: reasonIn('origin'),
    created: 'createdat',
  },
  {
    name: 'sendgrid bounces',
    columns: ['status', 'reason', 'email', 'created'],
    email: 'email',
    reason: always('hard_bounce'),
    proof: said('status', 'reason'),
    created: 'created',
  },
  {
    name: 'sendgrid spam reports',
    columns: ['ip', 'email', 'created'],
    email: 'email',
    reason: always('complaint'),
    created: 'created',
  },
  {
    name: 'sendgrid invalid emails',
    columns: ['reason', 'email', 'created'],
    email: 'email',
    reason: always('hard_bounce'),
    proof: said('reason'),
    created: 'created',
  },
  {
    name: 'sendgrid unsubscribes',
    columns: ['email', 'created'],
    email: 'email',
    reason: always('unsubscribe'),
    created: 'created',
  },
  { name: 'ses import', columns: ['email', 'reason'], email: 'email', reason: reasonIn('reason') },
  ...['email', 'emailaddress', 'address'].map(
    (column): ImportFormat => ({
      name: 'addresses',
      columns: [column],
      alone: true,
      email: column,
      reason: always('manual'),
    }),
  ),
];

/** No export that is known has half as many. */
const mostColumns = 100;

/**
 * Reads an export of a suppression list; its header row tells whose it is.
 * @returns rows and faults by line, or a sentence when the header row is not known
 * @throws CsvError when it is no CSV
 */
export function readImport(text: string, mostRows: number): ImportedFile | string {
  const [head, ...body] = parseCsv(text, separatorOf(text));
  if (!head) return 'is empty';
  const columns = head.cells.map(columnName);
  // A row may leave out the cells at its end, so the work of a row is that of the header row.
  if (columns.length > mostColumns) return `has more than ${mostColumns} columns`;
  const format = importFormats.find(
    (one) =>
      one.columns.every((column) => columns.includes(column)) &&
      !(one.alone && columns.length > one.columns.length),
  );
  if (!format) return `has a header row that no known export has: ${head.cells.join(',').slice(0, 200)}`;
  if (body.length > mostRows)
    return `has ${body.length} rows; at most ${mostRows} are taken at once: split it`;
  const file: ImportedFile = { format: format.name, rows: [], faults: [], remarks: [] };
  for (const row of body) {
    const read = readRow(row, columns, format, file.remarks);
    if (read && 'detail' in read) file.faults.push(read);
    else if (read) file.rows.push(read);
  }
  return file;
}

function readRow(
  row: CsvRow,
  columns: readonly string[],
  format: ImportFormat,
  remarks: ImportFault[],
): ImportedRow | ImportFault | null {
  const fault = (detail: string): ImportFault => ({ line: row.line, detail });
  // Spreadsheets leave out empty cells at the end, or add some.
  if (row.cells.slice(columns.length).some((cell) => cell.trim() !== '')) {
    return fault(`has ${row.cells.length} cells where the header row has ${columns.length}`);
  }
  // Our own export has its cells inert.
  const plain = (cell: string) => (format.name === 'pennypost' ? livingCell(cell.trim()) : cell.trim());
  const cells = Object.fromEntries(columns.map((column, i) => [column, plain(row.cells[i] ?? '')]));
  const reason = format.reason(cells);
  if (reason === null) return null;
  if (typeof reason === 'object') return fault(reason.fault);
  const cell = (column: string | undefined) => (column === undefined ? '' : (cells[column] ?? ''));
  const created = timeOf(cell(format.created));
  const expires = timeOf(cell(format.expires));
  if (typeof expires === 'string') return fault(`has an end that ${expires}`);
  if (typeof created === 'string') remarks.push(fault(`has a time that ${created}; it is taken as of today`));
  const scope = cell(format.scope);
  return {
    line: row.line,
    email: cell(format.email),
    reason,
    scope,
    proof: format.proof?.(cells).slice(0, 1024) || null,
    createdAtMs: typeof created === 'string' ? null : created,
    expiresAtMs: expires,
  };
}

function columnName(cell: string): string {
  return cell
    .trim()
    .toLowerCase()
    .replace(/[\s_-]/g, '');
}

/** Unix milliseconds; null when there is none, a sentence when it cannot be read. */
function timeOf(text: string): number | null | string {
  return text === '' ? null : readDate(text);
}
