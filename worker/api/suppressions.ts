import { z } from '@hono/zod-openapi';
import { domainFault, parseMailbox } from '#domain/address.ts';
import { CsvError, formatCsvRow } from '#domain/csv.ts';
import { Problem } from '#domain/problem.ts';
import { suppressionReasons } from '#domain/suppression.ts';
import { type ImportedRow, type ImportFault, readImport } from '#domain/suppression-import.ts';
import { asciiDomain } from '../intake/recipient.ts';
import {
  addSuppressions,
  findSuppressions,
  listSuppressions,
  type NewSuppression,
  nextSuppressions,
  putSuppression,
  removeSuppressions,
  type Suppression,
} from '../store/suppressions.ts';
import { invalidBody, newApp, queryOf } from './app.ts';
import { needs } from './authenticated.ts';
import { mediaType, readBytes, readJson } from './request-body.ts';

/** `/v1/suppressions…`: addresses that must not be mailed. */
export const suppressionsApp = newApp();

/** An address as suppressions spell it: exact local part, domain in lower-case A-labels. */
const emailSchema = z
  .string()
  .max(320)
  .transform((text, context): string => {
    const parsed = parseMailbox(text);
    if (typeof parsed !== 'string') return `${parsed.localPart}@${asciiDomain(parsed.domain)}`;
    context.addIssue({ code: 'custom', message: parsed });
    return z.NEVER;
  });
const scopeSchema = z
  .string()
  .max(253)
  .transform((text) => (text === 'account' ? '' : asciiDomain(text.trim().toLowerCase())))
  .refine((domain) => domain === '' || domainFault(domain) === null, 'must be "account" or a domain')
  .meta({ description: '`account`, or the sending domain that it is limited to.' });
const reasonSchema = z.enum(suppressionReasons);

export const suppressionsQuery = z.object({
  query: z.string().max(320).nullable().default(null).meta({ description: 'Part of an address.' }),
  reason: reasonSchema.nullable().default(null),
  scope: scopeSchema.nullable().default(null),
  limit: z.coerce.number().int().min(1).max(1000).default(50),
  offset: z.coerce.number().int().min(0).max(1_000_000).default(0),
});

suppressionsApp.get('/suppressions', needs('read'), async (c) => {
  const { limit, offset, scope, ...filter } = queryOf(c, suppressionsQuery);
  const { entries, hasMore } = await listSuppressions(
    c.get('store'),
    c.get('credential').accountId,
    { ...filter, scopeDomain: scope },
    { limit, offset },
    Date.now(),
  );
  return c.json({ data: entries.map(entryView), limit, offset, has_more: hasMore });
});

export const suppressionCheckQuery = z.object({ email: emailSchema });

suppressionsApp.get('/suppressions/check', needs('read'), async (c) => {
  const { email } = queryOf(c, suppressionCheckQuery);
  const { accountId } = c.get('credential');
  const entries = await findSuppressions(c.get('store'), accountId, [email], Date.now());
  return c.json({ email, suppressed: entries.length > 0, entries: entries.map(entryView) });
});

export const newSuppression = z.strictObject({
  email: emailSchema,
  reason: reasonSchema.default('manual'),
  scope: scopeSchema.default(''),
  note: z.string().max(1024).nullable().default(null).meta({ description: 'Why, in words.' }),
  expires_at: z.iso.datetime({ offset: true }).nullable().default(null),
});

suppressionsApp.post('/suppressions', needs('manage'), async (c) => {
  const body = newSuppression.safeParse((await readJson(c)).value);
  if (!body.success) throw invalidBody(body.error.issues);
  const { email, reason, scope, note, expires_at: expiresAt } = body.data;
  const nowMs = Date.now();
  const expiresAtMs = expiresAt === null ? null : Date.parse(expiresAt);
  if (expiresAtMs !== null && expiresAtMs <= nowMs) {
    throw invalidBody([{ path: ['expires_at'], message: 'must be in the future' }]);
  }
  const entry = await putSuppression(c.get('store'), c.get('credential').accountId, {
    address: email,
    scopeDomain: scope,
    reason,
    source: 'api',
    proof: note,
    messageId: null,
    createdAtMs: nowMs,
    expiresAtMs,
  });
  return c.json(entryView(entry), 201);
});

export const suppressionRemoval = z.object({ scope: scopeSchema.nullable().default(null) });

suppressionsApp.delete('/suppressions/:email', needs('manage'), async (c) => {
  const email = emailSchema.safeParse(c.req.param('email'));
  if (!email.success)
    throw invalidBody([{ path: ['email'], message: email.error.issues[0]?.message ?? '' }], '');
  const { scope } = queryOf(c, suppressionRemoval);
  const removed = await removeSuppressions(c.get('store'), c.get('credential').accountId, email.data, scope);
  if (removed === 0) throw new Problem('not_found', `${email.data} is not suppressed.`);
  return c.body(null, 204);
});

const columns = ['email', 'reason', 'scope', 'source', 'proof', 'message_id', 'created_at', 'expires_at'];
const exportPage = 1000;

suppressionsApp.get('/suppressions/export', needs('read'), (c) => {
  const store = c.get('store');
  const { accountId } = c.get('credential');
  const nowMs = Date.now();
  const encoder = new TextEncoder();
  let afterId = 0;
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(encoder.encode(formatCsvRow(columns))),
    pull: async (controller) => {
      const page = await nextSuppressions(store, accountId, afterId, exportPage, nowMs);
      afterId = page.at(-1)?.id ?? afterId;
      if (page.length > 0) controller.enqueue(encoder.encode(page.map(csvLine).join('')));
      if (page.length < exportPage) controller.close();
    },
  });
  return new Response(stream, {
    headers: {
      'Content-Type': 'text/csv; charset=utf-8; header=present',
      'Content-Disposition': 'attachment; filename="suppressions.csv"',
    },
  });
});

export const importQuery = z.object({
  commit: z
    .enum(['true', 'false'])
    .default('false')
    .meta({ description: '`true` does it; without it the answer says what it would do.' }),
});
export const importLimits = { bytes: 8 * 1024 * 1024, rows: 20_000 } as const;
/** So many faults are told by line; the rest only by number. */
const mostFaults = 100;

suppressionsApp.post('/suppressions/import', needs('manage'), async (c) => {
  const commit = queryOf(c, importQuery).commit === 'true';
  if (mediaType(c) !== 'text/csv') {
    throw new Problem('unsupported_media_type', 'Send the file as "Content-Type: text/csv".');
  }
  const file = readFile(await readBytes(c, importLimits.bytes));
  const nowMs = Date.now();
  const { entries, faults, doubles } = entriesOf(file.rows, nowMs);
  const store = c.get('store');
  const { accountId } = c.get('credential');
  const there = new Set(
    (
      await findSuppressions(
        store,
        accountId,
        entries.map((e) => e.address),
        nowMs,
      )
    ).map(nameOf),
  );
  const already = entries.filter((entry) => there.has(nameOf(entry))).length;
  if (commit) await addSuppressions(store, accountId, entries);
  const allFaults = [...file.faults, ...faults].sort((a, b) => a.line - b.line);
  return c.json({
    format: file.format,
    committed: commit,
    rows: file.rows.length + file.faults.length,
    new: entries.length - already,
    already_suppressed: already,
    doubles,
    invalid: allFaults.length,
    errors: allFaults.slice(0, mostFaults),
    sample: entries.slice(0, 10).map((entry) => entryView({ id: 0, ...entry })),
  });
});

function readFile(bytes: Uint8Array) {
  const fault = (detail: string) =>
    new Problem('invalid_body', `The file ${detail}.`, { errors: [{ pointer: '/', detail }] });
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
    const file = readImport(text, importLimits.rows);
    if (typeof file === 'string') throw fault(file);
    return file;
  } catch (error) {
    if (error instanceof CsvError) throw fault(`is no CSV (RFC 4180): ${error.message}`);
    if (error instanceof TypeError) throw fault('is not in UTF-8');
    throw error;
  }
}

/** The entries that rows come to, each address and scope once. */
function entriesOf(rows: readonly ImportedRow[], nowMs: number) {
  const faults: ImportFault[] = [];
  const entries = new Map<string, NewSuppression>();
  let read = 0;
  for (const row of rows) {
    const email = emailSchema.safeParse(row.email);
    const scope = scopeSchema.safeParse(row.scope || 'account');
    if (!email.success || !scope.success) {
      const detail = (email.error ?? scope.error)?.issues[0]?.message ?? 'is not valid';
      faults.push({ line: row.line, detail: `"${row.email.slice(0, 100)}" ${detail}` });
      continue;
    }
    if (row.expiresAtMs !== null && row.expiresAtMs <= nowMs) {
      faults.push({ line: row.line, detail: 'has expired' });
      continue;
    }
    read += 1;
    const entry = {
      address: email.data,
      scopeDomain: scope.data,
      reason: row.reason,
      source: 'import',
      proof: row.proof,
      messageId: null,
      createdAtMs: Math.min(row.createdAtMs ?? nowMs, nowMs),
      expiresAtMs: row.expiresAtMs,
    };
    if (!entries.has(nameOf(entry))) entries.set(nameOf(entry), entry);
  }
  return { entries: [...entries.values()], faults, doubles: read - entries.size };
}

function nameOf(entry: Pick<Suppression, 'address' | 'scopeDomain'>): string {
  return `${entry.scopeDomain} ${entry.address}`;
}

function entryView(entry: Suppression) {
  return {
    email: entry.address,
    reason: entry.reason,
    scope: entry.scopeDomain || 'account',
    source: entry.source,
    proof: entry.proof,
    message_id: entry.messageId,
    created_at: new Date(entry.createdAtMs).toISOString(),
    expires_at: entry.expiresAtMs === null ? null : new Date(entry.expiresAtMs).toISOString(),
  };
}

function csvLine(entry: Suppression): string {
  const view = entryView(entry);
  const { email, reason, scope, source, message_id: messageId } = view;
  return formatCsvRow([
    ...[email, reason, scope, source, inert(view.proof ?? ''), messageId ?? ''],
    ...[view.created_at, view.expires_at ?? ''],
  ]);
}

/** What a peer said is not to be taken for a formula by a spreadsheet. */
function inert(text: string): string {
  return /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
}
