import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  allEvents,
  call,
  delivered,
  mail,
  migrate,
  newAccount,
  result,
  type TestAccount,
  TestNode,
} from './support.ts';

beforeAll(migrate);

const send = async (account: TestAccount, more: Record<string, unknown> = {}) =>
  (await call('POST', '/v1/send', account.live, mail(account, more))).body.message_id as string;
const remove = (account: TestAccount, query = '') =>
  call('DELETE', `/v1/domains/${account.domain}${query}`, account.live);
const tomorrow = () => new Date(Date.now() + 86_400_000).toISOString();

describe('a domain whose mail waits (row 17)', () => {
  it('is not removed: the count is told, and nothing is lost', async () => {
    const account = await newAccount();
    await send(account, { to: ['a@example.net', 'b@example.net'] });
    await send(account, { send_at: tomorrow() });
    const refused = await remove(account);
    expect(refused).toMatchObject({ status: 409, body: { code: 'conflict', waiting: 3 } });
    expect(refused.body.detail).toContain('?cancel=true');
    expect((await call('GET', `/v1/domains/${account.domain}`, account.live)).status).toBe(200);
    expect(await send(account)).toBeTruthy();
  });

  it('is removed together with it when that is asked for, with an event each', async () => {
    const account = await newAccount();
    const ids = [
      await send(account, { to: ['a@example.net', 'b@example.net'] }),
      await send(account, { send_at: tomorrow() }),
    ];
    expect((await remove(account, '?cancel=maybe')).status).toBe(400);
    expect((await remove(account, '?cancel=true')).status).toBe(204);
    const events = await allEvents(account.live);
    expect(events.filter(({ kind }) => kind === 'canceled')).toMatchObject([
      { message_id: ids[0], details: { reason: 'domain_removed', domain: account.domain } },
      { message_id: ids[0] },
      { message_id: ids[1] },
    ]);
    const { deliveries } = await (await new TestNode('other').hello()).lease(500);
    expect(deliveries.filter(({ messageId }: Answer) => ids.includes(messageId))).toEqual([]);
  });

  it('is not removed while a node has it, and is once that is done', async () => {
    const account = await newAccount();
    const id = await send(account);
    const node = await new TestNode('busy').hello();
    const { deliveries } = await node.lease(500);
    expect(await remove(account, '?cancel=true')).toMatchObject({
      status: 409,
      body: { waiting: 1, canceled: 0 },
    });
    const own = deliveries.filter(({ messageId }: Answer) => messageId === id);
    await node.post('results', { results: own.map((one: Answer) => result(one, delivered)) });
    expect((await remove(account)).status).toBe(204);
  });

  it('counts no mail of another domain or account', async () => {
    const [account, other] = [await newAccount(), await newAccount()];
    await send(other);
    expect((await remove(account)).status).toBe(204);
  });

  it('with more than one call may cancel says how it goes on', async () => {
    const account = await newAccount();
    for (let i = 0; i < 2; i++) {
      const to = Array.from({ length: 50 }, (_, n) => `user${n}@example.net`);
      const messages = Array.from({ length: 12 }, () => mail(account, { to, send_at: tomorrow() }));
      expect((await call('POST', '/v1/send/batch', account.live, messages)).status).toBe(202);
    }
    expect((await remove(account)).body.waiting).toBe(1_000);
    expect((await remove(account, '?cancel=true')).status).toBe(204);
    const events = await allEvents(account.live);
    expect(events.filter(({ kind }) => kind === 'canceled')).toHaveLength(1_200);
  });
});
