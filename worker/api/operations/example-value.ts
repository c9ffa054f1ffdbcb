import { exampleIds } from './examples.ts';

/** JSON Schema (2020-12). */
type Json = Record<string, unknown>;

/** Of several that may be, the one that is seen most. */
const usual = [
  'event',
  'delivered',
  'queued',
  'verified',
  'active',
  'ok',
  'manual',
  'standard',
  'pass',
  'webhook',
  'domain',
];

/** Fields that are mostly null where they may be. */
const mostlyNull =
  /^(reason|next|next_from|searched_to|waits_for|error|fix|failing_since|state_reason|previous_secret_until|expires_at|next_attempt_at|send_at|last_error|fault|message_id|since|detail|retires_at|html|content_id|in_reply_to_message|cc)$/;

const no =
  /^(has_more|test_mode|committed|track_opens|track_clicks|unsubscribe|synchronous|refuse_dmarc|suppressed)$/;

const texts: Record<string, string> = {
  from: 'Shop <shop@example.com>',
  recipient: 'you@example.net',
  email: 'gone@example.net',
  subject: 'Your receipt',
  domain: 'example.com',
  signing_domain: 'example.com',
  tag: 'receipt',
  stream: 'transactional',
  username: 'pennypost',
  url: 'https://hooks.example.com/mail',
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  scope: 'account',
  selector: 'pennypost',
  node: 'out1.mail.example.org',
  return_path_label: 'pp-bounces',
  return_path_host: 'pp-bounces.example.com',
  link_label: 'links',
  message_id_header: `<${exampleIds.email}@example.com>`,
  endpoint: exampleIds.webhook,
  events: 'email.bounced',
  pattern: 'support+*',
  who: 'ann@example.com',
  what: 'webhook added',
  source: '192.0.2.7',
  proof: 'asked by phone',
  format: 'pennypost',
  filename: 'order.pdf',
  content_type: 'application/pdf',
  from_address: 'ann@example.net',
  to_address: 'info@in.example.com',
  remote_ip: '192.0.2.7',
  helo: 'mx.example.net',
  text: 'Hello',
  purpose: 'lets receivers verify our signature (RFC 6376)',
  kind: 'dkim',
  value: 'v=DKIM1; k=rsa; p=MIIBIjANBgkq…',
  name: 'pennypost._domainkey.example.com',
  reply: '250 2.1.5 Ok',
  cursor: 'MDFhMWZiYjQ',
  next: 'MDFhMWZiYjQ',
  description: '',
  body: '{"id":"…","type":"email.bounced", …}',
  answer: 'ok',
  by: 'the route *',
  type: 'email.delivered',
  at: '2026-11-26T09:30:02.000Z',
  message_id: exampleIds.email,
  detail: 'the route * of in.example.com',
  algorithm: 'rsa-sha256',
  found_at: 'example.com',
};

/** What a list is of where the name of its entries does not tell. */
const listed: Record<string, string> = {
  to: 'you@example.net',
  cc: '',
  tags: 'receipt',
  domains: 'example.com',
  endpoints: exampleIds.webhook,
  targets: exampleIds.webhook,
  notes: '',
  observed: '',
  webhook_deliveries: exampleIds.delivery,
};

const numbers: Record<string, number> = {
  limit: 20,
  offset: 0,
  attempts: 1,
  size_bytes: 1432,
  size: 48211,
  duration_ms: 84,
  status: 200,
  last_status: 200,
  accepted: 120,
  delivered: 118,
  bounced: 2,
  delivery_rate: 0.983,
  bounce_rate: 0.017,
  complaint_rate: 0,
  daily_limit: 50,
  hourly_limit: 5,
  per_minute_limit: 1,
  rows: 1,
  new: 1,
  replayed: 1,
  canceled: 1,
};

/**
 * A value that a schema describes, as an answer would have it: every field that is always there, lists with one entry.
 * @param told fields, by name, whose values are given
 * @param name of the field that it is for
 */
export function exampleValue(schema: Json, components: Json, told: Json = {}, name = ''): unknown {
  if (name in told) return told[name];
  const ref = typeof schema.$ref === 'string' ? schema.$ref.split('/').at(-1) : undefined;
  if (ref !== undefined) return exampleValue(components[ref] as Json, components, told, name);
  if (schema.const !== undefined) return schema.const;
  if (Array.isArray(schema.enum))
    return usual.find((one) => (schema.enum as unknown[]).includes(one)) ?? schema.enum[0];
  const choices = schema.anyOf as Json[] | undefined;
  if (choices) {
    const mayBeNull = choices.some(({ type }) => type === 'null');
    const [first] = choices.filter(({ type }) => type !== 'null');
    return (mayBeNull && mostlyNull.test(name)) || !first
      ? null
      : exampleValue(first, components, told, name);
  }
  const types = [schema.type].flat();
  if (types.includes('null') && mostlyNull.test(name)) return null;
  switch (types[0]) {
    case 'object':
      return exampleObject(schema, components, told, name);
    case 'array':
      return listed[name] === '' ? [] : [exampleValue(schema.items as Json, components, told, name)];
    case 'boolean':
      return !no.test(name);
    case 'integer':
    case 'number':
      return (
        numbers[name] ??
        Math.max(Number(schema.minimum ?? 0), /(^|_)(id|day|days_in_current_phase|line)$/.test(name) ? 1 : 0)
      );
    case 'null':
      return null;
    default:
      return exampleText(schema, name);
  }
}

function exampleObject(schema: Json, components: Json, told: Json, name: string): Json {
  const properties = (schema.properties ?? {}) as Record<string, Json>;
  const always = new Set((schema.required ?? []) as string[]);
  const entries = Object.entries(properties)
    .filter(([field]) => always.has(field))
    .map(([field, of]) => [field, exampleValue(of, components, told, field)]);
  if (entries.length === 0 && name === 'metadata') return { order: '4711' };
  return Object.fromEntries(entries) as Json;
}

function exampleText(schema: Json, name: string): string {
  switch (schema.format) {
    case 'date-time':
      return '2026-11-26T09:30:02.000Z';
    case 'date':
      return '2026-11-26';
    case 'uuid':
      return name === 'id' || name === 'message_id' ? exampleIds.email : exampleIds.webhook;
    default:
      return listed[name] ?? texts[name] ?? (/(^|_)id$/.test(name) ? exampleIds.received : '…');
  }
}
