import type { CheckSubject, WantedRecord } from './check-subject.ts';
import { judgeCname } from './cname-check.ts';
import { type Lookup, recordsOf } from './dns.ts';
import { type Finding, isFailure, lookupFailed, ok, wrong } from './finding.ts';

/**
 * The host of a sending domain's own that links in its mail lead to: a CNAME to a name of the operator's, with a
 * certificate that somebody issues for it. Links are written with it while that is live.
 */

/** How the certificate of a link host stands. */
export const linkStates = ['pending', 'active', 'failed'] as const;
export type LinkState = (typeof linkStates)[number];

/** What is known of a link host. */
export interface LinkStanding {
  state: LinkState;
  /** Why it is not active, or could not be asked for; null: nothing is wrong. */
  fault: string | null;
}

/** The operator's name that link hosts are CNAMEs to. */
export function linkHostTarget(serviceDomain: string): string {
  return `links.${serviceDomain}`;
}

/** A certificate that is on its way is looked at so often, ms, for so long after its CNAME was found. */
const pendingEveryMs = 15 * 60_000;
const pendingForMs = 3 * 86_400_000;
/** Any other, ms: an active one may end. */
const everyMs = 86_400_000;

/**
 * When a domain is to be looked at again that has a link host, Unix ms.
 * @param otherwiseMs for all else that it has; null: never
 * @param of.foundMs since when its CNAME is there; null: it is not
 */
export function nextLinkCheck(
  otherwiseMs: number | null,
  { state }: LinkStanding,
  of: { foundMs: number | null; nowMs: number },
): number {
  const waits = state === 'pending' && of.foundMs !== null && of.nowMs - of.foundMs < pendingForMs;
  const ownMs = of.nowMs + (waits ? pendingEveryMs : everyMs);
  return Math.min(otherwiseMs ?? ownMs, ownMs);
}

/** Whether a name may be the link host of a domain; what is wrong with it, or null. */
export function linkLabelFault(
  label: string | null,
  { name, returnPathLabel, serviceDomain }: Pick<CheckSubject, 'name' | 'returnPathLabel' | 'serviceDomain'>,
): string | null {
  if (label === null) return null;
  // RFC 1034 §3.6.2: beside a CNAME there is no other record.
  if (label === returnPathLabel) return `must differ from the label of the return path, ${returnPathLabel}`;
  if (`${label}.${name}` === linkHostTarget(serviceDomain))
    return `must be another: ${label}.${name} is the name that link hosts lead to`;
  return null;
}

/** The CNAME, and that what it leads to has an address. */
export async function judgeLinkHost(wanted: WantedRecord, _: CheckSubject, lookup: Lookup): Promise<Finding> {
  const found = await judgeCname(wanted, lookup);
  if (found.status !== 'ok') return found;
  for (const type of ['A', 'AAAA'] as const) {
    const answer = await lookup(wanted.name, type);
    if (recordsOf(answer).length > 0) return ok(found.observed);
    if (isFailure(answer)) return lookupFailed(wanted.name, answer.failure, found.observed);
  }
  return wrong(found.observed, `Your CNAME is right; the operator must publish ${wanted.value}.`);
}
