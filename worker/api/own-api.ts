import { z } from 'zod';
import { Problem, problems } from '#domain/problem.ts';
import { answerError, type Call, newApp } from '../http/app.ts';
import { authorizationOf } from '../identity/credential.ts';
import { guard } from '../identity/guard.ts';
import { aliasesApp } from './aliases.ts';
import { domainDkimApp } from './domain-dkim.ts';
import { domainReportsApp } from './domain-reports.ts';
import { domainsApp } from './domains.ts';
import { emailsApp } from './emails.ts';
import { inboundEmailsApp } from './inbound-emails.ts';
import { inboundReplyApp } from './inbound-reply.ts';
import { inboundRoutesApp } from './inbound-routes.ts';
import { inboundRulesApp } from './inbound-rules.ts';
import { sendApp } from './send.ts';
import { settingsApp } from './settings.ts';
import { statsApp } from './stats.ts';
import { suppressionsApp } from './suppressions.ts';
import { templatesApp } from './templates.ts';
import { warmingApp } from './warming.ts';
import { webhookDeliveriesApp } from './webhook-deliveries.ts';
import { webhooksApp } from './webhooks.ts';

/**
 * What the dashboard and other services' dialects change, they change through the public API, inside of the Worker: every
 * rule has one home, and its refusals reach whoever asks in the same words.
 * @param accountId null: the account of the request's key
 */
function apiFor(outer: Call, accountId: number | null) {
  const app = newApp();
  app.use(async (c, next) => {
    c.set('requestId', outer.get('requestId'));
    c.set('env', outer.get('env'));
    c.set('store', outer.get('store'));
    c.set('isolate', outer.get('isolate'));
    c.set('noted', outer.get('noted'));
    if (accountId !== null) c.set('caller', { accountId, domainsOf: accountId });
    await next();
  });
  app.use(guard);
  for (const part of [
    sendApp,
    emailsApp,
    domainsApp,
    domainReportsApp,
    suppressionsApp,
    templatesApp,
    webhooksApp,
    webhookDeliveriesApp,
    domainDkimApp,
    warmingApp,
    settingsApp,
    inboundRoutesApp,
    inboundRulesApp,
    inboundEmailsApp,
    inboundReplyApp,
    aliasesApp,
    statsApp,
  ])
    app.route('/v1', part);
  app.notFound((c) => {
    throw new Problem('not_found', `There is nothing at ${c.req.path.slice(0, 200)}.`);
  });
  app.onError(answerError);
  return app;
}

/** A number that was typed; what is none goes to the API as it is, which says so. */
export function numberTyped(text: string): number | string {
  return /^\d{1,15}$/.test(text) ? Number(text) : text;
}

interface ApiRequest {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below `/v1`. */
  path: string;
  body?: unknown;
  raw?: { type: string; content: string | Uint8Array };
  /** The same makes the same request once (`Idempotency-Key`). */
  once?: string;
}

/**
 * Calls the API for an account, whose member's role has been looked at before; null: with the key of the request.
 * @throws Problem the API's own
 */
export async function callApi<T extends z.ZodType>(
  c: Call,
  accountId: number | null,
  request: ApiRequest,
  schema: T,
): Promise<z.output<T>> {
  return schema.parse(await bodyOf(await askApi(c, accountId, request)));
}

/**
 * Calls the API like `callApi` and gives its answer as it comes, for bodies that are passed on.
 * @throws Problem the API's own
 */
export async function askApi(c: Call, accountId: number | null, request: ApiRequest): Promise<Response> {
  const headers = new Headers();
  const key = accountId === null ? authorizationOf(c) : undefined;
  if (key !== undefined) headers.set('Authorization', key);
  if (request.body !== undefined) headers.set('Content-Type', 'application/json');
  if (request.raw !== undefined) headers.set('Content-Type', request.raw.type);
  if (request.once !== undefined) headers.set('Idempotency-Key', request.once);
  const body = request.raw?.content ?? (request.body === undefined ? null : JSON.stringify(request.body));
  const response = await apiFor(c, accountId).fetch(
    new Request(new URL(`/v1${request.path}`, c.req.url), { method: request.method, headers, body }),
    undefined,
    c.executionCtx,
  );
  if (response.ok) return response;
  throw problemOf(await bodyOf(response), response);
}

async function bodyOf(response: Response): Promise<unknown> {
  const text = await response.text();
  const isJson = /\bjson\b/.test(response.headers.get('Content-Type') ?? '');
  return text === '' ? null : isJson ? JSON.parse(text) : text;
}

const problemSchema = z.object({
  code: z.string(),
  detail: z.string(),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).default([]),
});

function problemOf(value: unknown, { status, headers }: Response): Error {
  const said = problemSchema.safeParse(value);
  const row = problems.find(({ code }) => code === said.data?.code);
  if (!row || !said.success) return new Error(`the API answered ${status} without a problem`);
  const retryAfter = headers.get('Retry-After');
  return new Problem(row.code, said.data.detail, {
    errors: said.data.errors,
    headers: retryAfter === null ? {} : { 'Retry-After': retryAfter },
  });
}
