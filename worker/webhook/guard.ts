import { type Lookup, provesAbsence, recordsOf } from '#domain/dns/dns.ts';
import {
  addressFault,
  hostFault,
  isLoopbackHost,
  parseAddress,
  parseHostAddress,
} from '#domain/dns/public-address.ts';
import { dohLookup } from '../dns/doh.ts';
import type { Settings } from '../settings.ts';

/** Why a URL must not be called now. */
export interface TargetFault {
  text: string;
  /** DNS did not answer: it may be all right another time. */
  temporary: boolean;
}

/** Judges a URL; null when it may be called. */
export type TargetGuard = (url: string) => Promise<TargetFault | null>;

/** Tries of one endpoint within this time share a look-up; a retry comes after five seconds at the earliest. */
const sharedForMs = 3_000;

/**
 * Lets only URLs pass that lead to the public internet: https, no user or password, and a host all of whose
 * addresses are globally reachable. It is asked when an endpoint is made or changed and before each try.
 *
 * How far this covers DNS rebinding: `fetch` of the Workers runtime resolves the name by itself and offers no way
 * to connect to an address that was judged, so a name that changes between our look-up and its own passes here.
 * On Cloudflare's network there is nothing private for it to reach (requests leave through its public proxies);
 * on one machine the runtime can reach what the machine can, so keep such an edge to accounts that you trust.
 */
export function targetGuard(settings: Pick<Settings, 'dohUrl' | 'allowLocalWebhooks'>): TargetGuard {
  const lookup = dohLookup(settings.dohUrl);
  const shared = new Map<string, { atMs: number; fault: Promise<TargetFault | null> }>();
  return async (text) => {
    const url = URL.canParse(text) ? new URL(text) : null;
    if (!url) return permanent('is not a URL');
    if (url.protocol !== 'https:' && url.protocol !== 'http:') return permanent('must begin with https://');
    if (url.username !== '' || url.password !== '') return permanent('must not have a user or password');
    if (settings.allowLocalWebhooks && isLoopbackHost(url.hostname)) return null;
    if (url.protocol !== 'https:') return permanent('must begin with https://');
    const fault = hostFault(url.hostname);
    if (fault !== null) return permanent(`is refused: ${fault}`);
    if (parseHostAddress(url.hostname) !== null) return null;
    const known = shared.get(url.hostname);
    if (known && Date.now() - known.atMs < sharedForMs) return await known.fault;
    if (shared.size > 10) shared.clear();
    const asked = resolvedFault(url.hostname, lookup);
    shared.set(url.hostname, { atMs: Date.now(), fault: asked });
    return await asked;
  };
}

function permanent(text: string): TargetFault {
  return { text, temporary: false };
}

/** One address that is not public is enough to refuse a name: which of them is called is not ours to choose. */
async function resolvedFault(name: string, lookup: Lookup): Promise<TargetFault | null> {
  const answers = await Promise.all([lookup(name, 'A'), lookup(name, 'AAAA')]);
  const records = answers.flatMap(recordsOf);
  for (const record of records) {
    const address = parseAddress(record);
    const fault = address ? addressFault(address) : `${record} is not an address`;
    if (fault !== null)
      return permanent(`is refused: ${name} resolves to an address that is not public (${fault})`);
  }
  const unanswered = answers.some((answer) => 'failure' in answer && !provesAbsence(answer));
  // Half an answer may hide the half that matters.
  if (unanswered) return { text: `cannot be judged now: DNS does not answer for ${name}`, temporary: true };
  return records.length > 0 ? null : permanent(`is refused: ${name} has no address in DNS`);
}
