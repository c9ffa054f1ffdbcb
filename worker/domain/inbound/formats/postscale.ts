import { hexOf } from '../../hex.ts';
import { dateOf } from './event.ts';
import type { PayloadSource } from './source.ts';

/** The format `postscale`: one flat body. */
export function postscalePayload({ mail, attachmentUrl }: PayloadSource) {
  return {
    event: 'email.received',
    timestamp: dateOf(mail),
    email_id: mail.id,
    message_id: mail.messageId,
    from: mail.from,
    to: mail.to,
    subject: mail.subject,
    text: mail.text,
    html: mail.html,
    headers: mail.headers.map(({ name, value }) => ({ name, value })),
    attachments: mail.attachments.map((attachment) => ({
      id: attachment.id,
      filename: attachment.filename,
      content_type: attachment.contentType,
      size: attachment.content.length,
      url: attachmentUrl(attachment),
    })),
    spf: mail.verdicts.spf.result,
    dkim: mail.verdicts.dkim.result,
    spam: mail.verdicts.spam,
    in_reply_to_message: mail.inReplyToMessage,
    disposable: mail.disposable,
  };
}

/**
 * The value of `X-Postscale-Signature`: `t=<unix seconds>,v1=<hex>` with HMAC-SHA256 of `<t>.<body>`, one `v1` for each
 * secret (two while a secret is rotated). The key is the secret's text as the owner has it, `whsec_` included.
 */
export async function postscaleSignature(
  secrets: readonly string[],
  unixSeconds: number,
  body: Uint8Array,
  hmac: (secret: string, bytes: Uint8Array<ArrayBuffer>) => Promise<Uint8Array>,
): Promise<string> {
  const time = `${unixSeconds}.`;
  const signed = new Uint8Array(time.length + body.length);
  for (let i = 0; i < time.length; i++) signed[i] = time.charCodeAt(i);
  signed.set(body, time.length);
  const macs = await Promise.all(secrets.map((secret) => hmac(secret, signed)));
  return [`t=${unixSeconds}`, ...macs.map((mac) => `v1=${hexOf(mac)}`)].join(',');
}
