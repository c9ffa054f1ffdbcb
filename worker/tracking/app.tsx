import type { LinkToken } from '#domain/message/tracking.ts';
import { Problem } from '#domain/problem.ts';
import { type Call, newApp } from '../http/app.ts';
import { readBytes } from '../http/request-body.ts';
import { withHomes } from '../store/homes-memory.ts';
import { storeOfMessage } from '../store/message-homes.ts';
import { findTracked, type TrackedDelivery } from '../store/tracked.ts';
import { verifyLink } from '../tokens/mail-links.ts';
import { eventsCommitted } from '../webhook/poke.ts';
import { isForPeople, page, quietly, refused } from './answer.tsx';
import { recordHit, unsubscribe } from './record.ts';

/**
 * Where links of mails lead: the pixel, links that are followed through us, the way to unsubscribe. Nobody signs in
 * here and no cookie is looked at: the token in the path is all that counts.
 */
export const trackingApp = newApp();

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
  const link = await verifyLink('click', c.req.param('token'), target, c.get('env').returnPathKeys);
  if (!link) return refused(c, new Problem('not_found', badLink));
  record(c, link, target);
  return new Response(null, { status: 302, headers: { Location: target, ...quietly } });
});

/** Records a hit behind the answer, in the home of the message. @param url null: the pixel was fetched */
function record(c: Call, link: LinkToken, url: string | null): void {
  if (!c.get('uncounted'))
    c.executionCtx.waitUntil(recordHit(c.get('env'), c.get('store'), link, hitOf(c, url)));
}

// RFC 8058 §3.2: programs that look at links fetch this, so it changes nothing.
trackingApp.get('/u/:token', async (c) => {
  const slow = c.get('uncounted');
  if (slow) return refused(c, slow);
  const delivery = await deliveryOf(c);
  if (!delivery) return refused(c, new Problem('not_found', badLink));
  return page(
    c,
    'Unsubscribe',
    <>
      <h1>Unsubscribe</h1>
      <p>
        Press the button, and {delivery.recipient} gets no more mail from {delivery.signingDomain}.
      </p>
      <form method="post" action={c.req.path} class="fields">
        <input type="hidden" name={oneClick.name} value={oneClick.value} />
        <button type="submit" class="primary">
          Unsubscribe
        </button>
      </form>
    </>,
  );
});

trackingApp.post('/u/:token', async (c) => {
  const slow = c.get('uncounted');
  if (slow) return refused(c, slow);
  const delivery = await deliveryOf(c);
  if (!delivery) return refused(c, new Problem('not_found', badLink));
  const fault = await formFault(c);
  if (fault) return refused(c, fault);
  const first = c.get('store');
  const written = await withHomes(first, async () => {
    const store = (await storeOfMessage(first, delivery.messageId)) ?? first;
    return await unsubscribe(store, delivery, Date.now());
  });
  if (written) c.executionCtx.waitUntil(eventsCommitted(c.get('env'), [delivery.accountId]));
  const said = `${delivery.recipient} gets no more mail from ${delivery.signingDomain}.`;
  if (!isForPeople(c)) return c.text(`Unsubscribed: ${said}\n`, 200, quietly);
  return page(
    c,
    'Unsubscribed',
    <>
      <h1>Unsubscribed</h1>
      <p>{said}</p>
    </>,
  );
});

const badLink = 'This link is not good: it was changed on the way, or its mail is too old.';

/** What is posted by a mail program or by our own page (RFC 8058 §3.2). */
const oneClick = { name: 'List-Unsubscribe', value: 'One-Click' };
const formBytes = 4096;

/** What is wrong with the form; null when it asks to unsubscribe. */
async function formFault(c: Call): Promise<Problem | null> {
  const tooLarge = new Problem('too_large', `The form may have at most ${formBytes} bytes.`);
  const bytes = await readBytes(c, formBytes, () => tooLarge).catch((error: unknown) => {
    if (error !== tooLarge) throw error;
    return null;
  });
  if (!bytes) return tooLarge;
  const type = c.req.header('Content-Type') ?? '';
  const form = await new Response(bytes, { headers: { 'Content-Type': type } }).formData().catch(() => null);
  if (form?.get(oneClick.name) === oneClick.value) return null;
  const detail = `must be ${oneClick.value}, in a form (application/x-www-form-urlencoded or multipart/form-data; RFC 8058 §3.2)`;
  return new Problem('invalid_body', `${oneClick.name} ${detail}`, {
    errors: [{ pointer: oneClick.name, detail }],
  });
}

/** The delivery of the path's token; null when it is no good one, or its message is not kept any more. */
async function deliveryOf(c: Call): Promise<TrackedDelivery | null> {
  const link = await verifyLink('unsubscribe', c.req.param('token') ?? '', '', c.get('env').returnPathKeys);
  const store = link && (await storeOfMessage(c.get('store'), link.messageId));
  return store && (await findTracked(store, link, Date.now()));
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
