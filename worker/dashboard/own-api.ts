import { z } from 'zod';
import { Problem, problems } from '#domain/problem.ts';
import { aliasesApp } from '../api/aliases.ts';
import { domainReportsApp } from '../api/domain-reports.ts';
import { domainsApp } from '../api/domains.ts';
import { emailsApp } from '../api/emails.ts';
import { inboundEmailsApp } from '../api/inbound-emails.ts';
import { inboundReplyApp } from '../api/inbound-reply.ts';
import { inboundRoutesApp } from '../api/inbound-routes.ts';
import { inboundRulesApp } from '../api/inbound-rules.ts';
import { sendApp } from '../api/send.ts';
import { settingsApp } from '../api/settings.ts';
import { suppressionsApp } from '../api/suppressions.ts';
import { warmingApp } from '../api/warming.ts';
import { webhookDeliveriesApp } from '../api/webhook-deliveries.ts';
import { webhooksApp } from '../api/webhooks.ts';
import { answerError, type Call, newApp } from '../http/app.ts';
import { guard } from '../identity/guard.ts';

/**
 * What the dashboard changes, it changes through the public API, inside of the Worker: every rule has one home,
 * and its refusals reach the page in the same words.
 */
function apiFor(outer: Call, accountId: number) {
  const app = newApp();
  app.use(async (c, next) => {
    c.set('requestId', outer.get('requestId'));
    c.set('env', outer.get('env'));
    c.set('store', outer.get('store'));
    c.set('isolate', outer.get('isolate'));
    c.set('noted', outer.get('noted'));
    c.set('caller', { accountId, domainsOf: accountId });
    await next();
  });
  app.use(guard);
  for (const part of [
    sendApp,
    emailsApp,
    domainsApp,
    domainReportsApp,
    suppressionsApp,
    webhooksApp,
    webhookDeliveriesApp,
    warmingApp,
    settingsApp,
    inboundRoutesApp,
    inboundRulesApp,
    inboundEmailsApp,
    inboundReplyApp,
    aliasesApp,
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
  path: string;
  body?: unknown;
  raw?: { type: string; content: string | Uint8Array };
  /** The same makes the same request once (`Idempotency-Key`). */
  once?: string;
}

/**
 * Calls the API for an account, whose member's role has been looked at before.
 * @throws Problem the API's own
 */
export async function callApi<T extends z.ZodType>(
  c: Call,
  accountId: number,
  request: ApiRequest,
  schema: T,
): Promise<z.output<T>> {
  return schema.parse(await bodyOf(await askApi(c, accountId, request)));
}

/**
 * Calls the API like `callApi` and gives its answer as it comes, for bodies that are passed on.
 * @throws Problem the API's own
 */
export async function askApi(c: Call, accountId: number, request: ApiRequest): Promise<Response> {
  const headers = new Headers();
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
