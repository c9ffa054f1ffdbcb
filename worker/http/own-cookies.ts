/** More are never set here (RFC 6265 §5.3 has no order that would make the first ones better). */
const most = 16;
const own = /(?:^|; ?)((?:__Secure-)?pennypost\.[^;]*)/g;

/**
 * The cookies of this service in a Cookie field (RFC 6265 §4.2.1), at most 16 of them: what reads them takes memory for
 * each pair, and whoever has not signed in may send hundreds.
 */
export function ownCookies(field: string): string {
  const found: string[] = [];
  for (const [, pair = ''] of field.matchAll(own)) {
    found.push(pair);
    if (found.length === most) break;
  }
  return found.join('; ');
}
