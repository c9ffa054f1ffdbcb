import type { FailureClass } from './failure-class.ts';

/**
 * What an enhanced status tells about a failure: RFC 3463, the registry of RFC 5248 with its later rows, and the
 * numbers that Exchange Online adds. `x` stands for 4 or 5.
 *
 * - `firm`: the status alone decides.
 * - `unless`: the status decides, unless the text clearly tells one of these classes.
 * - neither: the status is generic; any class that the text tells is better.
 */
export interface StatusRow {
  status: string;
  class: FailureClass;
  firm?: true;
  unless?: readonly FailureClass[];
}

/** What hosts say under a recipient's status although it is about the sender. */
const notTheRecipient = ['blocklisted', 'spam', 'auth', 'relay_denied', 'rate_limited'] as const;

export const statusRows: readonly StatusRow[] = [
  // RFC 3463 §3.2: address
  { status: 'x.1.0', class: 'unknown' },
  { status: 'x.1.1', class: 'bad_mailbox', unless: [...notTheRecipient, 'mailbox_full', 'inactive'] },
  { status: 'x.1.2', class: 'bad_domain', unless: [...notTheRecipient, 'network'] },
  { status: 'x.1.3', class: 'bad_mailbox', unless: notTheRecipient },
  { status: 'x.1.4', class: 'bad_mailbox', unless: notTheRecipient },
  { status: 'x.1.6', class: 'bad_mailbox', unless: notTheRecipient },
  { status: 'x.1.7', class: 'policy', unless: notTheRecipient },
  { status: 'x.1.8', class: 'policy', unless: notTheRecipient },
  { status: 'x.1.9', class: 'system' },
  // RFC 7505 §4.1: null MX. Exchange uses the same number for a recipient that it did not find.
  { status: 'x.1.10', class: 'bad_domain', unless: ['bad_mailbox'] },
  { status: 'x.1.90', class: 'rate_limited' },
  { status: 'x.1.351', class: 'bad_mailbox' },
  // RFC 3463 §3.3: mailbox
  { status: 'x.2.0', class: 'unknown' },
  { status: 'x.2.1', class: 'inactive', unless: [...notTheRecipient, 'mailbox_full', 'bad_mailbox'] },
  { status: 'x.2.2', class: 'mailbox_full', unless: ['rate_limited', 'too_large'] },
  { status: 'x.2.3', class: 'too_large', firm: true },
  { status: 'x.2.4', class: 'system' },
  { status: 'x.2.121', class: 'rate_limited', firm: true },
  { status: 'x.2.122', class: 'rate_limited', firm: true },
  // RFC 3463 §3.4: mail system
  { status: 'x.3.0', class: 'system' },
  { status: 'x.3.1', class: 'system', unless: ['mailbox_full'] },
  { status: 'x.3.2', class: 'system' },
  { status: 'x.3.3', class: 'protocol' },
  { status: 'x.3.4', class: 'too_large', firm: true },
  { status: 'x.3.5', class: 'system' },
  // RFC 3463 §3.5: network and routing
  { status: 'x.4.0', class: 'network' },
  { status: 'x.4.1', class: 'network' },
  { status: 'x.4.2', class: 'network' },
  { status: 'x.4.3', class: 'network' },
  { status: 'x.4.4', class: 'network' },
  { status: 'x.4.5', class: 'system' },
  { status: 'x.4.6', class: 'system' },
  { status: 'x.4.7', class: 'network' },
  { status: 'x.4.14', class: 'system' },
  { status: 'x.4.310', class: 'bad_domain' },
  // RFC 3463 §3.6: protocol
  { status: 'x.5.0', class: 'unknown' },
  { status: 'x.5.3', class: 'rate_limited' },
  { status: 'x.5.*', class: 'protocol' },
  // RFC 3463 §3.7: content; RFC 6531 §3.7.4.2 for the numbers of internationalized mail
  { status: 'x.6.7', class: 'protocol', firm: true },
  { status: 'x.6.8', class: 'protocol', firm: true },
  { status: 'x.6.9', class: 'protocol', firm: true },
  { status: 'x.6.*', class: 'policy' },
  // RFC 3463 §3.8: security and policy; RFC 7293 §14.2, RFC 7372 §3, RFC 7505 §4.2 and the registry
  { status: 'x.7.17', class: 'inactive', firm: true },
  { status: 'x.7.18', class: 'bad_domain', firm: true },
  { status: 'x.7.20', class: 'auth', firm: true },
  { status: 'x.7.21', class: 'auth', firm: true },
  { status: 'x.7.22', class: 'auth', firm: true },
  { status: 'x.7.23', class: 'auth', firm: true },
  { status: 'x.7.24', class: 'auth', firm: true },
  { status: 'x.7.25', class: 'auth', firm: true },
  { status: 'x.7.26', class: 'auth', firm: true },
  { status: 'x.7.27', class: 'auth', firm: true },
  { status: 'x.7.28', class: 'rate_limited', firm: true },
  { status: 'x.7.29', class: 'auth', firm: true },
  { status: 'x.7.64', class: 'relay_denied', firm: true },
  // Exchange Online: 5.7.5xx checks, 5.7.6xx banned addresses, 5.7.7xx limits of a tenant
  { status: 'x.7.508', class: 'rate_limited', firm: true },
  { status: 'x.7.509', class: 'auth', firm: true },
  { status: 'x.7.511', class: 'blocklisted', firm: true },
  { status: 'x.7.515', class: 'auth', firm: true },
  { status: 'x.7.650', class: 'rate_limited', firm: true },
  { status: 'x.7.6##', class: 'blocklisted', firm: true },
  { status: 'x.7.705', class: 'rate_limited', firm: true },
  { status: 'x.7.708', class: 'blocklisted', firm: true },
  { status: 'x.7.*', class: 'policy' },
];

const rowByStatus = new Map(statusRows.map((row) => [row.status, row]));

/** The row of a status such as `5.1.1`; null when the status is malformed or tells nothing (`5.0.0`). */
export function statusRow(status: string): StatusRow | null {
  const match = /^[45]\.(\d{1,3})\.(\d{1,3})$/.exec(status);
  if (!match?.[1] || !match[2]) return null;
  const [subject, detail] = [Number(match[1]), Number(match[2])];
  return (
    rowByStatus.get(`x.${subject}.${detail}`) ??
    rowByStatus.get(`x.${subject}.${Math.floor(detail / 100)}##`) ??
    rowByStatus.get(`x.${subject}.*`) ??
    null
  );
}
