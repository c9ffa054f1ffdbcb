import { sql } from 'drizzle-orm';
import { postedBody } from '#domain/event-formats/suppression.ts';
import { weekOf } from '#domain/message/home.ts';
import {
  type DeliveryPlace,
  deliveryKey,
  firstKeyAt,
  type TryReduction,
  type WebhookTry,
} from '#domain/webhook.ts';
import * as control from '../../drizzle/schema/control.ts';
import type { EventCursor } from './events.ts';
import { webhookTable, webhookWeeks, withHomeTables } from './home-tables.ts';
import { batch, parameterGroups } from './sql.ts';
import type { Store } from './store.ts';
import { type Endpoint, endpointOf } from './webhook-endpoints.ts';

export type WebhookDeliveryState = TryReduction['state'];

/** A body on its way to an endpoint. */
export interface WebhookDelivery extends DeliveryPlace {
  accountId: number;
  endpointId: number;
  body: string;
  state: WebhookDeliveryState;
  dueMs: number | null;
  attempts: number;
  tries: WebhookTry[];
  createdAtMs: number;
}

/** Tries that are kept of a delivery; replays add to them. */
const keptTries = 30;

/** What an endpoint has to do. */
export interface EndpointWork {
  /** Null: it is deleted. */
  endpoint: Endpoint | null;
  /** Deliveries that are due, those that have waited longest first. */
  due: WebhookDelivery[];
  /** Deliveries that are not done. */
  pending: number;
  /** When the next one is due that is not due yet; null when there is none. */
  nextDueMs: number | null;
}

/** Reads an endpoint with up to `limit` due deliveries, in one round trip. */
export async function readEndpointWork(
  store: Store,
  endpointId: number,
  limit: number,
  nowMs: number,
): Promise<EndpointWork> {
  const weeks = webhookWeeks(nowMs);
  const open = sql`endpoint_id = ${endpointId} AND state <> 'delivered'`;
  const [endpointRows = [], ...rest] = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [
      sql`SELECT * FROM ${control.webhookEndpoints} WHERE id = ${endpointId}`,
      ...weeks.flatMap((week) => [
        sql`SELECT * FROM ${webhookTable(week)} WHERE ${open} AND due_ms <= ${nowMs} ORDER BY due_ms, id LIMIT ${limit}`,
        sql`SELECT count(*) AS pending, min(CASE WHEN due_ms > ${nowMs} THEN due_ms END) AS next
          FROM ${webhookTable(week)} WHERE ${open} AND due_ms IS NOT NULL`,
      ]),
    ]),
  );
  const due = weeks.flatMap((week, i) => (rest[2 * i] ?? []).map((row) => deliveryOf(week, row)));
  const summaries = weeks.map((_, i) => rest[2 * i + 1]?.[0] ?? {});
  const nexts = summaries.flatMap(({ next }) => (typeof next === 'number' ? [next] : []));
  return {
    endpoint: endpointRows[0] ? endpointOf(endpointRows[0]) : null,
    due: due.sort((a, b) => (a.dueMs ?? 0) - (b.dueMs ?? 0) || a.key - b.key).slice(0, limit),
    pending: summaries.reduce((sum, row) => sum + Number(row.pending ?? 0), 0),
    nextDueMs: nexts.length > 0 ? Math.min(...nexts) : null,
  };
}

/**
 * Stores bodies as deliveries that are due now and moves the endpoint's cursor behind them, in one transaction.
 * Null when the cursor is no longer where `endpoint` has it: then nothing is written.
 */
export async function appendDeliveries(
  store: Store,
  endpoint: Endpoint,
  of: { bodies: string[]; cursor: EventCursor; behind: boolean },
  nowMs: number,
): Promise<WebhookDelivery[] | null> {
  const week = weekOf(nowMs);
  // Consecutive numbers within the batch: it cannot collide with itself.
  const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
  const first = deliveryKey(nowMs, random % (2 ** 22 - of.bodies.length));
  const deliveries = of.bodies.map((body, i) => ({ id: first + i, body }));
  const { id, accountId, cursorWeek, cursorSeq, cursorTaken } = endpoint;
  const unmoved = sql`id = ${id} AND cursor_week = ${cursorWeek} AND cursor_seq = ${cursorSeq} AND cursor_taken = ${cursorTaken}`;
  const inserts = parameterGroups(deliveries).map(
    (group) => sql`INSERT INTO ${webhookTable(week)}
        (id, account_id, endpoint_id, body, state, due_ms, attempts, tries, created_at_ms)
      SELECT value->>'id', ${accountId}, ${id}, value->>'body', 'pending', ${nowMs}, 0, '[]', ${nowMs}
      FROM json_each(${JSON.stringify(group)}) WHERE EXISTS (SELECT 1 FROM webhook_endpoints WHERE ${unmoved})`,
  );
  const results = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [
      ...inserts,
      sql`UPDATE webhook_endpoints SET cursor_week = ${of.cursor.week}, cursor_seq = ${of.cursor.seq},
          cursor_taken = ${of.cursor.taken}, behind = ${Number(of.behind)} WHERE ${unmoved} RETURNING id`,
    ]),
  );
  if ((results.at(-1) ?? []).length === 0) return null;
  return deliveries.map(({ id: key, body }) => ({
    week,
    key,
    accountId,
    endpointId: id,
    body,
    state: 'pending',
    dueMs: nowMs,
    attempts: 0,
    tries: [],
    createdAtMs: nowMs,
  }));
}

/** A try and what follows from it. */
export interface TriedDelivery {
  delivery: WebhookDelivery;
  made: WebhookTry;
  next: TryReduction;
}

/**
 * Writes what tries came to, and since when the endpoint has been failing, in one transaction. A delivery that is
 * no longer pending is left alone.
 */
export async function recordTries(
  store: Store,
  tried: TriedDelivery[],
  nowMs: number,
): Promise<number | null> {
  const endpointId = tried[0]?.delivery.endpointId;
  if (endpointId === undefined) return null;
  const updates = [...Map.groupBy(tried, ({ delivery }) => delivery.week)].map(([week, all]) => {
    const rows = all.map(({ delivery, made, next }) => ({
      id: delivery.key,
      state: next.state,
      due: next.dueMs,
      tries: JSON.stringify([...delivery.tries, made].slice(-keptTries)),
    }));
    const table = webhookTable(week);
    return sql`UPDATE ${table} SET state = t.value->>'state', due_ms = t.value->>'due',
        attempts = attempts + 1, tries = t.value->>'tries'
      FROM json_each(${JSON.stringify(rows)}) t
      WHERE ${table}.id = t.value->>'id' AND endpoint_id = ${endpointId} AND state = 'pending'`;
  });
  const succeeded = tried.some(({ next }) => next.state === 'delivered');
  const failing = succeeded
    ? sql`UPDATE webhook_endpoints SET failing_since_ms = NULL WHERE id = ${endpointId} AND failing_since_ms IS NOT NULL`
    : sql`UPDATE webhook_endpoints SET failing_since_ms = ${nowMs} WHERE id = ${endpointId} AND failing_since_ms IS NULL`;
  const since = sql`SELECT failing_since_ms FROM webhook_endpoints WHERE id = ${endpointId}`;
  const [row] = (await batch(store.d1, [...updates, failing, since])).at(-1) ?? [];
  return row?.failing_since_ms == null ? null : Number(row.failing_since_ms);
}

/** A delivery of the account; null for another account's or when its time is over. */
export async function findDelivery(
  store: Store,
  accountId: number,
  place: DeliveryPlace,
  nowMs: number,
): Promise<WebhookDelivery | null> {
  if (!webhookWeeks(nowMs).includes(place.week)) return null;
  const [[row] = []] = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [
      sql`SELECT * FROM ${webhookTable(place.week)} WHERE id = ${place.key} AND account_id = ${accountId}`,
    ]),
  );
  return row ? deliveryOf(place.week, row) : null;
}

/** Deliveries that one call looks at, of all endpoints together, and of each at least. */
const searchedDeliveries = 400;
const leastSearched = 20;

/**
 * Deliveries of endpoints, newest first, from before a place (null: from the newest). Looks at a bounded number, so that
 * a page of one state may be short, or empty, before the end; `next` is the place before which to go on, null at the end.
 */
export async function listDeliveries(
  store: Store,
  of: { endpointIds: number[]; state: WebhookDeliveryState | null; before: DeliveryPlace | null },
  limit: number,
  nowMs: number,
): Promise<{ deliveries: WebhookDelivery[]; next: DeliveryPlace | null }> {
  const found: WebhookDelivery[] = [];
  const perEndpoint = Math.max(
    leastSearched,
    Math.floor(searchedDeliveries / Math.max(1, of.endpointIds.length)),
  );
  for (const week of webhookWeeks(nowMs).reverse()) {
    if (of.before !== null && week > of.before.week) continue;
    const table = webhookTable(week);
    const before = of.before?.week === week ? of.before.key : Number.MAX_SAFE_INTEGER;
    const looked = sql`FROM ${table} w WHERE w.endpoint_id = j.value AND w.id < ${before} ORDER BY w.id DESC`;
    const wanted = limit + 1 - found.length;
    const state = of.state === null ? sql`` : sql` WHERE state = ${of.state}`;
    const endpoints = sql`json_each(${JSON.stringify(of.endpointIds)}) j`;
    const [rows = [], [end] = []] = await withHomeTables(store, nowMs, () =>
      batch(store.d1, [
        sql`SELECT d.* FROM ${endpoints} CROSS JOIN ${table} d ON d.id IN (SELECT id FROM
            (SELECT w.id, w.state ${looked} LIMIT ${of.state === null ? wanted : perEndpoint})${state} LIMIT ${wanted})
          ORDER BY d.id DESC LIMIT ${wanted}`,
        sql`SELECT max((SELECT w.id ${looked} LIMIT 1 OFFSET ${perEndpoint - 1})) AS id FROM ${endpoints}`,
      ]),
    );
    // Of an endpoint that has more, what is older than this was not looked at.
    const horizon = end?.id == null || of.state === null ? null : Number(end.id);
    const deliveries = rows
      .map((row) => deliveryOf(week, row))
      .filter(({ key }) => horizon === null || key >= horizon);
    found.push(...deliveries);
    if (found.length > limit) {
      const page = found.slice(0, limit);
      return { deliveries: page, next: page.at(-1) ?? null };
    }
    if (horizon !== null) return { deliveries: found, next: { week, key: horizon } };
  }
  return { deliveries: found, next: null };
}

/** Puts up a delivery again that is done or dead; false when it is on its way anyway. */
export async function replayDelivery(store: Store, of: WebhookDelivery, nowMs: number): Promise<boolean> {
  const [rows = []] = await batch(store.d1, [
    sql`UPDATE ${webhookTable(of.week)} SET state = 'pending', due_ms = ${nowMs}, attempts = 0
      WHERE id = ${of.key} AND state <> 'pending' RETURNING id`,
  ]);
  return rows.length > 0;
}

/**
 * Puts up again what was made for an endpoint within a time, oldest first, up to `limit`. Gives how many, and the
 * time of the first that the limit left out.
 */
export async function replayRange(
  store: Store,
  endpointId: number,
  range: { fromMs: number; toMs: number },
  limit: number,
  nowMs: number,
): Promise<{ replayed: number; nextMs: number | null }> {
  let replayed = 0;
  for (const week of webhookWeeks(nowMs)) {
    const table = webhookTable(week);
    const within = sql`endpoint_id = ${endpointId} AND id >= ${firstKeyAt(week, range.fromMs)}
      AND id < ${firstKeyAt(week, range.toMs)} AND state <> 'pending' ORDER BY id`;
    const room = limit - replayed;
    const [left = [], done = []] = await withHomeTables(store, nowMs, () =>
      batch(store.d1, [
        sql`SELECT created_at_ms FROM ${table} WHERE ${within} LIMIT 1 OFFSET ${room}`,
        sql`UPDATE ${table} SET state = 'pending', due_ms = ${nowMs}, attempts = 0
          WHERE id IN (SELECT id FROM ${table} WHERE ${within} LIMIT ${room}) RETURNING id`,
      ]),
    );
    replayed += done.length;
    if (left[0]) return { replayed, nextMs: Number(left[0].created_at_ms) };
  }
  return { replayed, nextMs: null };
}

function deliveryOf(week: string, row: Record<string, unknown>): WebhookDelivery {
  return {
    week,
    key: Number(row.id),
    accountId: Number(row.account_id),
    endpointId: Number(row.endpoint_id),
    body: postedBody(String(row.body)),
    state: row.state as WebhookDeliveryState,
    dueMs: row.due_ms === null ? null : Number(row.due_ms),
    attempts: Number(row.attempts),
    tries: JSON.parse(String(row.tries)) as WebhookTry[],
    createdAtMs: Number(row.created_at_ms),
  };
}
