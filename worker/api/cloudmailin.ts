import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { cloudmailinSchema, partHeaders } from '#domain/message/cloudmailin.ts';
import { Problem } from '#domain/problem.ts';
import { type Call, newApp, problemOf } from '../http/app.ts';
import { messageJsonBytes, parseBody, readJson } from '../http/request-body.ts';
import { cloudmailinDraftOf } from '../intake/cloudmailin.ts';
import { acceptDraft, behindKey, idempotencyOf, templatesOf } from './send.ts';

/** CloudMailin's message API, `/api/v0.1/:username/messages`: another spelling of the same intake. */
export const cloudmailinApp = newApp();

cloudmailinApp.post('/:username/messages', (c) => {
  const username = c.req.param('username');
  return behindKey(
    c,
    async () => {
      const value = await readJson(c, messageJsonBytes);
      const body = parseBody(cloudmailinSchema, value);
      const draft = await cloudmailinDraftOf(body, Date.now(), await templatesOf(c)).catch((error) => {
        // A layout can have changed since an answer that an idempotency key has.
        if (error instanceof Problem && partHeaders(body.headers ?? {}).layout) return error;
        throw error;
      });
      const { message_id, environment } = await acceptDraft(
        c,
        draft,
        await idempotencyOf(c, value),
        username,
      );
      return c.json({ ...echo(value), id: message_id, test_mode: environment === 'test' }, 202);
    },
    username,
  );
});

cloudmailinApp.onError(answerShortly);

/** The request's fields without the large ones. */
function echo(value: unknown): Record<string, unknown> {
  const large = ['raw', 'attachments'];
  return Object.fromEntries(Object.entries(Object(value)).filter(([name]) => !large.includes(name)));
}

/** Errors as `{status, error}`; everything that is wrong with the input is 422 in this dialect. */
export function answerShortly(error: Error, c: Call): Response {
  const problem = problemOf(error, c.get('requestId'));
  const status = [400, 413, 415].includes(problem.status) ? 422 : problem.status;
  for (const [name, value] of Object.entries(problem.headers)) c.header(name, value);
  return c.json({ ...problem.members, status, error: problem.detail }, status as ContentfulStatusCode);
}
