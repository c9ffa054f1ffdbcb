import { sql } from 'drizzle-orm';
import { dayOf } from '#domain/message/home.ts';
import { type KeptReport, keptBounds } from '#domain/reports/kept-report.ts';
import type { ReportKind } from '#domain/reports/report-address.ts';
import { batch } from './sql.ts';
import { everyHome, type Store } from './store.ts';

/** A domain that others report about. */
export interface ReportedDomain {
  id: number;
  name: string;
  verificationToken: string;
}

/** Those of the domains that are in this home, by their numbers. One round trip, none for no numbers. */
export async function findReported(
  store: Store,
  ids: readonly number[],
): Promise<Map<number, ReportedDomain>> {
  if (ids.length === 0) return new Map();
  const [rows = []] = await batch(store.d1, [
    sql`SELECT id, name, verification_token FROM domains
      WHERE id IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`,
  ]);
  const domains = rows.map((row) => ({
    id: Number(row.id),
    name: String(row.name),
    verificationToken: String(row.verification_token),
  }));
  return new Map(domains.map((domain) => [domain.id, domain]));
}

/** Likewise in whichever homes they are. */
export async function findReportedAnywhere(
  store: Store,
  ids: readonly number[],
): Promise<Map<number, ReportedDomain>> {
  if (ids.length === 0) return new Map();
  const found = await Promise.all(everyHome(store).map((home) => findReported(home, ids)));
  return new Map(found.flatMap((domains) => [...domains]));
}

/**
 * Keeps a report by the day in the middle of what it covers, once: what has the key is the same report.
 * @returns whether it was new, and there was room for it
 */
export async function keepReport(
  store: Store,
  of: { domainId: number; kind: ReportKind; key: string },
  report: KeptReport,
): Promise<boolean> {
  const { domainId, kind, key } = of;
  const { reporter, fromMs, toMs, policy, rows } = report;
  const day = dayOf((fromMs + toMs) / 2);
  const [made = []] = await batch(store.d1, [
    sql`INSERT INTO domain_reports (domain_id, kind, day, key, reporter, from_ms, to_ms, policy, rows)
      SELECT ${domainId}, ${kind}, ${day}, ${key}, ${reporter.toWellFormed()}, ${fromMs}, ${toMs}, ${policy},
        ${JSON.stringify(rows)}
      WHERE (SELECT count(*) FROM domain_reports WHERE domain_id = ${domainId} AND kind = ${kind} AND day = ${day})
        < ${keptBounds.reportsADay}
      ON CONFLICT DO NOTHING RETURNING key`,
  ]);
  return made.length > 0;
}

/** So many reports one call reads. */
export const mostReadReports = 1_000;

/**
 * Reports about a domain of days (UTC, `YYYYMMDD`, both included), newest day first.
 * @returns `complete: false` when there are more than one call reads
 */
export async function readReports<Row>(
  store: Store,
  of: { domainId: number; kind: ReportKind; fromDay: string; toDay: string },
): Promise<{ reports: Omit<KeptReport<Row>, 'reportId'>[]; complete: boolean }> {
  const [rows = []] = await batch(store.d1, [
    sql`SELECT reporter, from_ms, to_ms, policy, rows FROM domain_reports
      WHERE domain_id = ${of.domainId} AND kind = ${of.kind} AND day BETWEEN ${of.fromDay} AND ${of.toDay}
      ORDER BY day DESC LIMIT ${mostReadReports + 1}`,
  ]);
  const reports = rows.slice(0, mostReadReports).map((row) => ({
    reporter: String(row.reporter),
    fromMs: Number(row.from_ms),
    toMs: Number(row.to_ms),
    policy: String(row.policy),
    rows: JSON.parse(String(row.rows)) as Row[],
  }));
  return { reports, complete: rows.length <= mostReadReports };
}

const purgedAtOnce = 500;

/** Removes reports whose time is over. @returns whether there are more than one call removes */
export async function purgeReports(store: Store, nowMs: number): Promise<boolean> {
  const oldest = dayOf(nowMs - keptBounds.days * 86_400_000);
  const [gone = []] = await batch(store.d1, [
    sql`DELETE FROM domain_reports WHERE rowid IN
      (SELECT rowid FROM domain_reports WHERE day < ${oldest} LIMIT ${purgedAtOnce}) RETURNING 1`,
  ]);
  return gone.length === purgedAtOnce;
}
