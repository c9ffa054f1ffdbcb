import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { streamOfPostmark } from '#domain/event-formats/postmark.ts';
import { splitMailboxes } from '#domain/message/address.ts';
import type { OwnHeaders } from '#domain/message/submission.ts';
import { Problem, type ProblemCode } from '#domain/problem.ts';
import { readDraft } from '../api/send.ts';
import { type Call, problemOf } from '../http/app.ts';
import type { Draft } from '../intake/draft.ts';
import { type Fields, fault, faultIn, objectOf, renamed } from './dialect.ts';
import { fieldsAt, templatedFields } from './postmark-fields.ts';
import { templateName } from './template-names.ts';

/**
 * A message in our terms, or what is wrong with it in our names.
 * @param fields that it may have
 */
export function postmarkBody(value: unknown, fields: Fields): unknown {
  try {
    const body = renamed(fields, value, oursOf);
    const isNamed = ['template', 'template_id'].some((name) => objectOf(body)?.[name] !== undefined);
    if (fields === templatedFields && !isNamed)
      throw fault('/template_id', 'is required: name the template by TemplateId or TemplateAlias');
    return body;
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
}

/** The draft of a message in our terms, with its content. */
export function postmarkDraft(body: unknown, nowMs: number, root = '/'): Draft | Problem {
  return readDraft(objectOf(body) ? sendable(body as Sendable) : body, nowMs, root);
}

function oursOf(name: string, value: unknown): unknown {
  switch (name) {
    case 'To':
    case 'Cc':
    case 'Bcc':
    case 'ReplyTo':
      return typeof value === 'string' ? splitMailboxes(value) : value;
    case 'TextBody':
    case 'HtmlBody':
      return value === '' ? undefined : value;
    case 'Tag':
      return value === '' ? undefined : [value];
    case 'TrackLinks':
      return value === 'HtmlAndText' || value === 'HtmlOnly';
    case 'Headers':
      return Array.isArray(value) ? headersOf(value) : value;
    case 'Attachments':
      return Array.isArray(value) ? value.map(attachmentOf) : value;
    case 'TemplateAlias':
      return typeof value === 'string' ? templateName(value) : value;
    case 'MessageStream':
      return typeof value === 'string' ? streamOfPostmark(value) : (value ?? undefined);
    case 'InlineCss':
      return undefined;
    default:
      return value;
  }
}

function headersOf(list: unknown[]): OwnHeaders {
  const headers: Record<string, string[]> = {};
  for (const [i, one] of list.entries()) {
    const { Name: name, Value: value } = objectOf(one) ?? {};
    if (typeof name !== 'string' || typeof value !== 'string')
      throw fault(`/headers/${i}`, 'must be a header field: {"Name": "X-Order", "Value": "4711"}');
    headers[name] = [...(headers[name] ?? []), value];
  }
  return headers;
}

function attachmentOf(value: unknown): unknown {
  const { Name, Content, ContentType, ContentID } = objectOf(value) ?? {};
  return {
    filename: Name,
    content: Content,
    ...(ContentType ? { content_type: ContentType } : {}),
    ...(ContentID ? { content_id: ContentID } : {}),
  };
}

interface Sendable {
  to?: unknown[];
  cc?: unknown[];
  bcc?: unknown[];
  subject?: string;
  html_body?: string;
  track_opens?: boolean;
  track_clicks?: boolean;
}

/** With what Postmark does without: a subject, and tracking where it cannot be (several recipients, no HTML). */
function sendable(body: Sendable): object {
  const { track_opens: opens, track_clicks: clicks, ...rest } = body;
  const recipients = [rest.to, rest.cc, rest.bcc].flatMap((list) => list ?? []);
  const traceable = recipients.length === 1 && rest.html_body !== undefined;
  const wish = (name: string, value: unknown) =>
    value === undefined || (value === true && !traceable) ? {} : { [name]: value };
  return { subject: '', ...rest, ...wish('track_opens', opens), ...wish('track_clicks', clicks) };
}

/** Status and `ErrorCode` of each error (https://postmarkapp.com/developer/api/overview#error-codes). */
const errors: Record<ProblemCode, readonly [status: number, code: number]> = {
  invalid_json: [422, 402],
  invalid_body: [422, 300],
  invalid_address: [422, 300],
  invalid_message: [422, 300],
  unauthorized: [401, 10],
  missing_scope: [401, 10],
  account_suspended: [422, 413],
  domain_not_allowed: [422, 400],
  not_found: [404, 404],
  method_not_allowed: [405, 404],
  conflict: [422, 403],
  idempotency_conflict: [409, 300],
  idempotency_in_flight: [409, 300],
  too_large: [413, 300],
  unsupported_media_type: [415, 409],
  misdirected: [421, 404],
  all_suppressed: [422, 406],
  rate_limit_exceeded: [429, 429],
  internal_error: [500, 100],
  unavailable: [503, 100],
  not_set_up: [503, 100],
};

/** Codes of things that are not there. */
const absent: readonly (readonly [RegExp, number])[] = [
  [/^\/postmark\/messages\/(out|in)bound\/[^/]+\/(details|dump|retry)$/, 701],
  [/^\/postmark\/messages\/outbound\/(opens|clicks)\/[^/]+$/, 701],
  [/^\/postmark\/bounces\/[^/]+(\/(dump|activate))?$/, 407],
  [/^\/postmark\/domains\/[^/]+(\/\w+)?$/, 510],
  [/^\/postmark\/webhooks\/[^/]+$/, 1301],
  [/^\/postmark\/templates\/[^/]+$/, 1101],
];

/** Codes of what is wrong with a template, or with naming one, by the sentence that says it. */
const templateFaults: readonly (readonly [RegExp, number])[] = [
  [/^(there is no (template|layout)\b|the (template|layout) “|is required: name the template)/, 1101],
  [/^(must not be given|there is no such field)/, 1123],
];
const ownFaults: readonly (readonly [RegExp, number])[] = [
  ...templateFaults,
  [/the content of a template goes$/, 1131],
  [/received undefined$|\bis required\b/, 1120],
  [/^too big|^with subject and text it may have at most/i, 1121],
];
const templatePath = /^\/postmark\/(templates|email\/(withTemplate|batchWithTemplates))(\/|$)/;

/** Any error as `{ErrorCode, Message}`. */
export function answerPostmarkError(error: Error, c: Call): Response {
  const problem = problemOf(error, c.get('requestId'));
  const [status] = shortly(problem, c);
  for (const [field, value] of Object.entries(problem.headers)) c.header(field, value);
  return c.json(refusalOf(problem, c), status as ContentfulStatusCode);
}

/** A refusal as it stands in the answer to a batch, too. */
export function refusalOf(problem: Problem, c: Call) {
  return { ErrorCode: shortly(problem, c)[1], Message: sentenceOf(problem, fieldsAt(c.req.path)) };
}

/** The code of a refusal that has to do with templates; null: it has another. */
function templateCode({ code, detail, errors: faults }: Problem, path: string): number | null {
  if (!templatePath.test(path)) return null;
  const isOwn = path.startsWith('/postmark/templates');
  if (isOwn && code === 'conflict')
    return /is around/.test(detail) ? 1130 : /may have/.test(detail) ? 1105 : 1122;
  if (code !== 'invalid_body') return null;
  const said = faults[0]?.detail ?? '';
  const found = (isOwn ? ownFaults : templateFaults).find(([pattern]) => pattern.test(said));
  return found?.[1] ?? (isOwn ? 1122 : null);
}

function shortly(problem: Problem, c: Call): readonly [status: number, code: number] {
  const { code, members } = problem;
  const own = errors[code];
  if (typeof members.ErrorCode === 'number') return [own[0], members.ErrorCode];
  const ofTemplate = templateCode(problem, c.req.path);
  if (ofTemplate !== null) return [422, ofTemplate];
  if (code === 'invalid_body' && problem.errors.some(({ detail }) => /must not end in/.test(detail)))
    return [422, 411];
  if (code === 'invalid_body' && !c.req.path.startsWith('/postmark/email')) return [422, 403];
  const gone = code === 'not_found' && absent.find(([path]) => path.test(c.req.path));
  return gone ? [422, gone[1]] : own;
}

function sentenceOf(problem: Problem, fields: Fields): string {
  const wrong = faultIn(fields, problem);
  if (!wrong) return problem.detail;
  return wrong.name === '' ? wrong.detail : `Invalid '${wrong.name}': ${wrong.detail}.`;
}
