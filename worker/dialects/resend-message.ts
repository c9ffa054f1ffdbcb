import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { Problem, type ProblemCode } from '#domain/problem.ts';
import { type Call, problemOf } from '../http/app.ts';
import { authorizationOf } from '../identity/credential.ts';
import { type Fields, fault, faultIn, objectOf, renamed } from './dialect.ts';
import { fieldsAt, messageFields } from './resend-fields.ts';
import { templateName } from './template-names.ts';

/** A message in our terms; the problem of one that cannot be put so has our names. */
export function resendBody(value: unknown, nowMs: number, root = '/'): unknown {
  try {
    return renamed(messageFields, withTemplate(value), (name, one) => oursOf(name, one, nowMs));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const errors = error.errors.map((one) => ({ ...one, pointer: root + one.pointer.slice(1) }));
    return new Problem(error.code, error.detail, { errors });
  }
}

/** The template taken apart into fields of the message. */
function withTemplate(value: unknown): unknown {
  const { template, ...rest } = objectOf(value) ?? {};
  if (template === undefined || template === null) return value;
  const named = objectOf(template) ?? {};
  if (typeof named.id !== 'string' || named.id === '')
    throw fault(
      '/template',
      'must be the id or the alias of a template: {"template": {"id": "welcome", "variables": {"NAME": "Ann"}}}',
    );
  return {
    ...rest,
    ...Object.fromEntries(Object.entries(named).map(([name, one]) => [`template.${name}`, one])),
  };
}

function oursOf(name: string, value: unknown, nowMs: number): unknown {
  if (name === 'template.id' && typeof value === 'string') return templateName(value);
  if (name === 'attachments' && Array.isArray(value)) return value.map(attachmentOf);
  if (name === 'tags' && Array.isArray(value)) return metadataOf(value);
  if (name === 'scheduled_at' && typeof value === 'string') return scheduledAt(value, nowMs);
  return value;
}

function attachmentOf(value: unknown, i: number): unknown {
  const { path, ...one } = objectOf(value) ?? {};
  if (path !== undefined && path !== null) {
    throw fault(`/attachments/${i}/path`, 'files are not fetched from elsewhere; give their content');
  }
  const said = Object.entries(one).filter(
    ([, part]) => part !== null && part !== undefined && part !== false,
  );
  return { filename: `attachment-${i + 1}`, ...Object.fromEntries(said) };
}

function metadataOf(tags: unknown[]): unknown {
  return Object.fromEntries(
    tags.map((tag, i) => {
      const { name, value } = objectOf(tag) ?? {};
      if (typeof name === 'string') return [name, value];
      throw fault(`/tags/${i}`, 'must be a name with a value: {"name": "order", "value": "4711"}');
    }),
  );
}

const unitMs: Record<string, number> = { min: 60_000, minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/** A time, or how long from now, as Resend takes it ("in 1 min"). RFC 3339. */
export function scheduledAt(text: string, nowMs: number): string {
  const [, count = '', unit = ''] = /^in (\d{1,5}|an?) (min|minute|hour|day)s?$/i.exec(text.trim()) ?? [];
  const ms = unitMs[unit.toLowerCase()];
  if (ms === undefined) return text;
  return new Date(nowMs + (/^a/i.test(count) ? 1 : Number(count)) * ms).toISOString();
}

/** Status and name of each error (https://resend.com/docs/api-reference/errors). */
const errors: Record<ProblemCode, readonly [status: number, name: string]> = {
  invalid_json: [400, 'validation_error'],
  invalid_body: [422, 'validation_error'],
  invalid_address: [422, 'validation_error'],
  invalid_message: [422, 'validation_error'],
  unauthorized: [403, 'invalid_api_key'],
  missing_scope: [401, 'restricted_api_key'],
  account_suspended: [403, 'validation_error'],
  domain_not_allowed: [403, 'validation_error'],
  not_found: [404, 'not_found'],
  method_not_allowed: [405, 'method_not_allowed'],
  conflict: [422, 'validation_error'],
  idempotency_conflict: [409, 'invalid_idempotent_request'],
  idempotency_in_flight: [409, 'concurrent_idempotent_requests'],
  too_large: [413, 'validation_error'],
  unsupported_media_type: [415, 'validation_error'],
  misdirected: [421, 'application_error'],
  all_suppressed: [422, 'validation_error'],
  rate_limit_exceeded: [429, 'rate_limit_exceeded'],
  internal_error: [500, 'internal_server_error'],
  unavailable: [503, 'application_error'],
  not_set_up: [503, 'application_error'],
};

/** Any error as `{statusCode, name, message}`. */
export function answerResendError(error: Error, c: Call): Response {
  const problem = problemOf(error, c.get('requestId'));
  const [status, name] = shortly(problem, c);
  for (const [field, value] of Object.entries(problem.headers)) c.header(field, value);
  return c.json(
    { statusCode: status, name, message: sentenceOf(problem, fieldsAt(c.req.path)) },
    status as ContentfulStatusCode,
  );
}

function shortly(problem: Problem, c: Call): readonly [number, string] {
  const { code, members } = problem;
  const [first] = problem.errors;
  if (code === 'unauthorized' && authorizationOf(c) === undefined) return [401, 'missing_api_key'];
  if (first?.pointer === 'Idempotency-Key') return [400, 'invalid_idempotency_key'];
  if (code === 'invalid_body' && first && isMissing(first.detail)) return [422, 'missing_required_field'];
  if (members.limit_type === 'daily') return [429, 'daily_quota_exceeded'];
  return errors[code];
}

const isMissing = (detail: string) =>
  /received undefined$|^(one of|at least one)\b.* is required/.test(detail);

/** What is wrong, in a sentence with their names. */
export function sentenceOf(problem: Problem, fields: Fields = messageFields): string {
  const wrong = faultIn(fields, problem);
  if (!wrong) return problem.detail;
  const { name, detail } = wrong;
  if (/received undefined$/.test(detail)) return `Missing \`${name}\` field.`;
  return name === '' ? detail : `Invalid \`${name}\` field: ${detail}.`;
}
