import { parseTagList } from './dkim-record.ts';
import { canonicalName, type DnsFailure, type Lookup, provesAbsence, recordsOf } from './dns.ts';

/** A DMARC policy record: the TXT at `_dmarc.<domain>` (RFC 9989, before it RFC 7489). */
export interface DmarcRecord {
  policy: 'none' | 'quarantine' | 'reject';
  /** Policy of subdomains; null: the same. */
  subdomainPolicy: 'none' | 'quarantine' | 'reject' | null;
  /** `r` relaxed, `s` strict. */
  dkimAlignment: 'r' | 's';
  spfAlignment: 'r' | 's';
  /** Where aggregate reports go, URIs. */
  reportUris: string[];
  /** `y`: a public suffix, `n`: an organisational domain, `u`: not said. */
  publicSuffix: 'y' | 'n' | 'u';
  /** For how much of the mail it holds, 0 to 100 (RFC 7489 §6.3; RFC 9989 has it no more). */
  percent: number;
  /** The domain only tries its policy out (`t=y`). */
  testing: boolean;
}

/** True for a TXT record that is a DMARC record: the version comes first and is exact. */
export function isDmarc(text: string): boolean {
  return /^\s*v\s*=\s*DMARC1\s*(;|$)/.test(text);
}

/**
 * Reads a policy record; tags that are not known are ignored.
 * @returns the record, or a sentence that says what is wrong
 */
export function parseDmarc(text: string): DmarcRecord | string {
  if (!isDmarc(text)) return 'it does not begin with "v=DMARC1"';
  const tags = parseTagList(text);
  if (typeof tags === 'string') return tags;
  const reportUris = (tags.get('rua') ?? '')
    .split(',')
    .map((uri) => uri.trim())
    .filter(Boolean);
  const wrongUri = reportUris.find((uri) => !/^mailto:[^@\s,!]+@[^@\s,!]+(![0-9]+[kmgt]?)?$/i.test(uri));
  if (wrongUri !== undefined)
    return `its "rua" has "${wrongUri.slice(0, 80)}", which is not a mailto: address`;
  const policy = policyOf(tags.get('p'));
  // A record without a valid policy still means "none" when it asks for reports.
  if (policy === null && (tags.has('p') || reportUris.length === 0)) {
    return 'its "p" tag must be none, quarantine or reject';
  }
  const strict = (name: string) => (tags.get(name)?.toLowerCase() === 's' ? 's' : 'r');
  const psd = tags.get('psd')?.toLowerCase();
  const percent = tags.get('pct') ?? '';
  return {
    policy: policy ?? 'none',
    subdomainPolicy: policyOf(tags.get('sp')),
    dkimAlignment: strict('adkim'),
    spfAlignment: strict('aspf'),
    reportUris,
    publicSuffix: psd === 'y' || psd === 'n' ? psd : 'u',
    percent: /^\d{1,2}$/.test(percent) ? Number(percent) : 100,
    testing: tags.get('t')?.toLowerCase() === 'y',
  };
}

function policyOf(text: string | undefined): DmarcRecord['policy'] | null {
  const policy = text?.toLowerCase();
  return policy === 'none' || policy === 'quarantine' || policy === 'reject' ? policy : null;
}

/** The policy that applies to a domain, or why there is none. */
export type DmarcDiscovery =
  | { kind: 'found'; at: string; text: string; record: DmarcRecord }
  | { kind: 'none' }
  | { kind: 'several'; at: string; texts: string[] }
  | { kind: 'invalid'; at: string; text: string; fault: string }
  | { kind: 'failed'; at: string; failure: DnsFailure };

/**
 * The domains that a tree walk asks, the domain itself first (RFC 9989 §4.10): with more than eight labels it
 * goes on with the last seven.
 */
export function treeWalk(domain: string): string[] {
  const labels = canonicalName(domain).split('.');
  const from = labels.length > 8 ? labels.length - 7 : 1;
  return [labels, ...labels.slice(from).map((_, i) => labels.slice(from + i))].map((part) => part.join('.'));
}

/** Finds the policy: the domain's own record, or that of its organisational domain by the tree walk. */
export async function findDmarc(domain: string, lookup: Lookup): Promise<DmarcDiscovery> {
  const [own = domain, ...parents] = treeWalk(domain);
  const first = await recordAt(own, lookup);
  return first.kind === 'none' ? await above(parents, first, lookup) : first;
}

/** Finds the record of the organisational domain, which may be the domain's own (RFC 9989 §4.10.2). */
export async function findOrganisation(domain: string, lookup: Lookup): Promise<DmarcDiscovery> {
  const [own = domain, ...parents] = treeWalk(domain);
  const first = await recordAt(own, lookup);
  const ends = first.kind === 'failed' || (first.kind === 'found' && first.record.publicSuffix === 'n');
  return ends ? first : await above(parents, first, lookup);
}

/** Goes on with the walk; a record found nearer the top takes the place of those before. */
async function above(
  parents: readonly string[],
  before: DmarcDiscovery,
  lookup: Lookup,
): Promise<DmarcDiscovery> {
  let organisation = before;
  for (const parent of parents) {
    const found = await recordAt(parent, lookup);
    if (found.kind === 'failed') return found;
    if (found.kind !== 'found') continue;
    if (found.record.publicSuffix === 'y') return organisation.kind === 'found' ? organisation : found;
    organisation = found;
    if (found.record.publicSuffix === 'n') break;
  }
  return organisation;
}

async function recordAt(domain: string, lookup: Lookup): Promise<DmarcDiscovery> {
  const answer = await lookup(`_dmarc.${domain}`, 'TXT');
  if ('failure' in answer && !provesAbsence(answer))
    return { kind: 'failed', at: domain, failure: answer.failure };
  const texts = recordsOf(answer).filter(isDmarc);
  const [text] = texts;
  if (text === undefined) return { kind: 'none' };
  if (texts.length > 1) return { kind: 'several', at: domain, texts }; // several records mean no policy
  const record = parseDmarc(text);
  return typeof record === 'string'
    ? { kind: 'invalid', at: domain, text, fault: record }
    : { kind: 'found', at: domain, text, record };
}
