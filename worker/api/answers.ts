import { z } from 'zod';
import { classNames } from '#domain/class.ts';
import { deliveryStates } from '#domain/delivery.ts';
import { eventKinds, eventSchema } from '#domain/event.ts';
import { scopeNames } from '#domain/scope.ts';
import { dimensions } from '#domain/stats.ts';
import { warmingStates } from '#domain/warming.ts';

/** What the public API answers, for its description; tests hold the real answers against these. */
const time = z.iso.datetime({ offset: true });
const count = z.int().min(0);
const share = z.number().min(0).nullable().meta({ description: 'From 0 to 1; null: nothing has ended yet.' });

export const problemAnswer = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().meta({ description: 'A word of the table of errors.' }),
    error: z.string().meta({ description: 'The detail; `rate_limit_exceeded` for a 429.' }),
    errors: z.array(z.strictObject({ pointer: z.string(), detail: z.string() })),
  })
  .meta({ id: 'Problem', description: 'RFC 9457.' });

export const rateLimitAnswer = problemAnswer
  .extend({
    message: z.string(),
    limit_type: z.enum(['daily', 'hourly', 'minute']),
    limit: count,
    used: count,
    retry_after_seconds: z.int().min(1),
    warming_phase: z.enum(warmingStates).nullable(),
  })
  .meta({ id: 'RateLimitExceeded', description: 'A limit of the account, or of a domain being warmed.' });

export const acceptanceAnswer = z
  .strictObject({
    message_id: z.uuid(),
    status: z.enum(['queued', 'scheduled', 'simulated']),
    environment: z.literal('test').optional(),
  })
  .meta({ id: 'Acceptance', description: 'It is durable.' });

export const batchAnswer = z
  .array(z.union([acceptanceAnswer, problemAnswer]))
  .meta({ id: 'BatchAcceptance', description: 'One answer a message, in their order.' });

const email = z.strictObject({
  id: z.uuid(),
  message_id: z.uuid(),
  status: z.enum(deliveryStates),
  from: z.string(),
  to: z.array(z.string()),
  cc: z.array(z.string()),
  subject: z.string(),
  class: z.enum(classNames),
  tags: z.array(z.string()),
  metadata: z.record(z.string(), z.string()),
  environment: z.enum(['live', 'test']),
  source: z.enum(['api', 'raw', 'smtp']),
  size_bytes: count,
  created_at: time,
  send_at: time.nullable(),
});
export const emailsAnswer = z
  .strictObject({
    data: z.array(email.meta({ id: 'EmailSummary' })),
    limit: count,
    offset: count,
    has_more: z.boolean(),
  })
  .meta({ id: 'EmailList' });

const detail = email.extend({
  message_id_header: z.string(),
  deliveries: z.array(
    z
      .strictObject({
        recipient: z.string(),
        status: z.enum(deliveryStates),
        reason: z.string().nullable(),
        attempts: count,
        next_attempt_at: time.nullable(),
        node: z.string().nullable(),
      })
      .meta({ id: 'Delivery' }),
  ),
});
export const emailAnswer = detail.meta({ id: 'Email' });
export const cancelAnswer = detail
  .extend({ canceled: z.int().min(1).meta({ description: 'Recipients that will not get it.' }) })
  .meta({ id: 'CanceledEmail' });

const event = z.strictObject(eventSchema.shape);
export const timelineAnswer = z
  .strictObject({ data: z.array(event.meta({ id: 'Event' })) })
  .meta({ id: 'Timeline' });
export const eventsAnswer = z
  .strictObject({
    data: z.array(event.extend({ cursor: z.string() }).meta({ id: 'EventOfFeed' })),
    next: z.string().meta({ description: 'The `after` of the next call.' }),
    has_more: z.boolean(),
  })
  .meta({ id: 'EventFeed' });

export const credentialAnswer = z
  .strictObject({
    username: z.string(),
    environment: z.enum(['live', 'test']),
    scopes: z.array(z.enum(scopeNames)),
    domains: z.array(z.string()).nullable().meta({ description: 'null: every domain of the account.' }),
  })
  .meta({ id: 'Credential' });

const counts = Object.fromEntries(eventKinds.map((kind) => [kind, count]));
export const statsAnswer = z
  .strictObject({
    by: z.enum(dimensions),
    from: z.iso.date(),
    to: z.iso.date(),
    data: z.array(
      z
        .strictObject({
          day: z.iso.date().optional(),
          tag: z.string().optional(),
          domain: z.string().optional(),
          class: z.enum(classNames).optional(),
          ...counts,
        })
        .meta({ id: 'StatsRow', description: 'How often each event happened. Named by what was asked for.' }),
    ),
  })
  .meta({ id: 'Stats' });

export const warmingAnswer = z
  .strictObject({
    domain_id: z.int(),
    domain: z.string(),
    phase: z.enum(warmingStates),
    warming_started_at: time,
    phase_started_at: time,
    days_in_current_phase: z.int().min(1).nullable().meta({ description: 'The day of the phase, from 1.' }),
    current_limits: z
      .strictObject({ daily_limit: count, hourly_limit: count, per_minute_limit: count })
      .nullable()
      .meta({ description: 'null: without limits.' }),
    today_sent: count,
    this_hour_sent: count.nullable(),
    remaining_today: count.nullable(),
    metrics: z.strictObject({
      delivery_rate: share,
      bounce_rate: share,
      complaint_rate: share,
      delivered: count,
      bounced: count,
      complained: count,
    }),
  })
  .meta({ id: 'Warming' });

export const cloudmailinAnswer = z
  .looseObject({ id: z.uuid(), test_mode: z.boolean() })
  .meta({ id: 'CloudmailinMessage', description: 'The request’s fields, without `raw` and `attachments`.' });
export const cloudmailinError = z
  .looseObject({ status: z.int(), error: z.string() })
  .meta({ id: 'CloudmailinError' });
