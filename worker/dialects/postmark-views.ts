import { z } from 'zod';
import { messageStatus } from '#domain/delivery/delivery.ts';
import { postmarkStream, postmarkTime, streamOfPostmark } from '#domain/event-formats/postmark.ts';
import { mailboxesIn } from '#domain/inbound/formats/addressees.ts';
import { readDate } from '#domain/time.ts';
import { type Call, invalidBody } from '../http/app.ts';
import type { MessageSearch } from '../store/message-pages.ts';
import type { ListedMessage } from '../store/messages.ts';

const date = z
  .string()
  .transform((text, context) => {
    const ms = readDate(text);
    if (typeof ms === 'number') return ms;
    context.addIssue({ code: 'custom', message: ms });
    return z.NEVER;
  })
  .nullable()
  .default(null);
const part = z.string().min(1).max(2000).nullable().default(null);
const schema = z.object({
  count: z.coerce.number().int().min(1).max(500).default(100),
  offset: z.coerce.number().int().min(0).max(10_000).default(0),
  recipient: part,
  fromemail: part,
  emailfilter: part,
  emailaddress: part,
  tag: part,
  messagestream: part,
  subject: part,
  type: part,
  status: part,
  inactive: z.enum(['true', 'false']).nullable().default(null),
  messageid: part,
  suppressionreason: part,
  origin: part,
  templatetype: z.enum(['All', 'Standard', 'Layout']).nullable().default(null),
  layouttemplate: part,
  fromdate: date,
  todate: date,
});

const dayMs = 86_400_000;

/** The query of a list, in which names may be spelled in any case; `todate` is a day that belongs to it. */
export function postmarkQuery(c: Call) {
  const given = Object.entries(c.req.query()).map(([name, value]) => [name.toLowerCase(), value]);
  const parsed = schema.safeParse(Object.fromEntries(given));
  if (!parsed.success) throw invalidBody(parsed.error.issues, '');
  const { count, offset, todate, fromdate: fromMs, ...filter } = parsed.data;
  const beforeMs = todate === null ? null : todate % dayMs === 0 ? todate + dayMs : todate;
  const { recipient, fromemail: from, tag, subject } = filter;
  const stream = filter.messagestream === null ? null : streamOfPostmark(filter.messagestream);
  const search: Partial<MessageSearch> = {
    ...(recipient === null ? {} : { recipient: { address: recipient, anyCase: true } }),
    ...{ from, tag, stream, subject, fromMs, beforeMs },
  };
  return {
    count,
    offset,
    filter,
    fromMs,
    beforeMs,
    stream,
    search,
    inbound: { from, to: recipient, subject, fromMs, toMs: beforeMs },
  };
}

/** Their two words for where a message is. */
function statusOf(message: ListedMessage): string {
  const state = messageStatus(message.deliveries.map((one) => one.state));
  return ['scheduled', 'queued', 'sending', 'deferred'].includes(state) ? 'Queued' : 'Sent';
}

/** A message as lists tell it. */
export function messageView(message: ListedMessage) {
  const people = (list: string[]) =>
    list.flatMap(mailboxesIn).map(({ name, address }) => ({ Email: address, Name: name }));
  const recipients = message.deliveries.map(({ recipient }) => recipient);
  const to = people(message.addressees.to);
  const cc = people(message.addressees.cc);
  const seen = new Set([...to, ...cc].map(({ Email }) => Email.toLowerCase()));
  return {
    Tag: message.tags[0] ?? '',
    MessageID: message.messageId,
    MessageStream: postmarkStream(message.stream),
    To: to,
    Cc: cc,
    Bcc: people(recipients.filter((one) => !seen.has(one.toLowerCase()))),
    Recipients: recipients,
    ReceivedAt: postmarkTime(message.acceptedAtMs),
    From: message.fromHeader,
    Subject: message.subject,
    Attachments: [] as string[],
    Status: statusOf(message),
    TrackOpens: message.tracked.opens,
    TrackLinks: message.tracked.clicks ? 'HtmlOnly' : 'None',
    Metadata: message.metadata,
    Sandboxed: message.testMode,
  };
}
