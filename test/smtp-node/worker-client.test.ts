import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EdgeAway, EdgeRefusal, WorkerClient } from '../../smtp-node/worker-client.ts';
import { type Answer, FakeEdge, problem } from '../support/fake-edge.ts';
import { freshDirectory } from '../support/submission.ts';

async function clientAtEdge(timeoutMs = 10_000) {
  const edge = await new FakeEdge().start();
  const identity = { nodeId: 'node', bootId: 'boot', nodeToken: 'the-token', timeoutMs };
  const reached: boolean[] = [];
  const client = new WorkerClient({ ...identity, edgeUrl: edge.url, onReach: (is) => reached.push(is) });
  return { edge, client, reached, [Symbol.asyncDispose]: () => edge.stop() };
}

describe('client of the edge', () => {
  it('says who it is with every request', async () => {
    await using at = await clientAtEdge();
    await at.client.lease({ max: 3, excludeDomains: [] });
    expect(at.edge.asked[0]?.headers.authorization).toBe('Bearer the-token');
    expect(at.edge.asked[0]?.json).toEqual({ nodeId: 'node', bootId: 'boot', max: 3, excludeDomains: [] });
  });

  it.each<[string, Answer, typeof EdgeAway | typeof EdgeRefusal]>([
    ['an answer that is not as agreed', { status: 200, body: { deliveries: 'none' } }, EdgeAway],
    ['an answer that is not JSON', { status: 200, body: Buffer.from('<html>') }, EdgeAway],
    ['no answer', 'drop', EdgeAway],
    ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:1/' } }, EdgeAway],
    ['500', problem(500, 'internal_error'), EdgeAway],
    ['429', problem(429, 'rate_limit_exceeded'), EdgeAway],
    ['409', problem(409, 'conflict'), EdgeRefusal],
    ['401', problem(401, 'unauthorized'), EdgeRefusal],
  ])('tells what kind of failure %s is', async (_name, answer, kind) => {
    await using at = await clientAtEdge();
    at.edge.script.set('lease', () => answer);
    await expect(at.client.lease({ max: 1 })).rejects.toBeInstanceOf(kind);
  });

  it('does not wait for ever, and says whether the edge was reached', async () => {
    await using at = await clientAtEdge(100);
    at.edge.script.set('hello', () => new Promise(() => {}));
    await expect(at.client.hello({ hostName: 'h', version: 'v' })).rejects.toBeInstanceOf(EdgeAway);
    expect(at.reached).toEqual([false]);
  });

  it('refuses a list of verdicts that is not one a result', async () => {
    await using at = await clientAtEdge();
    at.edge.script.set('results', () => ({ status: 200, body: { verdicts: ['recorded'] } }));
    await expect(at.client.results([])).rejects.toBeInstanceOf(EdgeAway);
  });

  it('streams a raw message to a file, and leaves none behind when it breaks off', async () => {
    await using at = await clientAtEdge();
    const directory = await freshDirectory();
    const raw = Buffer.alloc(3_000_000, 'abc\r\n');
    at.edge.raws.set('m1', raw);
    expect(await at.client.rawFile('m1', join(directory, 'one'))).toBe(raw.length);
    expect((await readFile(join(directory, 'one'))).equals(raw)).toBe(true);
    const headers = { 'content-length': '4000000' };
    at.edge.script.set('raw/m2', () => ({ status: 200, body: raw, headers }));
    const broken = at.client.rawFile('m2', join(directory, 'two'));
    await at.edge.until((edge) => edge.paths().includes('raw/m2'));
    await at.edge.stop();
    await expect(broken).rejects.toBeInstanceOf(EdgeAway);
    expect(await readdir(directory)).toEqual(['one']);
    await at.edge.start();
  });
});
