import { isWithin } from '../message/address.ts';
import type { Verdicts } from './verdicts.ts';

/** What is said to anybody else. */
export const notTheOwner =
  'Only the owner of the alias may answer here, from an address that it is sent on to';

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
  if (!isOwner(envelopeFrom, destinations)) return false;
  const domain = domainOf(envelopeFrom);
  if (spf.result === 'pass' && spf.domain.toLowerCase() === domain) return true;
  if (!isSame(author, envelopeFrom)) return false;
  const isSigned = dkim.signatures.some(
    (one) => one.result === 'pass' && isWithin(domain, one.domain.toLowerCase()),
  );
  return isSigned || (dmarc.result === 'pass' && dmarc.domain.toLowerCase() === domain);
}

/** Whether an envelope sender says to be one of the destinations: what can be told before the mail is there. */
export function isOwner(envelopeFrom: string, destinations: readonly string[]): boolean {
  return destinations.some((address) => isSame(address, envelopeFrom));
}

/** Whether it may turn out otherwise later: the DNS did not answer. */
export function isUncertain({ spf, dkim, dmarc }: Verdicts): boolean {
  return [spf.result, dkim.result, dmarc.result].includes('temperror');
}

/** Local parts have their case (RFC 5321 §2.4), but no provider gives two people names that differ by it alone. */
function isSame(a: string, b: string): boolean {
  return a !== '' && a.toLowerCase() === b.toLowerCase();
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}
