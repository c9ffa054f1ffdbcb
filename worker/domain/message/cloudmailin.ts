import { z } from 'zod';
import { type Mailbox, parseMailbox, splitMailboxes } from './address.ts';
import { classNames } from './class.ts';
import { attachmentParts, headerFields, limits, mailbox, mailboxList, oneLine, tag } from './submission.ts';

/** Fields that belong to a composed message, not to a `raw` one. */
const composed = ['plain', 'html', 'markdown', 'headers', 'attachments'] as const;

/** Longest text of tags that is taken apart. */
const tagsCharacters = limits.tags * (limits.tagCharacters + 2);
/** Tags as an array or as one string with commas. */
const tags = z.preprocess(
  (value) =>
    typeof value === 'string' && value.length <= tagsCharacters
      ? value
          .split(',')
          .map((one) => one.trim())
          .filter((one) => one !== '')
      : value,
  z.array(tag).max(limits.tags),
);

/** Fields that a header may hold although they are given elsewhere: the first two must agree with that. */
const headersBeside = ['from', 'to', 'cc', 'subject', 'reply-to', 'sender'] as const;
type HeaderBeside = (typeof headersBeside)[number];
const isBeside = (name: string): name is HeaderBeside => (headersBeside as readonly string[]).includes(name);

/** The field that names a layout around the message; it never leaves. */
export const layoutField = 'x-cloudmta-layout';

/** What a header says in one of those fields; several values are one list. */
export interface Beside {
  name: string;
  field: HeaderBeside;
  value: string;
}

/** The fields of a header that are given elsewhere too, the layout that it names, and the others. */
export function partHeaders(headers: Record<string, string | string[]>): {
  beside: Beside[];
  layout: { pointer: string; name: string } | null;
  others: Record<string, string | string[]>;
} {
  let layout: { pointer: string; name: string } | null = null;
  const beside: Beside[] = [];
  const others: Record<string, string | string[]> = {};
  for (const [name, values] of Object.entries(headers)) {
    const field = name.toLowerCase();
    const [first = ''] = [values].flat();
    if (field === layoutField) layout = first === '' ? null : { pointer: `/headers/${name}`, name: first };
    else if (isBeside(field)) beside.push({ name, field, value: [values].flat().join(', ') });
    else others[name] = values;
  }
  return { beside, layout, others };
}

/** What is wrong with a field that is given elsewhere too; null when nothing is. */
function besideFault(
  { field, value }: Beside,
  body: { from: Mailbox; to: Mailbox[]; cc: Mailbox[]; subject?: string | undefined },
) {
  if (field === 'subject') {
    return body.subject === undefined || value === body.subject
      ? null
      : `must match subject, which is ${body.subject}`;
  }
  const read = splitMailboxes(value).map(parseMailbox);
  const fault = read.find((one) => typeof one === 'string');
  if (typeof fault === 'string') return fault;
  const named = read.filter((one) => typeof one !== 'string');
  if (field === 'reply-to') return null;
  if (field === 'sender') return named.length === 1 ? null : 'must be one mailbox';
  const given = field === 'from' ? [body.from] : body[field];
  const addresses = (mailboxes: readonly Mailbox[]) =>
    [...new Set(mailboxes.map(({ address }) => address.toLowerCase()))].sort().join(', ');
  return addresses(named) === addresses(given)
    ? null
    : `must match ${field}, which is ${addresses(given) || 'empty'}`;
}

/** Body of CloudMailin's `POST /messages`: a composed message, or a `raw` one, with the same envelope fields. */
export const cloudmailinSchema = z
  .strictObject({
    /** An answer of ours that is sent again has one; it means nothing. */
    id: z.string().optional(),
    from: mailbox,
    to: mailboxList,
    cc: mailboxList,
    subject: oneLine(limits.subjectCharacters).optional(),
    plain: z.string().optional(),
    html: z.string().optional(),
    markdown: z.string().max(limits.markdownCharacters).optional(),
    headers: headerFields(
      (name) => isBeside(name.toLowerCase()) || name.toLowerCase() === layoutField,
    ).optional(),
    tags: tags.optional(),
    priority: z.enum(classNames).optional(),
    priorty: z
      .enum(classNames)
      .optional()
      .meta({ description: 'The same as `priority`: the service’s Go client spells it so.' }),
    test_mode: z.boolean().default(false),
    attachments: z
      .array(
        z.strictObject({
          file_name: attachmentParts.name,
          content: attachmentParts.content,
          // Its Go client sends an empty one where it knows none.
          content_type: z.preprocess(
            (type) => (type === '' ? undefined : type),
            attachmentParts.content_type,
          ),
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
    const { beside } = partHeaders(body.headers ?? {});
    if (body.subject === undefined && !beside.some(({ field }) => field === 'subject')) {
      fault(['subject'], 'is required unless raw is given');
    }
    if (body.plain === undefined && body.html === undefined && body.markdown === undefined) {
      fault(['plain'], 'one of plain, html, markdown and raw is required');
    }
    for (const field of beside) {
      const wrong = besideFault(field, body);
      if (wrong !== null) fault(['headers', field.name], wrong);
    }
  });
export type CloudmailinBody = z.output<typeof cloudmailinSchema>;
