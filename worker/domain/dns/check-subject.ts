import { type Lookup, recordsOf } from './dns.ts';

/** What the checks of a domain's records look at. */

/** What a sending domain is for. */
export const domainTypes = ['outbound', 'inbound', 'both', 'alias'] as const;
export type DomainType = (typeof domainTypes)[number];

/** The domain that is checked, and what its records must say. */
export interface CheckSubject {
  /** A-labels, lower case. */
  name: string;
  type: DomainType;
  /** Proves ownership; the account's own. */
  token: string;
  /** Label of the return-path host below the domain. */
  returnPathLabel: string;
  /** Label of the host that links in its mail lead to; null: it has none of its own. */
  linkLabel: string | null;
  /** The operator's domain. */
  serviceDomain: string;
  /** Of its addresses for reports (`domain/reports/report-address.ts`); null: it has none. */
  reportToken: string | null;
  /** Keys that are in use or will be. */
  keys: readonly SubjectKey[];
}

export interface SubjectKey {
  selector: string;
  algorithm: 'rsa-sha256' | 'ed25519-sha256';
  publicKey: string;
  /** The name below the service domain that its selector is a CNAME to; left out: its record is a TXT of the domain's own. */
  target?: string | null;
}

/** A record to publish. */
export interface WantedRecord {
  type: 'TXT' | 'CNAME' | 'MX';
  name: string;
  value: string;
  key?: SubjectKey;
}

/** The chain to its end; a resolver may show only its first step. */
export async function followed(name: string, chain: string[], lookup: Lookup): Promise<string[]> {
  const whole = [...chain];
  while (whole.length < 8) {
    const [next] = recordsOf(await lookup(whole.at(-1) ?? name, 'CNAME'));
    if (next === undefined || whole.includes(next)) break;
    whole.push(next);
  }
  return whole;
}

/** The domain above, as long as it is not a top-level domain; null otherwise. */
export function parentOf(domain: string): string | null {
  const labels = domain.split('.');
  return labels.length > 2 ? labels.slice(1).join('.') : null;
}
