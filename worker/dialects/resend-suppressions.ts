import { z } from 'zod';
import { numberOfUuid, uuidOfNumber } from '#domain/number-id.ts';
import { Problem } from '#domain/problem.ts';
import type { SuppressionReason } from '#domain/suppression/suppression.ts';
import { askApi, callApi } from '../api/own-api.ts';
import { type Call, newApp } from '../http/app.ts';
import { parseBody, readJson } from '../http/request-body.ts';
import { rowsOf } from '../identity/rows.ts';
import { listSuppressions, type Suppression } from '../store/suppressions.ts';
import { fault } from './dialect.ts';
import type { ListSource } from './pages.ts';
import { listing, resendTime } from './resend-views.ts';

/** `/resend/suppressions…`. */
export const resendSuppressionsApp = newApp();

const origins: Record<SuppressionReason, string> = {
  hard_bounce: 'bounce',
  complaint: 'complaint',
  manual: 'manual',
  unsubscribe: 'manual',
};

function suppressionView(entry: Suppression) {
  return {
    id: uuidOfNumber('suppression', entry.id),
    email: entry.address,
    origin: origins[entry.reason],
    source_id: entry.messageId,
    created_at: resendTime(entry.createdAtMs),
  };
}

const anySuppression = { query: null, reason: null, scope: null };

/** The entry of an id or an address. @throws Problem 404 */
async function suppressionOf(c: Call, idOrEmail: string): Promise<Suppression> {
  const number = numberOfUuid('suppression', idOrEmail);
  const { entries } = await listSuppressions(
    c.get('store'),
    rowsOf(c),
    number === null ? { ...anySuppression, query: idOrEmail } : anySuppression,
    { limit: 1, before: number === null ? null : number + 1 },
    Date.now(),
  );
  const [entry] = entries;
  const isIt =
    number === null ? entry?.address.toLowerCase() === idOrEmail.toLowerCase() : entry?.id === number;
  if (!entry || !isIt) throw new Problem('not_found', `${idOrEmail.slice(0, 100)} is not suppressed.`);
  return entry;
}

/** Adds an address for the whole account. Gives its id. */
async function suppress(c: Call, email: string) {
  const request = { method: 'POST', path: '/suppressions', body: { email } } as const;
  const { id } = await callApi(c, null, request, z.object({ id: z.string() }));
  return { object: 'suppression', id };
}

async function release(c: Call, idOrEmail: string) {
  const entry = await suppressionOf(c, idOrEmail);
  const path = `/suppressions/${encodeURIComponent(entry.address)}`;
  await askApi(c, null, { method: 'DELETE', path });
  return { object: 'suppression', id: suppressionView(entry).id, deleted: true };
}

/** Each is a call of its own to the database, of which a request may make a bounded number. */
const several = z.array(z.string().max(320)).min(1).max(50);
const added = z.strictObject({ email: z.string().max(320) });
const addedBatch = z.strictObject({ emails: several });
const removedBatch = z.union([addedBatch, z.strictObject({ ids: several })]);

resendSuppressionsApp.post('/suppressions', async (c) => {
  const { email } = parseBody(added, await readJson(c));
  return c.json(await suppress(c, email), 201);
});

resendSuppressionsApp.post('/suppressions/batch/add', async (c) => {
  const { emails } = parseBody(addedBatch, await readJson(c));
  const data: unknown[] = [];
  for (const email of emails) data.push(await suppress(c, email));
  return c.json({ data }, 201);
});

resendSuppressionsApp.post('/suppressions/batch/remove', async (c) => {
  const body = parseBody(removedBatch, await readJson(c));
  const data: unknown[] = [];
  for (const one of 'ids' in body ? body.ids : body.emails) data.push(await release(c, one));
  return c.json({ data });
});

resendSuppressionsApp.get('/suppressions', async (c) => {
  const origin = c.req.query('origin');
  const reason =
    ({ bounce: 'hard_bounce', complaint: 'complaint', manual: 'manual' } as const)[origin ?? ''] ?? null;
  if (origin !== undefined && reason === null)
    throw fault('/origin', 'must be one of bounce, complaint and manual');
  const source: ListSource<Suppression, number> = {
    idOf: ({ id }) => uuidOfNumber('suppression', id),
    read: async (before, limit) =>
      await listSuppressions(
        c.get('store'),
        rowsOf(c),
        { ...anySuppression, reason },
        { limit, before },
        Date.now(),
      ),
    behind: async (id) => numberOfUuid('suppression', id),
  };
  return await listing(c, source, suppressionView);
});

resendSuppressionsApp.get('/suppressions/:id', async (c) =>
  c.json({ object: 'suppression', ...suppressionView(await suppressionOf(c, c.req.param('id'))) }),
);

resendSuppressionsApp.delete('/suppressions/:id', async (c) => c.json(await release(c, c.req.param('id'))));
