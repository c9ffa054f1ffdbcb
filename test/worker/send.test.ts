import { beforeAll, describe, expect, it } from 'vitest';
import { dayOf } from '#domain/message/home.ts';
import { newestRows } from '#domain/message/row-form.ts';
import { dropOldTables, ensureHomeTables } from '../../worker/store/home-tables.ts';
import { readBody, readSmallBodies } from '../../worker/store/raw.ts';
import { openStore } from '../../worker/store/store.ts';
import {
  bindings,
  call,
  delivered,
  mail,
  migrate,
  newAccount,
  result,
  type TestAccount,
  TestNode,
} from './support.ts';

let account: TestAccount;
beforeAll(async () => {
  await migrate();
  account = await newAccount();
});

describe('a message by the API', () => {
  it('is accepted, leased, delivered, and tells its story', async () => {
    const sent = await call('POST', '/v1/send', account.live, mail(account));
    expect(sent.body).toEqual({ message_id: expect.stringMatching(/^[0-9a-f-]{36}$/), status: 'queued' });
    expect(sent.status).toBe(202);
    const node = await new TestNode().hello();
    const { deliveries, keys } = await node.lease();
    expect(deliveries).toHaveLength(1);
    expect(deliveries[0].raw).toContain('Subject: Your receipt\r\n');
    expect(keys[account.domain]).toHaveLength(2);
    const reported = await node.post('results', { results: [result(deliveries[0], delivered)] });
    expect(reported.body).toEqual({ verdicts: ['recorded'] });
    const again = await node.post('results', { results: [result(deliveries[0], delivered)] });
    expect(again.body).toEqual({ verdicts: ['stale'] });
    const { body: detail } = await call('GET', `/v1/emails/${sent.body.message_id}`, account.live);
    expect(detail.status).toBe('delivered');
    const { body: events } = await call('GET', `/v1/emails/${sent.body.message_id}/events`, account.live);
    expect(events.data.map((e: { kind: string }) => e.kind)).toEqual(['accepted', 'dispatched', 'delivered']);
    const { body: feed } = await call('GET', '/v1/events', account.live);
    expect(feed.data.map((e: { kind: string }) => e.kind)).toEqual(['accepted', 'dispatched', 'delivered']);
  });
});

describe('a message whose body is past its time', () => {
  it('is still leased, and its raw message is told to be gone', async () => {
    const sent = await call('POST', '/v1/send', account.live, mail(account));
    const store = openStore({ bindings, writesRows: newestRows });
    const nowMs = Date.now() + 6 * 86_400_000;
    await dropOldTables(store, nowMs);
    const place = { messageId: sent.body.message_id, bodyDay: dayOf(Date.now()), bodyId: 1 };
    expect(await readBody(store, place, nowMs)).toBeNull();
    expect((await readSmallBodies(store, [place], nowMs)).size).toBe(0);
    await ensureHomeTables(store, Date.now());
  });
});
