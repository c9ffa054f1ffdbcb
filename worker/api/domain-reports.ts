import { z } from '@hono/zod-openapi';
import { dayOf } from '#domain/message/home.ts';
import type { AggregateRow } from '#domain/reports/aggregate-report.ts';
import { dmarcDays, dmarcSources } from '#domain/reports/dmarc-source.ts';
import { keptBounds } from '#domain/reports/kept-report.ts';
import {
  type ReportKind,
  reportAddress,
  reportToken,
  tlsReportRecord,
} from '#domain/reports/report-address.ts';
import type { TlsRow } from '#domain/reports/tls-report.ts';
import { tlsFailures, tlsPolicies } from '#domain/reports/tls-source.ts';
import { type Call, invalidBody, newApp, queryOf } from '../http/app.ts';
import { readReports } from '../store/domain-reports.ts';
import type { Domain } from '../store/domains.ts';
import { domainOf } from './domain-of.ts';

/** `/v1/domains/:id/dmarc` and `…/tls-reports`: what others report about a domain. */
export const domainReportsApp = newApp();

const dayMs = 86_400_000;
const defaultDays = 30;
/** Sources, or failures, that one answer tells. */
const mostTold = 200;

export const reportsQuery = z.object({
  from: z.iso
    .date()
    .optional()
    .meta({ description: `UTC day; left out: ${defaultDays} days until \`to\`.` }),
  to: z.iso.date().optional().meta({ description: 'UTC day, included; left out: today.' }),
});

domainReportsApp.get('/domains/:id/dmarc', async (c) => {
  const { domain } = await domainOf(c);
  const { period, reports, complete } = await reportsOf<AggregateRow>(c, domain, 'dmarc');
  const sources = dmarcSources(reports);
  return c.json({
    domain: domain.name,
    ...period,
    address: addressOf(c, domain, 'dmarc'),
    reports: reports.length,
    complete: complete && sources.length <= mostTold,
    policy: reports[0]?.policy || null,
    days: dmarcDays(reports).map(({ dayMs: at, ...counts }) => ({ day: isoDay(at), ...counts })),
    sources: sources.slice(0, mostTold).map((one) => ({
      source_ip: one.sourceIp,
      count: one.count,
      passed: one.passed,
      dkim_aligned: one.byDkim,
      spf_aligned: one.bySpf,
      quarantined: one.quarantined,
      rejected: one.rejected,
      domains: one.domains,
      reporters: one.reporters,
      meaning: one.meaning,
    })),
  });
});

domainReportsApp.get('/domains/:id/tls-reports', async (c) => {
  const { domain } = await domainOf(c);
  const { period, reports, complete } = await reportsOf<TlsRow>(c, domain, 'tls');
  const failures = tlsFailures(reports);
  const token = reportToken(domain);
  return c.json({
    domain: domain.name,
    ...period,
    address: addressOf(c, domain, 'tls'),
    record:
      token === null
        ? null
        : { type: 'TXT', ...tlsReportRecord(domain.name, token, c.get('env').serviceDomain) },
    reports: reports.length,
    complete: complete && failures.length <= mostTold,
    policies: tlsPolicies(reports),
    failures: failures.slice(0, mostTold),
  });
});

/** The reports of the period that is asked for, newest first. */
async function reportsOf<Row>(c: Call, domain: Domain, kind: ReportKind) {
  const query = queryOf(c, reportsQuery);
  const to = query.to ?? isoDay(Date.now());
  const from = query.from ?? isoDay(Date.parse(to) - (defaultDays - 1) * dayMs);
  const days = (Date.parse(to) - Date.parse(from)) / dayMs + 1;
  const fault =
    days < 1
      ? 'must not be after to'
      : days > keptBounds.days
        ? `must be at most ${keptBounds.days} days before to`
        : null;
  if (fault !== null) throw invalidBody([{ path: ['from'], message: fault }], '');
  const range = { fromDay: dayOf(Date.parse(from)), toDay: dayOf(Date.parse(to)) };
  const read = await readReports<Row>(c.get('store'), { domainId: domain.id, kind, ...range });
  return { period: { from, to }, ...read };
}

function addressOf(c: Call, domain: Domain, kind: ReportKind): string | null {
  const token = reportToken(domain);
  return token === null ? null : reportAddress(kind, token, c.get('env').serviceDomain);
}

function isoDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
