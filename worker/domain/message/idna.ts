import { toUnicode } from 'tr46';

/**
 * Internationalised domain names (IDNA2008: RFC 5890 to 5893). The form of labels (A-labels, the Bidi rule, joiners in
 * their context) is judged by UTS #46; it takes symbols and maps what people must write otherwise, so that each letter
 * is judged here, by RFC 5892.
 */
const form = { checkBidi: true, checkHyphens: false, checkJoiners: true, useSTD3ASCIIRules: true } as const;

/** RFC 5892 §2.1 LetterDigits, and those of §2.6 that are PVALID or CONTEXTO; §A.1, §A.2 joiners. */
const letter =
  /^(?:[\p{Ll}\p{Lo}\p{Lm}\p{Mn}\p{Mc}\p{Nd}-]|[\xb7\u0375\u05f3\u05f4\u06fd\u06fe\u0f0b\u3007\u30fb\u200c\u200d])$/u;
/** RFC 5892 §2.6 DISALLOWED. */
const disallowed = /[\u0640\u07fa\u302e\u302f\u3031-\u3035\u303b]/u;

/**
 * What is wrong with a domain in lower case, in A-labels or U-labels; null when it is fine.
 * Linear in its length, which is at most 253 octets.
 */
export function idnaFault(domain: string): string | null {
  if (/^[a-z0-9.-]*$/.test(domain) && !/(?:^|\.)xn--/.test(domain)) return null;
  const read = toUnicode(domain, form);
  const symbol = invalidIn(domain) ?? (read.error ? null : invalidIn(read.domain));
  if (symbol !== null) return `has "${symbol}" in its domain, which no name in DNS may have (RFC 5892)`;
  return read.error ? `has a domain that is not valid: "${domain}"` : null;
}

/** The first character that no label may have. */
function invalidIn(domain: string): string | null {
  const isValid = (char: string) => letter.test(char) && !disallowed.test(char) && isStable(char);
  return [...domain.replaceAll('.', '')].find((char) => !isValid(char)) ?? null;
}

/** RFC 5892 §2.2: what normalising would change is written as what it becomes. */
function isStable(char: string): boolean {
  if (char === 'ß' || char === 'ς' || char === '\u200c' || char === '\u200d') return true;
  return char.normalize('NFKC').toLowerCase().normalize('NFKC') === char;
}
