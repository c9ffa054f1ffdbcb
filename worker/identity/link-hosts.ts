import { canonicalName } from '#domain/dns/dns.ts';
import type { Call } from '../http/app.ts';
import { errorText } from '../store/store.ts';
import type { Access } from './access/row.ts';

/**
 * The host that a request came to; null: it is that of PUBLIC_URL, which is nobody's link host. By any other name the
 * request may be for a customer's.
 */
export function otherHost(c: Call): string | null {
  const { host, hostname } = new URL(c.req.url);
  const { publicUrl } = c.get('env');
  return publicUrl !== '' && host === new URL(publicUrl).host ? null : canonicalName(hostname);
}

/** Whether a name is the link host of a customer, as this isolate knows. */
export async function isKnownLinkHost(c: Call, host: string): Promise<boolean> {
  return await c.get('isolate').knownLinkHosts.has(c.get('store'), host, Date.now());
}

/**
 * What a link host answers to all but links of mail: that there is nothing. The name is a customer's, so that no page
 * with a way to sign in, no guide and no API may stand below it.
 * @param row of the route that would answer; null: none would
 * @returns null: the route answers
 */
export async function nothingOnLinkHost(c: Call, row: Access | null): Promise<Response | null> {
  if (row && 'onLinkHosts' in row.who) return null;
  const host = otherHost(c);
  if (host === null || !(await isKnownLinkHost(c, host).catch(notTold))) return null;
  return c.text('There is nothing here.\n', 404, {
    'Cache-Control': 'no-store',
    'X-Robots-Tag': 'noindex',
  });
}

/** Names are in control: what is answered without it, as a send to an account's own home is, does not wait for it. */
function notTold(error: unknown): false {
  const msg = 'whether a host is a link host cannot be read';
  console.warn(JSON.stringify({ level: 'warn', msg, error: errorText(error) }));
  return false;
}
