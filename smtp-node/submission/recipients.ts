import { domainToASCII } from 'node:url';
import { isAscii, parseMailbox } from '#domain/message/address.ts';
import { limits } from '#domain/message/submission.ts';
import { SmtpFault } from './smtp-fault.ts';

/**
 * The recipients of one mail transaction, as RCPT named them. smtp-server keeps a list as well, but it takes
 * `Case@` and `case@` for one, and only the receiver knows whether they are (RFC 5321 §2.4).
 */
export class Recipients {
  readonly #addresses = new Set<string>();

  get addresses(): readonly string[] {
    return [...this.#addresses];
  }

  /** Adds a recipient; one that is there already is not added again. The fault is why it cannot be one. */
  add(address: string): SmtpFault | null {
    // RFC 3463 §3.2: X.1.3, bad destination mailbox address syntax; X.1.7, the sender's.
    const fault = faultOfMailbox(address, '501 5.1.3');
    if (fault) return fault;
    const spelled = asciiDomain(address);
    if (this.#addresses.size >= limits.recipients && !this.#addresses.has(spelled)) {
      return new SmtpFault('452 4.5.3', `At most ${limits.recipients} recipients; send the others another`);
    }
    this.#addresses.add(spelled);
    return null;
  }
}

/** What the edge would say of an address at the end of the message, said while the others can still go. */
export function faultOfMailbox(address: string, reply: '501 5.1.3' | '501 5.1.7'): SmtpFault | null {
  const spelled = asciiDomain(address);
  const parsed = parseMailbox(spelled);
  const fault =
    typeof parsed === 'string'
      ? parsed
      : // RFC 5891 §4: no A-label form, so DNS cannot be asked about it.
        isAscii(parsed.domain)
        ? null
        : `has a domain that is not valid: "${parsed.domain}"`;
  return fault === null ? null : new SmtpFault(reply, `The address <${address}> ${fault}`);
}

/** RFC 5890 §2.3.2.1: the domain in its A-label form, which smtp-server has turned into U-labels; lower case. */
export function asciiDomain(address: string): string {
  const at = address.lastIndexOf('@');
  const domain = address.slice(at + 1).toLowerCase();
  if (at < 0) return address;
  // What is ASCII stays as it is: `domainToASCII` reads `1.2` as an IP address.
  return address.slice(0, at + 1) + (isAscii(domain) ? domain : domainToASCII(domain) || domain);
}
