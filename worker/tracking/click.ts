import { canonicalName } from '#domain/dns/dns.ts';
import type { LinkToken } from '#domain/message/tracking.ts';
import type { Call } from '../http/app.ts';
import { isLinkHost } from '../store/domain-names.ts';
import { verifyClick } from '../tokens/mail-links.ts';

/**
 * The delivery whose link is followed; null when none of ours leads there from the host that was asked. One that was
 * written with a link host is good there alone, whatever has become of that host, and any other at all hosts but those.
 */
export async function clickOf(c: Call, token: string, target: string): Promise<LinkToken | null> {
  const { host, hostname } = new URL(c.req.url);
  const linkHost = canonicalName(hostname);
  const { returnPathKeys: keys, publicUrl } = c.get('env');
  const isOurs = publicUrl !== '' && host === new URL(publicUrl).host;
  const bound = isOurs ? null : await verifyClick(token, target, keys, linkHost);
  if (bound) return bound;
  const link = await verifyClick(token, target, keys);
  return link === null || isOurs || !(await isLinkHost(c.get('store'), linkHost)) ? link : null;
}
