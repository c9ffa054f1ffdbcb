import { beforeAll, expect, it } from 'vitest';
import { call, delivered, mail, migrate, newAccount, result, type TestAccount, TestNode } from './support.ts';

let account: TestAccount;
beforeAll(async () => {
  await migrate();
  account = await newAccount();
});

it('keeps the order of what happened, though the clock of the node is behind', async () => {
  const { body } = await call('POST', '/v1/send', account.live, mail(account));
  const node = await new TestNode().hello();
  const { deliveries } = await node.lease();
  const behindMs = Date.now() - 60_000;
  const outcome = { ...delivered, startedAtMs: behindMs, endedAtMs: behindMs };
  await node.post('results', { results: [result(deliveries[0], outcome)] });
  const { body: events } = await call('GET', `/v1/emails/${body.message_id}/events`, account.live);
  expect(events.data.map((e: { kind: string }) => e.kind)).toEqual(['accepted', 'dispatched', 'delivered']);
});
