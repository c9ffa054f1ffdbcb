import { parseTagList } from './dkim-record.ts';
import { type DmarcRecord, findDmarc, findOrganisation } from './dmarc.ts';
import { type DnsFailure, type Lookup, recordsOf } from './dns.ts';
import { type Finding, isFailure, lookupFailed, missing, publish, wrong } from './finding.ts';

/**
 * The logo that mailbox providers may show beside mail of a domain: the TXT at `default._bimi.<domain>`
 * (draft-brand-indicators-for-message-identification).
 */
interface BimiRecord {
  /** Where the logo is, an https URI; empty: the domain declines to have one. */
  logo: string;
  /** Where its certificate (VMC or CMC) is, an https URI; empty: it has none. */
  evidence: string;
}

/** True for a TXT record that is a BIMI record: the version comes first and is exact. */
function isBimi(text: string): boolean {
  return /^\s*v\s*=\s*BIMI1\s*(;|$)/.test(text);
}

/**
 * Reads a record; tags that are not known are ignored.
 * @returns the record, or a sentence that says what is wrong
 */
export function parseBimi(text: string): BimiRecord | string {
  if (!isBimi(text)) return 'it does not begin with "v=BIMI1"';
  const tags = parseTagList(text);
  if (typeof tags === 'string') return tags;
  const logo = tags.get('l');
  if (logo === undefined) return 'it has no "l" tag, the address of the logo';
  const evidence = tags.get('a') ?? '';
  if (logo !== '' && !isHttps(logo))
    return `its "l" tag has "${logo.slice(0, 80)}", which is not an https URI`;
  if (evidence !== '' && evidence.toLowerCase() !== 'self' && !isHttps(evidence))
    return `its "a" tag has "${evidence.slice(0, 80)}", which is not an https URI`;
  if (logo === '' && evidence !== '') return 'its "l" tag is empty though "a" names a certificate';
  return { logo, evidence: evidence.toLowerCase() === 'self' ? '' : evidence };
}

const httpsUri = /^https:\/\/[^\s/?#]+(?<path>\/[^\s?#]*)?(?:[?#]\S*)?$/i;

function isHttps(text: string): boolean {
  return httpsUri.test(text);
}

/** Looks at the record of a domain. Nothing depends on it: what is lacking is advice. */
export async function judgeBimi(
  wanted: { type: string; name: string; value: string },
  subject: { name: string },
  lookup: Lookup,
): Promise<Finding> {
  const found = await findBimi(subject.name, lookup);
  switch (found.kind) {
    case 'failed':
      return lookupFailed(`default._bimi.${found.at}`, found.failure);
    case 'several': {
      const fix = `Keep one BIMI record at default._bimi.${found.at}; several count as none.`;
      return { status: 'multiple', observed: found.texts, fix, foundAt: null };
    }
    case 'invalid':
      return wrong([found.text], `Mend the BIMI record at default._bimi.${found.at}: ${found.fault}.`);
    case 'none': {
      const lacking = await enforcementLacking(subject.name, lookup);
      const first = lacking === null ? '' : ` First ${lacking}: no logo is shown before.`;
      return missing(`${publish(wanted)}, with the addresses of your own files.${first}`);
    }
    case 'found': {
      const { at, text, record } = found;
      const lacking = record.logo === '' ? null : await enforcementLacking(subject.name, lookup);
      const fix =
        lacking === null ? logoAdvice(record, at) : `To have the logo shown, ${lacking}; BIMI asks for that.`;
      return { status: 'ok', observed: [text], fix, foundAt: at };
    }
  }
}

/** The record that applies to a domain, or why there is none. */
type BimiDiscovery =
  | { kind: 'found'; at: string; text: string; record: BimiRecord }
  | { kind: 'none' }
  | { kind: 'several'; at: string; texts: string[] }
  | { kind: 'invalid'; at: string; text: string; fault: string }
  | { kind: 'failed'; at: string; failure: DnsFailure };

/** Finds the record: the domain's own, or that of its organisational domain. */
async function findBimi(domain: string, lookup: Lookup): Promise<BimiDiscovery> {
  const own = await recordAt(domain, lookup);
  if (own.kind !== 'none' || domain.split('.').length <= 2) return own;
  const organisation = await findOrganisation(domain, lookup);
  if (organisation.kind === 'failed') return organisation;
  return organisation.kind === 'found' ? await recordAt(organisation.at, lookup) : own;
}

async function recordAt(domain: string, lookup: Lookup): Promise<BimiDiscovery> {
  const answer = await lookup(`default._bimi.${domain}`, 'TXT');
  if (isFailure(answer)) return { kind: 'failed', at: domain, failure: answer.failure };
  const texts = recordsOf(answer).filter(isBimi);
  const [text] = texts;
  if (text === undefined) return { kind: 'none' };
  if (texts.length > 1) return { kind: 'several', at: domain, texts }; // several records mean none
  const record = parseBimi(text);
  return typeof record === 'string'
    ? { kind: 'invalid', at: domain, text, fault: record }
    : { kind: 'found', at: domain, text, record };
}

/**
 * What DMARC lacks for a logo to be shown: the policy of the domain and that of its organisational domain are to be
 * enforced for all mail, subdomains included.
 * @returns the exact fix; null when nothing is lacking, or when DNS did not tell
 */
async function enforcementLacking(domain: string, lookup: Lookup): Promise<string | null> {
  const own = await findDmarc(domain, lookup);
  if (own.kind === 'failed') return null;
  if (own.kind !== 'found') return `publish a DMARC record with p=quarantine for ${domain}`;
  const lacking = lackingIn(own.at, own.record, own.at !== domain);
  if (lacking !== null || own.at !== domain) return lacking;
  const above = await findOrganisation(domain, lookup);
  return above.kind === 'found' && above.at !== domain ? lackingIn(above.at, above.record, true) : null;
}

function lackingIn(at: string, record: DmarcRecord, forSubdomain: boolean): string | null {
  const { policy, subdomainPolicy, percent, testing } = record;
  if (policy === 'none') return `raise p=none at _dmarc.${at} to p=quarantine or p=reject`;
  if (forSubdomain && subdomainPolicy === 'none') return `take sp=none out of _dmarc.${at}`;
  if (percent < 100) return `take pct=${percent} out of _dmarc.${at}`;
  return testing ? `take t=y out of _dmarc.${at}` : null;
}

/** What would let more mailbox providers show the logo, beside DMARC; null when nothing would. */
function logoAdvice({ logo, evidence }: BimiRecord, at: string): string | null {
  if (logo === '') return null;
  if (!/\.svgz?$/i.test(httpsUri.exec(logo)?.groups?.path ?? ''))
    return `Let l= at default._bimi.${at} lead to an SVG file (profile Tiny PS) whose name ends in .svg.`;
  if (evidence === '')
    return `Add a=, the address of a certificate for the logo (VMC or CMC), to default._bimi.${at}: without it Gmail and Apple show none.`;
  return null;
}
