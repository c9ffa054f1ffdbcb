import { Problem } from '#domain/problem.ts';
import { originOf } from '../tokens/mail-links.ts';
import type { Call } from './app.ts';

/** Names by which a machine reaches only itself (RFC 6761 §6.3, RFC 5735 §3, RFC 4291 §2.5.3). */
const loopback = /^(localhost|[a-z0-9-]+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/**
 * The origin of the pages: PUBLIC_URL. Links in mails, cookies and the judgement of where a form came from are made of
 * it, never of what a request says of itself: anybody can name any host in a request.
 * @throws Problem `misdirected` for a request by another host; without PUBLIC_URL, by any but a loopback host
 */
export function publicOrigin(c: Call): string {
  const { origin, host, hostname } = new URL(c.req.url);
  const { publicUrl } = c.get('env');
  if (publicUrl === '') {
    if (loopback.test(hostname)) return origin;
    throw new Problem(
      'misdirected',
      `This installation does not know the address that it is reached at, so its pages open on its own machine only. Set PUBLIC_URL, e.g. https://${host}, and deploy again.`,
    );
  }
  if (new URL(publicUrl).host === host) return publicUrl;
  throw new Problem('misdirected', `The pages of this installation are at ${publicUrl}.`);
}

/** Stands where a request's own origin will, in what is made once for all requests. */
export const anyOrigin = 'https://origin.invalid';

/**
 * The origin that programs and recipients of mail are told: PUBLIC_URL, else how the request came, of whose mail it is
 * the sender's own affair (see `originOf`).
 */
export function apiOrigin(c: Call): string {
  return c.get('env').publicUrl || originOf(c.req.url);
}
