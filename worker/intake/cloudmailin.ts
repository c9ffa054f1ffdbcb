import { Buffer } from 'node:buffer';
import { encodeWords, foldLines } from 'nodemailer/lib/mime-funcs';
import { parseMailbox } from '#domain/address.ts';
import type { CloudmailinBody } from '#domain/cloudmailin.ts';
import { headerField, joinMessage, splitMessage, toCrlf } from '#domain/header.ts';
import { Problem } from '#domain/problem.ts';
import { draftOf } from './compose.ts';
import type { Draft } from './draft.ts';
import { renderMarkdown } from './markdown.ts';
import { rawDraftOf } from './raw-message.ts';
import { asciiDomain } from './recipient.ts';

/** The draft of a body of CloudMailin's dialect. */
export async function cloudmailinDraftOf(body: CloudmailinBody, nowMs: number): Promise<Draft> {
  return body.raw === undefined ? composedDraft(body) : await rawDraft(body, body.raw, nowMs);
}

function composedDraft(body: CloudmailinBody): Draft {
  const markdown = body.markdown === undefined ? null : renderMarkdown(body.markdown);
  const headers = Object.entries(body.headers ?? {});
  const isFrom = (name: string) => name.toLowerCase() === 'from';
  // The From header says the same address (the schema has compared them), and the name that people see.
  const header = parseMailbox(headers.find(([name]) => isFrom(name))?.[1] ?? '');
  return draftOf({
    from: typeof header === 'string' ? body.from : header,
    to: body.to,
    cc: body.cc,
    bcc: [],
    reply_to: [],
    subject: body.subject ?? '',
    text_body: body.plain ?? markdown?.text,
    html_body: body.html ?? markdown?.html,
    headers: Object.fromEntries(headers.filter(([name]) => !isFrom(name))),
    attachments: (body.attachments ?? []).map(({ file_name, ...attachment }) => ({
      filename: file_name,
      ...attachment,
    })),
    tags: body.tags ?? [],
    metadata: {},
    class: body.priority ?? 'standard',
    test_mode: body.test_mode,
  });
}

/** What the fields say goes before what the message's own header says. */
async function rawDraft(body: CloudmailinBody, raw: string, nowMs: number): Promise<Draft> {
  const draft = await rawDraftOf({
    bytes: withSubject(raw, body.subject),
    mailFrom: body.from.address,
    rcptTo: [...body.to, ...body.cc].map((mailbox) => mailbox.address),
    source: 'raw',
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
      class: body.priority ?? draft.handling.class,
      testMode: body.test_mode,
    },
  };
}

/** The message's bytes, with its Subject replaced when there is another. */
function withSubject(raw: string, subject: string | undefined): Uint8Array {
  const bytes = Buffer.from(raw, 'utf8');
  if (subject === undefined) return bytes;
  const message = splitMessage(toCrlf(bytes.toString('latin1')));
  if (typeof message === 'string') return bytes; // refused with its reason by whoever reads it next
  const fields = message.fields.filter(({ name }) => name.toLowerCase() !== 'subject');
  const folded = foldLines(`Subject: ${encodeWords(subject, 'Q', 52, true)}`, 76);
  fields.push({ ...headerField('Subject', subject), raw: `${folded}\r\n` });
  return Buffer.from(joinMessage({ ...message, fields }), 'latin1');
}
