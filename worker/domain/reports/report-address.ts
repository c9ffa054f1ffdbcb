/**
 * Where others report about a domain: `dmarc+<token>@reports.<service domain>` (DMARC aggregate reports, RFC 9990) and
 * `tlsrpt+<token>@…` (TLS reports, RFC 8460). The token stands in DNS for everybody to read, so it only says which domain
 * is meant and proves nothing; it is the domain's number and a part of what its ownership TXT holds.
 */

export type ReportKind = 'dmarc' | 'tls';

const names = { dmarc: 'dmarc', tls: 'tlsrpt' } as const satisfies Record<ReportKind, string>;
const pattern = /^(dmarc|tlsrpt)\+(\d{1,15})-([0-9a-f]{16})$/;

/** The host that takes reports. */
export function reportHost(serviceDomain: string): string {
  return `reports.${serviceDomain}`;
}

/** The token of a domain; null: it has none, since its ownership cannot be proven by a TXT. */
export function reportToken(domain: { id: number; verificationToken: string }): string | null {
  const part = domain.verificationToken.slice(0, 16);
  return /^[0-9a-f]{16}$/.test(part) ? `${domain.id}-${part}` : null;
}

export function reportAddress(kind: ReportKind, token: string, serviceDomain: string): string {
  return `${names[kind]}+${token}@${reportHost(serviceDomain)}`;
}

/** An address for reports, taken apart. */
export interface ReportAddress {
  kind: ReportKind;
  domainId: number;
  token: string;
}

/** Reads a local part; null when it is not of that form. Whether there is such a domain is the caller's to find out. */
export function parseReportAddress(localPart: string): ReportAddress | null {
  const [, name, id, part] = pattern.exec(localPart.toLowerCase()) ?? [];
  if (name === undefined || id === undefined) return null;
  return { kind: name === names.dmarc ? 'dmarc' : 'tls', domainId: Number(id), token: `${id}-${part}` };
}

/** The name at which a domain allows `reports.` to be named in DMARC records of other domains (RFC 9990 §4), for all of them. */
export function reportPermission(serviceDomain: string): { name: string; value: string } {
  return { name: `*._report._dmarc.${reportHost(serviceDomain)}`, value: 'v=DMARC1' };
}

/** The record that asks senders for TLS reports about a domain (RFC 8460 §3). */
export function tlsReportRecord(
  domain: string,
  token: string,
  serviceDomain: string,
): { name: string; value: string } {
  return {
    name: `_smtp._tls.${domain}`,
    value: `v=TLSRPTv1; rua=mailto:${reportAddress('tls', token, serviceDomain)}`,
  };
}
