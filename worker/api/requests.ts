import { z } from '@hono/zod-openapi';
import { newApp, queryOf } from '../http/app.ts';
import { type LoggedRequest, type RequestCursor, readRequests } from '../store/requests.ts';

/** `GET /v1/requests`: what the account has submitted in the last seven days, and why what was refused. */
export const requestsApp = newApp();

const newest: RequestCursor = { refused: null, message: null };
const cursorPattern = /^(\d{1,16})?\.(?:(\d{4}w\d{2})-(\d{1,15}))?$/;

/** A cursor as text: the place among the refused, a dot, the place among the messages. */
export function writeCursor({ refused, message }: RequestCursor): string {
  return `${refused ?? ''}.${message ? `${message.week}-${message.seq}` : ''}`;
}

/** Null when it is none. */
export function readCursor(text: string): RequestCursor | null {
  const [all, refused, week, seq] = cursorPattern.exec(text) ?? [];
  if (all === undefined) return null;
  const id = refused === undefined ? null : Number(refused);
  if (id !== null && !Number.isSafeInteger(id)) return null;
  return { refused: id, message: week === undefined ? null : { week, seq: Number(seq) } };
}

export const requestsQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(50),
  cursor: z
    .string()
    .transform((text, context) => {
      const cursor = readCursor(text);
      if (cursor) return cursor;
      context.addIssue({ code: 'custom', message: 'must be a cursor that an earlier answer gave' });
      return z.NEVER;
    })
    .optional()
    .meta({ type: 'string', description: 'The `next` of an earlier answer.' }),
  answer: z
    .enum(['accepted', 'refused'])
    .optional()
    .meta({ description: 'Only what was answered so; both unless told.' }),
});

requestsApp.get('/requests', async (c) => {
  const { limit, cursor = newest, answer = null } = queryOf(c, requestsQuery);
  const { accountId } = c.get('credential');
  const of = { cursor, limit, only: answer };
  const { requests, next } = await readRequests(c.get('store'), accountId, of, Date.now());
  return c.json({
    data: requests.map(viewOf),
    limit,
    has_more: next !== null,
    next: next && writeCursor(next),
  });
});

function viewOf(request: LoggedRequest) {
  const at = new Date(request.atMs).toISOString();
  if (request.refused) {
    const { requestId, way, status, credentialId, code, detail, leftOut } = request;
    const of = { way, status, key: credentialId, code, detail, message_id: null, left_out: leftOut };
    return { request_id: requestId, at, ...of };
  }
  const { source, credentialId, messageId } = request.message;
  const of = { way: source, status: 202, key: credentialId || null, code: null, detail: null };
  return { request_id: null, at, ...of, message_id: messageId, left_out: 0 };
}
