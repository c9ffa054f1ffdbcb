import { randomUUID } from 'node:crypto';
import type { SimulatedRecipient } from '#domain/delivery/simulator.ts';

/** A message that the simulated MX has accepted. */
export interface Accepted {
  mailFrom: string;
  rcptTo: string;
  /** Its header section, without the empty line. */
  header: string;
}

/** What comes back to a message's return path. Pure but for the ids. */
export function composeReturned(
  kind: NonNullable<SimulatedRecipient['returns']>,
  message: Accepted,
  now: Date,
): { mailFrom: string; raw: Buffer } {
  const lines = { dsn, complaint, autoReply }[kind](message, hostOf(message.rcptTo), now);
  const mailFrom = kind === 'complaint' ? `feedback@${hostOf(message.rcptTo)}` : '';
  return { mailFrom, raw: Buffer.from(lines.join('\r\n'), 'latin1') };
}

/** A delivery status notification (RFC 3464, RFC 6522). */
function dsn(message: Accepted, host: string, now: Date): string[] {
  const boundary = randomUUID();
  return [
    ...commonFields(`Mail Delivery System <mailer-daemon@${host}>`, message.mailFrom, host, now),
    'Subject: Undelivered Mail Returned to Sender',
    'Auto-Submitted: auto-replied',
    `Content-Type: multipart/report; report-type=delivery-status; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/plain; charset=us-ascii',
    '',
    `Your message to ${message.rcptTo} was accepted and could not be delivered (simulated).`,
    '',
    `--${boundary}`,
    'Content-Type: message/delivery-status',
    '',
    `Reporting-MTA: dns; ${host}`,
    `Arrival-Date: ${rfc5322Date(now)}`,
    '',
    `Final-Recipient: rfc822; ${message.rcptTo}`,
    'Action: failed',
    'Status: 5.1.1',
    `Remote-MTA: dns; ${host}`,
    'Diagnostic-Code: smtp; 550 5.1.1 The mailbox does not exist (simulated)',
    '',
    `--${boundary}`,
    'Content-Type: text/rfc822-headers',
    '',
    message.header,
    '',
    `--${boundary}--`,
    '',
  ];
}

/** A feedback report (RFC 5965 §2). */
function complaint(message: Accepted, host: string, now: Date): string[] {
  const boundary = randomUUID();
  return [
    ...commonFields(`feedback@${host}`, message.mailFrom, host, now),
    'Subject: Complaint (simulated)',
    `Content-Type: multipart/report; report-type=feedback-report; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/plain; charset=us-ascii',
    '',
    'The recipient has marked this message as unwanted (simulated).',
    '',
    `--${boundary}`,
    'Content-Type: message/feedback-report',
    '',
    'Feedback-Type: abuse',
    'User-Agent: Pennypost-Simulator/1.0',
    'Version: 1',
    `Original-Mail-From: <${message.mailFrom}>`,
    `Original-Rcpt-To: <${message.rcptTo}>`,
    `Arrival-Date: ${rfc5322Date(now)}`,
    '',
    `--${boundary}`,
    'Content-Type: message/rfc822',
    'Content-Disposition: inline',
    '',
    message.header,
    '',
    `--${boundary}--`,
    '',
  ];
}

/** An automatic reply (RFC 3834). */
function autoReply(message: Accepted, host: string, now: Date): string[] {
  return [
    ...commonFields(message.rcptTo, message.mailFrom, host, now),
    'Subject: Out of office (simulated)',
    'Auto-Submitted: auto-replied',
    'Content-Type: text/plain; charset=us-ascii',
    '',
    'I am away.',
    '',
  ];
}

function commonFields(from: string, to: string, host: string, now: Date): string[] {
  return [
    `From: ${from}`,
    `To: <${to}>`,
    `Date: ${rfc5322Date(now)}`,
    `Message-ID: <${randomUUID()}@${host}>`,
    'MIME-Version: 1.0',
  ];
}

function rfc5322Date(date: Date): string {
  return date.toUTCString().replace('GMT', '+0000');
}

function hostOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1);
}
