import { z } from 'zod';

/** TLS reports (RFC 8460 §4.4): how hosts that send to a domain fared with TLS. Pure. */

const mostPolicies = 200;
const mostFailures = 1000;
const text = z.string().max(1000).catch('');
const sessions = z.number().int().min(0).max(1e12).catch(0);
const date = z.iso.datetime({ offset: true }).transform((value) => Date.parse(value));

const failure = z.object({
  'result-type': z.string().max(64),
  'sending-mta-ip': text,
  'receiving-mx-hostname': text,
  'receiving-ip': text,
  'failed-session-count': sessions,
  'failure-reason-code': text,
});
const policy = z.object({
  policy: z.object({
    'policy-type': z.string().max(64),
    'policy-domain': z.string().max(255).toLowerCase(),
  }),
  summary: z.object({
    'total-successful-session-count': sessions,
    'total-failure-session-count': sessions,
  }),
  'failure-details': z.array(failure).max(mostFailures).catch([]),
});
const report = z.object({
  'organization-name': text,
  'report-id': z.string().max(255),
  'date-range': z.object({ 'start-datetime': date, 'end-datetime': date }),
  policies: z.array(policy).max(mostPolicies),
});

/** Sessions with one policy of the domain. */
export interface TlsRow {
  domain: string;
  /** `sts` (RFC 8461), `tlsa` (RFC 7672) or `no-policy-found`. */
  policyType: string;
  successful: number;
  failed: number;
  failures: {
    /** RFC 8460 §4.3, e.g. `certificate-expired`. */
    type: string;
    /** The receiving host, by name or address. */
    host: string;
    sender: string;
    count: number;
    code: string;
  }[];
}

export interface TlsReport {
  reporter: string;
  reportId: string;
  fromMs: number;
  toMs: number;
  rows: TlsRow[];
}

/**
 * Reads a TLS report.
 * @returns the report, or a sentence that names the field and what is wrong with it
 */
export function readTlsReport(json: string): TlsReport | string {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return 'it is not valid JSON';
  }
  const result = report.safeParse(value);
  if (!result.success) {
    const [issue] = result.error.issues;
    return `"${issue?.path.join('.') ?? ''}" is wrong: ${issue?.message ?? ''}`;
  }
  const { data } = result;
  return {
    reporter: data['organization-name'],
    reportId: data['report-id'],
    fromMs: data['date-range']['start-datetime'],
    toMs: data['date-range']['end-datetime'],
    rows: data.policies.map((one) => ({
      domain: one.policy['policy-domain'],
      policyType: one.policy['policy-type'],
      successful: one.summary['total-successful-session-count'],
      failed: one.summary['total-failure-session-count'],
      failures: one['failure-details'].map((detail) => ({
        type: detail['result-type'],
        host: detail['receiving-mx-hostname'] || detail['receiving-ip'],
        sender: detail['sending-mta-ip'],
        count: detail['failed-session-count'],
        code: detail['failure-reason-code'],
      })),
    })),
  };
}
