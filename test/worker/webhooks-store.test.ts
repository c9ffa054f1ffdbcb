import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { weekOf } from '#domain/message/home.ts';
import { newestRows } from '#domain/message/row-form.ts';
import { webhookBodies } from '#domain/webhook.ts';
import { readEvents } from '../../worker/store/events.ts';
import { openStore } from '../../worker/store/store.ts';
import {
  appendDeliveries,
  readEndpointWork,
  recordTries,
  replayRange,
} from '../../worker/store/webhook-deliveries.ts';
import { endpointsWithWork } from '../../worker/store/webhook-endpoints.ts';
import { Internet } from './receiver.ts';
import { bindings, call, mail, migrate, newAccount, type TestAccount } from './support.ts';
import {
  cron,
  deliveriesOf,
  eventually,
  newEndpoint,
  passRetryWaits,
  setEndpoint,
} from './webhook-support.ts';

let account: TestAccount;
let internet: Internet;
beforeAll(migrate);
beforeEach(async () => {
  internet = new Internet();
  account = await newAccount();
});
afterEach(() => vi.restoreAllMocks());

/** A disabled endpoint (so that its sender leaves it alone) with events behind its cursor, and the store. */
async function behindEndpoint(events: number) {
  const made = await newEndpoint(account, internet);
  await setEndpoint(made, `state = 'disabled'`);
  const batch = Array.from({ length: events }, (_, i) => mail(account, { to: [`user${i}@example.net`] }));
  await call('POST', '/v1/send/batch', account.live, batch);
  const row = await bindings.DB.prepare('SELECT id FROM webhook_endpoints WHERE public_id = ?')
    .bind(made.id)
    .first<{ id: number }>();
  const store = openStore({ bindings, writesRows: newestRows });
  const { endpoint } = await readEndpointWork(store, Number(row?.id), 10, Date.now());
  if (!endpoint) throw new Error('no endpoint');
  const cursor = { week: endpoint.cursorWeek, seq: endpoint.cursorSeq, taken: endpoint.cursorTaken };
  return { made, endpoint, store, cursor };
}

describe('deliveries', () => {
  it('move the cursor in the same transaction, and only from where it was', async () => {
    const { endpoint, store, cursor } = await behindEndpoint(3);
    const { events: page } = await readEvents(store, account.id, cursor, 100, Date.now());
    const last = page.at(-1);
    if (!last) throw new Error('no events');
    const bodies = webhookBodies(endpoint.format, page).map(({ text }) => text);
    const of = { bodies, cursor: last.cursor, behind: false };
    expect(await appendDeliveries(store, endpoint, of, Date.now())).toHaveLength(3);
    // A second sender of the same endpoint, or the same after its answer was lost, writes nothing.
    expect(await appendDeliveries(store, endpoint, of, Date.now())).toBeNull();
    const work = await readEndpointWork(store, endpoint.id, 100, Date.now());
    expect(work.due.map(({ body }) => body)).toEqual(bodies);
    expect(work.endpoint).toMatchObject({ cursorSeq: last.cursor.seq, cursorTaken: last.cursor.taken });
  });

  it('cost four written rows each from event to success, and one a page for the cursor', async () => {
    const { endpoint, store, cursor } = await behindEndpoint(20);
    const { events: page } = await readEvents(store, account.id, cursor, 100, Date.now());
    const bodies = webhookBodies(endpoint.format, page).map(({ text }) => text);
    const before = store.cost.rowsWritten;
    const appended = await appendDeliveries(
      store,
      endpoint,
      { bodies, cursor: page.at(-1)?.cursor ?? cursor, behind: false },
      Date.now(),
    );
    const made = { at: '', durationMs: 1, status: 200, answer: '', error: null };
    const next = { state: 'delivered', dueMs: null, gone: false } as const;
    await recordTries(
      store,
      (appended ?? []).map((delivery) => ({ delivery, made, next })),
      Date.now(),
    );
    const written = store.cost.rowsWritten - before;
    console.log(`rows written for ${bodies.length} deliveries: ${written}`);
    expect(written).toBeLessThanOrEqual(4 * bodies.length + 1);
  });

  it('are replayed by range in portions that lead on', async () => {
    const { endpoint, store, cursor } = await behindEndpoint(1);
    const hour = 3_600_000;
    const nowMs = Date.now();
    let from = endpoint;
    for (const [i, atMs] of [nowMs - 3000, nowMs - 2000, nowMs - 1000].entries()) {
      const moved = { ...cursor, seq: cursor.seq + i + 1 };
      await appendDeliveries(store, from, { bodies: ['{}'], cursor: moved, behind: false }, atMs);
      from = { ...from, cursorSeq: moved.seq };
    }
    const { due } = await readEndpointWork(store, endpoint.id, 10, nowMs);
    const made = { at: '', durationMs: 1, status: 500, answer: '', error: null };
    const next = { state: 'dead', dueMs: null, gone: false } as const;
    const dead = due.map((delivery) => ({ delivery, made, next }));
    await recordTries(store, dead, nowMs);
    const range = { fromMs: nowMs - hour, toMs: nowMs + hour };
    const first = await replayRange(store, endpoint.id, range, 2, nowMs);
    expect(first).toEqual({ replayed: 2, nextMs: nowMs - 1000 });
    const rest = await replayRange(store, endpoint.id, { ...range, fromMs: first.nextMs ?? 0 }, 2, nowMs);
    expect(rest).toEqual({ replayed: 1, nextMs: null });
  });
});

it('the sweep looks for active endpoints only, and not for those that have nothing to do', async () => {
  const { made, endpoint, store } = await behindEndpoint(1);
  expect((await endpointsWithWork(store, Date.now())).ids).not.toContain(endpoint.id);
  await setEndpoint(made, `state = 'active'`);
  expect((await endpointsWithWork(store, Date.now())).ids).toContain(endpoint.id);
  await cron();
  await eventually(async () => expect(await deliveriesOf(account, 'state=delivered')).toHaveLength(1));
  expect((await endpointsWithWork(store, Date.now())).ids).not.toContain(endpoint.id);
});

it('an endpoint that is far behind leaves its events in the feed until there is room', async () => {
  let status = 500;
  const endpoint = await newEndpoint(account, internet, () => new Response('', { status }));
  const batch = Array.from({ length: 100 }, (_, i) => mail(account, { to: [`user${i}@example.net`] }));
  for (let i = 0; i < 9; i++) await call('POST', '/v1/send/batch', account.live, batch);
  const count = async () => {
    const sql = `SELECT count(*) AS n FROM webhook_deliveries_${weekOf(Date.now())} WHERE account_id = ?`;
    return Number((await bindings.DB.prepare(sql).bind(account.id).first<{ n: number }>())?.n);
  };
  await eventually(async () => expect(await count()).toBeGreaterThanOrEqual(500), 60_000);
  await cron();
  await eventually(async () => {
    const tried = new Set(internet.to(endpoint.host).map(({ headers }) => headers['webhook-id']));
    expect(tried.size).toBe(await count());
  }, 60_000);
  expect(await count()).toBeLessThanOrEqual(700);
  status = 200;
  await eventually(async () => {
    await passRetryWaits(endpoint);
    expect(new Set(internet.to(endpoint.host).map(({ body }) => body.id)).size).toBe(900);
    expect(await deliveriesOf(account, 'state=pending')).toEqual([]);
  }, 60_000);
}, 200_000);
