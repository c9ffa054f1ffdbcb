import { toASCII } from 'nodemailer/lib/punycode';
import { domainFault, isAscii, type Mailbox } from '#domain/message/address.ts';
import { limits } from '#domain/message/submission.ts';
import { Problem } from '#domain/problem.ts';
import type { Recipient } from './draft.ts';

/** A domain in A-labels (RFC 5890 §2.3.2.1): what DNS, suppressions and the gate compare. */
export function asciiDomain(domain: string): string {
  return isAscii(domain) ? domain : toASCII(domain);
}

/** The envelope recipients of mailboxes, each once; throws when a domain has no valid A-label form or there are too many. */
export function envelopeOf(mailboxes: readonly Mailbox[], pointer: string): Recipient[] {
  const recipients = new Map<string, Recipient>();
  for (const mailbox of mailboxes) {
    const domain = asciiDomain(mailbox.domain);
    const fault = domainFault(domain);
    if (fault) {
      throw new Problem('invalid_address', `${mailbox.address} ${fault}`, {
        errors: [{ pointer, detail: fault }],
      });
    }
    const address = `${mailbox.localPart}@${domain}`;
    recipients.set(address, { address, domain });
  }
  if (recipients.size > limits.recipients) {
    const detail = `at most ${limits.recipients} recipients, there are ${recipients.size}`;
    throw new Problem('invalid_body', detail, { errors: [{ pointer, detail }] });
  }
  return [...recipients.values()];
}
