import type { LinkToken } from '#domain/message/tracking.ts';
import type { Call } from '../http/app.ts';
import { isKnownLinkHost, otherHost } from '../identity/link-hosts.ts';
import { verifyClick } from '../tokens/mail-links.ts';

/**
 * The delivery whose link is followed; null when none of ours leads there from the host that was asked. One that was
 * written with a link host is good there alone, whatever has become of that host, and any other at all hosts but those.
 */
export async function clickOf(c: Call, token: string, target: string): Promise<LinkToken | null> {
  const host = otherHost(c);
  const keys = c.get('env').returnPathKeys;
  const bound = host === null ? null : await verifyClick(token, target, keys, host);
  if (bound) return bound;
  const link = await verifyClick(token, target, keys);
  return link === null || host === null || !(await isKnownLinkHost(c, host)) ? link : null;
}
