import { z } from 'zod';
import { cloudmailinSchema } from '#domain/cloudmailin.ts';
import type { ProblemCode } from '#domain/problem.ts';
import type { Scope } from '#domain/scope.ts';
import { limits, sendSchema } from '#domain/submission.ts';
import * as answers from './answers.ts';
import { eventsQuery, listQuery, statsQuery } from './queries.ts';

/** An operation of the public API: one row; the OpenAPI document and the reference page derive from it. */
export interface Operation {
  id: string;
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** With `:name` for what varies. */
  path: string;
  group: (typeof groups)[number]['name'];
  summary: string;
  about: string;
  /** What the key must be allowed to do; null: any key will do. */
  scope: Scope | null;
  query?: z.ZodObject;
  headers?: { name: string; about: string }[];
  body?: { type: string; schema: z.ZodType };
  /** The good answer. */
  answer: { status: number; about: string; schema: z.ZodType };
  /** Beside 401, 403, 429 and 500, which every operation may answer. */
  problems: ProblemCode[];
  /** Errors are `{status, error}`, with these statuses. */
  shortErrors?: boolean;
}

const idempotency = {
  name: 'Idempotency-Key',
  about: `At most ${limits.idempotencyKeyCharacters} characters, kept ${limits.idempotencyHours} hours: the same request gives the first answer again.`,
};
const sendProblems: ProblemCode[] = [
  'invalid_json',
  'invalid_body',
  'invalid_address',
  'idempotency_conflict',
  'too_large',
  'unsupported_media_type',
  'all_suppressed',
  'unavailable',
];

/** The groups of operations in their order. */
export const groups = [
  { name: 'Sending', about: 'Every way in ends in the same intake: what is accepted is durable.' },
  { name: 'Messages', about: 'What was sent, and where it is.' },
  { name: 'Events', about: 'What happened, one by one and counted.' },
  { name: 'Domains', about: 'The domains that mail is sent from.' },
  { name: 'Credentials', about: 'API keys; the same pair logs in by SMTP.' },
  { name: 'CloudMailin’s dialect', about: 'For clients that were written for CloudMailin’s message API.' },
] as const;

export const operations: readonly Operation[] = [
  {
    id: 'send',
    method: 'post',
    path: '/v1/send',
    group: 'Sending',
    summary: 'Send a message',
    about: 'When it is answered with 202, the message is durable.',
    scope: 'send',
    headers: [idempotency],
    body: { type: 'application/json', schema: sendSchema.meta({ id: 'Message' }) },
    answer: { status: 202, about: 'Accepted', schema: answers.acceptanceAnswer },
    problems: sendProblems,
  },
  {
    id: 'sendBatch',
    method: 'post',
    path: '/v1/send/batch',
    group: 'Sending',
    summary: 'Send several messages',
    about: 'One answer a message, in their order; a message that is refused leaves the others alone.',
    scope: 'send',
    headers: [idempotency],
    body: {
      type: 'application/json',
      schema: z
        .array(sendSchema.meta({ id: 'Message' }))
        .min(1)
        .max(limits.batch),
    },
    answer: { status: 202, about: 'One answer each', schema: answers.batchAnswer },
    problems: sendProblems,
  },
  {
    id: 'sendRaw',
    method: 'post',
    path: '/v1/send/raw',
    group: 'Sending',
    summary: 'Send a whole message',
    about:
      'A message of one’s own making (RFC 5322), kept byte for byte apart from control fields and Bcc, which are taken out, and Message-ID and Date, which are added where missing. Recipients come from the envelope.',
    scope: 'send',
    query: z.object({
      mail_from: z.string().default('').meta({ description: 'Sender of the envelope; replaced by our own.' }),
      rcpt_to: z.array(z.string()).min(1).max(limits.recipients).meta({ description: 'Repeated, one each.' }),
    }),
    headers: [idempotency],
    body: { type: 'message/rfc822', schema: z.string() },
    answer: { status: 202, about: 'Accepted', schema: answers.acceptanceAnswer },
    problems: [...sendProblems, 'invalid_message'],
  },
  {
    id: 'listEmails',
    method: 'get',
    path: '/v1/emails',
    group: 'Messages',
    summary: 'List messages',
    about: 'Newest first.',
    scope: 'read',
    query: listQuery,
    answer: { status: 200, about: 'A page', schema: answers.emailsAnswer },
    problems: ['invalid_body'],
  },
  {
    id: 'getEmail',
    method: 'get',
    path: '/v1/emails/:id',
    group: 'Messages',
    summary: 'Read a message',
    about: 'With the state of each recipient’s delivery.',
    scope: 'read',
    answer: { status: 200, about: 'The message', schema: answers.emailAnswer },
    problems: ['not_found'],
  },
  {
    id: 'getEmailEvents',
    method: 'get',
    path: '/v1/emails/:id/events',
    group: 'Messages',
    summary: 'Read what happened to a message',
    about: 'Oldest first.',
    scope: 'read',
    answer: { status: 200, about: 'Its events', schema: answers.timelineAnswer },
    problems: ['not_found'],
  },
  {
    id: 'cancelEmail',
    method: 'post',
    path: '/v1/emails/:id/cancel',
    group: 'Messages',
    summary: 'Cancel a message',
    about: 'Calls back what no node has taken yet.',
    scope: 'send',
    answer: { status: 200, about: 'The message as it is now', schema: answers.cancelAnswer },
    problems: ['not_found', 'conflict'],
  },
  {
    id: 'listEvents',
    method: 'get',
    path: '/v1/events',
    group: 'Events',
    summary: 'Read the account’s events',
    about: 'Every event in the order of the commits, without gaps or doubles.',
    scope: 'read',
    query: eventsQuery,
    answer: { status: 200, about: 'The events after the cursor', schema: answers.eventsAnswer },
    problems: ['invalid_body'],
  },
  {
    id: 'getStats',
    method: 'get',
    path: '/v1/stats',
    group: 'Events',
    summary: 'Read statistics',
    about:
      'How often each event happened, by UTC day, tag, sending domain or class; the last 30 days unless told otherwise. Mail in test mode is left out. Of more than 200 tags a day, the rest is counted as `(other)`.',
    scope: 'read',
    query: statsQuery,
    answer: { status: 200, about: 'The counters', schema: answers.statsAnswer },
    problems: ['invalid_body'],
  },
  {
    id: 'getWarming',
    method: 'get',
    path: '/v1/domains/:id/warming',
    group: 'Domains',
    summary: 'Read how far a domain is warmed',
    about: 'A new domain’s volume grows by phases; what is over its limits is refused with 429.',
    scope: 'read',
    answer: { status: 200, about: 'Phase, limits and use', schema: answers.warmingAnswer },
    problems: ['not_found', 'conflict'],
  },
  {
    id: 'getCredential',
    method: 'get',
    path: '/v1/credential',
    group: 'Credentials',
    summary: 'Read what the key is',
    about: 'For checking a key.',
    scope: null,
    answer: { status: 200, about: 'The credential', schema: answers.credentialAnswer },
    problems: [],
  },
  {
    id: 'cloudmailinSend',
    method: 'post',
    path: '/api/v0.1/:username/messages',
    group: 'CloudMailin’s dialect',
    summary: 'Send a message, as CloudMailin’s clients do',
    about: 'The same intake under another spelling. `username` must be that of the key.',
    scope: 'send',
    headers: [idempotency],
    body: { type: 'application/json', schema: cloudmailinSchema.meta({ id: 'CloudmailinRequest' }) },
    answer: { status: 202, about: 'Accepted', schema: answers.cloudmailinAnswer },
    problems: ['not_found', 'idempotency_conflict', 'all_suppressed', 'unavailable'],
    shortErrors: true,
  },
];
