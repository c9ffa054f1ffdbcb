import { z } from 'zod';
import { parseMailbox } from './address.ts';
import { classNames } from './class.ts';
import { attachmentParts, headerFields, limits, mailbox, mailboxes, oneLine, tag } from './submission.ts';

/** Fields that belong to a composed message, not to a `raw` one. */
const composed = ['plain', 'html', 'markdown', 'headers', 'attachments'] as const;

/** Tags as an array or as one string with commas. */
const tags = z.preprocess(
  (value) =>
    typeof value === 'string'
      ? value
          .split(',')
          .map((one) => one.trim())
          .filter((one) => one !== '')
      : value,
  z.array(tag).max(limits.tags),
);

/** Body of CloudMailin's `POST /messages`: a composed message, or a `raw` one, with the same envelope fields. */
export const cloudmailinSchema = z
  .strictObject({
    /** An answer of ours that is sent again has one; it means nothing. */
    id: z.string().optional(),
    from: mailbox,
    to: mailboxes,
    cc: mailboxes,
    subject: oneLine(limits.subjectCharacters).optional(),
    plain: z.string().optional(),
    html: z.string().optional(),
    markdown: z.string().optional(),
    headers: headerFields((name) => name.toLowerCase() === 'from').optional(),
    tags: tags.optional(),
    priority: z.enum(classNames).optional(),
    test_mode: z.boolean().default(false),
    attachments: z
      .array(
        z.strictObject({
          file_name: attachmentParts.name,
          content: attachmentParts.content,
          content_type: attachmentParts.content_type,
          content_id: attachmentParts.content_id,
        }),
      )
      .max(limits.attachments)
      .optional(),
    raw: z.string().min(1).optional(),
  })
  .superRefine((body, context) => {
    const fault = (path: (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path, message });
    if (body.to.length === 0) fault(['to'], 'at least one recipient is required');
    if (body.to.length + body.cc.length > limits.recipients) {
      fault(['to'], `at most ${limits.recipients} recipients in to and cc together`);
    }
    if (body.raw !== undefined) {
      for (const name of composed) {
        if (body[name] !== undefined) fault([name], 'cannot be given together with raw');
      }
      return;
    }
    if (body.subject === undefined) fault(['subject'], 'is required unless raw is given');
    if (body.plain === undefined && body.html === undefined && body.markdown === undefined) {
      fault(['plain'], 'one of plain, html, markdown and raw is required');
    }
    for (const [name, value] of Object.entries(body.headers ?? {})) {
      if (name.toLowerCase() !== 'from') continue;
      const header = parseMailbox(value);
      if (typeof header === 'string') fault(['headers', name], header);
      else if (header.address.toLowerCase() !== body.from.address.toLowerCase()) {
        fault(['headers', name], `must match from, which is ${body.from.address}`);
      }
    }
  });
export type CloudmailinBody = z.output<typeof cloudmailinSchema>;
