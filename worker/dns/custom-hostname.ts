import { z } from 'zod';
import type { LinkStanding } from '#domain/dns/link-host.ts';
import { askZone, type ZoneAccess } from './zone-api.ts';

/**
 * Custom hostnames of a zone at Cloudflare (Cloudflare for SaaS): names of others that are CNAMEs to the zone, for which
 * it issues and renews certificates.
 * https://developers.cloudflare.com/api/resources/custom_hostnames/
 */

const path = '/custom_hostnames';
/** The certificate authority fetches a token from the name, which leads to the zone already. */
const ssl = { method: 'http', type: 'dv' };

const customHostname = z.object({
  id: z.string(),
  hostname: z.string(),
  status: z.string().nullish(),
  verification_errors: z.array(z.unknown()).nullish(),
  ssl: z
    .object({
      status: z.string().nullish(),
      validation_errors: z.array(z.object({ message: z.string().nullish() })).nullish(),
    })
    .nullish(),
});
type CustomHostname = z.output<typeof customHostname>;

/**
 * Has a certificate issued for a host whose CNAME is there, and tells how it stands. One that failed is validated anew.
 * @throws Error when the API refuses or does not answer
 */
export async function tendCustomHostname(zone: ZoneAccess, host: string): Promise<LinkStanding> {
  const known = await find(zone, host);
  if (known === null)
    return standingOf(customHostname.parse(await askZone(zone, 'POST', path, { hostname: host, ssl })));
  const standing = standingOf(known);
  // The same `ssl` again restarts validation; what comes of it is seen at the next look.
  if (standing.state === 'failed') await askZone(zone, 'PATCH', `${path}/${known.id}`, { ssl });
  return standing;
}

/** Removes a host with its certificates; nothing when it is not there. @throws Error as above */
export async function removeCustomHostname(zone: ZoneAccess, host: string): Promise<void> {
  const known = await find(zone, host);
  if (known) await askZone(zone, 'DELETE', `${path}/${known.id}`);
}

async function find(zone: ZoneAccess, host: string): Promise<CustomHostname | null> {
  const found = z
    .array(customHostname)
    .parse(await askZone(zone, 'GET', `${path}?hostname=${encodeURIComponent(host)}`));
  return found.find(({ hostname }) => hostname === host) ?? null;
}

/** Statuses of a hostname that nothing but a change ends: it leads elsewhere, or may not be served. */
const ended = ['moved', 'blocked', 'pending_blocked', 'deleted', 'pending_deletion'];

/** How a hostname stands: it is served only once it and its certificate are both active. */
export function standingOf({
  status,
  ssl: certificate,
  verification_errors: verification,
}: Omit<CustomHostname, 'id' | 'hostname'>): LinkStanding {
  if (status === 'active' && certificate?.status === 'active') return { state: 'active', fault: null };
  const texts = [
    ...(verification ?? []).filter((text) => typeof text === 'string'),
    ...(certificate?.validation_errors ?? []).map(({ message }) => message ?? ''),
    ...(ended.includes(status ?? '') ? [`its status is ${status}`] : []),
    ...(certificate?.status?.endsWith('_timed_out') ? [`its certificate is ${certificate.status}`] : []),
  ].filter((text) => text !== '');
  if (texts.length > 0) return { state: 'failed', fault: texts.join('; ') };
  return { state: 'pending', fault: null };
}
