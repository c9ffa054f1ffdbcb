import { z } from 'zod';
import { postmarkTime } from '#domain/event-formats/postmark.ts';
import { postmarkContent, postmarkFacts } from '#domain/inbound/formats/postmark.ts';
import { limits } from '#domain/message/submission.ts';
import { Problem } from '#domain/problem.ts';
import { messageOf } from '../api/emails.ts';
import { receivedOf, replayReceived } from '../api/inbound-emails.ts';
import { acceptBatch, behindKey, idempotencyOf, readDrafts } from '../api/send.ts';
import { type Call, invalidBody, newApp } from '../http/app.ts';
import { messageJsonBytes, readJson } from '../http/request-body.ts';
import { rowsOf } from '../identity/rows.ts';
import type { Acceptance } from '../intake/accept.ts';
import { openMail } from '../received/open-mail.ts';
import { anyMessage, readMessagePage } from '../store/message-pages.ts';
import { readReceived } from '../store/received-object.ts';
import { anyReceived, listReceived } from '../store/received-search.ts';
import { acceptMessage } from './accept-message.ts';
import { sentContent, sentSource } from './content.ts';
import { type Dialect, type Fields, objectOf } from './dialect.ts';
import { messageEvents, postmarkEventsApp } from './postmark-events.ts';
import { messageFields, templatedFields } from './postmark-fields.ts';
import { answerPostmarkError, postmarkBody, postmarkDraft, refusalOf } from './postmark-message.ts';
import { postmarkTemplatesApp } from './postmark-templates.ts';
import { postmarkThingsApp } from './postmark-things.ts';
import { messageView, postmarkQuery } from './postmark-views.ts';

/**
 * Postmark's API (https://postmarkapp.com/developer), below `/postmark`: its clients get that with the host, as
 * `requestHost`, and a key of ours as their token of a server or an account.
 */
export const postmarkApp = newApp();

export const postmark: Dialect = {
  prefix: '/postmark',
  answerError: answerPostmarkError,
  missing: [
    [/^\/email\/bulk/, 'Send with POST /email/batch: each message has its own answer.'],
    [
      /^\/servers?(\/|$)/,
      'There are no servers here: a key belongs to an account; keys are made on the page Sending.',
    ],
    [
      /^\/senders/,
      'There are no signatures of single senders here: a verified domain sends from all of its addresses.',
    ],
    [
      /^\/message-streams/,
      'A stream begins with the first message that names it in MessageStream; none is made beforehand.',
    ],
    [
      /^\/triggers/,
      'What is refused of received mail is told by the rules of its domain: /v1/domains/:id/rules.',
    ],
    [
      /^\/stats\/outbound\//,
      'That is not found out about readers here: opens and clicks are counted, and told by webhooks.',
    ],
    [
      /^\/data-removals/,
      'What is kept of a recipient goes with its time: content after days, the rest after 30.',
    ],
    [
      /^\/messages\/inbound\/[^/]+\/bypass/,
      'What a rule refuses is refused in the SMTP session and not kept.',
    ],
  ],
};

postmarkApp.post('/email', (c) => sendOne(c, messageFields));
postmarkApp.post('/email/withTemplate', (c) => sendOne(c, templatedFields));
postmarkApp.post('/email/withTemplate/', (c) => sendOne(c, templatedFields));
postmarkApp.post('/email/batch', (c) => sendBatch(c, messageFields, (body) => body));
postmarkApp.post('/email/batchWithTemplates', (c) =>
  sendBatch(c, templatedFields, (body) => objectOf(body)?.Messages),
);

function sendOne(c: Call, fields: Fields): Promise<Response> {
  return behindKey(c, async () => {
    const value = await readJson(c, messageJsonBytes);
    const body = postmarkBody(value, fields);
    return c.json(sentView(value, await acceptMessage(c, body, value, postmarkDraft)));
  });
}

function sendBatch(c: Call, fields: Fields, listIn: (body: unknown) => unknown): Promise<Response> {
  return behindKey(c, async () => {
    const value = await readJson(c, messageJsonBytes);
    const list = z.array(z.unknown()).min(1).safeParse(listIn(value));
    if (!list.success) throw invalidBody(list.error.issues);
    if (list.data.length > limits.batch) {
      const detail = `A batch may have at most ${limits.batch} messages, this one has ${list.data.length}.`;
      throw new Problem('invalid_body', detail, { members: { ErrorCode: 410 } });
    }
    const bodies = list.data.map((one) => postmarkBody(one, fields));
    const drafts = await readDrafts(c, bodies, () => '/', postmarkDraft);
    const answers = await acceptBatch(c, drafts, await idempotencyOf(c, value));
    return c.json(
      answers.map((one, i) => (one instanceof Problem ? refusalOf(one, c) : sentView(list.data[i], one))),
    );
  });
}

function sentView(value: unknown, { message_id: id }: Acceptance) {
  const { To, Cc, Bcc } = objectOf(value) ?? {};
  return {
    To,
    ...(Cc ? { Cc } : {}),
    ...(Bcc ? { Bcc } : {}),
    SubmittedAt: postmarkTime(Date.now()),
    MessageID: id,
    ErrorCode: 0,
    Message: 'OK',
  };
}

postmarkApp.get('/messages/outbound', async (c) => {
  const { count, offset, search } = postmarkQuery(c);
  const rows = rowsOf(c);
  const { messages, next } = await readMessagePage(
    c.get('store'),
    rows.accountId,
    { ...anyMessage, ...search, domains: rows.domains },
    { from: null, limit: count, offset, rows: 1400, nowMs: Date.now() },
  );
  // How many there are is not counted: so many as are known of.
  const known = offset + messages.length + (next === null ? 0 : 1);
  return c.json({ TotalCount: known, Messages: messages.map(messageView) });
});

postmarkApp.get('/messages/outbound/:id/details', async (c) => {
  const message = await messageOf(c);
  const nowMs = Date.now();
  const source = await sentSource(c.get('store'), message, nowMs);
  const content = await sentContent(c.get('store'), message, nowMs);
  return c.json({
    ...messageView(message),
    Attachments: content?.attachments.map(({ filename }) => filename ?? '') ?? [],
    TextBody: content?.text ?? '',
    HtmlBody: content?.html ?? '',
    Body: textOf(source),
    MessageEvents: messageEvents(message),
  });
});

postmarkApp.get('/messages/outbound/:id/dump', async (c) => {
  const message = await messageOf(c);
  return c.json({ Body: textOf(await sentSource(c.get('store'), message, Date.now())) });
});

function textOf(source: Uint8Array | null): string {
  return source ? new TextDecoder().decode(source) : '';
}

postmarkApp.get('/messages/inbound', async (c) => {
  const { count, offset, inbound } = postmarkQuery(c);
  const filter = { ...anyReceived, ...inbound };
  const page = { limit: offset + count, before: null };
  const { received, next } = await listReceived(c.get('store'), rowsOf(c), filter, page, Date.now());
  const some = received.slice(offset);
  return c.json({
    TotalCount: received.length + (next === null ? 0 : 1),
    InboundMessages: some.map((one) => ({
      From: one.envelopeFrom,
      FromName: one.fromHeader,
      To: one.recipients.join(', '),
      OriginalRecipient: one.recipients[0] ?? '',
      Subject: one.subject,
      Date: postmarkTime(one.receivedAtMs),
      MessageID: one.id,
      Status: inboundStatus(one.status),
      MessageStream: 'inbound',
    })),
  });
});

postmarkApp.get('/messages/inbound/:id/details', async (c) => {
  const received = await receivedOf(c);
  const object = await readReceived(c.get('store'), received, Date.now());
  if (!object) throw new Problem('not_found', 'The content of the mail is not kept any more.');
  const mail = await openMail(new Uint8Array(await object.arrayBuffer()), received);
  return c.json({
    ...postmarkFacts(mail),
    ...postmarkContent(mail),
    Attachments: mail.attachments.map(({ filename, contentType, contentId, content }) => ({
      Name: filename,
      ContentType: contentType,
      ContentID: contentId ?? '',
      ContentLength: content.length,
    })),
    Status: inboundStatus(received.status),
    BlockedReason: '',
  });
});

postmarkApp.put('/messages/inbound/:id/retry', async (c) => {
  await replayReceived(c, await receivedOf(c));
  return c.json({ ErrorCode: 0, Message: 'The mail is told once more.' });
});

function inboundStatus(status: string): string {
  return (
    { received: 'Queued', processing: 'Scheduled', delivered: 'Processed', failed: 'Failed' }[status] ?? ''
  );
}

postmarkApp.route('/', postmarkEventsApp);
postmarkApp.route('/', postmarkThingsApp);
postmarkApp.route('/', postmarkTemplatesApp);
postmarkApp.onError(answerPostmarkError);
