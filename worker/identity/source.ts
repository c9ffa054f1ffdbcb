import type { Call } from '../http/app.ts';
import type { SourceLimit } from './access/row.ts';

/**
 * The address that a request came from, as whoever stands in front tells it (SOURCE_HEADER); '' where nobody does. One of
 * IPv4 that is written as one of IPv6 (RFC 4291 §2.5.5.2) is written as what it is: all of them are in one /64.
 */
export function addressOf(c: Call): string {
  const { sourceHeader } = c.get('env');
  const address = sourceHeader === '' ? '' : (c.req.header(sourceHeader) ?? '');
  return address.replace(/^::ffff:(?=\d+\.)/i, '').slice(0, 64);
}

/**
 * Where a request comes from: the address that Cloudflare saw. Of IPv6 the network of /64, which is one customer's
 * (RFC 6177). Locally nobody says it, and all requests are of one source.
 */
export function sourceOf(c: Call): string {
  const address = addressOf(c);
  if (!address.includes(':')) return address || 'local';
  const [head = '', tail] = address.split('::');
  const groups = (text: string | undefined) => (text ? text.split(':') : []);
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups(head).length - groups(tail).length);
  const all = [...groups(head), ...Array<string>(zeros).fill('0'), ...groups(tail)];
  return `${all
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}

/**
 * Whether a source, or all of them for `allGuesses`, is within a limit of this place of the network (wrangler.toml,
 * `ratelimits`). It is counted by the platform, beside the database: turning somebody away costs no row. What cannot be
 * asked limits nobody.
 */
export async function withinLimit(c: Call, limit: SourceLimit | 'guesses' | 'allGuesses'): Promise<boolean> {
  const { PAGES_LIMIT, TRACKING_LIMIT, GUESSES_LIMIT, ALL_GUESSES_LIMIT } = c.get('env').bindings;
  const limiter = {
    pages: PAGES_LIMIT,
    tracking: TRACKING_LIMIT,
    guesses: GUESSES_LIMIT,
    allGuesses: ALL_GUESSES_LIMIT,
  }[limit];
  try {
    return (await limiter.limit({ key: limit === 'allGuesses' ? 'all' : sourceOf(c) })).success;
  } catch (error) {
    console.warn(JSON.stringify({ level: 'warn', msg: 'a source was not counted', error: String(error) }));
    return true;
  }
}
