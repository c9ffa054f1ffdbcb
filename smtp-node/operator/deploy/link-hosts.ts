/**
 * The way of customers' link hosts to the Worker: Cloudflare for SaaS in the zone of the service domain.
 * https://developers.cloudflare.com/cloudflare-for-platforms/cloudflare-for-saas/start/advanced-settings/worker-as-origin/
 */
import { z } from 'zod';
import { linkHostTarget } from '#domain/dns/link-host.ts';
import { names } from './installation.ts';
import { askPerson, type Session } from './session.ts';
import { findZone, type Zone } from './zone.ts';

/** An address that nothing is at (RFC 6666): requests end at the proxy, where the Worker answers. */
const originless = { type: 'AAAA', content: '100::', proxied: true };

const route = z.object({ pattern: z.string(), script: z.string().nullish() });

interface Step {
  text: string;
  take(): Promise<unknown>;
}

/** Sets that up, or says what is to be done by hand; what is in use by something else is left alone. */
export async function openLinkHosts(
  session: Session,
  of: { serviceDomain: string; yes: boolean },
): Promise<void> {
  const host = linkHostTarget(of.serviceDomain);
  const zone = await findZone(session, host);
  const plan =
    zone === null ? `the zone of ${host} is not in this account` : await planned(session, zone, host);
  if (typeof plan === 'string') {
    console.log(byHand(host, plan));
    return;
  }
  if (plan.length > 0) {
    console.log(`\nFor link hosts of customers:\n${plan.map(({ text }) => `  ${text}`).join('\n')}`);
    if (!of.yes && !/^y/i.test(await askPerson('Do it? [y/N] ', '--yes'))) return;
    for (const { take } of plan) await take();
  }
  console.log(`
Link hosts: names that are CNAMEs to ${host} reach the Worker. Certificates are asked for with DNS_TOKEN and
DNS_ZONE=${zone?.id}, see the guide Operate.`);
}

/** The steps that are missing, or why they are not taken. */
async function planned({ api }: Session, { id, name }: Zone, host: string): Promise<Step[] | string> {
  const path = `/zones/${id}`;
  const origin = z.object({ origin: z.string() });
  const [records, fallback, routes] = await Promise.all([
    api.ask(
      z.array(z.object({ type: z.string(), content: z.string() })),
      `${path}/dns_records?name=${encodeURIComponent(host)}`,
    ),
    api.find(origin, `${path}/custom_hostnames/fallback_origin`),
    api.ask(z.array(route), `${path}/workers/routes`),
  ]);
  const other = records.find(({ type, content }) => type !== 'TXT' && content !== originless.content);
  if (other) return `${host} has ${other.type} ${other.content}`;
  const all = routes.find(({ pattern }) => pattern === '*/*');
  if (all && all.script !== names.worker)
    return `the route */* of the zone ${name} leads to ${all.script ?? 'no Worker'}`;
  const wanted = [
    // Names of the zone's own stay where they are: a route without a Worker, before the one that takes the rest.
    ...[`*.${name}/*`, `${name}/*`].map((pattern) => ({ pattern })),
    { pattern: '*/*', script: names.worker },
  ];
  return [
    ...(records.some(({ content }) => content === originless.content)
      ? []
      : [
          {
            text: `DNS: ${host}. AAAA ${originless.content}, proxied`,
            take: () =>
              api.ask(z.unknown(), `${path}/dns_records`, 'POST', { ...originless, name: host, ttl: 1 }),
          },
        ]),
    ...(fallback
      ? []
      : [
          {
            text: `fallback origin of the zone ${name}: ${host}`,
            take: () =>
              api.ask(z.unknown(), `${path}/custom_hostnames/fallback_origin`, 'PUT', { origin: host }),
          },
        ]),
    ...(all ? [] : wanted)
      .filter(({ pattern }) => !routes.some((one) => one.pattern === pattern))
      .map((one) => ({
        text: `route ${one.pattern}: ${'script' in one ? `the Worker ${names.worker}` : 'no Worker'}`,
        take: () => api.ask(z.unknown(), `${path}/workers/routes`, 'POST', one),
      })),
  ];
}

function byHand(host: string, fault: string): string {
  return `\nLink hosts were not set up: ${fault}. By hand, at https://dash.cloudflare.com, in the zone that holds ${host}:
  1. DNS: ${host} AAAA ${originless.content}, proxied.
  2. SSL/TLS > Custom Hostnames: enable it, with the fallback origin ${host}.
  3. Workers Routes: */* to ${names.worker}; routes for names of the zone's own, without a Worker, keep those where they are.
Or leave it: links of all domains lead to the dashboard's host then.`;
}
