import { z } from 'zod';
import { type Mailbox, parseMailbox } from './address.ts';
import { classNames, type MailClass } from './class.ts';

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
  /** The whole header section of a raw message. */
  headerBytes: 256 * 1024,
  headers: 50,
  attachments: 100,
  batch: 100,
  scheduleDays: 30,
  idempotencyKeyCharacters: 256,
  idempotencyHours: 24,
} as const;

/** File names that are refused as attachments, by their ending. */
export const refusedAttachments = [
  'vbs', 'exe', 'bin', 'bat', 'chm', 'com', 'hta', 'pif', 'reg', 'vbe', 'vba', 'msc', 'msi',
] as const; // biome-ignore format: one line reads better

/** Header fields that we write ourselves, or that would change where a message goes. */
const unsafeHeader =
  /^(from|sender|to|cc|bcc|date|message-id|received|return-path|subject|reply-to|resent-.*|dkim-.*|mime-.*|content-.*|x-pennypost-.*|x-cloudmta-.*)$/i;

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
export const mailboxes = z
  .preprocess(
    (value) => (typeof value === 'string' ? [value] : value),
    z.array(mailbox).max(limits.recipients),
  )
  .default([])
  .meta({ oneOrMany: true });

/** RFC 3339. */
const time = z.iso.datetime({ offset: true });

const attachmentName = oneLine(255)
  .min(1)
  .refine(
    (name) => !isRefusedAttachment(name),
    `must not end in ${refusedAttachments.map((e) => `.${e}`).join(' ')}`,
  );
const attachmentContent = {
  /** Base64 (RFC 4648 §4). */
  content: z.string().refine(isBase64, 'must be base64 (RFC 4648 §4)'),
  content_type: oneLine(255)
    .regex(/^[!#$&^_.+\w-]+\/[!#$&^_.+\w-]+(\s*;.*)?$/, 'must be a media type such as application/pdf')
    .default('application/octet-stream'),
  content_id: oneLine(255)
    .regex(/^<?[^<>\s]+>?$/, 'must have no spaces or angle brackets inside')
    .optional(),
};
const attachment = z.strictObject({ filename: attachmentName, ...attachmentContent });
export const attachmentParts = { name: attachmentName, ...attachmentContent };

/** A header field of one's own: name and value. `allowed` lets an unsafe name through. */
export const headerFields = (allowed: (name: string) => boolean = () => false) =>
  z
    .record(
      z
        .string()
        .max(127)
        .regex(/^[!-9;-~]+$/, 'must be a header field name (RFC 5322 §2.2)')
        .refine(
          (name) => allowed(name) || !unsafeHeader.test(name),
          'is a header field that cannot be set here',
        ),
      oneLine(limits.headerValueCharacters),
    )
    .refine(
      (headers) => Object.keys(headers).length <= limits.headers,
      `must have at most ${limits.headers} fields`,
    );
export const tag = oneLine(limits.tagCharacters).min(1);

/** What is said of each field that lets a message tell back. */
const trackingField = (about: string) =>
  `${about} For a message with one recipient; left out: as the account has set it.`;

/** Body of `POST /v1/send`. */
export const sendSchema = z
  .strictObject({
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
    send_at: time.optional().meta({ description: 'When delivery may begin, at most 30 days ahead.' }),
    test_mode: z.boolean().default(false).meta({ description: 'Validated and recorded, not delivered.' }),
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
  })
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
  tags: string[];
  metadata: Record<string, string>;
  sendAtMs: number | null;
  testMode: boolean;
}

/** True when a file of this name is not taken as an attachment. */
export function isRefusedAttachment(filename: string): boolean {
  // Windows drops trailing dots and spaces of a name, so `a.exe.` would run.
  const extension = /\.([^.]*)$/.exec(filename.toLowerCase().replace(/[. ]+$/, ''))?.[1] ?? '';
  return (refusedAttachments as readonly string[]).includes(extension);
}

function isBase64(text: string): boolean {
  const plain = text.replace(/[\r\n]/g, '');
  return plain.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(plain);
}

/** Unix milliseconds of a time in RFC 3339; NaN when it is none. */
export function timeOf(text: string): number {
  return time.safeParse(text).success ? Date.parse(text) : Number.NaN;
}

/** What is wrong with a time to send at; null when it is fine. */
export function sendAtFault(sendAtMs: number, nowMs: number): string | null {
  if (Number.isNaN(sendAtMs)) return 'must be a time (RFC 3339)';
  if (sendAtMs > nowMs + limits.scheduleDays * 86_400_000)
    return `must be at most ${limits.scheduleDays} days ahead`;
  return null;
}
