import { Buffer } from 'node:buffer';
import MailComposer from 'nodemailer/lib/mail-composer';
import type { Mailbox } from '#domain/address.ts';
import { toCrlf } from '#domain/header.ts';
import { Problem } from '#domain/problem.ts';
import type { SendBody } from '#domain/submission.ts';
import type { Draft } from './draft.ts';
import { asciiDomain, envelopeOf } from './recipient.ts';
import { renderMime } from './render-mime.ts';

/** The draft of a `POST /v1/send` body. */
export function draftOf(body: SendBody): Draft {
  const fromDomain = asciiDomain(body.from.domain);
  return {
    source: 'api',
    handling: {
      class: body.class,
      tags: body.tags,
      metadata: body.metadata,
      sendAtMs: body.send_at === undefined ? null : Date.parse(body.send_at),
      testMode: body.test_mode,
    },
    fromDomain,
    fromAddress: `${body.from.localPart}@${fromDomain}`,
    fromHeader: display(body.from),
    addressees: { to: body.to.map(display), cc: body.cc.map(display) },
    subject: body.subject,
    recipients: envelopeOf([...body.to, ...body.cc, ...body.bcc], '/to'),
    build: async ({ id, nowMs }) => {
      const messageIdHeader = `<${id}@${fromDomain}>`;
      return { raw: await composeMime(body, messageIdHeader, nowMs), messageIdHeader };
    },
  };
}

/**
 * MIME by nodemailer's MailComposer. Bcc is never given to it, and it may open no file and fetch no URL.
 * @returns latin1 text with CRLF line ends
 */
async function composeMime(body: SendBody, messageId: string, nowMs: number): Promise<string> {
  const composer = new MailComposer({
    from: nameAndAddress(body.from),
    to: body.to.map(nameAndAddress),
    cc: body.cc.map(nameAndAddress),
    replyTo: body.reply_to.map(nameAndAddress),
    subject: body.subject,
    text: body.text_body,
    html: body.html_body,
    headers: body.headers,
    attachments: body.attachments.map((attachment) => ({
      filename: attachment.filename,
      content: Buffer.from(attachment.content, 'base64'),
      contentType: attachment.content_type,
      ...(attachment.content_id
        ? { cid: attachment.content_id.replace(/^<|>$/g, ''), contentDisposition: 'inline' as const }
        : {}),
    })),
    messageId,
    date: new Date(nowMs),
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const raw = toCrlf(await renderMime(composer.compile()));
  if (!raw.includes('\0')) return raw;
  // RFC 2046 §5.2.1: an attached message is not encoded, so its bytes go on the wire as they are.
  const detail = 'an attachment of a message/* type must not have a NUL byte (RFC 5322 §2.2)';
  throw new Problem('invalid_body', detail, { errors: [{ pointer: '/attachments', detail }] });
}

function nameAndAddress(mailbox: Mailbox): { name: string; address: string } {
  return { name: mailbox.name, address: mailbox.address };
}

function display(mailbox: Mailbox): string {
  return mailbox.name === '' ? mailbox.address : `${mailbox.name} <${mailbox.address}>`;
}
