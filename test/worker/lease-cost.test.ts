import { beforeAll, describe, expect, it } from 'vitest';
import { call, mail, migrate, newAccount, type TestAccount, TestNode } from './support.ts';

let account: TestAccount;
let node: TestNode;

beforeAll(async () => {
  await migrate();
  account = await newAccount();
  node = await new TestNode().hello();
});

async function send(to: string, mailClass: string): Promise<string> {
  const body = mail(account, { to: [to], class: mailClass });
  return (await call('POST', '/v1/send', account.live, body)).body.message_id;
}

async function leasedIds(more: Record<string, unknown>): Promise<string[]> {
  const { body } = await node.post('lease', { max: 8, ...more });
  return body.deliveries.map(({ messageId }: { messageId: string }) => messageId);
}

describe('a lease', () => {
  it('takes of busy domains what is priority, of excluded ones nothing', async () => {
    const urgent = await send('a@busy.example', 'priority');
    const digest = await send('b@busy.example', 'digest');
    const excluded = await send('c@paused.example', 'priority');
    const other = await send('d@free.example', 'digest');
    const unwanted = { busyDomains: ['busy.example'], excludeDomains: ['paused.example'] };
    expect(await leasedIds(unwanted)).toEqual([urgent, other]);
    expect(await leasedIds({})).toEqual([excluded, digest]);
  });

  it('gives all the room to this week when older weeks have nothing due', async () => {
    for (let i = 0; i < 9; i++) await send(`user${i}@example.net`, 'standard');
    expect(await leasedIds({})).toHaveLength(8);
    expect(await leasedIds({})).toHaveLength(1);
  });
});
