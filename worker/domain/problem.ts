/**
 * The catalogue of errors a caller can meet: one row a code. HTTP status, title and SMTP reply derive from it
 * (RFC 9457 problem details, RFC 3463 status codes). `smtp` is the reply to the same fault in a submission.
 */
export const problems = [
  { code: 'invalid_json', status: 400, title: 'The body is not valid JSON', smtp: '550 5.6.0' },
  { code: 'invalid_body', status: 400, title: 'The request is not valid', smtp: '550 5.6.0' },
  { code: 'invalid_address', status: 400, title: 'An address is not valid', smtp: '501 5.1.3' },
  { code: 'invalid_message', status: 400, title: 'The message is not valid', smtp: '550 5.6.0' },
  { code: 'unauthorized', status: 401, title: 'The key is missing, unknown or revoked', smtp: '535 5.7.8' },
  { code: 'missing_scope', status: 403, title: 'The key may not do this', smtp: '550 5.7.1' },
  { code: 'account_suspended', status: 403, title: 'The account is suspended', smtp: '550 5.7.1' },
  { code: 'domain_not_allowed', status: 403, title: 'The From domain may not send', smtp: '550 5.7.1' },
  { code: 'not_found', status: 404, title: 'There is no such thing', smtp: '550 5.0.0' },
  { code: 'method_not_allowed', status: 405, title: 'The method is not allowed here', smtp: '550 5.0.0' },
  { code: 'conflict', status: 409, title: 'It conflicts with what is there', smtp: '550 5.0.0' },
  {
    code: 'idempotency_conflict',
    status: 409,
    title: 'The idempotency key was used before',
    smtp: '550 5.0.0',
  },
  {
    code: 'idempotency_in_flight',
    status: 409,
    title: 'A request with this idempotency key is under way',
    smtp: '451 4.3.0',
  },
  { code: 'too_large', status: 413, title: 'The message is too large', smtp: '552 5.3.4' },
  {
    code: 'unsupported_media_type',
    status: 415,
    title: 'The content type is not supported',
    smtp: '550 5.6.1',
  },
  { code: 'misdirected', status: 421, title: 'It is not served by this name', smtp: '550 5.0.0' },
  { code: 'all_suppressed', status: 422, title: 'Every recipient is suppressed', smtp: '550 5.1.8' },
  { code: 'rate_limit_exceeded', status: 429, title: 'Too much at once', smtp: '451 4.7.1' },
  { code: 'internal_error', status: 500, title: 'Our fault; try again', smtp: '451 4.3.0' },
  { code: 'unavailable', status: 503, title: 'Something we need is away; try again', smtp: '451 4.3.0' },
  { code: 'not_set_up', status: 503, title: 'This installation is not set up yet', smtp: '451 4.3.0' },
] as const;

export type ProblemCode = (typeof problems)[number]['code'];

/** One fault in the input: a JSON pointer (RFC 6901) into the body, or the name of a parameter or header. */
export interface FieldError {
  pointer: string;
  detail: string;
}

/** True for a value that is no problem; narrows a union. */
export function isGood<T>(value: T | Problem): value is T {
  return !(value instanceof Problem);
}

/** The catalogue row of a code. */
export function problemRow(code: ProblemCode): (typeof problems)[number] {
  const row = problems.find((p) => p.code === code);
  if (!row) throw new Error(`no problem of code ${code}`);
  return row;
}

/** The caller's fault, or a refusal that the caller must hear of. Thrown; answered as RFC 9457 or as an SMTP reply. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly detail: string;
  readonly errors: FieldError[];
  /** Further members of the answer, and headers such as `Retry-After`. */
  readonly members: Record<string, unknown>;
  readonly headers: Record<string, string>;

  constructor(
    code: ProblemCode,
    detail: string,
    more: { errors?: FieldError[]; members?: Record<string, unknown>; headers?: Record<string, string> } = {},
  ) {
    super(detail);
    this.name = 'Problem';
    this.code = code;
    this.detail = detail;
    this.errors = more.errors ?? [];
    this.members = more.members ?? {};
    this.headers = more.headers ?? {};
  }

  get title(): string {
    return problemRow(this.code).title;
  }

  get status(): number {
    return problemRow(this.code).status;
  }

  /** The `application/problem+json` body (RFC 9457 §3), with `error` for clients of older dialects. */
  toJSON(): Record<string, unknown> {
    const row = problemRow(this.code);
    return {
      type: `https://pennypost.dev/problems/${this.code}`,
      title: row.title,
      status: row.status,
      detail: this.detail,
      code: this.code,
      error: this.detail,
      errors: this.errors,
      ...this.members,
    };
  }
}
