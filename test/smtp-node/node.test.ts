import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { leaseRequest } from '#domain/node-contract.ts';
import { Journal } from '../../smtp-node/outbound/journal.ts';
import { FakeCourier } from '../support/fake-courier.ts';
import { FakeEdge, leased, problem } from '../support/fake-edge.ts';
import { type FakeMx, startFakeMx } from '../support/fake-mx.ts';
import { aDelivery, aMessage, ed25519Key } from '../support/mail.ts';
import { nodeAtEdge, nodeEnv } from '../support/node.ts';
import { delivered } from '../support/outcomes.ts';
import { freshDirectory } from '../support/submission.ts';

const hour = 3_600_000;
const root = new URL('../..', import.meta.url).pathname;

describe('node: leasing', () => {
  it('delivers what is due when it starts, and reports each outcome once', async () => {
    const edge = await new FakeEdge().start();
    for (let i = 0; i < 320; i++) edge.queue.push(leased(i));
    await using at = await nodeAtEdge({ edge });
    await edge.until(() => edge.results.length === 320);
    expect(new Set(edge.results.map((result) => result.leaseId)).size).toBe(320);
    expect(at.courier.raws[0]).toBe('Subject: x\r\n\r\nhello\r\n');
    const batches = edge.asked.filter((one) => one.path === 'results');
    for (const batch of batches)
      expect((batch.json as { results: unknown[] }).results.length).toBeLessThan(101);
  });

  it('asks at once when the edge wakes it', async () => {
    await using at = await nodeAtEdge();
    await at.node.ready;
    await at.edge.until((edge) => edge.wakes === 1 && edge.paths().includes('lease'));
    at.edge.queue.push(leased(1));
    at.edge.wake();
    await at.edge.until((edge) => edge.results.length === 1);
  });

  it('opens the wake connection again, and asks for what it missed', async () => {
    await using at = await nodeAtEdge();
    await at.edge.until((edge) => edge.wakes === 1);
    at.edge.queue.push(leased(1));
    for (const socket of at.edge.sockets) socket.terminate();
    await at.edge.until((edge) => edge.wakes === 2 && edge.results.length === 1);
  });

  it('signs with the keys that the edge names, and with none when these are not there', async () => {
    const edge = await new FakeEdge().start();
    const key = (selector: string) => ({ selector, algorithm: 'rsa-sha256' as const, privateKey: 'x' });
    edge.keys['example.com'] = [key('first')];
    edge.keys['example.com#2'] = [key('second')];
    edge.queue.push(
      leased(1),
      leased(2, { keyRing: 'example.com#2' }),
      leased(3, { keyRing: 'example.com#3' }),
    );
    await using at = await nodeAtEdge({ edge });
    await edge.until(() => edge.results.length === 3);
    const used = at.courier.begun.map(({ leaseId }, i) => [leaseId, at.courier.keys[i]]);
    expect(Object.fromEntries(used)).toEqual({
      'lease-1': [key('first')],
      'lease-2': [key('second')],
      'lease-3': [],
    });
  });

  it('asks by itself every few seconds', async () => {
    const edge = await new FakeEdge().start();
    await using _ = await nodeAtEdge({ edge, env: { PENNYPOST_POLL_SECONDS: '1' } });
    await edge.until(() => edge.paths().filter((path) => path === 'lease').length >= 3);
  });

  it('never has more in flight than it has slots, some of them for priority alone, and asks for what is free', async () => {
    const edge = await new FakeEdge().start();
    for (let i = 0; i < 40; i++) edge.queue.push(leased(i));
    await using at = await nodeAtEdge({ edge, env: { PENNYPOST_SLOTS: '7' } });
    await edge.until(() => edge.results.length === 40);
    expect(at.courier.peak).toBe(6);
    for (let i = 40; i < 80; i++) edge.queue.push(leased(i, { class: 'priority' }));
    edge.wake();
    await edge.until(() => edge.results.length === 80);
    expect(at.courier.peak).toBe(7);
    const asked = edge.asked.filter((one) => one.path === 'lease').map((one) => one.json as { max: number });
    expect(Math.max(...asked.map((one) => one.max))).toBe(7);
  });

  it('never has more digests in flight than their share, and takes more as they are done', async () => {
    const edge = await new FakeEdge().start();
    for (let i = 0; i < 30; i++) edge.queue.push({ ...leased(i), class: 'digest' });
    const env = { PENNYPOST_SLOTS: '8', PENNYPOST_POLL_SECONDS: '60' };
    await using at = await nodeAtEdge({ edge, env });
    await edge.until(() => edge.results.length === 30);
    expect(at.courier.peak).toBe(4);
  });

  it('asks once for each urgent message that comes alone, since no digests were there to wait for their turn', async () => {
    await using at = await nodeAtEdge({ env: { PENNYPOST_POLL_SECONDS: '60' } });
    const { edge } = at;
    await edge.until(() => edge.wakes === 1);
    const one = async (i: number) => {
      edge.queue.push(leased(i, { class: 'priority' }));
      edge.wake();
      await edge.until(() => edge.results.length === i);
    };
    await one(1);
    const before = edge.asked.length;
    for (let i = 2; i <= 11; i++) await one(i);
    const asked = edge.asked.slice(before).filter(({ path }) => path === 'lease');
    expect(asked.map(({ json }) => (json as { digestMax: number }).digestMax > 0)).toEqual(
      Array(10).fill(true),
    );
  });

  it('asks for urgent mail by itself while digests run and a lease is under way', async () => {
    const edge = await new FakeEdge().start();
    const courier = new FakeCourier();
    const held = Promise.withResolvers<void>();
    courier.hold = held.promise;
    for (let i = 0; i < 4; i++) edge.queue.push({ ...leased(i), class: 'digest' });
    const answered = Promise.withResolvers<void>();
    const terms: { max: number; digestMax: number }[] = [];
    edge.script.set('lease', async ({ json }) => {
      terms.push(json as (typeof terms)[number]);
      // The second lease, which would bring the next digests, hangs.
      if (terms.length === 2) await answered.promise;
      return null;
    });
    const env = { PENNYPOST_SLOTS: '16', PENNYPOST_POLL_SECONDS: '1' };
    await using _ = await nodeAtEdge({ edge, courier, env });
    await courier.inData(4);
    await edge.until(() => terms.length === 2);
    edge.queue.push({ ...leased(10), class: 'priority' });
    edge.wake();
    await courier.inData(5);
    expect(terms.map(({ max, digestMax }) => [max, digestMax])).toEqual([
      [16, 8],
      [10, 4],
      [2, 0],
    ]);
    expect(courier.begun.at(-1)?.class).toBe('priority');
    answered.resolve();
    held.resolve();
    await edge.until(() => edge.results.length === 5);
  });

  it('asks for the same urgent mail again, with no other wake, when the answer was lost', async () => {
    const edge = await new FakeEdge().start();
    const courier = new FakeCourier();
    const held = Promise.withResolvers<void>();
    courier.hold = held.promise;
    edge.queue.push({ ...leased(1), class: 'digest' });
    const urgent: string[] = [];
    const requests: { sequence: number; fence: number }[] = [];
    edge.script.set('lease', async ({ json }) => {
      const { leaseId, digestMax, sequence, fence } = leaseRequest.parse(json);
      if (digestMax > 0) return null;
      requests.push({ sequence, fence });
      urgent.push(String(leaseId));
      return urgent.length === 1 ? 'drop' : null;
    });
    await using _ = await nodeAtEdge({ edge, courier, env: { PENNYPOST_POLL_SECONDS: '1' } });
    await courier.inData(1);
    edge.wake();
    await edge.until(() => urgent.length === 2);
    expect(urgent[1]).toBe(urgent[0]);
    // The request that was given up takes nothing any more.
    expect(requests.map(({ fence }) => fence)).toEqual([0, requests[0]?.sequence]);
    held.resolve();
    await edge.until(() => edge.results.length === 1);
  });

  it('asks for urgent mail again at once when a look only passed by what is held', async () => {
    const edge = await new FakeEdge().start();
    const courier = new FakeCourier();
    const held = Promise.withResolvers<void>();
    courier.hold = held.promise;
    edge.queue.push({ ...leased(1), class: 'digest' });
    const places: unknown[] = [];
    edge.script.set('lease', async ({ json }) => {
      const { digestMax, place } = json as { digestMax: number; place: string | null };
      if (digestMax > 0) return null;
      places.push(place);
      if (places.length > 2) return null;
      return {
        status: 200,
        body: { deliveries: [], keys: {}, more: true, place: `looked ${places.length}` },
      };
    });
    await using _ = await nodeAtEdge({ edge, courier, env: { PENNYPOST_POLL_SECONDS: '60' } });
    await courier.inData(1);
    edge.wake();
    await edge.until(() => places.length === 3);
    expect(places.slice(1)).toEqual(['looked 1', 'looked 2']);
    held.resolve();
  });

  it('begins a delivery once that two answers of one lease bring, and gives back one of another lease', async () => {
    const edge = await new FakeEdge().start();
    const courier = new FakeCourier();
    const held = Promise.withResolvers<void>();
    courier.holdBeforeData = held.promise;
    const answers = [leased(1), leased(1), { ...leased(1), leaseId: 'another' }];
    edge.script.set('lease', () => {
      const delivery = answers.shift();
      if (!delivery) return null;
      return { status: 200, body: { deliveries: [delivery], keys: edge.keys, more: true, place: null } };
    });
    await using _ = await nodeAtEdge({ edge, courier });
    await edge.until(() => edge.released.length === 1);
    expect(edge.released).toEqual(['another']);
    held.resolve();
    await edge.until(() => edge.results.length === 1);
    expect(courier.begun.map(({ leaseId }) => leaseId)).toEqual([leased(1).leaseId]);
  });

  it('gives back what a lease of urgent mail brings after it was told to stop', async () => {
    const edge = await new FakeEdge().start();
    const courier = new FakeCourier();
    const held = Promise.withResolvers<void>();
    courier.hold = held.promise;
    edge.queue.push({ ...leased(1), class: 'digest' });
    const answered = Promise.withResolvers<void>();
    let urgent = 0;
    edge.script.set('lease', async ({ json }) => {
      if ((json as { digestMax: number }).digestMax > 0) return null;
      urgent += 1;
      await answered.promise;
      return null;
    });
    await using at = await nodeAtEdge({ edge, courier });
    await courier.inData(1);
    edge.wake();
    while (urgent === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    edge.queue.push({ ...leased(2), class: 'priority' });
    const stopped = at.node.stop();
    held.resolve();
    answered.resolve();
    await stopped;
    expect(courier.begun.map(({ leaseId }) => leaseId)).toEqual(['lease-1']);
    expect(edge.asked.filter(({ path }) => path === 'release').map(({ json }) => json)).toMatchObject([
      { leases: [{ leaseId: 'lease-2' }] },
    ]);
  });

  it('names the domains it does not want now', async () => {
    const courier = new FakeCourier();
    courier.excluded.push('slow.example');
    courier.busy.push('busy.example');
    await using at = await nodeAtEdge({ courier });
    await at.edge.until((edge) => edge.paths().includes('lease'));
    const lease = at.edge.asked.find((one) => one.path === 'lease');
    expect(lease?.json).toMatchObject({
      excludeDomains: ['slow.example'],
      busyDomains: ['busy.example'],
      nodeId: 'mail.example.com',
    });
    expect(lease?.json).not.toHaveProperty('sendingAddresses');
  });

  it('tells how the addresses stand that it sends from, where they are several', async () => {
    const courier = new FakeCourier();
    const address = { name: 'out.example', addresses: ['192.0.2.1'], classes: null };
    const accounts = Array.from({ length: 40 }, (_, i) => i + 1);
    courier.addresses.push({ ...address, accounts, rampDay: 1, today: 2, allowedToday: 50, paused: [] });
    await using at = await nodeAtEdge({ courier });
    await at.edge.until((edge) => edge.paths().includes('lease'));
    const lease = at.edge.asked.find((one) => one.path === 'lease');
    expect(lease?.json).toMatchObject({
      sendingAddresses: [{ ...courier.addresses[0], accounts: accounts.slice(0, 11) }],
    });
  });

  it('asks again as soon as a domain that it did not want is served again', async () => {
    const courier = new FakeCourier();
    courier.busy.push('slow.example');
    const held = Promise.withResolvers<void>();
    courier.hold = held.promise;
    const edge = await new FakeEdge().start();
    edge.queue.push(leased(1));
    await using _ = await nodeAtEdge({ edge, courier });
    await courier.inData(1);
    courier.busy.length = 0;
    edge.queue.push(leased(2));
    held.resolve();
    await edge.until(() => edge.results.length === 2);
  });

  it('gives a lease back that ends within 15 minutes, by the clock of the edge', async () => {
    const edge = await new FakeEdge().start();
    edge.script.set('hello', () => ({ status: 200, body: { nowMs: Date.now() + hour } }));
    edge.queue.push(leased(1, { leaseUntilMs: Date.now() + hour + 14 * 60_000 }));
    edge.queue.push(leased(2, { leaseUntilMs: Date.now() + hour + 16 * 60_000 }));
    await using at = await nodeAtEdge({ edge });
    await edge.until(() => edge.released.length === 1 && edge.results.length === 1);
    expect(edge.released).toEqual(['lease-1']);
    expect(at.courier.begun.map((one) => one.leaseId)).toEqual(['lease-2']);
  });

  it('learns the time from every answer, so that a wrong clock at hello misjudges no lease', async () => {
    const edge = await new FakeEdge().start();
    edge.script.set('hello', () => ({ status: 200, body: { nowMs: Date.now() - 10 * hour } }));
    const now = { 'Edge-Time': String(Date.now() + hour) };
    let asked = 0;
    edge.script.set('lease', () => {
      asked += 1;
      if (asked > 2) return null;
      const deliveries = asked === 2 ? [leased(1, { leaseUntilMs: Date.now() + hour })] : [];
      return {
        status: 200,
        headers: now,
        body: { deliveries, keys: {}, more: asked === 1, place: `${asked}` },
      };
    });
    await using at = await nodeAtEdge({ edge });
    await edge.until(() => edge.released.length === 1);
    expect(at.courier.begun).toEqual([]);
  });

  it('asks for a lease that was not answered by the same name, and goes on where the last one ended', async () => {
    const edge = await new FakeEdge().start();
    const seen: Record<string, unknown>[] = [];
    edge.script.set('lease', ({ json }) => {
      seen.push(json as Record<string, unknown>);
      if (seen.length === 1) return 'drop';
      return {
        status: 200,
        body: { deliveries: [], keys: {}, more: seen.length < 4, place: `place ${seen.length}` },
      };
    });
    await using _ = await nodeAtEdge({ edge });
    await edge.until(() => seen.length === 4);
    expect(seen[1]).toEqual({ ...seen[0], sequence: 2, fence: 1 });
    expect(seen.map(({ place }) => place)).toEqual([null, null, 'place 2', 'place 3']);
    expect(new Set(seen.map(({ leaseId }) => leaseId)).size).toBe(3);
  });

  it('does not deliver again what it has delivered and could not tell', async () => {
    const edge = await new FakeEdge().start();
    edge.script.set('results', () => problem(503, 'unavailable'));
    edge.queue.push(leased(1));
    await using at = await nodeAtEdge({ edge, env: { PENNYPOST_POLL_SECONDS: '1' } });
    await edge.until(() => edge.paths().includes('results'));
    edge.queue.push({ ...leased(1), leaseId: 'after-the-first' });
    await edge.until(() => edge.queue.length === 0);
    edge.script.delete('results');
    await edge.until(() => edge.results.length === 2);
    expect(at.courier.begun).toHaveLength(1);
    expect(edge.results.map(({ leaseId, outcome }) => [leaseId, outcome.type])).toEqual([
      ['lease-1', 'delivered'],
      ['after-the-first', 'delivered'],
    ]);
  });

  it('fetches a large message once for all its recipients, into a file that does not stay', async () => {
    const edge = await new FakeEdge().start();
    const raw = Buffer.alloc(300_000, 'x\r\n');
    const large = { messageId: 'large', raw: null, sizeBytes: raw.length };
    edge.raws.set('large', raw);
    for (let n = 0; n < 5; n++) edge.queue.push(leased(n, { ...large, n }));
    edge.raws.set('small', Buffer.from('Subject: small\r\n\r\n'));
    edge.queue.push(leased(9, { messageId: 'small', raw: null, sizeBytes: 20 }));
    await using at = await nodeAtEdge({ edge });
    await edge.until(() => edge.results.length === 6);
    expect(at.courier.raws.filter((one) => one === raw.toString('latin1'))).toHaveLength(5);
    expect(at.courier.raws).toContain('Subject: small\r\n\r\n');
    expect(edge.paths().filter((path) => path === 'raw/large')).toHaveLength(1);
    await expect.poll(() => readdir(join(at.dataDirectory, 'spool'))).toEqual([]);
  });

  it('puts a message off whose content the edge does not have', async () => {
    const edge = await new FakeEdge().start();
    edge.queue.push(leased(1, { raw: null }));
    await using at = await nodeAtEdge({ edge });
    await edge.until(() => edge.results.length === 1);
    expect(edge.results[0]?.outcome.type).toBe('deferred');
    expect(at.courier.begun).toEqual([]);
  });

  it('gives a lease back whose content cannot be fetched now', async () => {
    const edge = await new FakeEdge().start();
    const delivery = leased(1, { raw: null });
    edge.script.set(`raw/${delivery.messageId}`, () => 'drop');
    edge.queue.push(delivery);
    await using _ = await nodeAtEdge({ edge });
    await edge.until(() => edge.released.length === 1);
    expect(edge.released).toEqual(['lease-1']);
  });

  it('says with a lease which relay it waited for, when it gives it back for that', async () => {
    const edge = await new FakeEdge().start();
    await using at = await nodeAtEdge({ edge });
    at.courier.pacedBy = 'ses';
    edge.queue.push(leased(1));
    edge.wake();
    await edge.until(() => edge.released.length === 1);
    const given = edge.asked.find(({ path }) => path === 'release');
    expect(given?.json).toMatchObject({ leases: [{ leaseId: 'lease-1', waitsFor: 'ses' }] });
  });

  it('takes no more work while too many outcomes wait for the edge', async () => {
    const edge = await new FakeEdge().start();
    edge.script.set('results', () => problem(503, 'unavailable'));
    for (let i = 0; i < 30; i++) edge.queue.push(leased(i));
    const env = { PENNYPOST_SLOTS: '5', PENNYPOST_MAX_UNREPORTED: '10', PENNYPOST_POLL_SECONDS: '1' };
    await using at = await nodeAtEdge({ edge, env });
    await edge.until(() => edge.paths().filter((path) => path === 'results').length >= 3);
    expect(at.courier.begun.length).toBeLessThanOrEqual(14);
    edge.script.delete('results');
    await edge.until(() => edge.results.length === 30);
  });
});

describe('node: reporting', () => {
  it('tries again while the edge is away, and loses nothing', async () => {
    const edge = await new FakeEdge().start();
    let failures = 0;
    edge.script.set('results', () => {
      failures += 1;
      return failures <= 2 ? 'drop' : null;
    });
    edge.queue.push(leased(1), leased(2));
    await using _ = await nodeAtEdge({ edge });
    await edge.until(() => edge.results.length === 2);
    expect(edge.results.map((result) => result.outcome.type)).toEqual(['delivered', 'delivered']);
  });

  it('drops a result whose lease was over', async () => {
    const edge = await new FakeEdge().start();
    edge.script.set('results', () => ({ status: 200, body: { verdicts: ['stale'] } }));
    edge.queue.push(leased(1));
    const at = await nodeAtEdge({ edge });
    await edge.until(() => edge.paths().includes('results'));
    await at.node.stop();
    const journal = await Journal.open(join(at.dataDirectory, 'journal'));
    expect(journal.unreported).toBe(0);
    await journal.close();
    await edge.stop();
  });

  it('sets a result apart that the edge cannot read, and reports the others', async () => {
    const edge = await new FakeEdge().start();
    edge.script.set('results', (asked) =>
      asked.body.includes('lease-3') ? problem(400, 'invalid_body') : null,
    );
    for (let i = 0; i < 6; i++) edge.queue.push(leased(i));
    const at = await nodeAtEdge({ edge });
    await edge.until(() => edge.results.length === 5);
    await at.node.stop();
    const journal = await Journal.open(join(at.dataDirectory, 'journal'));
    expect(journal.unreportedOutcomes().map((record) => record.leaseId)).toEqual(['lease-3']);
    await journal.close();
    await edge.stop();
  });

  it('has an outcome on disk before the edge hears of it', async () => {
    const edge = await new FakeEdge().start();
    const dataDirectory = await freshDirectory();
    const seen: string[] = [];
    edge.script.set('results', async () => {
      seen.push(await readFile(join(dataDirectory, 'journal'), 'utf8'));
      return null;
    });
    edge.queue.push(leased(1));
    await using _ = await nodeAtEdge({ edge, dataDirectory });
    await edge.until(() => edge.results.length === 1);
    expect(seen[0]).toMatch(/"type":"sending".*lease-1[\s\S]*"type":"outcome".*lease-1/);
  });
});

describe('node: starting', () => {
  it('refuses a data directory that another node is using, and takes it once that has stopped', async () => {
    const at = await nodeAtEdge();
    const again = nodeAtEdge({ edge: at.edge, dataDirectory: at.dataDirectory });
    await expect(again).rejects.toThrow(/another node is using the data directory/);
    await at[Symbol.asyncDispose]();
    await using next = await nodeAtEdge({ dataDirectory: at.dataDirectory });
    await next.node.ready;
  });

  it('reports what the previous run left before it says hello', async () => {
    const dataDirectory = await freshDirectory();
    const before = await Journal.open(join(dataDirectory, 'journal'));
    await before.outcome({ messageId: 'm1', n: 0, leaseId: 'old-1' }, delivered());
    await before.sending({
      messageId: 'm2',
      n: 1,
      leaseId: 'old-2',
      class: 'standard',
      attempt: 1,
      startedAtMs: 7,
    });
    await before.close();
    await using at = await nodeAtEdge({ dataDirectory });
    await at.node.ready;
    expect(at.edge.paths().slice(0, 2)).toEqual(['results', 'hello']);
    expect(at.edge.results).toMatchObject([
      { messageId: 'm1', n: 0, leaseId: 'old-1', outcome: { type: 'delivered' } },
      { messageId: 'm2', n: 1, leaseId: 'old-2', outcome: { type: 'maybeAccepted', startedAtMs: 7 } },
    ]);
    expect(at.edge.results[1]?.outcome).toMatchObject({ failure: { step: 'final', reply: null } });
  });

  it('says in hello where it takes submissions, with the ports that it was given', async () => {
    await using at = await nodeAtEdge();
    await at.node.ready;
    const hello = at.edge.asked.find(({ path }) => path === 'hello')?.json;
    const [port] = at.node.submissionPorts;
    expect(port).toBeGreaterThan(0);
    expect(hello).toMatchObject({ submission: { host: 'mail.example.com', port, tlsPort: null } });
  });

  it('waits with hello until the edge has taken what was left', async () => {
    const dataDirectory = await freshDirectory();
    const before = await Journal.open(join(dataDirectory, 'journal'));
    await before.outcome({ messageId: 'm1', n: 0, leaseId: 'old-1' }, delivered());
    await before.close();
    const edge = await new FakeEdge().start();
    let failures = 0;
    edge.script.set('results', () => {
      failures += 1;
      return failures <= 2 ? problem(503, 'unavailable') : null;
    });
    await using at = await nodeAtEdge({ edge, dataDirectory });
    await at.node.ready;
    expect(edge.paths().slice(0, 4)).toEqual(['results', 'results', 'results', 'hello']);
  });

  it('ends with a clear text when the edge does not take what was left from it, and keeps it', async () => {
    const dataDirectory = await freshDirectory();
    const before = await Journal.open(join(dataDirectory, 'journal'));
    await before.outcome({ messageId: 'm1', n: 0, leaseId: 'old-1' }, delivered());
    await before.close();
    const edge = await new FakeEdge().start();
    edge.script.set('results', () => problem(401, 'unauthorized', 'The node token is wrong.'));
    {
      await using at = await nodeAtEdge({ edge, dataDirectory });
      expect(await at.node.ended).toMatchObject({
        reason: 'refused',
        text: expect.stringContaining('The node token is wrong.'),
      });
    }
    const kept = await Journal.open(join(dataDirectory, 'journal'));
    expect(kept.unreportedOutcomes()).toHaveLength(1);
    await kept.close();
  });

  it('says in hello whether it has a journal of an earlier run', async () => {
    const dataDirectory = await freshDirectory();
    const said: unknown[] = [];
    for (let run = 0; run < 2; run++) {
      await using at = await nodeAtEdge({ dataDirectory });
      await at.node.ready;
      const hello = at.edge.asked.find(({ path }) => path === 'hello');
      said.push((hello?.json as { journal: string } | undefined)?.journal);
    }
    expect(said).toEqual(['new', 'kept']);
  });

  it('keeps trying while the edge is away, and serves health meanwhile', async () => {
    const edge = await new FakeEdge().start();
    await edge.stop();
    const at = await nodeAtEdge({ edge });
    const health = await fetch(`http://127.0.0.1:${at.node.metricsPort}/healthz`);
    expect(health.status).toBe(200);
    await edge.start();
    await at.node.ready;
    await at.node.stop();
    await edge.stop();
  });

  it.each([401, 404, 409])('ends with a clear text when hello is answered %s', async (status) => {
    const edge = await new FakeEdge().start();
    edge.script.set('hello', () => problem(status, 'unauthorized', 'no such node'));
    await using at = await nodeAtEdge({ edge });
    expect(await at.node.ended).toMatchObject({
      reason: 'refused',
      text: expect.stringContaining('no such node'),
    });
    expect((await fetch(`http://127.0.0.1:${at.node.metricsPort}/healthz`)).status).toBe(503);
  });

  it('ends when a newer run of the same node has said hello, and begins no DATA any more', async () => {
    const edge = await new FakeEdge().start();
    const courier = new FakeCourier();
    const gate = Promise.withResolvers<void>();
    courier.holdBeforeData = gate.promise;
    edge.queue.push(leased(1));
    await using at = await nodeAtEdge({ edge, courier });
    await courier.begins(1);
    edge.script.set('lease', () => problem(409, 'conflict'));
    edge.wake();
    expect(await at.node.ended).toMatchObject({
      reason: 'superseded',
      text: expect.stringContaining('NODE_ID'),
    });
    gate.resolve();
    await edge.until(() => edge.results.length === 1);
    expect(edge.results[0]?.outcome).toMatchObject({
      type: 'deferred',
      failure: { text: expect.stringContaining('newer run') },
    });
  });

  it('counts what it does', async () => {
    const edge = await new FakeEdge().start();
    edge.queue.push(leased(1));
    await using at = await nodeAtEdge({ edge });
    await edge.until(() => edge.results.length === 1);
    const metrics = await (await fetch(`http://127.0.0.1:${at.node.metricsPort}/metrics`)).text();
    expect(metrics).toContain('pennypost_leases_total 1');
    expect(metrics).toContain('pennypost_deliveries_total{outcome="delivered"} 1');
    expect(metrics).toContain('pennypost_edge_reachable 1');
    expect(metrics).toMatch(/pennypost_unreported_outcomes [01]/);
  });
});

describe('node: stopping', () => {
  it('takes no more work, finishes what is in DATA, reports it and gives the rest back', async () => {
    const edge = await new FakeEdge().start();
    const courier = new FakeCourier();
    const gate = Promise.withResolvers<void>();
    courier.hold = gate.promise;
    const rawGate = Promise.withResolvers<null>();
    edge.raws.set('slow', Buffer.from('Subject: slow\r\n\r\n'));
    edge.script.set('raw/slow', () => rawGate.promise);
    edge.queue.push(leased(1), leased(2, { messageId: 'slow', raw: null }));
    const at = await nodeAtEdge({ edge, courier });
    await courier.inData(1);
    await edge.until(() => edge.paths().includes('raw/slow'));
    const stopped = at.node.stop();
    edge.queue.push(leased(3));
    edge.wake();
    rawGate.resolve(null);
    gate.resolve();
    await stopped;
    expect(edge.results.map((result) => result.leaseId)).toEqual(['lease-1']);
    expect(courier.begun.map((one) => one.leaseId)).toEqual(['lease-1']);
    expect(edge.released).toContain('lease-2');
    // a request that was under way may have leased it: then it was given back too
    expect([...edge.released, ...edge.queue.map((one) => one.leaseId)]).toContain('lease-3');
    await edge.stop();
  });

  it('gives back at once what still waits for its MX, and never sends it afterwards', async () => {
    const edge = await new FakeEdge().start();
    const courier = new FakeCourier();
    const gate = Promise.withResolvers<void>();
    courier.holdBeforeData = gate.promise;
    edge.queue.push(leased(1), leased(2));
    const at = await nodeAtEdge({ edge, courier });
    await courier.begins(2);
    await at.node.stop();
    expect(edge.released.toSorted()).toEqual(['lease-1', 'lease-2']);
    gate.resolve();
    await courier.idle();
    expect(courier.sent).toBe(0);
    expect(edge.results).toEqual([]);
    await edge.stop();
  });

  it('leaves to the journal what does not end in time, and the next run says so', async () => {
    const edge = await new FakeEdge().start();
    const courier = new FakeCourier();
    courier.hold = new Promise(() => {});
    edge.queue.push(leased(1));
    const first = await nodeAtEdge({ edge, courier, env: { PENNYPOST_STOP_SECONDS: '1' } });
    await courier.inData(1);
    await first.node.stop();
    expect(edge.results).toEqual([]);
    await using second = await nodeAtEdge({ edge, dataDirectory: first.dataDirectory });
    await second.node.ready;
    expect(edge.results).toMatchObject([{ leaseId: 'lease-1', outcome: { type: 'maybeAccepted' } }]);
  });

  it('exits with 1 and names every fault of its configuration', async () => {
    const child = spawn(process.execPath, ['smtp-node/main.ts'], { cwd: root, env: {} });
    const [output, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    expect(code).toBe(1);
    for (const key of ['EDGE_URL', 'NODE_TOKEN', 'HOST_NAME']) expect(output).toContain(`PENNYPOST_${key}`);
  });
});

describe('node: as a process, with the real courier', () => {
  const signing = ed25519Key('ed1').key;

  async function processAt(edge: FakeEdge, mx: FakeMx, dataDirectory: string) {
    edge.keys['sender.test'] = [signing];
    const route = { PENNYPOST_OUTBOUND_ROUTE: `127.0.0.1:${mx.port}` };
    const env = { ...process.env, ...nodeEnv(edge.url, dataDirectory), ...route };
    return spawn(process.execPath, ['smtp-node/main.ts'], { cwd: root, env, stdio: 'ignore' });
  }

  it('signs and delivers what it leased, and exits with 0 at SIGTERM', async () => {
    const edge = await new FakeEdge().start();
    const mx = await startFakeMx({ tls: true });
    edge.queue.push(aDelivery({ leaseUntilMs: Date.now() + hour, raw: aMessage.toString('latin1') }));
    const child = await processAt(edge, mx, await freshDirectory());
    await edge.until(() => edge.results.length === 1);
    expect(edge.results[0]?.outcome).toMatchObject({ type: 'delivered', dkim: expect.any(Array) });
    expect(mx.messages[0]?.raw.toString()).toMatch(/^DKIM-Signature: [\s\S]*Hello\.\r\n\.a line/i);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    await mx.close();
    await edge.stop();
  });

  it('reports a transaction that it was killed in as maybe accepted, and before it says hello', async () => {
    const edge = await new FakeEdge().start();
    const reached = Promise.withResolvers<void>();
    const mx = await startFakeMx({
      beforeFinalReply: () => {
        reached.resolve();
        return new Promise(() => {});
      },
    });
    const dataDirectory = await freshDirectory();
    edge.queue.push(aDelivery({ leaseUntilMs: Date.now() + hour, raw: aMessage.toString('latin1') }));
    const first = await processAt(edge, mx, dataDirectory);
    await reached.promise;
    first.kill('SIGKILL');
    await once(first, 'exit');
    edge.asked.length = 0;
    const second = await processAt(edge, mx, dataDirectory);
    await edge.until(() => edge.paths().includes('lease'));
    expect(edge.paths().slice(0, 2)).toEqual(['results', 'hello']);
    expect(edge.results).toMatchObject([{ leaseId: 'lease-1', outcome: { type: 'maybeAccepted' } }]);
    second.kill('SIGKILL');
    await mx.close();
    await edge.stop();
  });
});
