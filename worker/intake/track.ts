import { trackingLimits } from '#domain/delivery/tracked-event.ts';
import type { MessageId } from '#domain/message/ids.ts';
import type { Handling } from '#domain/message/submission.ts';
import type { Tracked, TrackingWish } from '#domain/message/tracking.ts';
import { scopeOfType } from '#domain/suppression/scope.ts';
import type { Gate, GateCredential } from '../store/acceptance.ts';
import { type LinkOrigin, type LinkSigner, linkSigner } from '../tokens/mail-links.ts';
import { linkTarget } from './link-target.ts';

/** What links of a mail are made with. */
export interface Links extends LinkOrigin {
  keys: readonly Uint8Array[];
}

/** The same for mail of a domain: at a host of its own while that has a certificate. */
export function linksFor(domain: string, { domains }: Pick<Gate, 'domains'>, links: Links): Links {
  const host = domains.find(({ name }) => name === domain)?.linkHost ?? null;
  return host === null ? links : { ...links, origin: `https://${host}`, linkHost: host };
}

/** What is to be put into a message, and with what. */
export interface Tracking {
  wanted: Tracked;
  links: LinkSigner;
  /** In which its recipient unsubscribes; null: the sending domain. */
  scope: string | null;
}

/**
 * What a message is to tell back: what its sender asks, or else what the account asks of all its mail. Null when
 * that is nothing. A message has one body for all of its recipients, and a link speaks for one: with several there
 * is none.
 */
export async function trackingOf(
  draft: {
    tracking: TrackingWish | null;
    recipients: readonly unknown[];
    fromDomain: string;
    handling: Pick<Handling, 'class' | 'stream' | 'tags'>;
  },
  { mail }: Pick<GateCredential, 'mail'>,
  links: Links,
  messageId: MessageId,
): Promise<Tracking | null> {
  if (draft.tracking === null || draft.recipients.length !== 1) return null;
  const type = draft.tracking.unsubscribeScope;
  const wanted = {
    opens: draft.tracking.opens ?? mail.trackOpens,
    clicks: draft.tracking.clicks ?? mail.trackClicks,
    unsubscribe: draft.tracking.unsubscribe ?? (type !== undefined || mail.unsubscribe),
  };
  if (!wanted.opens && !wanted.clicks && !wanted.unsubscribe) return null;
  const scope =
    type === undefined || type === 'domain'
      ? null
      : scopeOfType(type, { domain: draft.fromDomain, ...draft.handling });
  return { wanted, scope, links: await linkSigner(links, { messageId, n: 0 }) };
}

/** HTML with what is wanted put into it, and what that came to. */
export interface TrackedHtml {
  html: string;
  opens: boolean;
  clicks: boolean;
}

/**
 * Puts the pixel at the end of the body and leads links to web addresses through us; everything else stays byte for
 * byte. What the parser cannot read for sure stays as it is.
 */
export async function trackHtml(html: string, { wanted, links }: Tracking): Promise<TrackedHtml> {
  const plain = { html, opens: false, clicks: false };
  if (!wanted.opens && !wanted.clicks) return plain;
  let rewriter = new HTMLRewriter();
  let clicks = 0;
  if (wanted.clicks) {
    rewriter = rewriter.on('a[href]', {
      async element(link) {
        const target = isLeftAlone(link) ? null : linkTarget(link.getAttribute('href') ?? '');
        if (target === null || clicks >= trackingLimits.links) return;
        clicks += 1;
        link.setAttribute('href', await links.click(target));
      },
    });
  }
  if (wanted.opens) rewriter = withPixel(rewriter, await links.pixel());
  try {
    const type = { 'Content-Type': 'text/html; charset=utf-8' };
    const text = await rewriter.transform(new Response(html, { headers: type })).text();
    return { html: text, opens: wanted.opens, clicks: clicks > 0 };
  } catch {
    // Where it is ambiguous whether text is markup (`<xmp>` in `<select>`), the streaming parser gives up.
    return plain;
  }
}

/** A link is left alone by `data-pennypost-untracked`, or by that word in `rel` where templates drop `data-` names. */
function isLeftAlone(link: Element): boolean {
  const rel = (link.getAttribute('rel') ?? '').toLowerCase().split(/\s+/);
  return link.hasAttribute('data-pennypost-untracked') || rel.includes('pennypost-untracked');
}

function withPixel(rewriter: HTMLRewriter, url: string): HTMLRewriter {
  const pixel = `<img src="${url}" width="1" height="1" alt="">`;
  let placed = false;
  return rewriter
    .on('body', {
      element(body) {
        body.onEndTag((end) => {
          if (!placed) end.before(pixel, { html: true });
          placed = true;
        });
      },
    })
    .onDocument({
      // A fragment has no body, and the end tag of a body may be left out.
      end(document) {
        if (!placed) document.append(pixel, { html: true });
      },
    });
}
