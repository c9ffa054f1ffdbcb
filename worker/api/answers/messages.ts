import { z } from 'zod';
import { deliveryStates } from '#domain/delivery/delivery.ts';
import { classNames } from '#domain/message/class.ts';
import { count, time } from './scalars.ts';

const email = z.strictObject({
  id: z.uuid(),
  message_id: z.uuid(),
  status: z.enum(deliveryStates),
  from: z.string(),
  to: z.array(z.string()),
  cc: z.array(z.string()),
  subject: z.string(),
  class: z.enum(classNames),
  stream: z.string(),
  tags: z.array(z.string()),
  metadata: z.record(z.string(), z.string()),
  environment: z.enum(['live', 'test']),
  source: z.enum(['api', 'raw', 'smtp', 'forward', 'answer', 'notice']).meta({
    description:
      '`forward`: it was received and is sent on; `answer`: the owner of a masked alias answers from it; `notice`: it tells a sender that this has failed.',
  }),
  size_bytes: count,
  created_at: time,
  send_at: time.nullable(),
  template: z
    .strictObject({ id: z.uuid(), version: z.int() })
    .nullable()
    .meta({ description: 'What it was made of; null: no template.' }),
});
export const emailsAnswer = z
  .strictObject({
    data: z.array(email.meta({ id: 'EmailSummary' })),
    emails: z.array(email).meta({ description: 'The same as `data`.' }),
    total: count.meta({
      description: 'So many are known of: those before, those here, and one more where there is more.',
    }),
    limit: count,
    offset: count,
    has_more: z.boolean(),
    next: z.string().nullable().meta({
      description:
        'The `cursor` of the next call; null: nothing is left. One call looks at a bounded number of messages, so that a page of a search may be short, or empty, although there is more.',
    }),
    searched_to: time
      .nullable()
      .meta({ description: 'How far back a search looked that ended before its page was full.' }),
  })
  .meta({ id: 'EmailList' });

const detail = email.extend({
  message_id_header: z.string(),
  track_opens: z.boolean().meta({ description: 'A pixel was put into it.' }),
  track_clicks: z.boolean().meta({ description: 'Links of it lead through the service.' }),
  unsubscribe: z.boolean().meta({ description: 'List-Unsubscribe fields of ours were put into it.' }),
  deliveries: z.array(
    z
      .strictObject({
        recipient: z.string(),
        status: z.enum(deliveryStates),
        reason: z.string().nullable(),
        attempts: count,
        next_attempt_at: time.nullable(),
        node: z.string().nullable(),
        waits_for: z.string().nullable().meta({
          description: 'Why it is not tried although it has been due for a minute; null: it has not.',
        }),
      })
      .meta({ id: 'Delivery' }),
  ),
});
export const emailAnswer = detail
  .extend({ email: detail.meta({ description: 'The same once more.' }) })
  .meta({ id: 'Email' });
export const changedEmailAnswer = detail.meta({ id: 'ChangedEmail' });
export const cancelAnswer = detail
  .extend({ canceled: z.int().min(1).meta({ description: 'Recipients that will not get it.' }) })
  .meta({ id: 'CanceledEmail' });

export const requestsAnswer = z
  .strictObject({
    data: z.array(
      z
        .strictObject({
          request_id: z.string().nullable().meta({
            description: '`X-Request-ID` of the answer; null: it was accepted, and `message_id` tells.',
          }),
          at: time,
          way: z.enum(['api', 'batch', 'raw', 'smtp', 'cloudmailin']).meta({
            description:
              'How it came. What was accepted of a batch or in CloudMailin’s dialect says `api` or `raw`.',
          }),
          status: z.number().int().meta({ description: 'Of the HTTP answer; SMTP replies derive from it.' }),
          key: z.number().int().nullable().meta({
            description: 'The number of the key; null: it was sent from the dashboard.',
          }),
          code: z.string().nullable().meta({ description: 'Why it was refused.' }),
          detail: z.string().nullable(),
          message_id: z.string().nullable(),
          left_out: count.meta({
            description: 'Of a key that is refused often: so many others just before are not listed.',
          }),
        })
        .meta({ id: 'LoggedRequest' }),
    ),
    limit: count,
    has_more: z.boolean(),
    next: z
      .string()
      .nullable()
      .meta({ description: 'The `cursor` of the next call; null: nothing is left.' }),
  })
  .meta({ id: 'RequestList' });
