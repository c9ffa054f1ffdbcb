import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { homeOf } from '#domain/message/home.ts';
import {
  type Answer,
  call,
  deferred,
  delivered,
  migrate,
  nodeToken,
  rawOf,
  result,
  type TestAccount,
  TestNode,
} from '../support.ts';
import { accountAt, countedHomes, databases, send } from './support.ts';

let accounts: TestAccount[];
let node: TestNode;
const at = (home: number) => accounts[home] as TestAccount;

beforeAll(async () => {
  await migrate();
  accounts = [await accountAt(0), await accountAt(1), await accountAt(2)];
});
beforeEach(async () => {
  node = await new TestNode(`node-${crypto.randomUUID()}`).hello();
  await deliverAll();
});

const report = (deliveries: Answer[], outcome: Record<string, unknown> = delivered) =>
  node.post('results', { results: deliveries.map((one) => result(one, outcome)) });

/** Nothing is due any more. */
async function deliverAll(): Promise<void> {
  for (;;) {
    const { deliveries } = await node.lease(500);
    if (deliveries.length === 0) return;
    await report(deliveries);
  }
}

const homesOf = (deliveries: Answer[]) => deliveries.map(({ messageId }) => homeOf(messageId).shard);

/** A lease of the node, with how often each home was asked. */
async function counted(more: Record<string, unknown> = {}): Promise<{ body: Answer; asked: number[] }> {
  const { asked, environment } = countedHomes();
  const { nodeId, bootId } = node;
  const token = await nodeToken(nodeId);
  const { body } = await call(
    'POST',
    '/node/v1/lease',
    token,
    { nodeId, bootId, max: 100, ...more },
    {},
    environment,
  );
  return { body, asked };
}

describe('a lease over homes', () => {
  it('gives what is due in all of them, with everything that the node needs', async () => {
    const ids = [await send(at(0)), await send(at(1)), await send(at(2))];
    const { deliveries, keys } = await node.lease();
    expect(deliveries.map(({ messageId }: Answer) => messageId).sort()).toEqual(ids.toSorted());
    for (const one of deliveries) {
      expect(keys[one.keyRing ?? one.signingDomain]).toHaveLength(2);
      expect(one.raw).toBe(await rawOf(one.messageId));
    }
    const { body } = await report(deliveries);
    expect(body.verdicts).toEqual(['recorded', 'recorded', 'recorded']);
    for (const [home, id] of ids.entries()) {
      const { body: email } = await call('GET', `/v1/emails/${id}`, at(home).live);
      expect(email.status).toBe('delivered');
    }
  });

  it('gives the most urgent first over all of them, and takes turns within a class', async () => {
    for (let i = 0; i < 4; i++) await send(at(1));
    for (let i = 0; i < 4; i++) await send(at(2));
    const urgent = await send(at(0), { class: 'priority' });
    const { deliveries } = await node.lease(5);
    expect(deliveries[0].messageId).toBe(urgent);
    expect(homesOf(deliveries).toSorted()).toEqual([0, 1, 1, 2, 2]);
    const next = await node.lease(5);
    expect(homesOf(next.deliveries).toSorted()).toEqual([1, 1, 2, 2]);
    await report([...deliveries, ...next.deliveries]);
  });

  it('gives all that is urgent in one of them before what is less so in others', async () => {
    const urgent = await Promise.all(
      Array.from({ length: 3 }, () =>
        send(at(1), { class: 'priority', to: Array.from({ length: 30 }, (_, i) => `u${i}@x.example`) }),
      ),
    );
    const other = await send(at(2), { to: Array.from({ length: 50 }, (_, i) => `u${i}@x.example`) });
    await send(at(0));
    const { body } = await counted();
    const counts = Map.groupBy<string, Answer>(body.deliveries, ({ messageId }) => messageId);
    expect(urgent.map((id) => counts.get(id)?.length)).toEqual([30, 30, 30]);
    expect(body.deliveries).toHaveLength(100);
    await report(body.deliveries);
    const rest = await node.lease(100);
    expect(rest.deliveries.length + (counts.get(other)?.length ?? 0)).toBeGreaterThanOrEqual(50);
    await report(rest.deliveries);
  });

  it('keeps to the bounds of classes over all of them', async () => {
    for (const home of [0, 1, 2]) {
      await send(at(home));
      await send(at(home), { class: 'digest' });
      await send(at(home), { class: 'priority' });
    }
    const { body } = await counted({ otherMax: 3, digestMax: 1 });
    const classes = body.deliveries.map((one: Answer) => one.class);
    expect(classes.filter((name: string) => name === 'priority')).toHaveLength(3);
    expect(classes.filter((name: string) => name !== 'priority')).toHaveLength(3);
    await report(body.deliveries);
  });

  it('asks no home that has nothing, until something comes to it', async () => {
    await counted();
    expect((await counted()).asked).toEqual([1, 0, 0]);
    const id = await send(at(2));
    const { body, asked } = await counted();
    expect(body.deliveries.map(({ messageId }: Answer) => messageId)).toEqual([id]);
    expect(asked[1]).toBe(0);
    await report(body.deliveries);
  });

  it('takes no more round trips one after the other than in one home', async () => {
    await send(at(1));
    await send(at(2));
    const { body, asked } = await counted();
    expect(body.deliveries).toHaveLength(2);
    // Heads, the lease itself, bodies.
    expect(asked.slice(1)).toEqual([3, 3]);
    expect(asked[0]).toBeLessThanOrEqual(2);
    await report(body.deliveries);
  });

  it('looks at once at all that it takes where the last one found much', async () => {
    const other = await accountAt(1);
    const to = Array.from({ length: 20 }, (_, i) => `u${i}@d${i}.example`);
    for (const account of [at(1), other, at(1), other]) await send(account, { to });
    const first = await counted({ max: 30 });
    await report(first.body.deliveries);
    const second = await counted({ max: 30 });
    await report(second.body.deliveries);
    expect([first, second].map(({ body }) => body.deliveries.length)).toEqual([30, 30]);
    expect(second.asked[1]).toBeLessThan(first.asked[1] ?? 0);
  });

  it('gives an answer that was lost again, and nothing else', async () => {
    const ids = [await send(at(1)), await send(at(2))];
    const leaseId = crypto.randomUUID();
    const first = await counted({ leaseId });
    const more = await send(at(1));
    const again = await counted({ leaseId });
    const idsOf = ({ body }: { body: Answer }) =>
      body.deliveries.map(({ messageId }: Answer) => messageId).toSorted();
    expect([idsOf(first), idsOf(again)]).toEqual([ids.toSorted(), ids.toSorted()]);
    const last = await counted();
    expect(idsOf(last)).toEqual([more]);
    await report([...first.body.deliveries, ...last.body.deliveries]);
  });

  it('gives leases back, and retries, in their homes', async () => {
    await send(at(1));
    await send(at(2));
    const { deliveries } = await node.lease();
    const leases = deliveries.map(({ messageId, n, leaseId }: Answer) => ({ messageId, n, leaseId }));
    expect((await node.post('release', { leases })).body.released).toBe(2);
    const again = await node.lease();
    expect(homesOf(again.deliveries).toSorted()).toEqual([1, 2]);
    expect(again.deliveries.map(({ attempt }: Answer) => attempt)).toEqual([1, 1]);
    expect((await report(again.deliveries, deferred)).body.verdicts).toEqual(['recorded', 'recorded']);
  });

  it('hands out raw messages of each', async () => {
    const id = await send(at(2));
    const { deliveries } = await node.lease();
    const token = await nodeToken(node.nodeId);
    const { request } = await import('../support.ts');
    const raw = await request(`/node/v1/raw/${id}`, { headers: { Authorization: `Bearer ${token}` } });
    expect(await raw.text()).toBe(await rawOf(id));
    const foreign = `${id.slice(0, 32)}7f${id.slice(34)}`;
    const none = await request(`/node/v1/raw/${foreign}`, { headers: { Authorization: `Bearer ${token}` } });
    expect(none.status).toBe(404);
    await report(deliveries);
  });
});

describe('a node', () => {
  it('is known to a home that was away at its hello, from its first lease on', async () => {
    const home = databases[1];
    await home.exec('ALTER TABLE nodes RENAME TO nodes_away');
    node = await new TestNode('node-late').hello();
    await home.exec('ALTER TABLE nodes_away RENAME TO nodes');
    const id = await send(at(1));
    const { deliveries } = await node.lease();
    expect(deliveries.map(({ messageId }: Answer) => messageId)).toEqual([id]);
    await report(deliveries);
  });

  it('of an older boot gets nothing, whatever a home knows', async () => {
    const old = node;
    await new TestNode(old.nodeId).hello();
    for (const home of databases.slice(1))
      await home.prepare('UPDATE nodes SET boot_id = ? WHERE node_id = ?').bind(old.bootId, old.nodeId).run();
    await send(at(1));
    expect((await old.post('lease', { max: 10 })).status).toBe(409);
    node = await new TestNode(old.nodeId).hello();
    await deliverAll();
  });

  it('fences requests off in homes that are not asked too', async () => {
    await counted();
    await counted({ sequence: 5, fence: 4 });
    const id = await send(at(2));
    // A request from before the fence, which comes late.
    expect((await counted({ sequence: 4 })).body.deliveries).toEqual([]);
    const { body } = await counted({ sequence: 6, fence: 4 });
    expect(body.deliveries.map(({ messageId }: Answer) => messageId)).toEqual([id]);
    await report(body.deliveries);
  });
});
