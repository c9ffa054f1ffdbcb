import { type CsvRow, parseCsv } from './csv.ts';
import type { SuppressionReason } from './suppression.ts';

/** One row of an export, as far as it could be read; the address is the caller's to check. */
export interface ImportedRow {
  line: number;
  email: string;
  reason: SuppressionReason;
  /** `''`: the whole account. */
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
  faults: ImportFault[];
}

type Cells = Readonly<Record<string, string>>;

interface ImportFormat {
  name: string;
  /** Columns that tell the format, in lower case without spaces and underscores; the first format that has all decides. */
  columns: readonly string[];
  email: string;
  /** Null: the row is no suppression, e.g. a contact that has not unsubscribed. A text: what is wrong. */
  reason: (cells: Cells) => SuppressionReason | null | { fault: string };
  proof?: (cells: Cells) => string;
  created?: string;
  scope?: string;
  expires?: string;
}

const always = (reason: SuppressionReason) => () => reason;

function oneOf(column: string, meanings: Readonly<Record<string, SuppressionReason>>) {
  return (cells: Cells) => {
    const word = cells[column] ?? '';
    return (
      meanings[word.toLowerCase().replace(/[\s_-]/g, '')] ?? {
        fault: `the reason "${word.slice(0, 64)}" is not known`,
      }
    );
  };
}

const anyReason = {
  hardbounce: 'hard_bounce',
  bounce: 'hard_bounce',
  bounced: 'hard_bounce',
  complaint: 'complaint',
  complained: 'complaint',
  spamcomplaint: 'complaint',
  manual: 'manual',
  manualsuppression: 'manual',
  unsubscribe: 'unsubscribe',
  unsubscribed: 'unsubscribe',
} as const;

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
    reason: oneOf('reason', anyReason),
    proof: said('proof'),
    created: 'createdat',
    scope: 'scope',
    expires: 'expiresat',
  },
  {
    name: 'postmark',
    columns: ['emailaddress', 'suppressionreason'],
    email: 'emailaddress',
    reason: oneOf('suppressionreason', anyReason),
    proof: said('suppressionreason', 'origin'),
    created: 'createdat',
  },
  {
    name: 'ses',
    columns: ['emailaddress', 'reason'],
    email: 'emailaddress',
    reason: oneOf('reason', anyReason),
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
    reason: oneOf('origin', anyReason),
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
  { name: 'ses import', columns: ['email', 'reason'], email: 'email', reason: oneOf('reason', anyReason) },
];

/**
 * Reads an export of a suppression list; its header row tells whose it is.
 * @returns rows and faults by line, or a sentence when the header row is not known
 * @throws CsvError when it is no CSV
 */
export function readImport(text: string, mostRows: number): ImportedFile | string {
  const [head, ...body] = parseCsv(text);
  if (!head) return 'is empty';
  const columns = head.cells.map(columnName);
  const format = importFormats.find((one) => one.columns.every((column) => columns.includes(column)));
  if (!format) return `has a header row that no known export has: ${head.cells.join(',').slice(0, 200)}`;
  if (body.length > mostRows) return `has ${body.length} rows; at most ${mostRows} are taken at once`;
  const file: ImportedFile = { format: format.name, rows: [], faults: [] };
  for (const row of body) {
    const read = readRow(row, columns, format);
    if (read && 'detail' in read) file.faults.push(read);
    else if (read) file.rows.push(read);
  }
  return file;
}

function readRow(
  row: CsvRow,
  columns: readonly string[],
  format: ImportFormat,
): ImportedRow | ImportFault | null {
  const fault = (detail: string): ImportFault => ({ line: row.line, detail });
  if (row.cells.length !== columns.length) {
    return fault(`has ${row.cells.length} cells where the header row has ${columns.length}`);
  }
  const cells = Object.fromEntries(columns.map((column, i) => [column, (row.cells[i] ?? '').trim()]));
  const reason = format.reason(cells);
  if (reason === null) return null;
  if (typeof reason === 'object') return fault(reason.fault);
  const createdAtMs = timeOf(cells[format.created ?? '']);
  const expiresAtMs = timeOf(cells[format.expires ?? '']);
  if (createdAtMs === undefined || expiresAtMs === undefined) return fault('has a time that cannot be read');
  const scope = cells[format.scope ?? ''] ?? '';
  return {
    line: row.line,
    email: cells[format.email] ?? '',
    reason,
    scope: scope === 'account' ? '' : scope.toLowerCase(),
    proof: format.proof?.(cells).slice(0, 1024) || null,
    createdAtMs,
    expiresAtMs,
  };
}

function columnName(cell: string): string {
  return cell
    .trim()
    .toLowerCase()
    .replace(/[\s_-]/g, '');
}

/** Unix seconds, or any form that `Date` reads; null when there is none, undefined when it cannot be read. */
function timeOf(text: string | undefined): number | null | undefined {
  if (text === undefined || text === '') return null;
  if (/^\d{9,11}(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000);
  // "2024-05-01 10:00:00" without a zone means UTC.
  const ms = Date.parse(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(text) ? `${text.replace(' ', 'T')}Z` : text);
  return Number.isNaN(ms) ? undefined : ms;
}
