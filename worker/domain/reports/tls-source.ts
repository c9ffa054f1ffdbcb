import type { TlsReport } from './tls-report.ts';

/** What a page says of TLS reports: how many sessions with the domain's hosts were encrypted, and what failed. Pure. */

/** RFC 8460 §4.3. */
const meanings: Readonly<Record<string, string>> = {
  'starttls-not-supported':
    'The host did not offer STARTTLS: something on the way takes it out, or it is no host of the domain.',
  'certificate-host-mismatch': 'The certificate of the host is for another name.',
  'certificate-expired': 'The certificate of the host has expired: renew it.',
  'certificate-not-trusted': 'The certificate of the host is of no authority that senders trust.',
  'validation-failure': 'The TLS session failed in some other way.',
  'tlsa-invalid':
    'The TLSA records do not fit the certificate of the host: publish new ones before you renew it.',
  'dnssec-invalid': 'The DNSSEC signatures of the domain or its host do not verify.',
  'dane-required': 'The sender wants DANE, and there is no TLSA record that it can use.',
  'sts-policy-fetch-error': 'The MTA-STS policy could not be fetched from mta-sts. below the domain.',
  'sts-policy-invalid': 'The MTA-STS policy cannot be read: mend it.',
  'sts-webpki-invalid': 'The certificate of the host that serves the MTA-STS policy is not valid.',
};

/** What a kind of failure means, in a sentence. */
export function tlsMeaning(type: string): string {
  return (
    (Object.hasOwn(meanings, type) ? meanings[type] : undefined) ??
    'The reporter gives no kind that RFC 8460 knows.'
  );
}

export interface TlsFailure {
  /** RFC 8460 §4.3, e.g. `certificate-expired`. */
  type: string;
  /** The receiving host; empty: not told. */
  host: string;
  count: number;
  reporters: string[];
  /** One sentence. */
  meaning: string;
}

type Told = Pick<TlsReport, 'reporter' | 'rows'>;
const mostReporters = 5;

/** What failed, by kind and host, most sessions first. */
export function tlsFailures(reports: readonly Told[]): TlsFailure[] {
  const found = new Map<string, TlsFailure>();
  for (const { reporter, rows } of reports) {
    for (const { type, host, count } of rows.flatMap(({ failures }) => failures)) {
      const key = `${type} ${host}`;
      const known = found.get(key) ?? { type, host, count: 0, reporters: [], meaning: tlsMeaning(type) };
      found.set(key, known);
      known.count += count;
      if (!known.reporters.includes(reporter) && known.reporters.length < mostReporters)
        known.reporters.push(reporter);
    }
  }
  return [...found.values()].toSorted((a, b) => b.count - a.count || (a.type < b.type ? -1 : 1));
}

/** Sessions by policy (`sts`, `tlsa`, `no-policy-found`), most first. */
export function tlsPolicies(
  reports: readonly Told[],
): { policy: string; successful: number; failed: number }[] {
  const found = new Map<string, { policy: string; successful: number; failed: number }>();
  for (const row of reports.flatMap(({ rows }) => rows)) {
    const known = found.get(row.policyType) ?? { policy: row.policyType, successful: 0, failed: 0 };
    found.set(row.policyType, known);
    known.successful += row.successful;
    known.failed += row.failed;
  }
  return [...found.values()].toSorted((a, b) => b.successful + b.failed - (a.successful + a.failed));
}
