import { z } from '@hono/zod-openapi';
import { newApp, queryOf } from '../http/app.ts';
import { readAudit, type StoredAuditEntry } from '../store/audit.ts';

/** `GET /v1/audit`: who did what in the account, from where, in the last ninety days. */
export const auditApp = newApp();

export const auditQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(50),
  cursor: z.coerce
    .number('must be a cursor that an earlier answer gave')
    .int()
    .min(1)
    .nullable()
    .default(null)
    .meta({ description: 'The `next` of an earlier answer.' }),
});

auditApp.get('/audit', async (c) => {
  const { limit, cursor } = queryOf(c, auditQuery);
  const { accountId } = c.get('credential');
  const of = { before: cursor, limit };
  const { entries, next } = await readAudit(c.get('store'), accountId, of, Date.now());
  return c.json({
    data: entries.map(viewOf),
    limit,
    has_more: next !== null,
    next: next === null ? null : String(next),
  });
});

function viewOf({ id, atMs, who, source, what, details }: StoredAuditEntry) {
  return { id: String(id), at: new Date(atMs).toISOString(), who, source: source || null, what, details };
}
