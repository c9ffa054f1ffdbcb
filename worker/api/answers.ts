import { z } from 'zod';
import { deliveryStates } from '#domain/delivery/delivery.ts';
import { eventKinds, eventSchema } from '#domain/delivery/event.ts';
import { checkStatuses, domainTypes } from '#domain/dns/record-check.ts';
import { statusCategories } from '#domain/inbound/incoming-status.ts';
import { routeActions } from '#domain/inbound/route.ts';
import { comparators, ruleActions, ruleFields } from '#domain/inbound/rule.ts';
import { verdictsSchema } from '#domain/inbound/verdicts.ts';
import { warmingStates } from '#domain/limits/warming.ts';
import { classNames } from '#domain/message/class.ts';
import { scopeNames } from '#domain/scope.ts';
import { dimensions } from '#domain/stats.ts';
import { suppressionReasons } from '#domain/suppression/suppression.ts';
import { webhookDeliveryStates, webhookFormats } from '#domain/webhook.ts';

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

export const rehearsalAnswer = z
  .strictObject({
    dry_run: z.literal(true),
    would_send: z.boolean(),
    class: z.enum(classNames),
    size_bytes: count,
    checks: z.array(
      z.strictObject({
        check: z.enum(['domain', 'size', 'recipients']),
        ok: z.boolean(),
        detail: z.string(),
      }),
    ),
    recipients: z.array(
      z
        .strictObject({
          recipient: z.string(),
          would: z.enum(['queued', 'scheduled', 'simulated', 'suppressed', 'refused']),
          why: z.string(),
          entry: z
            .strictObject({ address: z.string(), scope: z.string(), since: time })
            .optional()
            .meta({ description: 'What suppresses it.' }),
        })
        .meta({ id: 'RehearsedRecipient' }),
    ),
  })
  .meta({ id: 'Rehearsal', description: 'What sending it now would come to; nothing is stored.' });

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
  source: z.enum(['api', 'raw', 'smtp', 'forward', 'notice']).meta({
    description:
      '`forward`: it was received and is sent on; `notice`: it tells its sender that this has failed.',
  }),
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
    has_more: z.boolean().meta({
      description:
        'Call again now. A page may be short, or empty, although there is more: what is purged is passed by.',
    }),
  })
  .meta({ id: 'EventFeed' });

export const credentialAnswer = z
  .strictObject({
    username: z.string(),
    environment: z.enum(['live', 'test']),
    scopes: z.array(z.enum(scopeNames)),
    domains: z.array(z.string()).nullable().meta({ description: 'null: every domain of the account.' }),
    sandbox_address: z.string().meta({
      description:
        'From this address the account sends before it has a domain: to the simulator and to its members’ proven addresses.',
    }),
  })
  .meta({ id: 'Credential' });

const counts = Object.fromEntries(eventKinds.map((kind) => [kind, count]));
export const statsAnswer = z
  .strictObject({
    by: z.enum(dimensions),
    from: z.iso.date(),
    to: z.iso.date(),
    complete: z.boolean().meta({
      description: 'false: so much has happened just now that not all of it is counted yet; ask again.',
    }),
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

const domainStatus = z.enum(['pending', 'verified', 'disabled']);
const recordType = z.enum(['TXT', 'CNAME', 'MX']);
const reason = z.string().nullable().meta({ description: 'Why it may not send or receive; null: it may.' });
const domain = z.strictObject({
  id: z.int(),
  domain: z.string(),
  type: z.enum(domainTypes),
  status: domainStatus,
  reason,
  verified_by: z.enum(['dns', 'operator']).nullable(),
  verified_at: time.nullable(),
  checked_at: time.nullable(),
  next_check_at: time.nullable(),
  return_path_label: z.string(),
  return_path_host: z.string().nullable().meta({ description: 'null: the return path is ours.' }),
  refuse_dmarc: z.boolean().meta({ description: 'Received mail that fails DMARC with p=reject is refused.' }),
  signing_domain: z.string().meta({ description: '`d=` of its signatures.' }),
  created_at: time.nullable(),
});
const found = {
  requirements: z.array(
    z
      .strictObject({
        name: z.enum(['ownership', 'spf', 'dkim', 'mx']),
        met: z.boolean(),
        state: z.enum(['ok', 'unknown', 'bad']),
        since: time.nullable().meta({ description: 'Since when it is proven bad.' }),
        detail: z.string().nullable().meta({ description: 'What is not verified, with the exact fix.' }),
      })
      .meta({ id: 'DomainRequirement' }),
  ),
  notes: z.array(z.string()),
  records: z.array(
    z
      .strictObject({
        kind: z.string(),
        purpose: z.string(),
        need: z.enum(['required', 'recommended', 'optional']),
        type: recordType,
        name: z.string(),
        value: z.string(),
        status: z.enum(checkStatuses).nullable().meta({ description: 'null: not looked at yet.' }),
        since: time.nullable().meta({ description: 'Since when it has this status.' }),
        observed: z.array(z.string()),
        found_at: z.string().nullable().meta({ description: 'The domain at which it was found.' }),
        fix: z.string().nullable().meta({ description: 'One sentence that says the exact fix.' }),
      })
      .meta({ id: 'DomainRecord' }),
  ),
};
export const domainsAnswer = z
  .strictObject({
    data: z.array(domain.meta({ id: 'DomainSummary' })),
    limit: count,
    offset: count,
    has_more: z.boolean(),
  })
  .meta({ id: 'DomainList' });
export const domainAnswer = domain.extend(found).meta({ id: 'Domain' });
export const dnsAnswer = z
  .strictObject({
    domain: z.string(),
    status: domainStatus,
    reason,
    checked_at: time.nullable(),
    ...found,
  })
  .meta({ id: 'DomainDns' });
export const dkimAnswer = z
  .strictObject({
    data: z.array(
      z
        .strictObject({
          selector: z.string(),
          algorithm: z.enum(['rsa-sha256', 'ed25519-sha256']),
          status: z.enum(['pending', 'active', 'retired']),
          created_at: time.nullable(),
          retires_at: time.nullable().meta({ description: 'When it stops signing; null: not planned.' }),
          record: z.strictObject({ type: recordType, name: z.string(), value: z.string() }),
          record_status: z.enum(checkStatuses).nullable(),
        })
        .meta({ id: 'DkimKey' }),
    ),
  })
  .meta({ id: 'DkimKeys' });

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

const webhook = z.strictObject({
  id: z.uuid(),
  url: z.string(),
  format: z.enum(webhookFormats),
  events: z.array(z.string()).nullable().meta({ description: 'null: all that the format has a name for.' }),
  synchronous: z.boolean().meta({ description: 'Its answer to received mail is the reply to its sender.' }),
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
export const webhooksAnswer = z.strictObject({ data: z.array(webhookAnswer) }).meta({ id: 'WebhookList' });
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
    next: z.string().nullable().meta({
      description:
        'The `cursor` of the next call; null: nothing is left. A page of one state may be short, or empty, although there is more.',
    }),
    has_more: z.boolean(),
  })
  .meta({ id: 'WebhookDeliveryList' });
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
export const auditAnswer = z
  .strictObject({
    data: z.array(
      z
        .strictObject({
          id: z.string(),
          at: time,
          who: z.string().meta({
            description: 'A member by mail address, `key` with its number, or `operator token`.',
          }),
          source: z.string().nullable().meta({ description: 'The address that the request came from.' }),
          what: z.string(),
          details: z.record(z.string(), z.string()).meta({ description: 'What it was done to.' }),
        })
        .meta({ id: 'AuditEntry' }),
    ),
    limit: count,
    has_more: z.boolean(),
    next: z
      .string()
      .nullable()
      .meta({ description: 'The `cursor` of the next call; null: nothing is left.' }),
  })
  .meta({ id: 'AuditLog' });
export const webhookDeliveryAnswer = webhookDelivery
  .extend({
    body: z.string().meta({ description: 'What is posted.' }),
    tries: z.array(z.strictObject(webhookTry).meta({ id: 'WebhookTry' })),
  })
  .meta({ id: 'WebhookDelivery' });

export const suppressionAnswer = z
  .strictObject({
    email: z.string(),
    reason: z.enum(suppressionReasons),
    scope: z.string().meta({ description: '`account`, or the sending domain that it is limited to.' }),
    source: z.string(),
    proof: z.string().nullable().meta({ description: 'The reply, report or note that it rests on.' }),
    message_id: z.uuid().nullable(),
    created_at: time,
    expires_at: time.nullable().meta({ description: 'null: it does not end.' }),
  })
  .meta({ id: 'Suppression' });
export const suppressionsAnswer = z
  .strictObject({
    data: z.array(suppressionAnswer),
    limit: count,
    offset: count,
    has_more: z.boolean(),
    next: z.string().nullable().meta({
      description:
        'The `cursor` of the next call; null: nothing is left. A page of a search may be short, or empty, although there is more.',
    }),
  })
  .meta({ id: 'SuppressionList' });
export const suppressionCheckAnswer = z
  .strictObject({ email: z.string(), suppressed: z.boolean(), entries: z.array(suppressionAnswer) })
  .meta({ id: 'SuppressionCheck' });
export const importAnswer = z
  .strictObject({
    format: z.string().meta({ description: 'Whose export it was taken for.' }),
    committed: z.boolean(),
    rows: count,
    new: count,
    already_suppressed: count,
    doubles: count,
    invalid: count,
    errors: z
      .array(z.strictObject({ line: count, detail: z.string() }))
      .meta({ description: 'The first 100 rows that are not valid.' }),
    warnings: z
      .array(z.strictObject({ line: count, detail: z.string() }))
      .meta({ description: 'What could not be read of rows that are taken, the first 100.' }),
    sample: z.array(suppressionAnswer).meta({ description: 'The first ten entries.' }),
  })
  .meta({ id: 'SuppressionImport' });

export const cloudmailinAnswer = z
  .looseObject({ id: z.uuid(), test_mode: z.boolean() })
  .meta({ id: 'CloudmailinMessage', description: 'The request’s fields, without `raw` and `attachments`.' });
export const cloudmailinError = z
  .looseObject({ status: z.int(), error: z.string() })
  .meta({ id: 'CloudmailinError' });

export const cloudmailinAddresses = z
  .array(
    z.strictObject({
      id: z.string(),
      target: z.string(),
      target_format: z.string().meta({ description: '`json+n`, `multipart+n`, or a format of ours.' }),
      nickname: z.string().nullable(),
    }),
  )
  .meta({ id: 'CloudmailinAddresses', description: 'Endpoints that are told of received mail.' });
export const cloudmailinStatuses = z
  .array(
    z.strictObject({
      message_id: z.string().nullable(),
      to: z.string().nullable(),
      from: z.string().nullable().meta({ description: 'The envelope sender; null: the null sender.' }),
      status: z
        .string()
        .nullable()
        .meta({ description: 'HTTP status of the last try; null: no answer yet.' }),
      status_category: z.enum(statusCategories),
      subject: z.string(),
      tls: z.string(),
      created_at: time,
    }),
  )
  .meta({ id: 'CloudmailinStatuses', description: 'The newest, at most 100.' });
export const cloudmailinOutbound = z
  .array(
    z.strictObject({
      id: z.string(),
      from: z.string(),
      to: z.array(z.string()),
      subject: z.string(),
      tags: z.array(z.string()),
      priority: z.enum(classNames),
      test_mode: z.boolean(),
      status: z.string(),
      created_at: time,
    }),
  )
  .meta({ id: 'CloudmailinOutbound', description: 'The newest, at most 100.' });

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
const receivedActions = ['webhook', 'forward', 'drop', 'keep'] as const;
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

const period = { domain: z.string(), from: z.iso.date(), to: z.iso.date() };
const completeness = z.boolean().meta({ description: 'false: there is more than one answer tells.' });
export const dmarcReportsAnswer = z
  .strictObject({
    ...period,
    address: z
      .string()
      .nullable()
      .meta({ description: 'Where reports are taken: for `rua` of the DMARC record.' }),
    reports: count,
    complete: completeness,
    policy: z.string().nullable().meta({ description: 'As the newest report has it; null: there is none.' }),
    days: z
      .array(
        z.strictObject({
          day: z.iso.date(),
          passed: count,
          failed: count.meta({ description: 'Failed DMARC, and delivered all the same.' }),
          quarantined: count,
          rejected: count,
        }),
      )
      .meta({ description: 'UTC days from the first that is told of to the last.' }),
    sources: z
      .array(
        z.strictObject({
          source_ip: z.string().meta({ description: '`others`: all that a report had no room for.' }),
          count,
          passed: count.meta({ description: 'By DKIM or SPF, aligned.' }),
          dkim_aligned: count,
          spf_aligned: count,
          quarantined: count,
          rejected: count,
          domains: z
            .array(z.string())
            .meta({ description: 'That signed, or were in the envelope, and passed.' }),
          reporters: z.array(z.string()),
          meaning: z.string().meta({ description: 'One sentence.' }),
        }),
      )
      .meta({ description: 'By the address that mail came from, most mail first.' }),
  })
  .meta({ id: 'DmarcReports', description: 'As told: anybody can write a report.' });
export const tlsReportsAnswer = z
  .strictObject({
    ...period,
    address: z.string().nullable(),
    record: z
      .strictObject({ type: z.literal('TXT'), name: z.string(), value: z.string() })
      .nullable()
      .meta({ description: 'The record that asks senders for such reports (RFC 8460 §3).' }),
    reports: count,
    complete: completeness,
    policies: z.array(
      z.strictObject({
        policy: z.string().meta({ description: '`sts`, `tlsa` or `no-policy-found`.' }),
        successful: count,
        failed: count,
      }),
    ),
    failures: z.array(
      z.strictObject({
        type: z.string().meta({ description: 'RFC 8460 §4.3.' }),
        host: z.string(),
        count,
        reporters: z.array(z.string()),
        meaning: z.string(),
      }),
    ),
  })
  .meta({ id: 'TlsReports', description: 'As told: anybody can write a report.' });

const alias = z
  .strictObject({
    id: z.int(),
    org_id: z.int().meta({ description: 'The account.' }),
    domain_id: z.int(),
    address: z.string(),
    domain: z.string(),
    forward_to: z.array(z.string()),
    destinations: z
      .array(z.strictObject({ address: z.string(), state: z.enum(['pending', 'verified']) }))
      .meta({ description: 'The same, and whether each has agreed.' }),
    action: z
      .enum(['forward', 'webhook'])
      .meta({ description: '`webhook`: an endpoint is told, and nothing sent on.' }),
    webhook: z.string().nullable(),
    description: z.string(),
    emails_received: count,
    emails_forwarded: count,
    last_received_at: time.nullable(),
    active: z.boolean(),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'Alias' });
export const aliasAnswer = z.strictObject({ alias }).meta({ id: 'AliasAnswer' });
export const aliasesAnswer = z
  .strictObject({ aliases: z.array(alias), total: count, limit: count, offset: count })
  .meta({ id: 'AliasList' });
