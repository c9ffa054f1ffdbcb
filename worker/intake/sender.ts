import { domainInName, isWithin, type Mailbox } from '#domain/message/address.ts';
import { Problem } from '#domain/problem.ts';
import { asciiDomain } from './recipient.ts';

/** The author of a message (RFC 5322 §3.6.2), the domain in A-labels. */
export interface Sender {
  address: string;
  domain: string;
}

/**
 * The author that a mailbox names, for all ways in.
 * @throws Problem 400 when the name that people see is an address of another domain
 */
export function senderOf(from: Mailbox, pointer: string): Sender {
  const domain = asciiDomain(from.domain);
  const shown = domainInName(from.name);
  if (shown !== null && !isWithin(asciiDomain(shown), domain)) {
    const detail = `has a name that is an address of another domain, ${shown.slice(0, 255)}`;
    throw new Problem('invalid_address', `${pointer} ${detail}`, { errors: [{ pointer, detail }] });
  }
  return { address: `${from.localPart}@${domain}`, domain };
}

/**
 * Whether a mailbox may stand in the Sender field. Readers show it beside the author ("on behalf of"), so it is of the
 * author's domain, or of one below or above, and its name is no address of another.
 */
export function isOwnSender(sender: Mailbox, from: Mailbox): boolean {
  const [one, other] = [asciiDomain(sender.domain), asciiDomain(from.domain)];
  const shown = domainInName(sender.name);
  if (shown !== null && !isWithin(asciiDomain(shown), one)) return false;
  return isWithin(one, other) || isWithin(other, one);
}
