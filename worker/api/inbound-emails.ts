import { z } from '@hono/zod-openapi';
import type { ReceivedAttachment } from '#domain/inbound/received.ts';
import { type Decision, decide } from '#domain/inbound/route.ts';
import { ruledDecision, ruleFacts } from '#domain/inbound/ruled.ts';
import { isUuidV7 } from '#domain/message/ids.ts';
import { numberOfUuid } from '#domain/number-id.ts';
import { Problem } from '#domain/problem.ts';
import { type Call, newApp, queryOf } from '../http/app.ts';
import { downloadHeaders, mailHeaders } from '../http/download.ts';
import { apiOrigin } from '../http/public-origin.ts';
import { noted } from '../identity/audit.ts';
import { rowsOf } from '../identity/rows.ts';
import { accountOf, partsOf, ruledAddress, rulesFor, toldEndpoints } from '../inbound/check.ts';
import { headBytes, openMail, readHead } from '../received/open-mail.ts';
import { readDomain } from '../store/domains.ts';
import {
  addDeliveries,
  findReceived,
  type ListedReceived,
  type Received,
  receivedStatuses,
} from '../store/received.ts';
import { readReceived } from '../store/received-object.ts';
import { countReceived, listReceived, mostLookedAt, type ReceivedFilter } from '../store/received-search.ts';
import { type ReceivingDomain, readReceiving } from '../store/receiving.ts';
import { attachmentPath, wholeMail } from '../tokens/attachment-links.ts';
import { pokeSenders } from '../webhook/poke.ts';
import { offsetQuery, offsetWithCursor } from './queries.ts';

/** `/v1/inbound-emails`: mail that came to domains of the account. */
export const inboundEmailsApp = newApp();

const part = (description: string) =>
  z.string().min(1).max(320).nullable().default(null).meta({ description });
const flag = z
  .enum(['true', 'false'], 'must be true or false')
  .transform((text) => text === 'true')
  .nullable()
  .default(null);
const time = z.iso
  .datetime({ offset: true })
  .or(z.iso.date())
  .transform((text) => Date.parse(text))
  .nullable()
  .default(null);
export const inboundEmailsQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(50),
  offset: offsetQuery,
  cursor: z
    .string()
    .refine(isUuidV7, 'must be a cursor that an earlier answer gave')
    .nullable()
    .default(null)
    .meta({ description: 'The `next` of an earlier answer.' }),
  q: part('Part of sender, recipients or subject.'),
  from: part('Part of the From field.'),
  to: part('Part of a recipient.'),
  subject: part('Part of the subject.'),
  status: z.enum(receivedStatuses).nullable().default(null),
  domain_id: z
    .preprocess(
      (text) => (typeof text === 'string' ? (numberOfUuid('domain', text) ?? text) : text),
      z.coerce.number('must be the id of a domain').int().min(1),
    )
    .nullable()
    .default(null),
  alias_id: z.coerce.number().int().min(1).nullable().default(null),
  envelope_sender: part('The envelope sender, exactly.'),
  has_attachments: flag,
  from_date: time,
  to_date: time,
  sort: z
    .enum(['received_at', 'processed_at', 'from', 'to', 'subject', 'status'])
    .default('received_at')
    .meta({ description: `Other than by \`received_at\`: among the newest ${mostLookedAt}.` }),
  direction: z.enum(['asc', 'desc']).default('desc'),
});

inboundEmailsApp.get('/inbound-emails', async (c) => {
  const query = queryOf(c, inboundEmailsQuery);
  const { limit, offset, cursor, sort, direction } = query;
  if (cursor !== null && offset > 0) throw offsetWithCursor();
  const store = c.get('store');
  const rows = rowsOf(c);
  const filter = await filterOf(c, query);
  const nowMs = Date.now();
  const inOrder = sort === 'received_at' && direction === 'desc';
  const wanted = inOrder ? offset + limit : mostLookedAt;
  const found = filter && (await listReceived(store, rows, filter, { limit: wanted, before: cursor }, nowMs));
  const all = found?.received ?? [];
  const sorted = inOrder ? all : all.toSorted(comparing(sort, direction));
  const page = sorted.slice(offset, offset + limit);
  const counted = filter && filter.status === null ? await countReceived(store, rows, filter, nowMs) : 0;
  return c.json({
    emails: page.map(summaryOf),
    total: Math.max(counted, all.length),
    limit,
    offset,
    next: inOrder ? (found?.next ?? null) : null,
  });
});

inboundEmailsApp.get('/inbound-emails/:id', async (c) => {
  const received = await receivedOf(c);
  const object = await readReceived(c.get('store'), received, Date.now());
  const mail = object && (await openMail(new Uint8Array(await object.arrayBuffer()), received));
  const { envelopeFrom, recipients, client, verdicts, decision } = received;
  return c.json({
    email: {
      ...summaryOf(received),
      to: recipients,
      headers: mail ? mail.headers : null,
      text: mail ? mail.text : null,
      html: mail ? mail.html : null,
      attachments: (mail?.attachments ?? []).map((one) => attachmentView(c, received, one)),
      spf: verdicts.spf,
      dkim: { result: verdicts.dkim.result, signatures: verdicts.dkim.signatures },
      dmarc: {
        result: verdicts.dmarc.result,
        domain: verdicts.dmarc.domain,
        policy: verdicts.dmarc.policy,
        spf_aligned: verdicts.dmarc.spfAligned,
        dkim_aligned: verdicts.dmarc.dkimAligned,
      },
      arc: verdicts.arc,
      reverse_dns: verdicts.reverse,
      spam: verdicts.spam,
      envelope: {
        from: envelopeFrom,
        to: recipients,
        remote_ip: client.remoteIp,
        helo: client.helo,
        tls: client.tls,
      },
      routed: { action: decision.action, by: decision.by, detail: decision.text },
      forwarded_message: decision.forwarded ?? null,
      webhook_deliveries: received.deliveries,
      in_reply_to_message: received.inReplyTo,
      size_bytes: received.sizeBytes,
    },
  });
});

inboundEmailsApp.get('/inbound-emails/:id/raw', async (c) => {
  const received = await receivedOf(c);
  const object = await rawOf(c, received);
  return new Response(object.body, { headers: mailHeaders(received.id) });
});

inboundEmailsApp.get('/inbound-emails/:id/attachments/:attachment/download', async (c) => {
  const received = await receivedOf(c);
  const object = await rawOf(c, received);
  if (c.req.param('attachment') === wholeMail)
    return new Response(object.body, { headers: { 'Content-Type': 'message/rfc822' } });
  const mail = await openMail(new Uint8Array(await object.arrayBuffer()), received);
  const attachment = mail.attachments.find(({ id }) => id === c.req.param('attachment'));
  if (!attachment) throw new Problem('not_found', 'The mail has no such attachment.');
  return new Response(new Uint8Array(attachment.content), { headers: downloadHeaders(attachment.filename) });
});

/** Tells of it once more, as the rules are now. */
inboundEmailsApp.post('/inbound-emails/:id/replay', async (c) => {
  const received = await receivedOf(c);
  noted(c, { received: received.id });
  return c.json({ replayed: await replayReceived(c, received) }, 202);
});

/** @throws Problem 409 when no endpoint would be told */
export async function replayReceived(c: Call, received: ListedReceived): Promise<number> {
  const store = c.get('store');
  const [first = ''] = received.recipients;
  const parts = partsOf(first);
  const { accountId } = received;
  const domain = (await readReceiving(store, [parts])).get(received.domain);
  const own = domain && accountOf(domain, parts.localPart).id === accountId ? domain : null;
  const decision = own && (await decisionNow(c, own, parts.localPart, received));
  const of = { accountId, localPart: parts.localPart };
  const endpoints = own && decision ? toldEndpoints(own, of, decision) : [];
  if (endpoints.length === 0) {
    throw new Problem(
      'conflict',
      `No rule of ${received.domain} tells an active endpoint of mail to ${first}.`,
    );
  }
  const body = JSON.stringify({
    received: received.id,
    sizeBytes: received.sizeBytes,
    origin: apiOrigin(c),
  });
  const posts = endpoints.map(({ id }) => ({ endpointId: id, body }));
  if (!(await addDeliveries(store, received, posts, Date.now()))) throw notFound();
  await pokeSenders(
    c.get('env'),
    endpoints.map(({ id }) => id),
  );
  return endpoints.length;
}

/** What the rules and routes of its domain would do with a mail now. */
async function decisionNow(
  c: Call,
  domain: ReceivingDomain,
  localPart: string,
  received: Received,
): Promise<Decision> {
  const nowMs = Date.now();
  const routed = decide(domain, localPart, nowMs);
  const rules = rulesFor(domain, localPart);
  if (routed.action === 'refuse' || rules.length === 0) return routed;
  const object = await readReceived(c.get('store'), received, nowMs, headBytes);
  const head = object
    ? await readHead(new Uint8Array(await object.arrayBuffer()))
    : { ...received, headers: [] };
  const of = ruledAddress(domain, `${localPart}@${domain.name}`);
  return ruledDecision(rules, ruleFacts(head, received.verdicts), of, nowMs) ?? routed;
}

/** The received mail of the path; 404 for another account's, one of a domain that the key is not for, and an unknown id alike. */
export async function receivedOf(c: Call): Promise<ListedReceived> {
  const id = (c.req.param('id') ?? '').toLowerCase();
  const received = isUuidV7(id) ? await findReceived(c.get('store'), rowsOf(c), id, Date.now()) : null;
  if (!received) throw notFound();
  return received;
}

async function rawOf(c: Call, received: ListedReceived): Promise<R2ObjectBody> {
  const object = await readReceived(c.get('store'), received, Date.now());
  if (!object) throw new Problem('not_found', 'The content of the mail is not kept any more.');
  return object;
}

function notFound(): Problem {
  return new Problem('not_found', 'There is no such received mail, or its time is over.');
}

/** Null when nothing can match: the domain is not there. */
async function filterOf(c: Call, query: z.output<typeof inboundEmailsQuery>): Promise<ReceivedFilter | null> {
  const { accountId } = rowsOf(c);
  const known = query.domain_id === null ? null : await readDomain(c.get('store'), query.domain_id);
  if (query.domain_id !== null && known?.domain.accountId !== accountId) return null;
  return {
    q: query.q,
    from: query.from,
    to: query.to,
    subject: query.subject,
    envelopeSender: query.envelope_sender,
    domain: known?.domain.name ?? null,
    alias: query.alias_id,
    hasAttachments: query.has_attachments,
    fromMs: query.from_date,
    toMs: query.to_date,
    status: query.status,
  };
}

type Sorting = z.output<typeof inboundEmailsQuery>['sort'];

function comparing(sort: Sorting, direction: 'asc' | 'desc') {
  const keyOf = (one: ListedReceived): string => {
    const key = summaryOf(one)[({ from: 'from_address', to: 'to_address' } as const)[sort as 'from'] ?? sort];
    return String(key ?? '').toLowerCase();
  };
  const sign = direction === 'asc' ? 1 : -1;
  return (a: ListedReceived, b: ListedReceived) => {
    const [left, right] = [keyOf(a), keyOf(b)];
    return sign * (left < right ? -1 : left > right ? 1 : a.id < b.id ? -1 : 1);
  };
}

export function summaryOf(received: ListedReceived) {
  return {
    id: received.id,
    message_id: received.messageIdHeader,
    from_address: received.fromHeader,
    to_address: received.recipients[0] ?? '',
    subject: received.subject,
    status: received.status,
    alias_id: received.decision.alias ?? null,
    has_attachments: received.hasAttachments,
    received_at: new Date(received.receivedAtMs).toISOString(),
    processed_at: received.processedAtMs === null ? null : new Date(received.processedAtMs).toISOString(),
  };
}

function attachmentView(c: Call, { id: receivedId }: ListedReceived, one: ReceivedAttachment) {
  return {
    id: one.id,
    filename: one.filename,
    content_type: one.contentType,
    size: one.content.length,
    disposition: one.disposition,
    content_id: one.contentId,
    url: apiOrigin(c) + attachmentPath({ receivedId, attachmentId: one.id }),
  };
}
