import { Buffer } from 'node:buffer';
import { type Mailbox, parseMailbox, splitMailboxes } from '#domain/message/address.ts';
import { type Beside, type CloudmailinBody, partHeaders } from '#domain/message/cloudmailin.ts';
import { foldField } from '#domain/message/fold.ts';
import { headerField, joinMessage, splitMessage, toCrlf } from '#domain/message/header.ts';
import { defaultStream } from '#domain/message/stream.ts';
import { Problem } from '#domain/problem.ts';
import { putInLayout, type TemplateSource } from '../templates/named.ts';
import { draftOf } from './compose.ts';
import type { Draft } from './draft.ts';
import { renderMarkdown } from './markdown.ts';
import { rawDraftOf } from './raw-message.ts';
import { asciiDomain } from './recipient.ts';
import { isOwnSender } from './sender.ts';
import { decodedText, unstructured } from './write-header.ts';

/**
 * The draft of a body of CloudMailin's dialect.
 * @param layouts whose layouts its header may name; null: nobody's
 */
export async function cloudmailinDraftOf(
  body: CloudmailinBody,
  nowMs: number,
  layouts: TemplateSource | null,
): Promise<Draft> {
  return body.raw === undefined
    ? await composedDraft(body, layouts)
    : await rawDraft(body, body.raw, nowMs, layouts);
}

async function composedDraft(body: CloudmailinBody, layouts: TemplateSource | null): Promise<Draft> {
  const markdown = body.markdown === undefined ? null : renderMarkdown(body.markdown);
  const { beside, layout, others } = partHeaders(body.headers ?? {});
  const said = (field: Beside['field']) => beside.find((one) => one.field === field)?.value;
  // What the header says agrees with the fields (the schema has compared them), and may have names that people see.
  const named = (field: Beside['field']) =>
    splitMailboxes(said(field) ?? '').flatMap((text) => {
      const mailbox = parseMailbox(text);
      return typeof mailbox === 'string' ? [] : [mailbox];
    });
  const or = <T>(preferred: T[], otherwise: T[]) => (preferred.length > 0 ? preferred : otherwise);
  const [from = body.from] = named('from');
  const [sender] = named('sender');
  if (sender) requireOwn(sender, from);
  const html = body.html ?? markdown?.html;
  const text = body.plain ?? markdown?.text;
  const content = { html: html ?? null, text: text ?? null };
  const put = layout && (await putInLayout(layouts, layout.name, content, layout.pointer));
  const draft = draftOf({
    from,
    ...(sender ? { sender } : {}),
    to: or(named('to'), body.to),
    cc: or(named('cc'), body.cc),
    bcc: [],
    reply_to: named('reply-to'),
    subject: body.subject ?? said('subject') ?? '',
    text_body: put?.textBody ?? text,
    html_body: put?.htmlBody ?? html,
    headers: others,
    attachments: (body.attachments ?? []).map(({ file_name, ...attachment }) => ({
      filename: file_name,
      ...attachment,
    })),
    tags: body.tags ?? [],
    metadata: {},
    class: body.priority ?? body.priorty ?? 'standard',
    stream: defaultStream,
    test_mode: body.test_mode,
    require_tls: false,
  });
  return put ? { ...draft, template: put.template } : draft;
}

function requireOwn(sender: Mailbox, from: Mailbox): void {
  if (isOwnSender(sender, from)) return;
  const detail = `must be of the domain of from, ${from.domain}, and so must an address in its name`;
  throw new Problem('invalid_address', `/headers/Sender ${detail}`, {
    errors: [{ pointer: '/headers/Sender', detail }],
  });
}

/** What the fields say goes before what the message's own header says. */
async function rawDraft(
  body: CloudmailinBody,
  raw: string,
  nowMs: number,
  layouts: TemplateSource | null,
): Promise<Draft> {
  const draft = await rawDraftOf({
    bytes: withSubject(raw, body.subject),
    mailFrom: body.from.address,
    rcptTo: [...body.to, ...body.cc].map((mailbox) => mailbox.address),
    source: 'raw',
    receivedBy: null,
    smtpUtf8: false,
    layouts,
    requireTls: false,
    nowMs,
  });
  const wanted = `${body.from.localPart}@${asciiDomain(body.from.domain)}`;
  if (draft.fromAddress.toLowerCase() !== wanted.toLowerCase()) {
    const detail = `must match the From header, which says ${draft.fromAddress}`;
    throw new Problem('invalid_message', `from ${detail}`, { errors: [{ pointer: '/from', detail }] });
  }
  return {
    ...draft,
    handling: {
      ...draft.handling,
      tags: body.tags ?? draft.handling.tags,
      class: body.priority ?? body.priorty ?? draft.handling.class,
      testMode: body.test_mode,
    },
  };
}

/** The message's bytes, with its Subject replaced when there is another. */
function withSubject(message: string, subject: string | undefined): Uint8Array {
  const bytes = Buffer.from(message, 'utf8');
  if (subject === undefined) return bytes;
  const split = splitMessage(toCrlf(bytes.toString('latin1')));
  if (typeof split === 'string') return bytes; // refused with its reason by whoever reads it next
  const fields = split.fields.filter(({ name }) => name.toLowerCase() !== 'subject');
  const raw = foldField('Subject', unstructured(decodedText(subject)));
  fields.push({ ...headerField('Subject', subject), raw });
  return Buffer.from(joinMessage({ ...split, fields }), 'latin1');
}
