/** Email Routing as a way in for what comes back: mail for `bounces.<service domain>` to the Worker's `email()`. */
import { z } from 'zod';
import { names } from './installation.ts';
import type { Session } from './session.ts';
import { findZone, type Zone } from './zone.ts';

const catchAll = z.object({
  enabled: z.boolean().nullish(),
  actions: z.array(z.object({ type: z.string(), value: z.array(z.string()).nullish() })).nullish(),
});

/**
 * Opens that door, or says what is to be done by hand. The catch-all is the zone's only one, and enabling a zone takes
 * the mail of the zone's own name: what is in use by something else is left alone.
 */
export async function openEmailRouting(session: Session, serviceDomain: string): Promise<void> {
  const host = `bounces.${serviceDomain}`;
  const zone = await findZone(session, host);
  const fault =
    zone === null ? `the zone of ${host} is not in this account` : await openIn(session, zone, host);
  console.log(
    fault === null
      ? `\nEmail Routing brings mail for ${host} to the Worker. Return paths below domains of customers lead there by CNAME, and
Email Routing does not take mail for them: where there are any, let bounces MX lead to the nodes instead (--dns).`
      : `\nEmail Routing was not set up: ${fault}. By hand, at https://dash.cloudflare.com, in the zone that holds ${host}:
  1. Email > Email Routing: enable it, and add the subdomain ${host} under Settings > Subdomains.
  2. Email > Email Routing > Routing rules: catch-all address, action "Send to a Worker", ${names.worker}.
Or leave it: the nodes take what comes back on their port 25.`,
  );
}

/** Gives why not, or null when it is open. */
async function openIn({ api }: Session, zone: Zone, host: string): Promise<string | null> {
  const path = `/zones/${zone.id}/email/routing`;
  const rule = await api.find(catchAll, `${path}/rules/catch_all`);
  const actions = rule?.actions ?? [];
  const isOurs = actions.some(({ type, value }) => type === 'worker' && value?.includes(names.worker));
  if (rule?.enabled && !isOurs && actions.some(({ type }) => type !== 'drop'))
    return `the catch-all of the zone ${zone.name} goes elsewhere (${actions.map(({ type, value }) => [type, ...(value ?? [])].join(' ')).join(', ')})`;
  const routing = await api.find(z.object({ enabled: z.boolean() }), path);
  if (!routing?.enabled) {
    const own = await api.ask(
      z.array(z.object({ content: z.string() })),
      `/zones/${zone.id}/dns_records?type=MX&name=${encodeURIComponent(zone.name)}`,
    );
    if (own.length > 0)
      return `enabling it would take the mail of ${zone.name} from ${own.map(({ content }) => content).join(', ')}`;
    await api.ask(z.unknown(), `${path}/enable`, 'POST', {});
  }
  await api.ask(z.unknown(), `${path}/dns`, 'POST', { name: host });
  if (!rule?.enabled || !isOurs)
    await api.ask(z.unknown(), `${path}/rules/catch_all`, 'PUT', {
      enabled: true,
      name: 'Pennypost',
      matchers: [{ type: 'all' }],
      actions: [{ type: 'worker', value: [names.worker] }],
    });
  return null;
}
