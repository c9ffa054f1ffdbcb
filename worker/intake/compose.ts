import { Buffer } from 'node:buffer';
import MailComposer from 'nodemailer/lib/mail-composer';
import type { Mailbox } from '#domain/address.ts';
import { toCrlf } from '#domain/header.ts';
import { Problem } from '#domain/problem.ts';
import type { SendBody } from '#domain/submission.ts';
import { type Tracked, untracked } from '#domain/tracking.ts';
import type { Draft } from './draft.ts';
import { asciiDomain, envelopeOf } from './recipient.ts';
import { renderMime } from './render-mime.ts';
import { type Tracking, trackHtml } from './track.ts';

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
    tracking: { opens: body.track_opens, clicks: body.track_clicks, unsubscribe: body.unsubscribe },
    build: async ({ id, nowMs, tracking }) => {
      const messageIdHeader = `<${id}@${fromDomain}>`;
      const { content, tracked } = tracking
        ? await withTracking(body, tracking)
        : { content: body, tracked: untracked };
      return { raw: await composeMime(content, messageIdHeader, nowMs), messageIdHeader, tracked };
    },
  };
}

/** The body with what is wanted put into its HTML and header; the text stays as it is. */
async function withTracking(
  body: SendBody,
  tracking: Tracking,
): Promise<{ content: SendBody; tracked: Tracked }> {
  const { html_body: html, headers } = body;
  const rewritten = html === undefined ? null : await trackHtml(html, tracking);
  // Somebody who handles unsubscribing by themselves goes on doing so.
  const unsubscribe =
    tracking.wanted.unsubscribe &&
    !Object.keys(headers).some((name) => /^list-unsubscribe(-post)?$/i.test(name));
  return {
    content: {
      ...body,
      ...(rewritten ? { html_body: rewritten.html } : {}),
      headers: unsubscribe ? { ...headers, ...(await unsubscribeFields(tracking)) } : headers,
    },
    tracked: { opens: rewritten?.opens ?? false, clicks: rewritten?.clicks ?? false, unsubscribe },
  };
}

/** RFC 8058 §3.1. */
async function unsubscribeFields({ links }: Tracking): Promise<Record<string, string>> {
  return {
    'List-Unsubscribe': `<${await links.unsubscribe()}>`,
    'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
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
