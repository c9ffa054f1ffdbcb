import { z } from 'zod';
import type { CheckRow } from '#domain/dns/domain-state.ts';
import type { LinkStanding } from '#domain/dns/link-host.ts';
import type { Env } from '../env.ts';
import { isLinkHost } from '../store/domain-names.ts';
import type { Domain } from '../store/domains.ts';
import { forgetLinkHost, keepFormerLinkHost, spentLinkHosts } from '../store/former-link-hosts.ts';
import { errorText, type Store } from '../store/store.ts';
import { boundedText } from './bounded-text.ts';
import { removeCustomHostname, tendCustomHostname } from './custom-hostname.ts';
import { type ZoneAccess, zoneOf } from './zone-api.ts';

/** What certificates of link hosts are asked for with. */
export interface LinkTending {
  /** Null: the operator has names attached by hand. */
  zone: ZoneAccess | null;
  serviceDomain: string;
  /** Why a URL may not be called; null: it may. */
  guard(url: string): Promise<{ text: string } | null>;
}

export function linkTendingOf(env: Env, guard: LinkTending['guard']): LinkTending {
  return { zone: zoneOf(env), serviceDomain: env.serviceDomain, guard };
}

/** The host that links in mail of a domain are to lead to; null: it has none of its own. */
export function linkHostOf({ linkLabel, name }: Pick<Domain, 'linkLabel' | 'name'>): string | null {
  return linkLabel === null ? null : `${linkLabel}.${name}`;
}

const mostFault = 500;
/** Hosts that are ended in one step; each costs two calls of the API. */
const endedAtOnce = 10;
const waiting = (fault: string | null): LinkStanding => ({ state: 'pending', fault });

/** How the link host of a domain stands that is not verified: nobody has proven whose it is. */
export function unproven({ linkLabel }: Pick<Domain, 'linkLabel'>): LinkStanding {
  return waiting(linkLabel === null ? null : 'The domain is not verified.');
}

/**
 * Has a certificate for the link host of a verified domain, and tells how it stands. While it cannot be asked for, it
 * stays as it was.
 * @param row what was found of its CNAME; undefined: it has no link host
 */
export async function tendLinkHost(
  of: LinkTending,
  domain: Domain,
  row: CheckRow | undefined,
): Promise<LinkStanding> {
  const host = linkHostOf(domain);
  if (host === null || row === undefined) return waiting(null);
  const asItWas = (fault: string): LinkStanding => ({
    state: domain.linkState,
    fault: fault.slice(0, mostFault),
  });
  if (row.status === 'lookup_failed') return asItWas(row.fix ?? '');
  if (row.status !== 'ok' && row.observed.length === 0) return waiting(row.fix);
  if (row.status === 'ok' && of.zone !== null) {
    try {
      const { state, fault } = await tendCustomHostname(of.zone, host);
      return { state, fault: fault?.slice(0, mostFault) ?? null };
    } catch (error) {
      return asItWas(errorText(error));
    }
  }
  // Attached by hand, or behind a proxy: whether it leads here shows when it is asked.
  const fault = await answerFault(of, host);
  if (fault === null) return { state: 'active', fault: null };
  return waiting((row.status === 'ok' ? fault : (row.fix ?? fault)).slice(0, mostFault));
}

/** What is found of a CNAME whose host leads here in another way. */
export function settledRow(row: CheckRow, { state }: LinkStanding): CheckRow {
  if (row.kind !== 'link_host' || row.status !== 'wrong' || state !== 'active') return row;
  return { ...row, status: 'ok', fix: null, badSinceMs: null };
}

/**
 * Lets go of the link host of a domain that has another now, or is removed. One that mail was sent with is kept for a
 * while, so that its links go on.
 */
export async function giveUpLinkHost(
  { store, zone, nowMs }: { store: Store; zone: ZoneAccess | null; nowMs: number },
  domain: Domain,
): Promise<void> {
  const host = linkHostOf(domain);
  // Another account may have the same name; it is the matter of the one that has proven it.
  if (host === null || domain.status !== 'verified') return;
  if (domain.linkState === 'active') await keepFormerLinkHost(store, host, nowMs);
  else await removed(zone, host);
}

/** Ends what was kept for long enough, unless a domain has it again. @returns whether there is more to be done now */
export async function endFormerLinkHosts(
  store: Store,
  { zone, nowMs }: { zone: ZoneAccess | null; nowMs: number },
): Promise<boolean> {
  const hosts = await spentLinkHosts(store, nowMs, endedAtOnce);
  let ended = 0;
  for (const host of hosts) {
    if (!(await isLinkHost(store, host)) && !(await removed(zone, host))) continue;
    await forgetLinkHost(store, host);
    ended += 1;
  }
  // What could not be removed is tried again the next day.
  return ended === endedAtOnce;
}

/** Has the certificate of a host renewed no more. @returns false when that could not be, which is logged */
async function removed(zone: ZoneAccess | null, host: string): Promise<boolean> {
  if (zone === null) return true;
  try {
    await removeCustomHostname(zone, host);
    return true;
  } catch (error) {
    const msg = 'a link host was not removed';
    console.error(JSON.stringify({ level: 'error', msg, host, error: errorText(error) }));
    return false;
  }
}

const health = z.object({ service_domain: z.string() });

/** Why a host does not answer as this installation, by HTTPS; null: it does. */
async function answerFault({ guard, serviceDomain }: LinkTending, host: string): Promise<string | null> {
  const url = `https://${host}/healthz`;
  const refused = await guard(url);
  if (refused) return `${host} ${refused.text}.`;
  try {
    const response = await fetch(url, {
      headers: { Accept: 'application/json' },
      signal: AbortSignal.timeout(5_000),
      redirect: 'manual',
    });
    const text = await boundedText(response, 4096);
    const told = health.safeParse(response.ok && text !== null ? parseJson(text) : null);
    if (told.data?.service_domain === serviceDomain) return null;
    return `${url} answers ${response.status}, and not as this service.`;
  } catch (error) {
    return `${url} cannot be opened yet: ${errorText(error)}`;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
