import { z } from '@hono/zod-openapi';
import { Problem } from '#domain/problem.ts';
import {
  type DeliveryPlace,
  formatDeliveryId,
  parseDeliveryId,
  toldIn,
  webhookDeliveryStates,
} from '#domain/webhook.ts';
import { type Call, newApp, queryOf } from '../http/app.ts';
import { webhookDays } from '../store/home-tables.ts';
import {
  findDelivery,
  listDeliveries,
  replayDelivery,
  type WebhookDelivery,
} from '../store/webhook-deliveries.ts';
import { listEndpoints } from '../store/webhook-endpoints.ts';
import { senderOf } from '../webhook/sender-of.ts';

/** `/v1/webhook-deliveries`: what was posted, and every try. */
export const webhookDeliveriesApp = newApp();

export const webhookDeliveriesQuery = z.object({
  endpoint: z.string().max(64).nullable().default(null).meta({ description: 'Only of this endpoint.' }),
  state: z.enum(webhookDeliveryStates).nullable().default(null),
  endpoint_id: z.string().max(64).optional().meta({ description: 'The same as `endpoint`.' }),
  status: z.enum(webhookDeliveryStates).optional().meta({ description: 'The same as `state`.' }),
  days: z.coerce
    .number()
    .int()
    .min(1)
    .max(webhookDays)
    .optional()
    .meta({ description: 'Only of the last so many days.' }),
  limit: z.coerce.number().int().min(1).max(100).default(50),
  cursor: z
    .string()
    .max(64)
    .transform((text, context) => {
      const place = parseDeliveryId(text);
      if (place === null)
        context.addIssue({ code: 'custom', message: 'must be a cursor that an earlier answer gave' });
      return place ?? z.NEVER;
    })
    .nullable()
    .default(null)
    .meta({ description: 'The `next` of an earlier answer.' }),
});

webhookDeliveriesApp.get('/webhook-deliveries', async (c) => {
  const { limit, cursor, days, ...query } = queryOf(c, webhookDeliveriesQuery);
  const wanted = query.endpoint ?? query.endpoint_id ?? null;
  const state = query.state ?? query.status ?? null;
  const store = c.get('store');
  const endpoints = await listEndpoints(store, c.get('credential').accountId);
  const chosen =
    wanted === null ? endpoints : endpoints.filter((one) => one.publicId === wanted.toLowerCase());
  if (wanted !== null && chosen.length === 0)
    throw new Problem('not_found', `There is no webhook endpoint ${wanted}.`);
  const { deliveries, next } = await listDeliveries(
    store,
    { endpointIds: chosen.map(({ id }) => id), state, before: cursor },
    limit,
    Date.now(),
  );
  const sinceMs = days === undefined ? 0 : Date.now() - days * 86_400_000;
  const some = deliveries.filter(({ createdAtMs }) => createdAtMs >= sinceMs);
  const goesOn = some.length === deliveries.length ? next : null;
  const names = new Map(endpoints.map((one) => [one.id, one.publicId]));
  const data = some.map((delivery) => summaryOf(delivery, names.get(delivery.endpointId) ?? null));
  return c.json({
    data,
    deliveries: data,
    total: data.length,
    warnings: [],
    next: goesOn && formatDeliveryId(goesOn),
    has_more: goesOn !== null,
  });
});

webhookDeliveriesApp.get('/webhook-deliveries/:id', async (c) =>
  c.json(await detailOf(c, await deliveryOf(c, parseDeliveryId(c.req.param('id') ?? '')))),
);

webhookDeliveriesApp.post('/webhook-deliveries/:id/replay', async (c) => {
  const place = parseDeliveryId(c.req.param('id') ?? '');
  await replayOne(c, place, null);
  return c.json(await detailOf(c, await deliveryOf(c, place)), 202);
});

/**
 * Puts a delivery up again, with the same id.
 * @param endpointId the endpoint that it must be of; null: any of the account
 * @throws Problem 404 for another account's, 409 when it is still on its way
 */
export async function replayOne(
  c: Call,
  place: DeliveryPlace | null,
  endpointId: number | null,
): Promise<void> {
  const delivery = await deliveryOf(c, place);
  if (endpointId !== null && delivery.endpointId !== endpointId) throw notFound();
  if (!(await replayDelivery(c.get('store'), delivery, Date.now()))) {
    throw new Problem('conflict', 'The delivery is still pending: it is tried by itself.');
  }
  await senderOf(c.get('env').bindings.SENDER, delivery.endpointId).poke(delivery.endpointId);
}

export async function deliveryOf(c: Call, place: DeliveryPlace | null): Promise<WebhookDelivery> {
  const { accountId } = c.get('credential');
  const delivery = place && (await findDelivery(c.get('store'), accountId, place, Date.now()));
  if (!delivery) throw notFound();
  return delivery;
}

function notFound(): Problem {
  return new Problem('not_found', 'There is no such webhook delivery, or its time is over.');
}

function summaryOf(delivery: WebhookDelivery, endpoint: string | null) {
  const last = delivery.tries.at(-1);
  const told = toldIn(delivery.body);
  return {
    id: formatDeliveryId(delivery),
    endpoint,
    state: delivery.state,
    event: told.event,
    recipient: told.recipient,
    events: told.events,
    attempts: delivery.attempts,
    next_attempt_at: delivery.dueMs === null ? null : new Date(delivery.dueMs).toISOString(),
    last_status: last?.status ?? null,
    last_error: last?.error ?? null,
    created_at: new Date(delivery.createdAtMs).toISOString(),
  };
}

/** With the body as it is posted and every try that is kept. */
async function detailOf(c: Call, delivery: WebhookDelivery) {
  const endpoints = await listEndpoints(c.get('store'), delivery.accountId);
  const endpoint = endpoints.find(({ id }) => id === delivery.endpointId)?.publicId ?? null;
  return {
    ...summaryOf(delivery, endpoint),
    body: delivery.body,
    tries: delivery.tries.map(({ at, durationMs, status, answer, error }) => ({
      at,
      duration_ms: durationMs,
      status,
      answer,
      error,
    })),
  };
}
