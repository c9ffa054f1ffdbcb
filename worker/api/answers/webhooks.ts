import { z } from 'zod';
import { webhookDeliveryStates, webhookFormats } from '#domain/webhook.ts';
import { count, time } from './scalars.ts';

const webhook = z.strictObject({
  id: z.uuid(),
  url: z.string(),
  webhook_url: z.string().meta({ description: 'The same as `url`.' }),
  format: z.enum(webhookFormats),
  has_secret: z.literal(true),
  event_types: z.array(z.string()).nullable().meta({ description: 'The same as `events`.' }),
  events: z.array(z.string()).nullable().meta({ description: 'null: all that the format has a name for.' }),
  synchronous: z.boolean().meta({ description: 'Its answer to received mail is the reply to its sender.' }),
  domain: z
    .string()
    .nullable()
    .meta({ description: 'Hears of received mail to this domain only; null: of all.' }),
  address_pattern: z
    .string()
    .nullable()
    .meta({ description: 'And of that, to these addresses only; null: to all.' }),
  authorization_url: z.string().nullable(),
  sending_domains: z.array(z.string()).nullable().meta({ description: 'null: hears of all sent mail.' }),
  tags: z.array(z.string()).nullable().meta({ description: 'null: whatever its tags.' }),
  streams: z.array(z.string()).nullable().meta({ description: 'null: of whatever stream.' }),
  header_names: z
    .array(z.string())
    .meta({ description: 'Of its own header fields; the values are not told.' }),
  username: z.string().nullable(),
  public_key_url: z.string().meta({ description: 'Where the public keys of its `v1a` signatures are.' }),
  description: z.string(),
  state: z.enum(['active', 'disabled']),
  state_reason: z.string().nullable(),
  failing_since: time.nullable(),
  previous_secret_until: time
    .nullable()
    .meta({ description: 'Until when the secret before the last rotation signs as well.' }),
  created_at: time,
});
export const webhookAnswer = webhook.meta({ id: 'Webhook' });
export const webhooksAnswer = z
  .strictObject({
    data: z.array(webhookAnswer),
    webhooks: z.array(webhookAnswer).meta({ description: 'The same as `data`.' }),
  })
  .meta({ id: 'WebhookList' });
export const newWebhookAnswer = webhook
  .extend({
    webhook: webhook.meta({ description: 'The same once more.' }),
    secret: z.string().meta({ description: '`whsec_…`; it is told this once.' }),
  })
  .meta({ id: 'NewWebhookWithSecret' });
export const webhookSecretAnswer = webhook
  .extend({ secret: z.string().meta({ description: '`whsec_…`; it is told this once.' }) })
  .meta({ id: 'WebhookWithSecret' });
const webhookTry = {
  at: time,
  duration_ms: count,
  status: z.int().nullable().meta({ description: 'The HTTP status; null: there was no answer.' }),
  answer: z.string().meta({ description: 'The first kilobyte of the answer.' }),
  error: z.string().nullable().meta({ description: 'Why there was no answer.' }),
};
export const webhookTestAnswer = z
  .strictObject({
    delivered: z.boolean(),
    webhook_id: z.string(),
    ...webhookTry,
    body: z.string().meta({ description: 'What was posted.' }),
  })
  .meta({ id: 'WebhookTest' });
export const webhookReplayAnswer = z
  .strictObject({
    replayed: count,
    next_from: time.nullable().meta({ description: 'The `from` of the next call; null: all are up again.' }),
  })
  .meta({ id: 'WebhookReplay' });

const webhookDelivery = z.strictObject({
  id: z.string(),
  endpoint: z.uuid().nullable().meta({ description: 'null: the endpoint is gone.' }),
  state: z.enum(webhookDeliveryStates),
  event: z.string().nullable().meta({ description: 'The first event in it, as its format names it.' }),
  recipient: z.string().nullable().meta({ description: 'Whom that event is about.' }),
  events: count.meta({ description: 'How many events it tells of.' }),
  attempts: count,
  next_attempt_at: time.nullable(),
  last_status: z.int().nullable(),
  last_error: z.string().nullable(),
  created_at: time,
});
export const webhookDeliveriesAnswer = z
  .strictObject({
    data: z.array(webhookDelivery.meta({ id: 'WebhookDeliverySummary' })),
    deliveries: z.array(webhookDelivery).meta({ description: 'The same as `data`.' }),
    total: count.meta({ description: 'So many are here.' }),
    warnings: z
      .array(z.strictObject({ source: z.string(), message: z.string() }))
      .meta({ description: 'What could not be looked at.' }),
    next: z.string().nullable().meta({
      description:
        'The `cursor` of the next call; null: nothing is left. A page of one state may be short, or empty, although there is more.',
    }),
    has_more: z.boolean(),
  })
  .meta({ id: 'WebhookDeliveryList' });
export const webhookDeliveryAnswer = webhookDelivery
  .extend({
    body: z.string().meta({ description: 'What is posted.' }),
    tries: z.array(z.strictObject(webhookTry).meta({ id: 'WebhookTry' })),
  })
  .meta({ id: 'WebhookDelivery' });
