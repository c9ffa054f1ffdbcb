import { eventRow, type NewEvent } from '../delivery/event.ts';
import { isoTime, saidBy, simulatedMark, textOf, type WebhookEvent } from './source.ts';

/** The body of the format `resend` (https://resend.com/docs/webhooks/event-types). */
export function resendBody(of: WebhookEvent) {
  const at = isoTime(of.event.atMs);
  return {
    type: eventRow(of.event.kind).resend,
    created_at: at,
    ...simulatedMark(of),
    data: {
      created_at: at,
      email_id: of.messageId,
      message_id: of.messageIdHeader,
      from: of.from,
      to: [of.recipient],
      subject: of.subject,
      tags: of.metadata,
      ...particularsOf(of.event, at),
    },
  };
}

/** Their subtype of a bounce for the classes that have one. */
const subTypes: Record<string, string> = {
  bad_mailbox: 'NoEmail',
  mailbox_full: 'MailboxFull',
  too_large: 'MessageTooLarge',
  spam: 'ContentRejected',
  policy: 'ContentRejected',
};

function particularsOf(event: NewEvent, at: string): Record<string, unknown> {
  switch (event.kind) {
    case 'bounced':
    case 'expired': {
      const type = event.kind === 'bounced' ? 'Permanent' : 'Transient';
      const subType = subTypes[textOf(event, 'class')] ?? 'General';
      return { bounce: { message: saidBy(event), type, subType } };
    }
    case 'clicked':
      return {
        click: {
          ipAddress: '',
          link: textOf(event, 'url'),
          timestamp: at,
          userAgent: textOf(event, 'userAgent'),
        },
      };
    case 'failed':
      return { failed: { reason: saidBy(event) || textOf(event, 'reason') } };
    case 'suppressed':
      return {
        suppressed: {
          message: `The address is suppressed: ${textOf(event, 'reason')}.`,
          type: 'OnAccountSuppressionList',
        },
      };
    default:
      return {};
  }
}
