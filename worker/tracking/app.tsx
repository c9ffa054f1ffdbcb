import type { LinkToken } from '#domain/message/tracking.ts';
import { Problem } from '#domain/problem.ts';
import { type Call, newApp } from '../http/app.ts';
import { verifyLink } from '../tokens/mail-links.ts';
import { badLink, quietly, refused } from './answer.tsx';
import { clickOf } from './click.ts';
import { recordHit } from './record.ts';
import { unsubscribeApp } from './unsubscribe.tsx';

/**
 * Where links of mails lead: the pixel, links that are followed through us, the way to unsubscribe. Nobody signs in
 * here and no cookie is looked at: the token in the path is all that counts.
 */
export const trackingApp = newApp();
trackingApp.route('/', unsubscribeApp);

/** A GIF of one transparent pixel. */
const pixel = Uint8Array.from(atob('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7'), (char) =>
  char.charCodeAt(0),
);

// The picture comes whatever the token is: a mail program shows nothing broken.
trackingApp.get('/t/:file', async (c) => {
  const token = c.req.param('file').replace(/\.gif$/, '');
  const link = await verifyLink('open', token, '', c.get('env').returnPathKeys);
  if (link) record(c, link, null);
  return new Response(pixel, { headers: { 'Content-Type': 'image/gif', ...quietly } });
});

// Only targets that we have signed: anything else would lead from our name to wherever somebody likes.
trackingApp.get('/c/:token', async (c) => {
  const target = c.req.query('u') ?? '';
  const link = await clickOf(c, c.req.param('token'), target);
  if (!link) return refused(c, new Problem('not_found', badLink));
  record(c, link, target);
  return new Response(null, { status: 302, headers: { Location: target, ...quietly } });
});

/** Records a hit behind the answer, in the home of the message. @param url null: the pixel was fetched */
function record(c: Call, link: LinkToken, url: string | null): void {
  if (!c.get('uncounted'))
    c.executionCtx.waitUntil(recordHit(c.get('env'), c.get('store'), link, hitOf(c, url)));
}

function hitOf(c: Call, url: string | null) {
  const purpose = ['Sec-Purpose', 'Purpose', 'X-Moz'].map((name) => c.req.header(name) ?? '').join(' ');
  return {
    method: c.req.method,
    userAgent: c.req.header('User-Agent') ?? '',
    prefetch: purpose.includes('prefetch'),
    atMs: Date.now(),
    url,
  };
}
