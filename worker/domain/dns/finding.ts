import { type DnsAnswer, type DnsFailure, type Lookup, provesAbsence, recordsOf } from './dns.ts';

/** What the checks of a domain's records look at, and what they find. */

/** What a sending domain is for. */
export const domainTypes = ['outbound', 'inbound', 'both', 'alias'] as const;
export type DomainType = (typeof domainTypes)[number];

export const checkStatuses = ['ok', 'missing', 'wrong', 'multiple', 'lookup_failed'] as const;
export type CheckStatus = (typeof checkStatuses)[number];

/** The domain that is checked, and what its records must say. */
export interface CheckSubject {
  /** A-labels, lower case. */
  name: string;
  type: DomainType;
  /** Proves ownership; the account's own. */
  token: string;
  /** Label of the return-path host below the domain. */
  returnPathLabel: string;
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

/** What was found. */
export interface Finding {
  status: CheckStatus;
  observed: string[];
  /** One sentence that says the exact fix; with `ok` it is advice or null. */
  fix: string | null;
  /** The domain at which it was found, where that is a choice (DKIM: the domain itself or its parent). */
  foundAt: string | null;
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

export function isFailure(answer: DnsAnswer): answer is Extract<DnsAnswer, { failure: unknown }> {
  return 'failure' in answer && !provesAbsence(answer);
}

export function publish({ type, name, value }: WantedRecord): string {
  return `Publish a ${type} record at ${name}: ${value}`;
}

export function ok(observed: string[]): Finding {
  return { status: 'ok', observed, fix: null, foundAt: null };
}

export function missing(fix: string): Finding {
  return { status: 'missing', observed: [], fix, foundAt: null };
}

export function wrong(observed: string[], fix: string): Finding {
  return { status: 'wrong', observed, fix, foundAt: null };
}

export function lookupFailed(name: string, failure: DnsFailure, observed: string[] = []): Finding {
  const fix = `Nothing to change yet: DNS did not answer for ${name} (${failure}); it is asked again. If it lasts, look at the name servers.`;
  return { status: 'lookup_failed', observed, fix, foundAt: null };
}
