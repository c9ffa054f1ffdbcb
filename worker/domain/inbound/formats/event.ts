import { isAutomatic } from '../automatic.ts';
import type { ReceivedMail } from '../received.ts';
import { replyOf } from '../reply-text.ts';
import type { PayloadSource } from './source.ts';

/** The format `event`: the envelope that all events of this format have, with the whole mail in `data`. */
export function eventPayload({ mail, attachmentUrl }: PayloadSource) {
  const { envelope } = mail;
  return {
    id: mail.id,
    type: 'email.received',
    created_at: dateOf(mail),
    data: {
      email_id: mail.id,
      message_id: mail.messageId,
      from: mail.from,
      to: mail.to,
      subject: mail.subject,
      text: mail.text,
      html: mail.html,
      reply_text: replyOf(mail),
      headers: mail.headers.map(({ name, value }) => ({ name, value })),
      attachments: mail.attachments.map((attachment) => ({
        id: attachment.id,
        filename: attachment.filename,
        content_type: attachment.contentType,
        size: attachment.content.length,
        content_id: attachment.contentId,
        url: attachmentUrl(attachment),
      })),
      spf: mail.verdicts.spf.result,
      dkim: mail.verdicts.dkim.result,
      dmarc: mail.verdicts.dmarc.result,
      spam: mail.verdicts.spam,
      automatic: isAutomatic(mail.headers, envelope.from),
      in_reply_to_message: mail.inReplyToMessage,
      disposable: mail.disposable,
      envelope: {
        from: envelope.from,
        to: envelope.recipients,
        remote_ip: envelope.remoteIp,
        helo: envelope.helo,
        tls: envelope.tls,
      },
      received_at: dateOf(mail),
    },
  };
}

/** ISO 8601. */
export function dateOf(mail: ReceivedMail): string {
  return new Date(mail.receivedAtMs).toISOString();
}
