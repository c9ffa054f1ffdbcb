import { Buffer } from 'node:buffer';
import MailComposer from 'nodemailer/lib/mail-composer';
import type { Mailbox } from '#domain/message/address.ts';
import { hasShortLines } from '#domain/message/fold.ts';
import { headerLimits, toCrlf } from '#domain/message/header.ts';
import { type Tracked, untracked } from '#domain/message/tracking.ts';
import { Problem } from '#domain/problem.ts';
import { attachedFault } from './attached-names.ts';
import type { Composition, Draft } from './draft.ts';
import { envelopeOf } from './recipient.ts';
import { renderMime, renderTexts } from './render-mime.ts';
import { senderOf } from './sender.ts';
import { type Tracking, trackHtml } from './track.ts';
import { decodedText, writeFields, writeHeader } from './write-header.ts';

/**
 * The draft of a message that is given by its fields, as in `POST /v1/send`.
 * @throws Problem when its header cannot be written, or a message that is attached has a file that is not taken
 */
export function draftOf(given: Composition): Draft {
  const body = readable(given);
  body.attachments.forEach(refuseInside);
  const from = senderOf(body.from, '/from');
  const header = writeHeader(body);
  return {
    source: 'api',
    handling: {
      class: body.class,
      stream: body.stream,
      tags: body.tags,
      metadata: body.metadata,
      sendAtMs: body.send_at ?? null,
      testMode: body.test_mode,
      tls: body.require_tls ? 'required' : 'policy',
    },
    fromDomain: from.domain,
    fromAddress: from.address,
    fromHeader: display(body.from),
    addressees: { to: body.to.map(display), cc: body.cc.map(display) },
    subject: body.subject,
    // Its header is not ASCII only where an address is not.
    smtpUtf8: true,
    recipients: envelopeOf([...body.to, ...body.cc, ...body.bcc], '/to'),
    tracking: {
      opens: body.track_opens,
      clicks: body.track_clicks,
      unsubscribe: body.unsubscribe,
      unsubscribeScope: body.unsubscribe_scope,
    },
    build: async ({ id, nowMs, tracking }) => {
      const messageIdHeader = `<${id}@${from.domain}>`;
      const { content, fields, tracked } = tracking
        ? await withTracking(body, tracking)
        : { content: body, fields: {}, tracked: untracked };
      const raw = await composeMime(header + writeFields(fields).join(''), content, messageIdHeader, nowMs);
      return { raw, messageIdHeader, tracked };
    },
  };
}

/** The body with encoded words that a caller made decoded, so that text is encoded once and read as it was meant. */
function readable(body: Composition): Composition {
  const named = (mailbox: Mailbox): Mailbox => ({ ...mailbox, name: decodedText(mailbox.name) });
  return {
    ...body,
    from: named(body.from),
    ...(body.sender ? { sender: named(body.sender) } : {}),
    to: body.to.map(named),
    cc: body.cc.map(named),
    reply_to: body.reply_to.map(named),
    subject: decodedText(body.subject),
  };
}

/** The body with what is wanted put into its HTML, and the fields to add to its header; the text stays as it is. */
async function withTracking(
  body: Composition,
  tracking: Tracking,
): Promise<{ content: Composition; fields: Record<string, string>; tracked: Tracked }> {
  const { html_body: html, headers } = body;
  const rewritten = html === undefined ? null : await trackHtml(html, tracking);
  // Somebody who handles unsubscribing by themselves goes on doing so.
  const unsubscribe =
    tracking.wanted.unsubscribe &&
    !Object.keys(headers).some((name) => /^list-unsubscribe(-post)?$/i.test(name));
  return {
    content: rewritten ? { ...body, html_body: rewritten.html } : body,
    fields: unsubscribe ? await unsubscribeFields(tracking) : {},
    tracked: { opens: rewritten?.opens ?? false, clicks: rewritten?.clicks ?? false, unsubscribe },
  };
}

/** RFC 8058 §3.1. */
async function unsubscribeFields({ links, scope }: Tracking): Promise<Record<string, string>> {
  return {
    'List-Unsubscribe': `<${await links.unsubscribe(scope)}>`,
    'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
  };
}

/**
 * MIME by nodemailer's MailComposer, which may open no file and fetch no URL.
 * @param header what the caller gave; Bcc is not in it
 * @returns latin1 text with CRLF line ends
 */
async function composeMime(
  header: string,
  body: Composition,
  messageId: string,
  nowMs: number,
): Promise<string> {
  const { text_body: text, html_body: html, attachments } = body;
  const date = new Date(nowMs);
  const compile = () =>
    new MailComposer({
      text,
      html,
      attachments: attachments.map((attachment) => ({
        ...contentOf(attachment),
        filename: attachment.filename,
        ...(attachment.content_id
          ? { cid: attachment.content_id, contentDisposition: 'inline' as const }
          : {}),
      })),
      messageId,
      date,
      disableFileAccess: true,
      disableUrlAccess: true,
    }).compile();
  const mime =
    attachments.length === 0 ? renderTexts({ text, html, messageId, date }, compile) : renderMime(compile());
  const raw = header + toCrlf(await mime);
  const headerBytes = raw.indexOf('\r\n\r\n') + 2;
  if (headerBytes <= headerLimits.bytes) return raw;
  const detail = `the header of a message may have at most ${headerLimits.bytes} bytes; it has ${headerBytes}`;
  throw new Problem('invalid_body', detail, { errors: [{ pointer: '/headers', detail }] });
}

/**
 * RFC 2046 §5.2.1: an attached message is not encoded. One that cannot go on the wire as it is (RFC 5322 §2.1.1, §2.2)
 * is attached as a file, in base64, so that it arrives unharmed.
 */
function contentOf(attachment: Composition['attachments'][number]): { content: Buffer; contentType: string } {
  const content = Buffer.from(attachment.content, 'base64');
  const contentType = attachment.content_type;
  if (!isMessage(contentType) || isPlainMessage(content.toString('latin1'))) {
    return { content, contentType };
  }
  return { content, contentType: 'application/octet-stream' };
}

/** What is no attachment by itself is none inside of an attached message either, as in `rawDraftOf`. */
function refuseInside({ content_type: type, content }: Composition['attachments'][number], i: number): void {
  if (!isMessage(type)) return;
  const fault = attachedFault(toCrlf(Buffer.from(content, 'base64').toString('latin1')));
  if (!fault) return;
  const pointer = `/attachments/${i}/content`;
  const { detail } = fault;
  throw new Problem('invalid_body', `${pointer}: ${detail}`, { errors: [{ pointer, detail }] });
}

function isMessage(contentType: string): boolean {
  return /^message\//i.test(contentType);
}

function isPlainMessage(text: string): boolean {
  return !/\0|\r(?!\n)/.test(text) && hasShortLines(toCrlf(text));
}

function display(mailbox: Mailbox): string {
  return mailbox.name === '' ? mailbox.address : `${mailbox.name} <${mailbox.address}>`;
}
