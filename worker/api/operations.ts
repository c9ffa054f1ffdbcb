import { z } from 'zod';
import { cloudmailinSchema } from '#domain/cloudmailin.ts';
import { mailSettingsChange, mailSettingsView } from '#domain/mail-settings.ts';
import type { ProblemCode } from '#domain/problem.ts';
import type { Scope } from '#domain/scope.ts';
import { limits, sendSchema } from '#domain/submission.ts';
import { importFormats } from '#domain/suppression-import.ts';
import { rotationOverlapMs, webhookLimits } from '#domain/webhook.ts';
import * as answers from './answers.ts';
import { dnsQuery, domainChange, domainsQuery, newDomain } from './domains.ts';
import { eventsQuery, listQuery, statsQuery } from './queries.ts';
import { sendQuery } from './send.ts';
import {
  importQuery,
  newSuppression,
  suppressionCheckQuery,
  suppressionRemoval,
  suppressionsQuery,
} from './suppressions.ts';
import { webhookDeliveriesQuery } from './webhook-deliveries.ts';
import { newWebhook, webhookChange, webhookReplay } from './webhooks.ts';

/** A good answer. */
export interface GoodAnswer {
  status: number;
  about: string;
  /** Null: it has no body. */
  schema: z.ZodType | null;
  /** `application/json` unless told. */
  type?: string;
}

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
  /** What the varying parts of the path are, where their names do not tell. */
  parameters?: Record<string, string>;
  query?: z.ZodObject;
  headers?: { name: string; about: string }[];
  body?: { type: string; schema: z.ZodType };
  answer: GoodAnswer;
  /** Another good answer, for those who ask for it. */
  also?: GoodAnswer;
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

const jsonProblems: ProblemCode[] = ['invalid_json', 'invalid_body', 'too_large', 'unsupported_media_type'];
/** Whose exports are understood. */
const importSources = [...new Set(importFormats.map(({ name }) => name.split(' ')[0]))]
  .filter((name) => name !== 'pennypost')
  .join(', ');
const domainId = { id: 'Its number or its name.' };

/** The groups of operations in their order. */
export const groups = [
  { name: 'Sending', about: 'Every way in ends in the same intake: what is accepted is durable.' },
  { name: 'Messages', about: 'What was sent, and where it is.' },
  { name: 'Events', about: 'What happened, one by one and counted.' },
  {
    name: 'Webhooks',
    about: 'Endpoints that events are posted to, signed as Standard Webhooks, and what was posted.',
  },
  { name: 'Suppressions', about: 'Addresses that are not mailed.' },
  { name: 'Domains', about: 'The domains that mail is sent from, their DNS records and DKIM keys.' },
  { name: 'Settings', about: 'What the account has decided for its mail.' },
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
    query: sendQuery,
    headers: [idempotency],
    body: { type: 'application/json', schema: sendSchema.meta({ id: 'Message' }) },
    answer: { status: 202, about: 'Accepted', schema: answers.acceptanceAnswer },
    also: { status: 200, about: 'With `dry_run`: what would be', schema: answers.rehearsalAnswer },
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
    id: 'createWebhook',
    method: 'post',
    path: '/v1/webhooks',
    group: 'Webhooks',
    summary: 'Make a webhook endpoint',
    about: 'It gets what happens from now on. The answer has its secret.',
    scope: 'manage',
    body: { type: 'application/json', schema: newWebhook.meta({ id: 'NewWebhook' }) },
    answer: { status: 201, about: 'The endpoint with its secret', schema: answers.webhookSecretAnswer },
    problems: [...jsonProblems, 'conflict', 'unavailable'],
  },
  {
    id: 'listWebhooks',
    method: 'get',
    path: '/v1/webhooks',
    group: 'Webhooks',
    summary: 'List webhook endpoints',
    about: 'All of the account.',
    scope: 'read',
    answer: { status: 200, about: 'The endpoints', schema: answers.webhooksAnswer },
    problems: [],
  },
  {
    id: 'getWebhook',
    method: 'get',
    path: '/v1/webhooks/:id',
    group: 'Webhooks',
    summary: 'Read a webhook endpoint',
    about: 'With its state, and since when it fails.',
    scope: 'read',
    answer: { status: 200, about: 'The endpoint', schema: answers.webhookAnswer },
    problems: ['not_found'],
  },
  {
    id: 'changeWebhook',
    method: 'patch',
    path: '/v1/webhooks/:id',
    group: 'Webhooks',
    summary: 'Change a webhook endpoint',
    about: 'Fields that are left out stay. An endpoint that is enabled again goes on where it stood.',
    scope: 'manage',
    body: { type: 'application/json', schema: webhookChange.meta({ id: 'WebhookChange' }) },
    answer: { status: 200, about: 'The endpoint as it is now', schema: answers.webhookAnswer },
    problems: [...jsonProblems, 'not_found', 'unavailable'],
  },
  {
    id: 'deleteWebhook',
    method: 'delete',
    path: '/v1/webhooks/:id',
    group: 'Webhooks',
    summary: 'Delete a webhook endpoint',
    about: 'Nothing more is posted to it.',
    scope: 'manage',
    answer: { status: 204, about: 'It is gone', schema: null },
    problems: ['not_found'],
  },
  {
    id: 'testWebhook',
    method: 'post',
    path: '/v1/webhooks/:id/test',
    group: 'Webhooks',
    summary: 'Test a webhook endpoint',
    about: 'Posts a signed event that never happened, once, and tells what came of it.',
    scope: 'manage',
    answer: { status: 200, about: 'What came of it', schema: answers.webhookTestAnswer },
    problems: ['not_found'],
  },
  {
    id: 'rotateWebhookSecret',
    method: 'post',
    path: '/v1/webhooks/:id/rotate',
    group: 'Webhooks',
    summary: 'Rotate a webhook’s secret',
    about: `Makes a new secret; the one before it signs as well for ${rotationOverlapMs / 3_600_000} hours.`,
    scope: 'manage',
    answer: { status: 200, about: 'The endpoint with its new secret', schema: answers.webhookSecretAnswer },
    problems: ['not_found'],
  },
  {
    id: 'replayWebhook',
    method: 'post',
    path: '/v1/webhooks/:id/replay',
    group: 'Webhooks',
    summary: 'Post to a webhook endpoint again',
    about: `Either one delivery by \`delivery_id\`, or those of a time from \`from\` to before \`to\`, ${webhookLimits.replay} a call. They keep their ids.`,
    scope: 'manage',
    body: { type: 'application/json', schema: webhookReplay.meta({ id: 'WebhookReplayRequest' }) },
    answer: { status: 202, about: 'How many are posted again', schema: answers.webhookReplayAnswer },
    problems: [...jsonProblems, 'not_found', 'conflict'],
  },
  {
    id: 'listWebhookDeliveries',
    method: 'get',
    path: '/v1/webhook-deliveries',
    group: 'Webhooks',
    summary: 'List what was posted',
    about: 'Newest first.',
    scope: 'read',
    query: webhookDeliveriesQuery,
    answer: { status: 200, about: 'A page', schema: answers.webhookDeliveriesAnswer },
    problems: ['invalid_body', 'not_found'],
  },
  {
    id: 'getWebhookDelivery',
    method: 'get',
    path: '/v1/webhook-deliveries/:id',
    group: 'Webhooks',
    summary: 'Read a webhook delivery',
    about: 'With its body and every try that is kept.',
    scope: 'read',
    answer: { status: 200, about: 'The delivery', schema: answers.webhookDeliveryAnswer },
    problems: ['not_found'],
  },
  {
    id: 'replayWebhookDelivery',
    method: 'post',
    path: '/v1/webhook-deliveries/:id/replay',
    group: 'Webhooks',
    summary: 'Post a webhook delivery again',
    about: 'With the same id.',
    scope: 'manage',
    answer: { status: 202, about: 'The delivery as it is now', schema: answers.webhookDeliveryAnswer },
    problems: ['not_found', 'conflict'],
  },
  {
    id: 'listSuppressions',
    method: 'get',
    path: '/v1/suppressions',
    group: 'Suppressions',
    summary: 'List suppressions',
    about: 'Newest first.',
    scope: 'read',
    query: suppressionsQuery,
    answer: { status: 200, about: 'A page', schema: answers.suppressionsAnswer },
    problems: ['invalid_body'],
  },
  {
    id: 'checkSuppression',
    method: 'get',
    path: '/v1/suppressions/check',
    group: 'Suppressions',
    summary: 'Check an address',
    about: 'Whether exactly this address is suppressed, and the proof.',
    scope: 'read',
    query: suppressionCheckQuery,
    answer: { status: 200, about: 'Its entries', schema: answers.suppressionCheckAnswer },
    problems: ['invalid_body'],
  },
  {
    id: 'createSuppression',
    method: 'post',
    path: '/v1/suppressions',
    group: 'Suppressions',
    summary: 'Suppress an address',
    about: 'Replaces the entry of this address and scope, if there is one.',
    scope: 'manage',
    body: { type: 'application/json', schema: newSuppression.meta({ id: 'NewSuppression' }) },
    answer: { status: 201, about: 'The entry', schema: answers.suppressionAnswer },
    problems: jsonProblems,
  },
  {
    id: 'deleteSuppression',
    method: 'delete',
    path: '/v1/suppressions/:email',
    group: 'Suppressions',
    summary: 'Let an address be mailed again',
    about: 'Removes its entries: all of them, or that of one scope.',
    scope: 'manage',
    query: suppressionRemoval,
    answer: { status: 204, about: 'They are gone', schema: null },
    problems: ['invalid_body', 'not_found'],
  },
  {
    id: 'importSuppressions',
    method: 'post',
    path: '/v1/suppressions/import',
    group: 'Suppressions',
    summary: 'Import suppressions',
    about: `Reads a CSV export of ours or of ${importSources}, and says what it would do; \`commit=true\` does it.`,
    scope: 'manage',
    query: importQuery,
    body: { type: 'text/csv', schema: z.string() },
    answer: { status: 200, about: 'What it comes to', schema: answers.importAnswer },
    problems: ['invalid_body', 'too_large', 'unsupported_media_type'],
  },
  {
    id: 'exportSuppressions',
    method: 'get',
    path: '/v1/suppressions/export',
    group: 'Suppressions',
    summary: 'Export suppressions',
    about: 'All of them, oldest first; what an import takes.',
    scope: 'read',
    answer: { status: 200, about: 'A CSV file with a header', schema: z.string(), type: 'text/csv' },
    problems: [],
  },
  {
    id: 'createDomain',
    method: 'post',
    path: '/v1/domains',
    group: 'Domains',
    summary: 'Add a domain',
    about: 'It gets DKIM keys and may send once its records are found in DNS.',
    scope: 'manage',
    body: { type: 'application/json', schema: newDomain.meta({ id: 'NewDomain' }) },
    answer: { status: 201, about: 'The domain with the records to publish', schema: answers.domainAnswer },
    problems: [...jsonProblems, 'conflict'],
  },
  {
    id: 'listDomains',
    method: 'get',
    path: '/v1/domains',
    group: 'Domains',
    summary: 'List domains',
    about: 'A key that is limited to some domains sees no others.',
    scope: 'read',
    query: domainsQuery,
    answer: { status: 200, about: 'A page', schema: answers.domainsAnswer },
    problems: ['invalid_body'],
  },
  {
    id: 'getDomain',
    method: 'get',
    path: '/v1/domains/:id',
    group: 'Domains',
    summary: 'Read a domain',
    about: 'With its records and what was last found of them.',
    scope: 'read',
    parameters: domainId,
    answer: { status: 200, about: 'The domain', schema: answers.domainAnswer },
    problems: ['not_found'],
  },
  {
    id: 'changeDomain',
    method: 'patch',
    path: '/v1/domains/:id',
    group: 'Domains',
    summary: 'Change a domain',
    about: 'Fields that are left out stay. Its records are looked at anew.',
    scope: 'manage',
    parameters: domainId,
    body: { type: 'application/json', schema: domainChange.meta({ id: 'DomainChange' }) },
    answer: { status: 200, about: 'The domain as it is now', schema: answers.domainAnswer },
    problems: [...jsonProblems, 'not_found', 'conflict'],
  },
  {
    id: 'deleteDomain',
    method: 'delete',
    path: '/v1/domains/:id',
    group: 'Domains',
    summary: 'Remove a domain',
    about: 'With its keys.',
    scope: 'manage',
    parameters: domainId,
    answer: { status: 204, about: 'It is gone', schema: null },
    problems: ['not_found'],
  },
  {
    id: 'verifyDomain',
    method: 'post',
    path: '/v1/domains/:id/verify',
    group: 'Domains',
    summary: 'Verify a domain',
    about: 'Looks at its DNS records now.',
    scope: 'manage',
    parameters: domainId,
    answer: { status: 200, about: 'The domain as it is now', schema: answers.domainAnswer },
    problems: ['not_found', 'conflict'],
  },
  {
    id: 'getDomainDns',
    method: 'get',
    path: '/v1/domains/:id/dns',
    group: 'Domains',
    summary: 'Read a domain’s DNS records',
    about: 'What to publish, what was found, and the fix.',
    scope: 'read',
    parameters: domainId,
    query: dnsQuery,
    answer: { status: 200, about: 'The records', schema: answers.dnsAnswer },
    also: { status: 200, about: 'A zone snippet', schema: z.string(), type: 'text/plain' },
    problems: ['invalid_body', 'not_found'],
  },
  {
    id: 'getDomainDkim',
    method: 'get',
    path: '/v1/domains/:id/dkim',
    group: 'Domains',
    summary: 'Read a domain’s DKIM keys',
    about: 'Public halves only.',
    scope: 'read',
    parameters: domainId,
    answer: { status: 200, about: 'Its keys', schema: answers.dkimAnswer },
    problems: ['not_found'],
  },
  {
    id: 'rotateDomainDkim',
    method: 'post',
    path: '/v1/domains/:id/dkim/rotate',
    group: 'Domains',
    summary: 'Rotate a domain’s DKIM keys',
    about:
      'Makes new keys beside the old; they sign once they are found in DNS, and the old ones retire a week later.',
    scope: 'manage',
    parameters: domainId,
    answer: { status: 201, about: 'All its keys', schema: answers.dkimAnswer },
    problems: ['not_found', 'conflict'],
  },
  {
    id: 'retireDomainDkim',
    method: 'post',
    path: '/v1/domains/:id/dkim/:selector/retire',
    group: 'Domains',
    summary: 'Retire a DKIM key',
    about: 'It signs no more. The only RSA key that signs cannot be retired.',
    scope: 'manage',
    parameters: domainId,
    answer: { status: 200, about: 'All its keys', schema: answers.dkimAnswer },
    problems: ['not_found', 'conflict'],
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
    id: 'getSettings',
    method: 'get',
    path: '/v1/settings',
    group: 'Settings',
    summary: 'Read the settings',
    about: 'What holds for messages that do not ask for something else.',
    scope: 'read',
    answer: { status: 200, about: 'The settings', schema: mailSettingsView.meta({ id: 'Settings' }) },
    problems: [],
  },
  {
    id: 'changeSettings',
    method: 'patch',
    path: '/v1/settings',
    group: 'Settings',
    summary: 'Change the settings',
    about: 'Fields that are left out stay. It holds for messages from now on.',
    scope: 'manage',
    body: { type: 'application/json', schema: mailSettingsChange.meta({ id: 'SettingsChange' }) },
    answer: {
      status: 200,
      about: 'The settings as they are now',
      schema: mailSettingsView.meta({ id: 'Settings' }),
    },
    problems: jsonProblems,
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
