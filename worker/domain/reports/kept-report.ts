import { isWithin } from '../message/address.ts';
import type { AggregateReport, AggregateRow } from './aggregate-report.ts';
import type { TlsReport, TlsRow } from './tls-report.ts';

/** What is kept of a report about a domain: rows that tell the same are one, and there is a bound to how many. Pure. */

export const keptBounds = {
  /** Characters of the rows of one report as JSON; what is over is summed up. */
  rowsCharacters: 16_384,
  /** Reports of a kind that are kept of a domain for one day. */
  reportsADay: 100,
  /** For how long. */
  days: 92,
} as const;

const dayMs = 86_400_000;
/** Receivers report a day after it is over, and try for days. */
const oldestMs = 30 * dayMs;
const aheadMs = 2 * dayMs;
const longestMs = 8 * dayMs;
const mostNames = 3;
/** More in one row nobody has; whatever reporters say can be added up. */
const mostMail = 1_000_000_000;
/** Stands for all sources that are not kept by themselves. */
export const otherSources = 'others';

/** A report as it is kept. */
export interface KeptReport<Row = unknown> {
  reporter: string;
  reportId: string;
  fromMs: number;
  toMs: number;
  /** DMARC: the policy of the domain as the receiver found it. */
  policy: string;
  rows: Row[];
}

/**
 * A DMARC report as it is kept for a domain.
 * @returns or a sentence that says why it is not
 */
export function keptAggregate(
  report: AggregateReport,
  domain: string,
  nowMs: number,
): KeptReport<AggregateRow> | string {
  // The record of the domain, or that of a domain above it, which holds for it too.
  if (!isWithin(report.domain, domain) && !isWithin(domain, report.domain))
    return `it is about ${report.domain}, not ${domain}`;
  const fault = timeFault(report, nowMs);
  if (fault !== null) return fault;
  const own = report.rows.filter(({ headerFrom }) => headerFrom === '' || isWithin(headerFrom, domain));
  const { reporter, reportId, fromMs, toMs, policy } = report;
  return { reporter, reportId, fromMs, toMs, policy, rows: fewer(merged(own)) };
}

/**
 * A TLS report as it is kept for a domain.
 * @returns or a sentence that says why it is not
 */
export function keptTls(report: TlsReport, domain: string, nowMs: number): KeptReport<TlsRow> | string {
  const own = report.rows.filter((row) => isWithin(row.domain, domain));
  if (own.length === 0) return `it is about ${report.rows[0]?.domain ?? 'no domain'}, not ${domain}`;
  const fault = timeFault(report, nowMs);
  if (fault !== null) return fault;
  const { reporter, reportId, fromMs, toMs } = report;
  return { reporter: line(reporter), reportId, fromMs, toMs, policy: '', rows: fewerTls(own) };
}

function timeFault({ fromMs, toMs }: { fromMs: number; toMs: number }, nowMs: number): string | null {
  if (toMs < fromMs || toMs - fromMs > longestMs) return 'it is not about a day, or some days';
  if (fromMs < nowMs - oldestMs) return 'it is about a time that is long over';
  return toMs > nowMs + aheadMs ? 'it is about a time that is to come' : null;
}

/** Rows of one source that came to the same are one; of results only names that passed are kept. Most mail first. */
function merged(rows: readonly AggregateRow[]): AggregateRow[] {
  const found = new Map<string, AggregateRow>();
  for (const row of rows) {
    const dkim = names(row.dkim).map((domain) => ({ domain, selector: '', result: 'pass' }));
    const spf = names(row.spf).map((domain) => ({ domain, result: 'pass' }));
    const overrides = [...new Set(row.overrides)].sort().slice(0, mostNames);
    const kept = { ...row, headerFrom: '', envelopeFrom: '', overrides, dkim, spf };
    add(found, kept);
  }
  return [...found.values()].map(bounded).toSorted((a, b) => b.count - a.count);
}

function bounded<T extends { count: number }>(of: T): T {
  return { ...of, count: Math.min(of.count, mostMail) };
}

function names(results: readonly { domain: string; result: string }[]): string[] {
  const passed = results.filter(({ domain, result }) => result === 'pass' && domain !== '');
  return [...new Set(passed.map(({ domain }) => domain))].slice(0, mostNames);
}

function add(found: Map<string, AggregateRow>, row: AggregateRow): void {
  const key = JSON.stringify({ ...row, count: 0 });
  const known = found.get(key);
  if (known) known.count += row.count;
  else found.set(key, row);
}

/** As many rows as there is room for; the rest by what became of it. */
function fewer(rows: readonly AggregateRow[]): AggregateRow[] {
  const [kept, rest] = withinRoom(rows);
  const others = new Map<string, AggregateRow>();
  for (const row of rest) add(others, { ...row, sourceIp: otherSources, overrides: [], dkim: [], spf: [] });
  return [...kept, ...[...others.values()].map(bounded)];
}

/** Sessions by policy; failures by what they are. */
function fewerTls(rows: readonly TlsRow[]): TlsRow[] {
  const policies = new Map<string, TlsRow>();
  for (const row of rows) {
    const key = `${row.domain} ${row.policyType}`;
    const known = policies.get(key) ?? {
      ...row,
      policyType: line(row.policyType),
      successful: 0,
      failed: 0,
      failures: [],
    };
    policies.set(key, known);
    known.successful += row.successful;
    known.failed += row.failed;
    for (const failure of row.failures) {
      const same = known.failures.find(
        ({ type, host }) => type === failure.type && host === line(failure.host),
      );
      if (same) same.count += failure.count;
      else if (known.failures.length < 50)
        known.failures.push({ ...failure, host: line(failure.host), sender: '', code: '' });
    }
  }
  const all = [...policies.values()].map((one) => ({
    ...one,
    successful: Math.min(one.successful, mostMail),
    failed: Math.min(one.failed, mostMail),
    failures: one.failures.map(bounded),
  }));
  return withinRoom(all)[0];
}

/** The first rows that fit, and the others. */
function withinRoom<Row>(rows: readonly Row[]): [kept: Row[], rest: Row[]] {
  let room: number = keptBounds.rowsCharacters;
  const fits = rows.findIndex((row) => {
    room -= JSON.stringify(row).length + 1;
    return room < 0;
  });
  return fits < 0 ? [[...rows], []] : [rows.slice(0, fits), rows.slice(fits)];
}

function line(text: string): string {
  return text.replace(/\s+/g, ' ').trim().slice(0, 255);
}
