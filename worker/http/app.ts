import { OpenAPIHono, type z } from '@hono/zod-openapi';
import type { Context, Next } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { uuidV7 } from '#domain/message/ids.ts';
import { type FieldError, Problem } from '#domain/problem.ts';
import type { Env } from '../env.ts';
import type { Announcer } from '../hub/announcer.ts';
import type { EventAnnouncer } from '../hub/event-announcer.ts';
import type { Caller, GateCredential } from '../store/acceptance.ts';
import type { Viewer } from '../store/auth.ts';
import { isMoving } from '../store/homes-memory.ts';
import type { KnownLinkHosts } from '../store/known-link-hosts.ts';
import type { KnownRouting } from '../store/routing.ts';
import type { Store } from '../store/store.ts';
import type { KnownKeys } from '../tokens/known-keys.ts';
import type { KnownNodes } from '../tokens/known-nodes.ts';
import type { RefusalBudget } from './refusal-budget.ts';
import type { RefusedForm } from './refused-form.ts';

/** What every handler finds in its context. */
export interface Variables {
  requestId: string;
  env: Env;
  store: Store;
  isolate: Isolate;
  credential: GateCredential;
  /** Set by the Worker itself when a page asks the API for an account. */
  caller?: Caller;
  viewer: Viewer;
  /** What was posted and is refused, while the page of its form is made. */
  refused?: RefusedForm | undefined;
  /** The node whose token the request has. */
  nodeId: string;
  /** For the audit log: what something was done to. */
  noted: Record<string, string>;
  /** The source has asked too often: what a mail shows still works, and is not recorded. */
  uncounted?: Problem;
}

/** What lives as long as the isolate: nothing that may not be lost. */
export interface Isolate {
  announcer: Announcer;
  eventAnnouncer: EventAnnouncer;
  /** Idempotency keys whose requests are being carried out here, and since when (Unix ms), in that order. */
  flights: Map<string, number>;
  knownKeys: KnownKeys;
  knownLinkHosts: KnownLinkHosts;
  knownNodes: KnownNodes;
  knownRouting: KnownRouting;
  refusals: RefusalBudget;
}

export type App = { Variables: Variables };
export type Call = Context<App>;

/** A sub-application whose schemas answer with problems. */
export function newApp(): OpenAPIHono<App> {
  return new OpenAPIHono<App>({
    defaultHook: (result) => {
      if (!result.success) throw invalidBody(result.error.issues, result.target === 'json' ? '/' : '');
    },
  });
}

interface Issue {
  path: PropertyKey[];
  message: string;
  /** Of a key of a map that is not valid: what is wrong with it. */
  issues?: { message: string }[];
}

/** So many faults are told, in so many characters each: a body may have thousands, and a batch keeps its answers. */
const mostErrors = 20;
const longestText = 300;

/** The problem of a body or query that does not fit its schema: each fault by its JSON pointer (RFC 6901). */
export function invalidBody(issues: readonly Issue[], root = '/'): Problem {
  const errors: FieldError[] = issues.slice(0, mostErrors).map((issue) => ({
    pointer: (
      root + issue.path.map((part) => String(part).replaceAll('~', '~0').replaceAll('/', '~1')).join('/')
    ).slice(0, longestText),
    detail: (issue.issues?.[0]?.message ?? issue.message).slice(0, longestText),
  }));
  const first = errors[0];
  return new Problem(
    'invalid_body',
    first ? `${first.pointer}: ${first.detail}` : 'The request is not valid.',
    { errors },
  );
}

/** A value that fits the schema; throws the problem that names each fault. */
export function parsed<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const found = schema.safeParse(value);
  if (!found.success) throw invalidBody(found.error.issues);
  return found.data;
}

/** The query of a request; throws 400 when it does not fit the schema. */
export function queryOf<T extends z.ZodType>(c: Call, schema: T): z.output<T> {
  const query = schema.safeParse(c.req.query());
  if (!query.success) throw invalidBody(query.error.issues, '');
  return query.data;
}

/** Gives each request its id and says it in the answer. */
export async function requestId(c: Call, next: Next): Promise<void> {
  c.set('requestId', uuidV7(Date.now(), crypto.getRandomValues(new Uint8Array(10))));
  c.header('X-Request-ID', c.get('requestId'));
  await next();
}

/** Answers an error as `application/problem+json` (RFC 9457); what is our fault is logged, its details hidden. */
export function answerError(error: Error, c: Call): Response {
  const problem = problemOf(error, c.get('requestId'));
  const response = new Response(JSON.stringify(problem), { status: problem.status });
  response.headers.set('Content-Type', 'application/problem+json');
  response.headers.set('X-Request-ID', c.get('requestId'));
  for (const [name, value] of Object.entries(problem.headers)) response.headers.set(name, value);
  return response;
}

/** The problem that an error is told as; logs what is our fault. */
export function problemOf(error: Error, id: string): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof HTTPException && error.status === 400) {
    return new Problem('invalid_json', 'The body is not valid JSON.', {
      errors: [{ pointer: '/', detail: 'must be JSON (RFC 8259)' }],
    });
  }
  if (isMoving(error)) {
    return new Problem(
      'unavailable',
      'The account is being moved to another database; try again in a few seconds.',
      { headers: { 'Retry-After': '5' } },
    );
  }
  console.error(JSON.stringify({ level: 'error', requestId: id, msg: error.message, stack: error.stack }));
  return new Problem(
    'internal_error',
    `Something went wrong on our side; nothing was lost, try again. Request ${id}.`,
  );
}
