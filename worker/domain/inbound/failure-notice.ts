import { foldField } from '../message/fold.ts';

/** What a sender is told of a mail that could not be sent on. */
export interface FailedForward {
  /** The address that was written to; the one behind it is nobody's business. */
  address: string;
  /** Whom to tell. */
  sender: string;
  /** Of the notification: `<id@domain>`. */
  messageId: string;
  /** E.g. `5.1.1`. */
  status: string;
  /** Of the mail, as people see it. */
  original: { from: string; subject: string; messageId: string; receivedAtMs: number };
  /** The host that tells. */
  reporter: string;
  nowMs: number;
}

/**
 * A delivery status notification (RFC 3464) of a mail that was sent on and came to nothing. It names the address that was
 * written to, and nothing of the one behind it: not even what its host has said.
 * @returns latin1 text with CRLF line ends
 */
export function failureNotice(of: FailedForward): string {
  const boundary = `report-${of.messageId.replace(/[^A-Za-z0-9]/g, '').slice(0, 40)}`;
  const domain = of.address.slice(of.address.lastIndexOf('@') + 1);
  const header = [
    `From: Mail Delivery System <postmaster@${domain}>\r\n`,
    `To: <${of.sender}>\r\n`,
    `Subject: Undelivered mail returned to sender\r\n`,
    `Date: ${dateOf(of.nowMs)}\r\n`,
    `Message-ID: ${of.messageId}\r\n`,
    ...(of.original.messageId === '' ? [] : [foldField('In-Reply-To', ascii(of.original.messageId))]),
    'Auto-Submitted: auto-replied\r\n',
    'MIME-Version: 1.0\r\n',
    `Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="${boundary}"\r\n`,
  ].join('');
  const part = (type: string, text: string) => `--${boundary}\r\nContent-Type: ${type}\r\n\r\n${text}\r\n`;
  return [
    `${header}\r\n`,
    part(
      'text/plain; charset=us-ascii',
      `Your mail to\r\n\r\n  ${of.address}\r\n\r\ncould not be delivered (${of.status}). Nothing more is tried.\r\n`,
    ),
    part(
      'message/delivery-status',
      [
        `Reporting-MTA: dns; ${of.reporter}`,
        `Arrival-Date: ${dateOf(of.original.receivedAtMs)}`,
        '',
        `Final-Recipient: rfc822; ${of.address}`,
        'Action: failed',
        `Status: ${of.status}`,
        '',
      ].join('\r\n'),
    ),
    part(
      'text/rfc822-headers',
      [
        ...(of.original.messageId === '' ? [] : [foldField('Message-ID', ascii(of.original.messageId))]),
        foldField('From', ascii(of.original.from)),
        `To: <${of.address}>\r\n`,
        foldField('Subject', ascii(of.original.subject)),
      ].join(''),
    ),
    `--${boundary}--\r\n`,
  ].join('');
}

/** RFC 3463 §2 of a failure that is told: only permanent ones are, so what was temporary has lasted too long. */
export function toldStatus(status: string | null): string {
  if (status === null || !/^[45]\.\d{1,3}\.\d{1,3}$/.test(status)) return '5.0.0';
  return status.startsWith('4') ? '5.4.7' : status;
}

/** What people wrote, where the field is to be plain text: what is not ASCII is left out. */
function ascii(text: string): string {
  return text
    .replace(/[^ -~]+/g, '?')
    .trim()
    .slice(0, 300);
}

/** RFC 5322 §3.3. */
function dateOf(ms: number): string {
  return new Date(ms).toUTCString().replace('GMT', '+0000');
}
