import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { splitMailboxes } from '#domain/message/address.ts';
import type { OwnHeaders } from '#domain/message/submission.ts';
import { Problem, type ProblemCode } from '#domain/problem.ts';
import { readDraft } from '../api/send.ts';
import { type Call, problemOf } from '../http/app.ts';
import type { Draft } from '../intake/draft.ts';
import { type Fields, fault, faultIn, objectOf, renamed } from './dialect.ts';

/** A message of Postmark's API. */
const fields: Fields = [
  ['From', 'from'],
  ['To', 'to'],
  ['Cc', 'cc'],
  ['Bcc', 'bcc'],
  ['ReplyTo', 'reply_to'],
  ['Subject', 'subject'],
  ['TextBody', 'text_body'],
  ['HtmlBody', 'html_body'],
  ['Headers', 'headers'],
  ['Attachments', 'attachments'],
  ['Tag', 'tags'],
  ['Metadata', 'metadata'],
  ['TrackOpens', 'track_opens'],
  ['TrackLinks', 'track_clicks'],
  ['MessageStream', 'stream'],
];

/** The draft of a message; the problem of one that cannot be read has our names. */
export function postmarkDraft(value: unknown, nowMs: number): Draft | Problem {
  try {
    const body = renamed(fields, value, oursOf);
    return readDraft(objectOf(body) ? sendable(body as Sendable) : body, nowMs);
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
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
    case 'MessageStream':
      return undefined; // what is sent here has one stream
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
];

/** Any error as `{ErrorCode, Message}`. */
export function answerPostmarkError(error: Error, c: Call): Response {
  const problem = problemOf(error, c.get('requestId'));
  const [status] = shortly(problem, c);
  for (const [field, value] of Object.entries(problem.headers)) c.header(field, value);
  return c.json(refusalOf(problem, c), status as ContentfulStatusCode);
}

/** A refusal as it stands in the answer to a batch, too. */
export function refusalOf(problem: Problem, c: Call) {
  return { ErrorCode: shortly(problem, c)[1], Message: sentenceOf(problem) };
}

function shortly(problem: Problem, c: Call): readonly [status: number, code: number] {
  const { code, members } = problem;
  const own = errors[code];
  if (typeof members.ErrorCode === 'number') return [own[0], members.ErrorCode];
  if (code === 'invalid_body' && problem.errors.some(({ detail }) => /must not end in/.test(detail)))
    return [422, 411];
  if (code === 'invalid_body' && !c.req.path.startsWith('/postmark/email')) return [422, 403];
  const gone = code === 'not_found' && absent.find(([path]) => path.test(c.req.path));
  return gone ? [422, gone[1]] : own;
}

function sentenceOf(problem: Problem): string {
  const wrong = faultIn(fields, problem);
  if (!wrong) return problem.detail;
  return wrong.name === '' ? wrong.detail : `Invalid '${wrong.name}': ${wrong.detail}.`;
}
