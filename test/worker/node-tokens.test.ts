import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { nodeTokenOf } from '#domain/node-token.ts';
import {
  type Answer,
  bindings,
  call,
  costOf,
  delivered,
  mail,
  migrate,
  newAccount,
  nodeToken,
  request,
  result,
  type TestAccount,
  TestNode,
} from './support.ts';

let account: TestAccount;
let node: TestNode;
beforeAll(async () => {
  await migrate();
  account = await newAccount();
});
beforeEach(async () => {
  node = await new TestNode('node-a').hello();
});

const send = async () =>
  (await call('POST', '/v1/send', account.live, mail(account))).body.message_id as string;
const operator = (method: string, path: string, body?: unknown) =>
  call(method, `/admin/v1${path}`, bindings.OPERATOR_TOKEN, body);
const raw = async (id: string, by: string) => {
  const headers = { Authorization: `Bearer ${await nodeToken(by)}` };
  return (await request(`/node/v1/raw/${id}`, { headers })).status;
};
const stateOf = async (id: string) =>
  (await call('GET', `/v1/emails/${id}`, account.live)).body.status as string;
const leaseOf = async (by: TestNode, id: string): Promise<Answer> => {
  const found = (await by.lease()).deliveries.find((one: Answer) => one.messageId === id);
  if (!found) throw new Error(`${id} was not leased`);
  return found;
};

describe('a node (row 10)', () => {
  it('reads a message only under a lease of its own that goes on', async () => {
    const id = await send();
    await new TestNode('node-b').hello();
    expect(await raw(id, 'node-a')).toBe(404);
    const lease = await leaseOf(node, id);
    expect([await raw(id, 'node-a'), await raw(id, 'node-b')]).toEqual([200, 404]);
    await node.post('results', { results: [result(lease, delivered)] });
    expect(await raw(id, 'node-a')).toBe(404);
  });

  it('reads nothing under a lease that is over', async () => {
    const id = await send();
    await leaseOf(node, id);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 31 * 60_000 });
    try {
      expect(await raw(id, 'node-a')).toBe(404);
    } finally {
      vi.useRealTimers();
    }
  });

  it.each(['hello', 'lease', 'results', 'release'])('speaks for no other: %s', async (path) => {
    const answer = await call('POST', `/node/v1/${path}`, await nodeToken('node-b'), {
      nodeId: 'node-a',
      bootId: node.bootId,
      hostName: 'out.example',
      version: 'x',
      max: 10,
      results: [],
      leases: [],
    });
    expect([answer.status, answer.body.detail]).toEqual([
      403,
      'This token is that of the node node-b, not of node-a.',
    ]);
    // The one that runs goes on.
    expect((await node.post('lease', { max: 1 })).status).toBe(200);
  });

  it('ends no lease of another, neither with a result nor by giving it back, however late', async () => {
    const id = await send();
    const lease = await leaseOf(node, id);
    const other = await new TestNode('node-b').hello();
    const report = async (by: TestNode) =>
      (await by.post('results', { results: [result(lease, delivered)] })).body.verdicts;
    expect(await report(other)).toEqual(['stale']);
    const { messageId, n, leaseId } = lease;
    expect((await other.post('release', { leases: [{ messageId, n, leaseId }] })).body.released).toBe(0);
    await bindings.DB.exec(`UPDATE nodes SET boot_id = 'x' WHERE node_id = 'node-z'`);
    await new TestNode('node-a').hello();
    expect(await report(other)).toEqual(['stale']);
    expect(await stateOf(id)).not.toBe('delivered');
    expect(await report(node)).toEqual(['recorded']);
    expect(await stateOf(id)).toBe('delivered');
  });

  it('is known by a token that the operator makes, lists and revokes; within a minute that holds', async () => {
    const { status, body } = await operator('POST', '/nodes', { node_id: 'node-r' });
    expect([status, body.node_id]).toEqual([201, 'node-r']);
    const use = () => call('GET', '/node/v1/installation', body.token);
    expect((await use()).status).toBe(200);
    const listed = (await operator('GET', '/nodes')).body.data.find(
      (one: Answer) => one.node_id === 'node-r',
    );
    expect(listed.tokens).toEqual([{ hint: body.token.slice(-4), created_at: expect.any(String) }]);
    expect(JSON.stringify(listed)).not.toContain(body.token);
    expect((await operator('DELETE', '/nodes/node-r/tokens')).body).toEqual({
      node_id: 'node-r',
      revoked: 1,
    });
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 });
    try {
      expect((await use()).status).toBe(401);
    } finally {
      vi.useRealTimers();
    }
    expect((await operator('DELETE', '/nodes/node-r/tokens')).status).toBe(404);
  });

  it('costs one read a minute to be known', async () => {
    const { body } = await operator('POST', '/nodes', { node_id: 'node-c' });
    const trips = async () => costOf(await call('GET', '/node/v1/installation', body.token)).trips;
    const [first, second] = [await trips(), await trips()];
    expect(first - second).toBe(1);
  });

  it('has the place where it takes submissions shown only where the operator lets it', async () => {
    const shown = async () =>
      (await operator('GET', '/nodes')).body.data.find((one: Answer) => one.node_id === 'node-a')
        .shown_submission;
    const say = (host: string) =>
      node.post('hello', { hostName: 'x', version: 'x', submission: { host, port: 587, tlsPort: 465 } });
    await say('smtp.example.org');
    expect(await shown()).toBeNull();
    expect((await operator('PATCH', '/nodes/node-a', { show_submission: true })).status).toBe(200);
    await say('evil.example');
    expect(await shown()).toEqual({ host: 'smtp.example.org', port: 587, tls_port: 465 });
    await operator('PATCH', '/nodes/node-a', { show_submission: false });
    expect(await shown()).toBeNull();
  });
});

describe('the installation’s secret for nodes', () => {
  const chosen = (letter: string) => nodeTokenOf(letter.repeat(43));
  const enrol = (nodeId: string, token: string) =>
    call('POST', '/node/v1/enrol', bindings.NODE_TOKEN, { nodeId, token });

  it('opens nothing but the asking for a token', async () => {
    for (const [method, path] of [
      ['GET', '/node/v1/installation'],
      ['POST', '/node/v1/lease'],
      ['GET', '/node/v1/raw/x'],
    ])
      expect(
        (await call(method ?? '', path ?? '', bindings.NODE_TOKEN, method === 'POST' ? {} : undefined))
          .status,
      ).toBe(401);
  });

  it('is enough for the first node, and asked again with the same token', async () => {
    await bindings.DB.exec('DELETE FROM node_tokens');
    await bindings.DB.exec('DELETE FROM nodes');
    expect((await enrol('first', chosen('a'))).status).toBe(204);
    expect((await enrol('first', chosen('a'))).status).toBe(204);
    expect((await call('GET', '/node/v1/installation', chosen('a'))).status).toBe(200);
    // Whoever has it takes over no node, and is no further one.
    expect((await enrol('first', chosen('b'))).body.detail).toContain('npm run nodes -- add first');
    expect((await enrol('second', chosen('c'))).status).toBe(409);
  });

  it('is enough, once each, for nodes that are from before there were tokens', async () => {
    await bindings.DB.prepare(
      `INSERT INTO nodes (node_id, boot_id, host_name, version, started_at_ms, last_seen_at_ms) VALUES ('old', 'b', 'h', 'v', ?1, ?1), ('older', 'b', 'h', 'v', 0, 0)`,
    )
      .bind(Date.now())
      .run();
    expect((await enrol('old', chosen('d'))).status).toBe(204);
    expect((await enrol('old', chosen('e'))).status).toBe(409);
    expect((await enrol('older', chosen('f'))).status).toBe(409);
  });

  it('is not brought back by revoking', async () => {
    await operator('DELETE', '/nodes/old/tokens');
    expect((await enrol('old', chosen('g'))).status).toBe(409);
  });
});
