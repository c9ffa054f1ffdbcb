/**
 * Addresses in reports and in prose. Bounded by RFC 5321 §4.5.3.1: 64 octets of local part, 255 of domain;
 * RFC 6532 lets both be UTF-8. In prose a local part begins with a letter, a digit or a mark that nobody writes in
 * front of an address, and a match never begins inside of a longer local part.
 */
const first = '[^\\s<>()\\[\\]"\',;:@\\\\=|/`*]';
// `o'hara`, `a|b`: between letters these marks belong to the address, elsewhere they stand around it.
const more = "(?:[^\\s<>()\\[\\]\"',;:@\\\\|]|(?<=\\w)['|](?=\\w))";
const domain =
  '(?:[^\\s<>()\\[\\]"\',;:@\\\\/=|?!，。、：；（）「」]{1,255}|\\[(?:IPv6:)?[0-9A-Fa-f:.]{3,45}\\])';

/** Source of a pattern for a mailbox in prose; local parts may hold `=` (VERP) when quoted or in brackets. */
export const addressSource = `(?:"[^"\\n]{1,64}"|${first}${more}{0,127})@${domain}`;
// `=x@`, `|b@`: a mark that begins a local part, or goes on with one, is not cut off.
const anywhere = new RegExp(`(?<![\\w.+&^%$#!~{}*/-]|(?:^|[\\s<])[=|'])${addressSource}`, 'g');
const whole = new RegExp(`^${addressSource}$`);

/** The addresses of a text in their order, each once; at most `limit`. */
export function addressesIn(text: string, limit = 50): string[] {
  const found = new Map<string, string>();
  if (!text.includes('@')) return [];
  for (const match of text.slice(0, 65_536).matchAll(anywhere)) {
    const address = cleanAddress(match[0]);
    if (address && !found.has(address.toLowerCase())) found.set(address.toLowerCase(), address);
    if (found.size >= limit) break;
  }
  return [...found.values()];
}

/** An address without brackets, `mailto:` and punctuation around it; null when it is none. */
export function cleanAddress(text: string): string | null {
  const bare = text
    .trim()
    .slice(0, 400)
    .replace(/^(?:smtp:|mailto:|[<'`(])+/i, '')
    .replace(/[>'"`).,;:]+$/, '');
  if (whole.test(bare)) return bare;
  // `"a@example.org"`: the quote is around the whole, not around the local part
  const unquoted = bare.replace(/^"/, '');
  return whole.test(unquoted) ? unquoted : null;
}
