/**
 * Addresses in reports and in prose. Bounded by RFC 5321 §4.5.3.1: 64 octets of local part, 255 of domain;
 * RFC 6532 lets both be UTF-8.
 */
const atext = '[^\\s<>()\\[\\]"\',;:@\\\\=|]';
const domain = '[^\\s<>()\\[\\]"\',;:@\\\\/=|?!，。、：；（）「」]{1,255}';

/** Source of a pattern for a mailbox in prose; local parts may hold `=` (VERP) when quoted or in brackets. */
export const addressSource = `(?:"[^"\\n]{1,64}"|${atext}[^\\s<>()\\[\\]"',;:@\\\\|]{0,127})@${domain}`;
const anywhere = new RegExp(addressSource, 'g');
const whole = new RegExp(`^${addressSource}$`);

/** The addresses of a text in their order, each once; at most `limit`. */
export function addressesIn(text: string, limit = 50): string[] {
  const found = new Map<string, string>();
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

/** True for the addresses of machines that send reports. */
export function isDaemon(from: string): boolean {
  return /mailer-?daemon|post_?master|mail(?:er)? delivery|mail system|double-bounce|mailsystem|system administrator/i.test(
    from,
  );
}
