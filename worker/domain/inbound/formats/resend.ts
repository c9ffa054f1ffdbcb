import type { ReceivedMail } from '../received.ts';
import { fieldOf, mailboxesIn } from './addressees.ts';
import { dateOf } from './event.ts';
import type { PayloadSource } from './source.ts';

/** What Resend tells of a received mail in webhooks and lists: whose it is. Its content is asked for by its API. */
export function resendFacts(mail: ReceivedMail) {
  const shown = (name: string) => mailboxesIn(fieldOf(mail, name)).map(({ address }) => address);
  return {
    created_at: dateOf(mail),
    from: mail.from,
    to: shown('to'),
    cc: shown('cc'),
    bcc: shown('bcc'),
    received_for: [...mail.envelope.recipients],
    message_id: mail.messageId,
    subject: mail.subject,
    attachments: mail.attachments.map(({ id, filename, contentType, disposition, contentId, content }) => ({
      id,
      filename,
      size: content.length,
      content_type: contentType,
      content_disposition: disposition,
      content_id: contentId,
    })),
  };
}

/** The format `resend`. */
export function resendPayload({ mail }: PayloadSource) {
  return {
    type: 'email.received',
    created_at: dateOf(mail),
    data: { email_id: mail.id, ...resendFacts(mail) },
  };
}
