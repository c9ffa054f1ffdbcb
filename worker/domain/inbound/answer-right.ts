import { isWithin } from '../message/address.ts';
import type { Verdicts } from './verdicts.ts';

/**
 * Whether a mail to a masked alias's reply address is from the owner: its envelope sender is a verified destination, and
 * SPF, DKIM or DMARC of its domain say so. A signature alone may be of a mail that somebody else of the same provider
 * wrote and sends again, so with it the author must be the destination too.
 * @param author address of From; empty when there is not exactly one
 */
export function mayAnswer(
  envelopeFrom: string,
  author: string,
  destinations: readonly string[],
  { spf, dkim, dmarc }: Verdicts,
): boolean {
  if (!destinations.some((address) => isSame(address, envelopeFrom))) return false;
  const domain = domainOf(envelopeFrom);
  if (spf.result === 'pass' && spf.domain.toLowerCase() === domain) return true;
  if (!isSame(author, envelopeFrom)) return false;
  const isSigned = dkim.signatures.some(
    (one) => one.result === 'pass' && isWithin(domain, one.domain.toLowerCase()),
  );
  return isSigned || (dmarc.result === 'pass' && dmarc.domain.toLowerCase() === domain);
}

/** Local parts have their case (RFC 5321 §2.4), but no provider gives two people names that differ by it alone. */
function isSame(a: string, b: string): boolean {
  return a !== '' && a.toLowerCase() === b.toLowerCase();
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}
