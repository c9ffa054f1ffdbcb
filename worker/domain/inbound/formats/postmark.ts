import { base64 } from '../../base64.ts';
import type { ReceivedMail } from '../received.ts';
import { replyOf } from '../reply-text.ts';
import { splitDetail } from '../route.ts';
import { fieldOf, mailboxesIn } from './addressees.ts';
import type { PayloadSource } from './source.ts';

/** Attachments stand in the payload as long as they have at most so many bytes together; of the others there is a URL. */
export const postmarkInlineBytes = 8 * 1024 * 1024;

function full(list: string) {
  return mailboxesIn(list).map(({ name, address }) => ({
    Email: address,
    Name: name,
    MailboxHash: splitDetail(address.slice(0, address.lastIndexOf('@'))).detail ?? '',
  }));
}

/** A received mail as Postmark lists it. */
export function postmarkFacts(mail: ReceivedMail) {
  const [from] = full(mail.from);
  const lists = Object.fromEntries(
    ['To', 'Cc', 'Bcc'].flatMap((name) => {
      const list = fieldOf(mail, name.toLowerCase());
      return [
        [name, list],
        [`${name}Full`, full(list)],
      ];
    }),
  );
  return {
    FromName: from?.Name ?? '',
    From: from?.Email ?? mail.from,
    FromFull: from ?? { Email: mail.from, Name: '', MailboxHash: '' },
    ...lists,
    ReplyTo: fieldOf(mail, 'reply-to'),
    OriginalRecipient: mail.envelope.recipients[0] ?? '',
    Subject: mail.subject,
    Date: fieldOf(mail, 'date'),
    MailboxHash: mail.disposable ?? '',
    Tag: '',
    MessageID: mail.id,
    MessageStream: 'inbound',
  };
}

/** What a mail says. */
export function postmarkContent(mail: ReceivedMail) {
  return {
    TextBody: mail.text,
    HtmlBody: mail.html,
    StrippedTextReply: replyOf(mail),
    Headers: mail.headers.map(({ name, value }) => ({ Name: name, Value: value })),
  };
}

/** The format `postmark` (https://postmarkapp.com/developer/webhooks/inbound-webhook). */
export function postmarkPayload({ mail, attachmentUrl }: PayloadSource) {
  let left = postmarkInlineBytes;
  return {
    ...postmarkFacts(mail),
    ...postmarkContent(mail),
    Attachments: mail.attachments.map((attachment) => {
      const { content, filename, contentType, contentId } = attachment;
      const isInline = content.length <= left;
      if (isInline) left -= content.length;
      return {
        Name: filename,
        Content: isInline ? base64(content) : '',
        ContentType: contentType,
        ContentLength: content.length,
        ContentID: contentId ?? '',
        ...(isInline ? {} : { ContentUrl: attachmentUrl(attachment) }),
      };
    }),
  };
}
