import { z } from 'zod';
import { Problem } from '../problem.ts';
import { scopeTypes } from '../suppression/scope.ts';
import { time } from '../time.ts';
import { type Mailbox, parseMailbox, splitMailboxes } from './address.ts';
import { fileNamesIn, isRefusedAttachment, refusedAttachments } from './attachment-name.ts';
import { classNames, type MailClass } from './class.ts';
import { defaultStream, streamName } from './stream.ts';
import type { TlsWish } from './tls-wish.ts';

/** Limits of a submission; the API's schemas, SMTP and the documentation read them here. */
export const limits = {
  recipients: 50,
  messageBytes: 25 * 1024 * 1024,
  tags: 10,
  tagCharacters: 64,
  metadataKeys: 20,
  metadataKeyCharacters: 64,
  metadataValueCharacters: 1024,
  subjectCharacters: 2000,
  headerValueCharacters: 8192,
  markdownCharacters: 256 * 1024,
  headers: 50,
  attachments: 100,
  batch: 100,
  scheduleDays: 30,
  idempotencyKeyCharacters: 256,
  idempotencyHours: 24,
} as const;

/** The problem of a message over the limit. */
export function tooLarge(sizeBytes: number | null): Problem {
  const size = sizeBytes === null ? '' : `; it has ${sizeBytes} bytes`;
  return new Problem('too_large', `A message may have at most ${limits.messageBytes} bytes as sent${size}.`);
}

/** Header fields that we write ourselves, or that would change where a message goes. */
const unsafeHeader =
  /^(from|sender|to|cc|bcc|date|message-id|received|return-path|subject|reply-to|resent-.*|dkim-.*|mime-.*|content-.*|x-pennypost-.*|x-cloudmta-.*|x-postscale-.*|x-pm-.*)$/i;

const controlCharacters = /[\0\r\n]/;
/** Text of at most `max` characters that may stand in a header field. */
export const oneLine = (max: number) =>
  z
    .string()
    .max(max)
    .refine((text) => !controlCharacters.test(text), 'must not have CR, LF or NUL');

export const mailbox = z
  .string()
  .max(1000)
  .transform((text, context): Mailbox => {
    const parsed = parseMailbox(text);
    if (typeof parsed !== 'string') return parsed;
    context.addIssue({ code: 'custom', message: `${parsed}; write local@domain or Name <local@domain>` });
    return z.NEVER;
  })
  .meta({ description: '`local@domain` or `Name <local@domain>`.' });
/** One or several; not a union, whose faults would not tell which of several is wrong. */
const mailboxesOf = (parts: (text: string) => unknown) =>
  z
    .preprocess(
      (value) => (typeof value === 'string' ? parts(value) : value),
      z.array(mailbox).max(limits.recipients),
    )
    .default([])
    .meta({ oneOrMany: true });
export const mailboxes = mailboxesOf((text) => [text]);

/** Longest list of mailboxes that is taken apart. */
const listCharacters = limits.recipients * 1000;
/** One, several, or several in one text with commas. */
export const mailboxList = mailboxesOf((text) =>
  text.length > listCharacters ? [text] : splitMailboxes(text),
);

const refusedName = `must not end in ${refusedAttachments.map((e) => `.${e}`).join(' ')}`;
const attachmentName = oneLine(255)
  .min(1)
  .refine((name) => !isRefusedAttachment(name), refusedName);
const attachmentContent = {
  /** Base64 (RFC 4648 §4), or its form for URLs (§5); the padding may be left out. */
  content: z.string().superRefine((text, context) => {
    const fault = base64Fault(text);
    if (fault) context.addIssue({ code: 'custom', message: fault });
  }),
  content_type: oneLine(255)
    .regex(/^[!#$&^_.+\w-]+\/[!#$&^_.+\w-]+(\s*;.*)?$/, 'must be a media type such as application/pdf')
    .refine(
      (type) => !/^multipart\//i.test(type),
      'must not be multipart/*, which has parts of its own; attach it as application/octet-stream',
    )
    .refine((type) => !fileNamesIn(type).some(isRefusedAttachment), `has a name, which ${refusedName}`)
    .default('application/octet-stream'),
  /** What `cid:` in the HTML names (RFC 2392); the `cid:` itself and angle brackets are left out. */
  content_id: oneLine(255)
    .transform((text) =>
      text
        .trim()
        .replace(/^cid:/i, '')
        .replace(/^<(.*)>$/, '$1'),
    )
    .pipe(
      z
        .string()
        .regex(/^[!-~]*$/, 'must be ASCII without spaces (RFC 2392); give it another name, in the HTML too')
        .regex(/^[^<>]+$/, 'must be a name without angle brackets inside'),
    )
    .optional(),
};
const attachment = z.strictObject({ filename: attachmentName, ...attachmentContent });
export const attachmentParts = { name: attachmentName, ...attachmentContent };

/** The value of a header field, or several: one field each. */
const headerValue = z
  .union([z.string(), z.array(z.string()).max(limits.headers)], 'must be a text, or a list of texts')
  .superRefine((value, context) => {
    const single = oneLine(limits.headerValueCharacters);
    for (const [i, one] of [value].flat().entries()) {
      const path = Array.isArray(value) ? [i] : [];
      for (const { message } of single.safeParse(one).error?.issues ?? [])
        context.addIssue({ code: 'custom', path, message });
    }
  });
/** Header fields of one's own: name and value, or values. */
export type OwnHeaders = Readonly<Record<string, string | readonly string[]>>;

/** The fields one by one. */
export function headerPairs(headers: OwnHeaders): [name: string, value: string][] {
  return Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((value): [string, string] => [name, value]),
  );
}

/** Header fields of one's own. `allowed` lets an unsafe name through. */
export const headerFields = (allowed: (name: string) => boolean = () => false) =>
  z
    .record(
      z
        .string()
        .max(127)
        .regex(
          /^[!-9;-~]+$/,
          'must be the name of a header field: ASCII without spaces and colons (RFC 5322 §2.2)',
        )
        .refine(
          (name) => allowed(name) || !unsafeHeader.test(name),
          'is a header field that the service writes itself or that has a field of its own (from, to, cc, reply_to, subject); leave it out here',
        ),
      headerValue,
    )
    .refine(
      (headers) => headerPairs(headers).length <= limits.headers,
      `must have at most ${limits.headers} fields`,
    );
export const tag = oneLine(limits.tagCharacters).min(1);

/** What is said of each field that lets a message tell back. */
const trackingField = (about: string) =>
  `${about} For a message with one recipient; left out: as the account has set it.`;

const sendFields = {
  from: mailbox.meta({ description: 'The author. The domain must pass the gate.' }),
  to: mailboxes.meta({ description: 'At most 50 recipients in to, cc and bcc together.' }),
  cc: mailboxes,
  bcc: mailboxes.meta({ description: 'Never appears in the message.' }),
  reply_to: mailboxes,
  subject: oneLine(limits.subjectCharacters),
  text_body: z
    .string()
    .optional()
    .meta({ description: 'At least one of text_body and html_body is required.' }),
  html_body: z.string().optional(),
  headers: headerFields()
    .default({})
    .meta({ description: 'Further header fields. Those that the service writes itself are refused.' }),
  attachments: z.array(attachment).max(limits.attachments).default([]),
  tags: z.array(tag).max(limits.tags).default([]).meta({ description: 'For filters and statistics.' }),
  metadata: z
    .record(oneLine(limits.metadataKeyCharacters).min(1), z.string().max(limits.metadataValueCharacters))
    .refine(
      (metadata) => Object.keys(metadata).length <= limits.metadataKeys,
      `must have at most ${limits.metadataKeys} keys`,
    )
    .default({})
    .meta({ description: 'Comes back in every event.' }),
  class: z
    .enum(classNames)
    .default('standard')
    .meta({ description: '`priority` skips ahead of everything, `digest` is spread out.' }),
  stream: streamName.default(defaultStream).meta({
    description: 'What the mail is for: statistics, suppressions and webhooks may be of one stream.',
  }),
  send_at: time.optional().meta({ description: 'When delivery may begin, at most 30 days ahead.' }),
  test_mode: z.boolean().default(false).meta({ description: 'Validated and recorded, not delivered.' }),
  require_tls: z.boolean().default(false).meta({
    description:
      'Delivered only over TLS with a certificate that is valid for the recipient’s host (RFC 8689); until that can be had it waits.',
  }),
  track_opens: z
    .boolean()
    .optional()
    .meta({ description: trackingField('A pixel at the end of html_body tells when it is opened.') }),
  track_clicks: z
    .boolean()
    .optional()
    .meta({ description: trackingField('Links of html_body lead through the service.') }),
  unsubscribe: z
    .boolean()
    .optional()
    .meta({
      description: trackingField('List-Unsubscribe fields (RFC 8058), unless headers have their own.'),
    }),
  unsubscribe_scope: z.enum(scopeTypes).optional().meta({
    description:
      'What those fields let a recipient unsubscribe from: `account` all mail, `domain` that of the domain in from (the default), `class` that of this class, `stream` that of this stream, `tag` what has the first of tags. Asks for the fields where `unsubscribe` is left out; not applied to several recipients.',
  }),
};

/** Body of `POST /v1/send` as callers write it: templates are put into it before it is read (`templates/named.ts`). */
export const writtenSendSchema = z.strictObject({
  ...sendFields,
  from: sendFields.from.optional().meta({
    description:
      'The author. The domain must pass the gate. Required, unless a template says who it is from.',
  }),
  subject: sendFields.subject
    .optional()
    .meta({ description: 'Required, unless a template has one; goes before that.' }),
  template: z.string().max(100).optional().meta({
    description:
      'Slug or id of a template; its published version is the content. Not together with text_body and html_body.',
  }),
  template_id: z.string().max(100).optional().meta({ description: 'The same as `template`.' }),
  variables: z
    .record(z.string(), z.unknown())
    .optional()
    .meta({ description: 'What stands in the template. One that is missing is a 400 that names it.' }),
  layout: z.string().max(100).optional().meta({
    description: 'Slug or id of a layout: around inline content, or instead of the template’s own.',
  }),
});

/** Body of `POST /v1/send`, with its content. */
export const sendSchema = z
  .strictObject(sendFields)
  .refine((body) => body.text_body !== undefined || body.html_body !== undefined, {
    path: ['text_body'],
    message: 'one of text_body and html_body is required',
  })
  .refine((body) => body.to.length + body.cc.length + body.bcc.length > 0, {
    path: ['to'],
    message: 'at least one recipient is required in to, cc or bcc',
  })
  .refine((body) => body.to.length + body.cc.length + body.bcc.length <= limits.recipients, {
    path: ['to'],
    message: `at most ${limits.recipients} recipients in to, cc and bcc together`,
  })
  .superRefine((body, context) => {
    const recipients = [...body.to, ...body.cc, ...body.bcc].map(({ address }) => address);
    const alone = new Set(recipients).size <= 1;
    if (body.unsubscribe_scope === 'tag' && body.tags.length === 0)
      context.addIssue({
        code: 'custom',
        path: ['unsubscribe_scope'],
        message: 'is tag, and there is none; add tags, of which the first counts, or name another scope',
      });
    for (const name of ['track_opens', 'track_clicks', 'unsubscribe'] as const) {
      if (body[name] !== true) continue;
      const fault = alone ? (name !== 'unsubscribe' && htmlFault(body)) || null : severalFault;
      if (fault) context.addIssue({ code: 'custom', path: [name], message: fault });
    }
  });

/** A link speaks for one person, and the body of a message is one for all of its recipients. */
const severalFault =
  'needs exactly one recipient in to, cc and bcc; send one message each (POST /v1/send/batch), or leave it out';

/** Opens and clicks are seen in HTML only. */
function htmlFault(body: { html_body?: string | undefined }): string | null {
  return body.html_body === undefined ? 'needs html_body; add it, or leave this out' : null;
}

export type SendBody = z.output<typeof sendSchema>;

/** How a message is to be handled; from the API's fields or from control headers. */
export interface Handling {
  class: MailClass;
  stream: string;
  tags: string[];
  metadata: Record<string, string>;
  sendAtMs: number | null;
  testMode: boolean;
  tls: TlsWish;
}

function base64Fault(text: string): string | null {
  const uri = /^data:[^,]{0,200},/i.exec(text)?.[0];
  if (uri !== undefined) return `must be base64 alone; leave out "${uri.slice(0, 80)}" at its beginning`;
  const plain = text.replace(/[\r\n]/g, '');
  const [, characters, padding = ''] = /^([A-Za-z0-9+/]*|[A-Za-z0-9_-]*)(={0,2})$/.exec(plain) ?? [];
  if (characters === undefined) return 'must be base64 (RFC 4648 §4), which has A-Z, a-z, 0-9, + and / only';
  if (characters.length % 4 === 1) return 'is base64 that is cut: a character is missing at its end';
  return padding === '' || plain.length % 4 === 0
    ? null
    : 'is base64 with padding that does not fit its length';
}

/**
 * What is wrong with a time to send at; null when it is fine.
 * @param sendAt Unix ms, or what is wrong with it already
 */
export function sendAtFault(sendAt: number | string, nowMs: number): string | null {
  if (typeof sendAt === 'string') return sendAt;
  if (sendAt > nowMs + limits.scheduleDays * 86_400_000)
    return `must be at most ${limits.scheduleDays} days ahead`;
  return null;
}
