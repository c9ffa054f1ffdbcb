import { z } from 'zod';
import { count } from './scalars.ts';

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
