import { z } from 'zod';
import { checkStatuses } from '#domain/dns/finding.ts';
import { linkStates } from '#domain/dns/link-host.ts';
import { domainTypes } from '#domain/dns/record-check.ts';
import { warmingStates } from '#domain/limits/warming.ts';
import { count, share, time } from './scalars.ts';

const domainStatus = z.enum(['pending', 'verified', 'disabled']);
const recordType = z.enum(['TXT', 'CNAME', 'MX']);
const reason = z.string().nullable().meta({ description: 'Why it may not send or receive; null: it may.' });
const domain = z.strictObject({
  id: z.uuid(),
  domain: z.string(),
  type: z.enum(domainTypes),
  status: domainStatus,
  verified: z.boolean(),
  spf_verified: z.boolean(),
  dkim_verified: z.boolean(),
  reason,
  verified_by: z.enum(['dns', 'operator']).nullable(),
  verified_at: time.nullable(),
  checked_at: time.nullable(),
  next_check_at: time.nullable(),
  return_path_label: z.string(),
  return_path_host: z.string().nullable().meta({ description: 'null: the return path is ours.' }),
  link_label: z.string().nullable().meta({ description: 'null: links in its mail lead to the service.' }),
  link_host: z
    .strictObject({
      name: z.string(),
      state: z.enum(linkStates).meta({ description: 'Links are written with it while it is `active`.' }),
      fault: z.string().nullable().meta({ description: 'Why it is not active, or could not be looked at.' }),
      checked_at: time.nullable(),
    })
    .meta({ id: 'LinkHost' })
    .nullable(),
  dkim_selector: z.string().meta({ description: 'What the selectors of keys that are made begin with.' }),
  dkim_delegated: z.boolean().meta({ description: 'Its keys are published by the service, see `records`.' }),
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
    domains: z.array(domain).meta({ description: 'The same as `data`.' }),
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
    domain_id: z.uuid(),
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
    remaining_this_hour: count.nullable(),
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
