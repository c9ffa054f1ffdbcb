import { gzipSync } from 'node:zlib';
import { parseMailbox } from '#domain/message/address.ts';
import { decodePercent } from '#domain/message/encoded-word.ts';
import type { Log } from '../log.ts';
import type { DomainResults, TlsCounts } from './results.ts';

/** Who reports (RFC 8460 §4.4). */
export interface Reporter {
  organization: string;
  contact: string;
  /** Distinguishes the reports of several nodes. */
  node: string;
}

export interface TlsReport {
  domain: string;
  /** `report-id`, unique. */
  id: string;
  /** RFC 8460 §5.1. */
  fileName: string;
  gzip: Uint8Array;
}

export interface ReportWays {
  /** The texts of a TXT record; none when there is no such record. Rejects when that cannot be known. */
  texts(name: string): Promise<string[]>;
  /** Mails a report, signed, or rejects. */
  mail(to: string, report: TlsReport): Promise<void>;
  /** Posts the gzip of a report, or rejects. */
  post(url: string, gzip: Uint8Array): Promise<void>;
  log: Log;
}

/** Where reports go: `_smtp._tls` of the domain (RFC 8460 §3). At most so many addresses are told. */
const mostAddresses = 3;
const mostListed = 20;

export type ReportAddress = { mail: string } | { url: string };

/** The `rua` of a record; empty when it is none. */
export function reportAddresses(texts: readonly string[]): ReportAddress[] {
  const records = texts.filter((text) => /^v=TLSRPTv1[ \t]*;/.test(text));
  // §3: with several records there is none.
  const [record] = records;
  if (record === undefined || records.length > 1) return [];
  const [, list = ''] = /;[ \t]*rua=([^;]*)/.exec(record) ?? [];
  return list
    .split(',', mostListed)
    .flatMap((one) => addressOf(one.trim()) ?? [])
    .slice(0, mostAddresses);
}

/** One address of a `rua`; null when it is none that can be told. */
function addressOf(text: string): ReportAddress | null {
  const [, written] = /^mailto:(.{1,960})$/i.exec(text) ?? [];
  if (written === undefined) {
    const url = /^https:\/\/[!-~]+$/i.test(text) && URL.canParse(text) ? new URL(text) : null;
    // It would be a password that everybody can read.
    return url && url.username + url.password === '' ? { url: text } : null;
  }
  const mail = decodePercent(written, 'utf-8');
  // Decoded first: an octet that may not be there may be written as %0D.
  const mailbox = parseMailbox(mail);
  if (typeof mailbox === 'string' || mailbox.address.toLowerCase() !== mail.toLowerCase()) return null;
  return { mail: mailbox.address };
}

/** The report of a day (RFC 8460 §4.4). */
export function reportOf(domain: string, day: string, results: DomainResults, by: Reporter): TlsReport {
  const [start, end] = [`${day}T00:00:00Z`, `${day}T23:59:59Z`];
  const id = `${day}.${by.node}.${domain}`;
  const json = {
    'organization-name': by.organization,
    'date-range': { 'start-datetime': start, 'end-datetime': end },
    'contact-info': by.contact,
    'report-id': id,
    policies: results.map(({ policy, good, failures }) => ({
      policy: {
        'policy-type': policy.type,
        ...(policy.text.length > 0 ? { 'policy-string': policy.text } : {}),
        'policy-domain': domain,
        ...(policy.mx.length > 0 ? { 'mx-host': policy.mx } : {}),
      },
      summary: {
        'total-successful-session-count': good,
        'total-failure-session-count': failures.reduce((sum, { count }) => sum + count, 0),
      },
      ...(failures.length > 0
        ? {
            'failure-details': failures.map(({ type, host, address, count }) => ({
              'result-type': type,
              'receiving-mx-hostname': host,
              'receiving-ip': address,
              'failed-session-count': count,
            })),
          }
        : {}),
    })),
  };
  const seconds = (time: string) => Date.parse(time) / 1000;
  const fileName = `${by.organization}!${domain}!${seconds(start)}!${seconds(end)}!${by.node}.json.gz`;
  return { domain, id, fileName, gzip: gzipSync(JSON.stringify(json)) };
}

/**
 * Tells each domain that wants to know what came of the days that are over. What cannot be told stays for the next
 * call, until it is too old.
 */
export async function tellResults(counts: TlsCounts, by: Reporter, ways: ReportWays): Promise<void> {
  for (const { day, domains } of counts.finished()) {
    for (const [domain, results] of [...domains]) {
      try {
        const addresses = reportAddresses(await ways.texts(`_smtp._tls.${domain}`));
        const report = reportOf(domain, day, results, by);
        const told = await Promise.allSettled(addresses.map((address) => tell(address, report, ways)));
        // Who has taken it is not to get it again each hour because another cannot be reached.
        const failed = told.find((one) => one.status === 'rejected');
        if (failed && told.every((one) => one.status === 'rejected')) throw failed.reason;
        counts.done(day, domain);
      } catch (error) {
        ways.log.info({ domain, day, error: String(error) }, 'a TLS report could not be delivered yet');
      }
    }
  }
}

async function tell(address: ReportAddress, report: TlsReport, ways: ReportWays): Promise<void> {
  await ('mail' in address ? ways.mail(address.mail, report) : ways.post(address.url, report.gzip));
}
