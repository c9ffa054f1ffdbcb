import { z } from 'zod';
import { homeOf } from '#domain/message/home.ts';
import { limits } from '#domain/message/submission.ts';
import { isGood, Problem } from '#domain/problem.ts';
import { messageOf, timelineOf } from '../api/emails.ts';
import { askApi, callApi } from '../api/own-api.ts';
import { acceptBatch, behindKey, idempotencyOf, readDrafts } from '../api/send.ts';
import { invalidBody, newApp } from '../http/app.ts';
import { messageJsonBytes, parseBody, readJson } from '../http/request-body.ts';
import { rowsOf } from '../identity/rows.ts';
import { anyMessage, type PageCursor, readMessagePage } from '../store/message-pages.ts';
import { acceptMessage } from './accept-message.ts';
import { sentContent } from './content.ts';
import { type Dialect, fault } from './dialect.ts';
import { answerResendError, resendBody, scheduledAt, sentenceOf } from './resend-message.ts';
import { resendReceivedApp } from './resend-received.ts';
import { resendSuppressionsApp } from './resend-suppressions.ts';
import { resendTemplatesApp } from './resend-templates.ts';
import { resendThingsApp } from './resend-things.ts';
import { factsOf, lastEventOf, listing, metricsOf } from './resend-views.ts';
import { statsSchema } from './stats.ts';

/**
 * Resend's API (https://resend.com/docs/api-reference), below `/resend`: its clients get that as their base URL, by
 * `RESEND_BASE_URL` or an option, and a key of ours.
 */
export const resendApp = newApp();

export const resend: Dialect = {
  prefix: '/resend',
  answerError: answerResendError,
  missing: [
    [
      /^\/emails\/[^/]+\/attachments/,
      'Attachments of sent mail are not handed out; the page of the message has them.',
    ],
    [
      /^\/emails\/[^/]+\/share/,
      'Mail is not shared by links; people with an account look at the page of the message.',
    ],
    [
      /^\/(contacts|audiences|segments|topics|contact-properties)/,
      'There are no lists of contacts here: keep them with you and send with POST /emails/batch.',
    ],
    [/^\/broadcasts/, 'There are no broadcasts here; send with POST /emails/batch.'],
    [/^\/(automations|events)/, 'There are no automations here; your program decides when to send.'],
    [
      /^\/inboxes/,
      'There are no inboxes here; what comes is told by webhooks and listed at /emails/receiving.',
    ],
    [/^\/api-keys/, 'Keys are made and revoked on the page Sending, by people.'],
    [/^\/oauth/, 'There is no OAuth here; use an API key.'],
    [/^\/logs/, 'Requests are listed at GET /v1/requests and on the page Requests.'],
    [/^\/usage/, 'There is no plan with a quota here; limits of warming are at GET /v1/domains/:id/warming.'],
    [
      /^\/domains\/(claim|[^/]+\/claim)/,
      'A domain is not claimed: add it, and whoever proves it by DNS has it.',
    ],
  ],
};

resendApp.post('/emails', (c) =>
  behindKey(c, async () => {
    const value = await readJson(c, messageJsonBytes);
    const { message_id: id } = await acceptMessage(c, resendBody(value, Date.now()), value);
    return c.json({ id });
  }),
);

/** `strict`, their default: all or none; `permissive`: what is good. */
resendApp.post('/emails/batch', (c) =>
  behindKey(c, async () => {
    const value = await readJson(c, messageJsonBytes);
    const list = z.array(z.unknown()).min(1).max(limits.batch).safeParse(value);
    if (!list.success) throw invalidBody(list.error.issues);
    const rootOf = (n: number) => `/${n}/`;
    const bodies = list.data.map((one, n) => resendBody(one, Date.now(), rootOf(n)));
    const drafts = await readDrafts(c, bodies, rootOf);
    const isStrict = c.req.header('x-batch-validation') !== 'permissive';
    const answers = await acceptBatch(c, drafts, await idempotencyOf(c, value), isStrict);
    const errors = answers.flatMap((one, index) =>
      one instanceof Problem ? [{ index, message: sentenceOf(one) }] : [],
    );
    const data = answers.filter(isGood).map(({ message_id: id }) => ({ id }));
    return c.json({ data, ...(isStrict ? {} : { errors }) });
  }),
);

resendApp.get('/emails', async (c) => {
  const rows = rowsOf(c);
  const store = c.get('store');
  const search = { ...anyMessage, domains: rows.domains };
  return await listing(
    c,
    {
      idOf: ({ messageId }) => messageId,
      read: async (from: PageCursor | null, limit) => {
        const of = { from, limit, rows: 1400, nowMs: Date.now() };
        const { messages, next } = await readMessagePage(store, rows.accountId, search, of);
        return { entries: messages, next };
      },
      behind: async (id) => {
        const message = await messageOf(c, id);
        return { week: homeOf(message.messageId).week, seq: message.seq };
      },
    },
    factsOf,
  );
});

resendApp.get('/emails/metrics', async (c) => {
  const { start_date: from, end_date: to, dimensions = '' } = c.req.query();
  const asked = dimensions.split(',').filter((one) => one !== '');
  const [by = 'period'] = asked;
  if (asked.length > 1 || !(by === 'period' || by === 'domain'))
    throw fault('/dimensions', 'must be one of period and domain here');
  const days = { ...(from ? { from: from.slice(0, 10) } : {}), ...(to ? { to: to.slice(0, 10) } : {}) };
  const query = new URLSearchParams({ by: by === 'domain' ? 'domain' : 'day', ...days });
  const stats = await callApi(c, null, { method: 'GET', path: `/stats?${query}` }, statsSchema);
  return c.json({
    object: 'metrics',
    start_date: stats.from,
    end_date: stats.to,
    metrics: Object.keys(metricsOf([])),
    dimensions: asked,
    granularity: 'daily',
    totals: metricsOf(stats.data),
    ...(asked.length === 0
      ? {}
      : {
          data: stats.data.map((row) => ({
            ...(by === 'domain' ? { domain_name: row.domain } : { period: row.day }),
            ...metricsOf([row]),
          })),
        }),
  });
});

// Before what is sent, whose id would be `receiving`.
resendApp.route('/', resendReceivedApp);

resendApp.get('/emails/:id', async (c) => {
  const message = await messageOf(c);
  const content = await sentContent(c.get('store'), message, Date.now());
  const text = (part: string | undefined) => part?.replace(/\r?\n$/, '') ?? null;
  return c.json({
    object: 'email',
    ...factsOf(message),
    last_event: lastEventOf(message, timelineOf(message)),
    reply_to: content?.replyTo?.flatMap(({ address }) => address ?? []) ?? [],
    html: text(content?.html),
    text: text(content?.text),
    tags: Object.entries(message.metadata).map(([name, value]) => ({ name, value })),
  });
});

const reschedule = z.object({ scheduled_at: z.string().max(100) });

resendApp.patch('/emails/:id', async (c) => {
  const { messageId: id } = await messageOf(c);
  const { scheduled_at: text } = parseBody(reschedule, await readJson(c));
  await askApi(c, null, {
    method: 'PATCH',
    path: `/emails/${encodeURIComponent(id)}`,
    body: { send_at: scheduledAt(text, Date.now()) },
  });
  return c.json({ object: 'email', id });
});

resendApp.post('/emails/:id/cancel', async (c) => {
  const id = c.req.param('id');
  await askApi(c, null, { method: 'POST', path: `/emails/${encodeURIComponent(id)}/cancel` });
  return c.json({ object: 'email', id });
});

resendApp.route('/', resendThingsApp);
resendApp.route('/', resendSuppressionsApp);
resendApp.route('/', resendTemplatesApp);
resendApp.onError(answerResendError);
