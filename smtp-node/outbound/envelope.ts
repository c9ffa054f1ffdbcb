import { domainToASCII } from 'node:url';
import type { LeasedDelivery } from '#domain/node-contract.ts';

/** The two addresses as they are said in MAIL and RCPT, and where the recipient's mail goes. */
export interface Envelope {
  mailFrom: string;
  rcptTo: string;
  /** The recipient's domain in A-labels, lower case, or an address literal. */
  domain: string;
  /** A local part is not ASCII: only a peer with SMTPUTF8 can be told the address (RFC 6531 §3.2). */
  needsSmtpUtf8: boolean;
}

export type EnvelopeResult =
  | { kind: 'envelope'; envelope: Envelope }
  /** The domain cannot be one: no A-label form exists (RFC 5891 §4). */
  | { kind: 'badDomain'; text: string }
  /** It would break out of the command line. The edge takes no such address. */
  | { kind: 'malformed'; text: string };

const ascii = /^[\x20-\x7e]*$/;
/** RFC 5321 §4.1.2 Quoted-string: a quote within is escaped. */
const quotedString = /^"(?:[^"\\]|\\.)*"$/;
const control = /[\x00-\x1f\x7f-\x9f]/;

export function envelopeOf(delivery: Pick<LeasedDelivery, 'mailFrom' | 'rcptTo'>): EnvelopeResult {
  const from =
    delivery.mailFrom === '' ? { spelled: '', domain: '', isAscii: true } : spell(delivery.mailFrom);
  const to = spell(delivery.rcptTo);
  if (!from || !to) {
    const which = from ? delivery.rcptTo : delivery.mailFrom;
    return { kind: 'malformed', text: `not an address that SMTP can carry: ${JSON.stringify(which)}` };
  }
  if (to.domain === null) {
    return { kind: 'badDomain', text: `the domain of ${delivery.rcptTo} is not a domain name` };
  }
  return {
    kind: 'envelope',
    envelope: {
      mailFrom: from.spelled,
      rcptTo: to.spelled,
      domain: to.domain,
      needsSmtpUtf8: !from.isAscii || !to.isAscii,
    },
  };
}

/**
 * With an ASCII local part the domain is said in A-labels, which every peer understands (RFC 5891 §5); otherwise
 * the address stays as it is, for SMTPUTF8 (RFC 6531 §3.2 takes U-labels).
 */
function spell(address: string): { spelled: string; domain: string | null; isAscii: boolean } | null {
  const at = address.lastIndexOf('@');
  const local = address.slice(0, at);
  const name = address.slice(at + 1);
  const quoted = quotedString.test(local);
  if (at < 1 || name === '' || control.test(address) || /[\s<>]/.test(name)) return null;
  if (!quoted && /[\s<>]/.test(local)) return null;
  const domain = asALabels(name);
  const isAscii = ascii.test(local);
  return { spelled: isAscii && domain !== null ? `${local}@${domain}` : address, domain, isAscii };
}

/** Null when there is no such form. ASCII stays as it is: `domainToASCII` would read `1.2` as an address. */
function asALabels(name: string): string | null {
  return ascii.test(name) ? name.toLowerCase() : domainToASCII(name) || null;
}
