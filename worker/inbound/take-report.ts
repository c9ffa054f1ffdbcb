import { keptAggregate, keptTls } from '#domain/reports/kept-report.ts';
import { type ReportAddress, reportToken } from '#domain/reports/report-address.ts';
import { readReceived } from '../received/read-received.ts';
import { type Report, readReport } from '../received/read-report.ts';
import { inAnyHome, storesOfNumber } from '../store/account-homes.ts';
import { count } from '../store/counters.ts';
import { findReported, keepReport, type ReportedDomain } from '../store/domain-reports.ts';
import type { Store } from '../store/store.ts';
import { sha256Hex } from '../tokens/secret.ts';

/** The domain that an address for reports is of; null: there is none, or it is another by now. */
export function reportedBy(
  { domainId, token }: ReportAddress,
  domains: ReadonlyMap<number, ReportedDomain>,
): ReportedDomain | null {
  const domain = domains.get(domainId);
  return domain && reportToken(domain) === token ? domain : null;
}

/**
 * Takes a mail with a report about a domain, and keeps what it says. Anybody can write one: it is shown as told, and
 * nothing follows from it.
 * @returns `refused`: it brings no report about that domain
 */
export async function takeReport(
  first: Store,
  address: ReportAddress,
  raw: Uint8Array,
  nowMs: number,
): Promise<'taken' | 'unknown' | 'refused'> {
  const stores = storesOfNumber(first, address.domainId);
  const found = await inAnyHome(stores, async (store) => {
    const domain = reportedBy(address, await findReported(store, [address.domainId]));
    return domain && { store, domain };
  });
  if (!found) {
    await count(first, { address_unknown: 1 }, nowMs);
    return 'unknown';
  }
  const { store, domain } = found;
  const report = readReport(await readReceived(new Uint8Array(raw)));
  const kept = typeof report === 'string' ? report : keptOf(report, address, domain.name, nowMs);
  if (typeof kept === 'string') {
    console.warn(
      JSON.stringify({
        level: 'warn',
        msg: `a report was not read: ${kept}`,
        domain: domain.name,
        kind: address.kind,
      }),
    );
    await count(first, { report_unread: 1 }, nowMs);
    return 'refused';
  }
  const key = (await sha256Hex(JSON.stringify([kept.reporter, kept.reportId]))).slice(0, 32);
  const isNew = await keepReport(store, { domainId: domain.id, kind: address.kind, key }, kept);
  await count(first, isNew ? { report_kept: 1 } : { report_repeated: 1 }, nowMs);
  return 'taken';
}

function keptOf(report: Report, { kind }: ReportAddress, domain: string, nowMs: number) {
  if (report.kind !== kind) return `it is a report of another kind than ${kind}`;
  return report.kind === 'dmarc'
    ? keptAggregate(report.report, domain, nowMs)
    : keptTls(report.report, domain, nowMs);
}
