import { z } from 'zod';
import { routeActions } from '#domain/inbound/route.ts';
import { comparators, ruleActions, ruleFields } from '#domain/inbound/rule.ts';
import { verdictsSchema } from '#domain/inbound/verdicts.ts';
import { count, time } from './scalars.ts';

const route = z.strictObject({
  id: z.int(),
  pattern: z.string(),
  action: z.enum(routeActions),
  targets: z.array(z.string()),
  text: z.string(),
  created_at: time,
});
export const routeAnswer = route.meta({ id: 'Route', description: 'The more exact pattern goes before.' });
export const routesAnswer = z.strictObject({ data: z.array(routeAnswer) }).meta({ id: 'RouteList' });
const rule = z.strictObject({
  id: z.int(),
  name: z.string(),
  alias_id: z.int().nullable().meta({ description: 'The alias whose mail it looks at; null: all mail.' }),
  priority: z.int(),
  conditions: z.array(
    z.strictObject({
      field: z.enum(ruleFields),
      header_name: z.string().nullable(),
      comparator: z.enum(comparators),
      value: z.string(),
    }),
  ),
  action: z.enum(ruleActions),
  targets: z.array(z.string()),
  text: z.string(),
  created_at: time,
});
export const ruleAnswer = rule.meta({ id: 'Rule', description: 'The first that holds acts.' });
export const rulesAnswer = z.strictObject({ data: z.array(ruleAnswer) }).meta({ id: 'RuleList' });
const receivedActions = ['webhook', 'forward', 'answer', 'drop', 'keep'] as const;
export const routeTestAnswer = z
  .strictObject({
    to: z.string(),
    taken: z.boolean(),
    reply: z.string().meta({ description: 'What the sender is told at RCPT.' }),
    action: z.enum([...receivedActions, 'refuse', 'returned']),
    by: z.string().nullable().meta({ description: 'Which rule says so; null: there is none.' }),
    endpoints: z.array(z.string()).meta({ description: 'Ids of webhook endpoints that are told.' }),
    rules: z.array(z.string()).meta({
      description:
        'Names of the rules that look at the mail before that, in their order: one may do otherwise.',
    }),
    forward_to: z.array(z.string()).meta({ description: 'Addresses that it is sent on to.' }),
  })
  .meta({ id: 'RouteTest' });

const inboundEmail = z.strictObject({
  id: z.string(),
  message_id: z.string().meta({ description: 'Its Message-ID; empty: it has none.' }),
  from_address: z.string(),
  to_address: z.string(),
  subject: z.string(),
  status: z.enum(['received', 'processing', 'delivered', 'failed']),
  alias_id: z.int().nullable().meta({ description: 'The alias that it came for; null: none.' }),
  has_attachments: z.boolean(),
  received_at: time,
  processed_at: time.nullable(),
});
export const inboundEmailsAnswer = z
  .strictObject({
    emails: z.array(inboundEmail.meta({ id: 'InboundEmailSummary' })),
    total: count.meta({ description: 'Among the newest that one call looks at.' }),
    limit: count,
    offset: count,
    next: z.string().nullable().meta({ description: 'The cursor of the next page; null: this is the last.' }),
  })
  .meta({ id: 'InboundEmailList' });
const { spf, dkim, dmarc, arc, reverse, spam } = verdictsSchema.shape;
export const inboundEmailAnswer = z
  .strictObject({
    email: inboundEmail.extend({
      to: z.array(z.string()),
      headers: z
        .array(z.strictObject({ name: z.string(), value: z.string() }))
        .nullable()
        .meta({ description: 'null, as text and html: the content is not kept any more.' }),
      text: z.string().nullable(),
      html: z.string().nullable(),
      attachments: z.array(
        z.strictObject({
          id: z.string(),
          filename: z.string(),
          content_type: z.string(),
          size: count,
          disposition: z.enum(['attachment', 'inline']).nullable(),
          content_id: z.string().nullable(),
          url: z.string(),
        }),
      ),
      spf,
      dkim,
      dmarc: z.strictObject({
        result: dmarc.shape.result,
        domain: z.string(),
        policy: dmarc.shape.policy,
        spf_aligned: z.boolean(),
        dkim_aligned: z.boolean(),
      }),
      arc,
      reverse_dns: reverse,
      spam: spam
        .unwrap()
        .meta({ description: 'What rspamd said; null: none was asked, or it did not answer.' }),
      envelope: z.strictObject({
        from: z.string(),
        to: z.array(z.string()),
        remote_ip: z.string(),
        helo: z.string(),
        tls: z.boolean(),
      }),
      routed: z.strictObject({ action: z.enum(receivedActions), by: z.string(), detail: z.string() }),
      forwarded_message: z
        .string()
        .nullable()
        .meta({ description: 'The id of the message as which it was sent on; null: it was not.' }),
      webhook_deliveries: z.array(z.string()),
      in_reply_to_message: z.string().nullable().meta({ description: 'The sent message that it answers.' }),
      size_bytes: count,
    }),
  })
  .meta({ id: 'InboundEmail' });
export const replayedAnswer = z
  .strictObject({ replayed: count.meta({ description: 'Endpoints that are told.' }) })
  .meta({ id: 'InboundReplay' });
