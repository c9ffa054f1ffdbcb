import { z } from '@hono/zod-openapi';
import { parseMailbox } from '#domain/message/address.ts';
import { streamName } from '#domain/message/stream.ts';
import { tag } from '#domain/message/submission.ts';
import { uuidOfNumber } from '#domain/number-id.ts';
import { Problem } from '#domain/problem.ts';
import { CsvError, formatCsvRow, inertCell } from '#domain/suppression/csv.ts';
import { classScopeFault, readScope, scopeForms, scopeText, shownScope } from '#domain/suppression/scope.ts';
import { suppressionReasons } from '#domain/suppression/suppression.ts';
import { type ImportedRow, type ImportFault, readImport } from '#domain/suppression/suppression-import.ts';
import { time } from '#domain/time.ts';
import { type Call, invalidBody, newApp, queryOf } from '../http/app.ts';
import { mediaType, readBody, readBytes } from '../http/request-body.ts';
import { textOfFile } from '../http/text-file.ts';
import { noted } from '../identity/audit.ts';
import { requireDomain, rowsOf, sees } from '../identity/rows.ts';
import { domainNameOr } from '../intake/domain-name.ts';
import { asciiDomain } from '../intake/recipient.ts';
import type { Rows } from '../store/rows.ts';
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
import { eventsCommitted } from '../webhook/poke.ts';
import { offsetQuery, offsetTooFar, offsetWithCursor } from './queries.ts';

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
const named = z.string().transform((text, context): string => {
  const { type, value } = readScope(text);
  const name = type === 'stream' ? streamName : tag;
  const fault = type === 'class' ? classScopeFault(text) : name.safeParse(value).error?.issues[0]?.message;
  if (fault) context.addIssue({ code: 'custom', message: fault });
  return scopeText(type, value);
});
const domainScope = domainNameOr({ account: '' });
/** As `domain/suppression/scope.ts` spells it. */
const scopeSchema = z
  .string()
  .max(253)
  .transform((text, context): string => {
    const read = (/^(class|stream|tag):/.test(text) ? named : domainScope).safeParse(text);
    for (const { message } of read.error?.issues ?? []) context.addIssue({ code: 'custom', message });
    return read.data ?? z.NEVER;
  })
  .meta({ description: `Of what mail: ${scopeForms}.` });
const reasonSchema = z.enum(suppressionReasons);

export const suppressionsQuery = z.object({
  query: z
    .string()
    .max(320)
    .nullable()
    .default(null)
    .meta({ description: 'An address, or a part of one: a whole address finds just itself.' }),
  reason: reasonSchema.nullable().default(null),
  scope: scopeSchema.nullable().default(null),
  limit: z.coerce.number().int().min(1).max(1000).default(50),
  offset: offsetQuery,
  cursor: z.coerce
    .number('must be a cursor that an earlier answer gave')
    .int()
    .min(1)
    .nullable()
    .default(null)
    .meta({ description: 'The `next` of an earlier answer.' }),
});

suppressionsApp.get('/suppressions', async (c) => {
  const { limit, offset, cursor, scope, ...filter } = queryOf(c, suppressionsQuery);
  if (cursor !== null && offset > 0) throw offsetWithCursor();
  const { entries, next, skipped } = await listSuppressions(
    c.get('store'),
    rowsOf(c),
    { ...filter, scope: scope },
    { limit, offset, before: cursor },
    Date.now(),
  );
  if (next !== null && skipped < offset) throw offsetTooFar(String(next));
  const more = { has_more: next !== null, next: next === null ? null : String(next) };
  const data = entries.map(entryView);
  const total = skipped + entries.length + (next === null ? 0 : 1);
  return c.json({ data, suppressions: data, total, limit, offset, ...more });
});

export const suppressionCheckQuery = z.object({ email: emailSchema });

suppressionsApp.get('/suppressions/check', async (c) => {
  const { email } = queryOf(c, suppressionCheckQuery);
  const rows = rowsOf(c);
  const entries = await findSuppressions(c.get('store'), rows.accountId, [email], Date.now());
  // Whether mail to it is held back is everybody's concern who sends; why is told of the key's own domains only.
  const shown = entries.filter(({ scope }) => sees(rows, scope));
  const views = shown.map(entryView);
  return c.json({ email, suppressed: entries.length > 0, entry: views[0] ?? null, entries: views });
});

export const newSuppression = z.strictObject({
  email: emailSchema,
  reason: reasonSchema.default('manual'),
  scope: scopeSchema.default(''),
  note: z.string().max(1024).nullable().default(null).meta({ description: 'Why, in words.' }),
  expires_at: time.nullable().default(null),
});

suppressionsApp.post('/suppressions', async (c) => {
  const { email, reason, scope, note, expires_at: expiresAtMs } = await readBody(c, newSuppression);
  requireDomain(rowsOf(c), scope, 'Set "scope" to one of its domains');
  noted(c, { email, scope: shownScope(scope), reason });
  const nowMs = Date.now();
  if (expiresAtMs !== null && expiresAtMs <= nowMs) {
    throw invalidBody([{ path: ['expires_at'], message: 'must be in the future' }]);
  }
  const entry = await putSuppression(
    c.get('store'),
    c.get('credential').accountId,
    {
      address: email,
      scope: scope,
      reason,
      source: 'api',
      proof: note,
      messageId: null,
      createdAtMs: nowMs,
      expiresAtMs,
    },
    nowMs,
  );
  tellSenders(c);
  return c.json(entryView(entry), 201);
});

export const suppressionRemoval = z.object({ scope: scopeSchema.nullable().default(null) });

suppressionsApp.delete('/suppressions/:email', async (c) => {
  const email = emailSchema.safeParse(c.req.param('email'));
  if (!email.success)
    throw invalidBody([{ path: ['email'], message: email.error.issues[0]?.message ?? '' }], '');
  const { scope } = queryOf(c, suppressionRemoval);
  noted(c, { email: email.data, ...(scope === null ? {} : { scope: shownScope(scope) }) });
  const removed = await removeSuppressions(c.get('store'), rowsOf(c), email.data, scope, Date.now());
  if (removed > 0) tellSenders(c);
  if (removed === 0) throw new Problem('not_found', `${email.data} is not suppressed.`);
  return c.body(null, 204);
});

const columns = ['email', 'reason', 'scope', 'source', 'proof', 'message_id', 'created_at', 'expires_at'];
const exportPage = 1000;

suppressionsApp.get('/suppressions/export', (c) => {
  const store = c.get('store');
  const rows = rowsOf(c);
  const nowMs = Date.now();
  const encoder = new TextEncoder();
  let afterId = 0;
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(encoder.encode(formatCsvRow(columns))),
    pull: async (controller) => {
      const page = await nextSuppressions(store, rows, afterId, exportPage, nowMs);
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

suppressionsApp.post('/suppressions/import', async (c) => {
  const commit = queryOf(c, importQuery).commit === 'true';
  if (mediaType(c) !== 'text/csv') {
    throw new Problem('unsupported_media_type', 'Send the file as "Content-Type: text/csv".');
  }
  const file = readFile(await readBytes(c, importLimits.bytes));
  const nowMs = Date.now();
  const { entries, faults, doubles } = entriesOf(file.rows, nowMs, rowsOf(c));
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
  if (commit) {
    await addSuppressions(store, accountId, entries, nowMs);
    tellSenders(c);
  }
  noted(c, { rows: String(entries.length), committed: String(commit) });
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
    warnings: file.remarks.slice(0, mostFaults),
    sample: entries.slice(0, 10).map((entry) => entryView({ id: 0, ...entry })),
  });
});

/** There may be webhook deliveries to post. */
function tellSenders(c: Call): void {
  c.executionCtx.waitUntil(eventsCommitted(c.get('env'), [c.get('credential').accountId]));
}

function readFile(bytes: Uint8Array) {
  const fault = (detail: string) =>
    new Problem('invalid_body', `The file ${detail}.`, { errors: [{ pointer: '/', detail }] });
  try {
    const text = textOfFile(bytes);
    if (text === null) throw fault('is neither in UTF-8 nor in UTF-16; save it as "CSV UTF-8"');
    const file = readImport(text, importLimits.rows);
    if (typeof file === 'string') throw fault(file);
    return file;
  } catch (error) {
    if (error instanceof CsvError) throw fault(`is no CSV (RFC 4180): ${error.message}`);
    throw error;
  }
}

/** The entries that rows come to, each address and scope once. */
function entriesOf(rows: readonly ImportedRow[], nowMs: number, seen: Rows) {
  const faults: ImportFault[] = [];
  const entries = new Map<string, NewSuppression>();
  let read = 0;
  for (const row of rows) {
    const email = emailSchema.safeParse(row.email);
    const scope = scopeSchema.safeParse(/^account$/i.test(row.scope) ? 'account' : row.scope || 'account');
    if (!email.success || !scope.success) {
      const detail = (email.error ?? scope.error)?.issues[0]?.message ?? 'is not valid';
      faults.push({ line: row.line, detail: `"${row.email.slice(0, 100)}" ${detail}` });
      continue;
    }
    if (!sees(seen, scope.data)) {
      faults.push({
        line: row.line,
        detail: `has a scope other than ${seen.domains?.join(', ')}, to which this key is limited`,
      });
      continue;
    }
    if (row.expiresAtMs !== null && row.expiresAtMs <= nowMs) {
      faults.push({ line: row.line, detail: 'has expired' });
      continue;
    }
    read += 1;
    const entry = {
      address: email.data,
      scope: scope.data,
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

function nameOf(entry: Pick<Suppression, 'address' | 'scope'>): string {
  return `${entry.scope} ${entry.address}`;
}

function entryView(entry: Suppression) {
  const proof = entry.proof ?? '';
  const code = entry.reason === 'hard_bounce' ? /^[45]\d\d\b/.exec(proof)?.[0] : undefined;
  const feedback =
    entry.source === 'feedback' ? /^Feedback-Type: ([a-z-]{1,64})\s/.exec(proof)?.[1] : undefined;
  return {
    id: uuidOfNumber('suppression', entry.id),
    email: entry.address,
    reason: entry.reason,
    scope: shownScope(entry.scope),
    scope_type: readScope(entry.scope).type,
    source: entry.source,
    proof: entry.proof,
    ...(code === undefined ? {} : { bounce_code: code }),
    ...(feedback === undefined ? {} : { feedback_type: feedback }),
    message_id: entry.messageId,
    source_message_id: entry.messageId,
    created_at: new Date(entry.createdAtMs).toISOString(),
    expires_at: entry.expiresAtMs === null ? null : new Date(entry.expiresAtMs).toISOString(),
  };
}

function csvLine(entry: Suppression): string {
  const view = entryView(entry);
  const { email, reason, scope, source, message_id: messageId } = view;
  return formatCsvRow(
    [email, reason, scope, source, view.proof, messageId, view.created_at, view.expires_at].map((cell) =>
      inertCell(cell ?? ''),
    ),
  );
}
