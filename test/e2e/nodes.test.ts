/** Edge and nodes as they are deployed: apart, and each of them away at times. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { keptDemo } from '../../smtp-node/standalone/demo.ts';
import { type Edge, startEdge } from '../../smtp-node/standalone/edge.ts';
import { newWorkerSecrets } from '../../smtp-node/standalone/secrets.ts';
import { until } from '../lab/until.ts';
import { Api } from '../support/api.ts';
import { CutProxy } from '../support/cut-proxy.ts';
import { type FakeMx, type FakeMxOptions, startFakeMx } from '../support/fake-mx.ts';
import { type NodeProcess, startNodeProcess } from '../support/node-process.ts';
import { makeNodeToken } from '../support/node-token.ts';
import { SmtpTalk } from '../support/smtp-talk.ts';

const secrets = newWorkerSecrets();
let folder: string;
let edge: Edge;
let proxy: CutProxy;
let api: Api;
let nodes = 0;
const running: NodeProcess[] = [];
const servers: FakeMx[] = [];

const openEdge = (port = 0) =>
  startEdge({
    port,
    host: '127.0.0.1',
    dataDir: join(folder, 'edge'),
    settings: { ...secrets, SERVICE_DOMAIN: 'pennypost.test' },
    log: () => {},
  });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pennypost-nodes-'));
  edge = await openEdge();
  const demo = await keptDemo(join(folder, 'demo.json'), {
    url: edge.url,
    operatorToken: secrets.OPERATOR_TOKEN,
  });
  api = new Api(edge.url, demo.liveKey);
  proxy = await CutProxy.start(() => edge.url);
});

afterEach(async () => {
  for (const node of running.splice(0)) node.kill();
  for (const mx of servers.splice(0)) await mx.close();
});

afterAll(async () => {
  await proxy?.stop();
  await edge?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function openMx(options: FakeMxOptions = {}): Promise<FakeMx> {
  const mx = await startFakeMx(options);
  servers.push(mx);
  return mx;
}

/** A node with a disk of its own. */
async function openNode(mx: FakeMx, env: Record<string, string> = {}): Promise<NodeProcess> {
  nodes += 1;
  const dataDirectory = join(folder, `node-${nodes}`);
  const id = env.PENNYPOST_NODE_ID ?? `node-${nodes}`;
  // The first has the secret of the installation; the others are the operator's to make.
  const nodeToken =
    nodes === 1 ? secrets.NODE_TOKEN : await makeNodeToken(edge.url, secrets.OPERATOR_TOKEN, id);
  const node = await startNodeProcess({
    edgeUrl: proxy.url,
    nodeToken,
    dataDirectory,
    route: { host: mx.address, port: mx.port },
    env: { ...env, PENNYPOST_NODE_ID: id },
    quiet: true,
  });
  running.push(node);
  await node.ready;
  return node;
}

const letter = { from: 'hello@demo.pennypost.test', text_body: 'Hello.' };
const subjectsAt = (mx: FakeMx) =>
  mx.messages.map(({ raw }) => /^Subject: (.*)\r$/m.exec(raw.toString())?.[1] ?? '');

describe('a node', () => {
  it('that was away delivers what was accepted meanwhile', async () => {
    const id = await api.send({ ...letter, to: ['you@example.net'], subject: 'accepted alone' });
    const mx = await openMx();
    await openNode(mx);
    await api.event(id, 'delivered');
    expect(subjectsAt(mx)).toEqual(['accepted alone']);
  });

  it('that stops ends what it has begun, gives back the rest, and another delivers that', async () => {
    const held = Promise.withResolvers<void>();
    const slow = await openMx({ beforeFinalReply: () => held.promise });
    // more is leased than the MX takes connections, so some of it is never begun
    const first = await openNode(slow, { PENNYPOST_CONNECTIONS_PER_HOST: '3' });
    const to = Array.from({ length: 12 }, (_, n) => `you-${n}@example.net`);
    const id = await api.send({ ...letter, to, subject: 'at the stop' });
    await until('three transactions', 30_000, async () => {
      return slow.commands.filter((line) => line === 'DATA').length === 3;
    });
    const stopped = first.stop();
    const fast = await openMx();
    await openNode(fast);
    held.resolve();
    await stopped;
    await api.event(id, 'delivered', 60_000, to.length);
    const all = [...slow.messages, ...fast.messages].map((message) => message.to);
    expect(all.toSorted()).toEqual(to.toSorted());
    const kinds = new Set((await api.events(id)).map(({ kind }) => kind));
    expect([...kinds].sort()).toEqual(['accepted', 'delivered', 'dispatched']);
  });

  it('that is stopped while an MX hangs ends in its time: what it has not begun another delivers, and what it has is known', async () => {
    const hanging = await openMx({ beforeFinalReply: () => new Promise(() => {}) });
    const slowly = { PENNYPOST_CONNECTIONS_PER_HOST: '3', PENNYPOST_STOP_SECONDS: '3' };
    const first = await openNode(hanging, slowly);
    const to = Array.from({ length: 12 }, (_, n) => `you-${n}@example.net`);
    const id = await api.send({ ...letter, to, subject: 'hanging' });
    const begun = () => hanging.commands.filter((line) => line === 'DATA').length;
    await until('three transactions', 30_000, async () => begun() === 3);
    await first.stop();
    expect(begun()).toBe(3);

    const mx = await openMx();
    await openNode(mx);
    await api.event(id, 'delivered', 30_000, 9);
    expect(mx.messages).toHaveLength(9);
    // the journal of the first node tells, once it is back, that the three may have been accepted
    nodes -= 2;
    await openNode(mx);
    await api.event(id, 'deferred', 30_000, 3);
    const deferred = (await api.events(id)).filter(({ kind }) => kind === 'deferred');
    const started = hanging.commands.flatMap((line) => /^RCPT TO:<(.*)>$/.exec(line)?.[1] ?? []);
    expect(deferred.map(({ recipient }) => recipient).sort()).toEqual(started.sort());
    for (const { details } of deferred) expect(details).toMatchObject({ maybeAccepted: true, attempt: 1 });
    nodes += 1;
    // They would be tried again in the middle of another test.
    expect((await api.call('POST', `/v1/emails/${id}/cancel`)).status).toBe(200);
  });
});

describe('a message with send_at', () => {
  /** A node that asks only when it is woken. */
  const onlyWoken = { PENNYPOST_POLL_SECONDS: '600' };

  /** Sends a message that is due in so many seconds; gives its id and when that is. */
  async function schedule(seconds: number): Promise<{ id: string; dueMs: number }> {
    const dueMs = Date.now() + seconds * 1000;
    const more = { subject: 'scheduled', send_at: new Date(dueMs).toISOString() };
    return { id: await api.send({ ...letter, to: ['you@example.net'], ...more }), dueMs };
  }

  /** How long after its time it was handed to the MX, ms. */
  async function lateness({ id, dueMs }: { id: string; dueMs: number }): Promise<number> {
    const { details } = await api.event(id, 'delivered', dueMs - Date.now() + 70_000);
    expect(details).toMatchObject({ attempt: 1 });
    const dispatched = (await api.events(id)).find(({ kind }) => kind === 'dispatched');
    return Date.parse(dispatched?.at ?? '') - dueMs;
  }

  it('is delivered at its time, told by the queue', async () => {
    const mx = await openMx();
    await openNode(mx, onlyWoken);
    const lateMs = await lateness(await schedule(4));
    expect(lateMs).toBeGreaterThanOrEqual(0);
    expect(lateMs).toBeLessThanOrEqual(5_000);
    expect(subjectsAt(mx)).toEqual(['scheduled']);
  });

  it('is delivered by cron when the queue has lost it', async () => {
    const mx = await openMx();
    await openNode(mx, onlyWoken);
    const scheduled = await schedule(5);
    const port = Number(new URL(edge.url).port);
    await edge.stop(); // the local queue lives in memory
    expect(Date.now()).toBeLessThan(scheduled.dueMs);
    await until('its time', 10_000, async () => Date.now() > scheduled.dueMs);
    edge = await openEdge(port); // which has its first tick then
    expect(await lateness(scheduled)).toBeGreaterThanOrEqual(0);
    expect(subjectsAt(mx)).toEqual(['scheduled']);
    // Deployed, there is one every minute.
    expect(await readFile('wrangler.toml', 'utf8')).toMatch(/^crons = \["\* \* \* \* \*"\]$/m);
  });
});

describe('three nodes', () => {
  it('share 300 messages at one edge and deliver each once', async () => {
    const mx = await openMx();
    await Promise.all([openNode(mx), openNode(mx), openNode(mx)]);
    const subjects = Array.from({ length: 300 }, (_, n) => `shared ${n}`);
    for (let at = 0; at < subjects.length; at += 100) {
      const batch = subjects
        .slice(at, at + 100)
        .map((subject) => ({ ...letter, to: ['you@example.net'], subject }));
      expect((await api.call('POST', '/v1/send/batch', batch)).status).toBe(202);
    }
    const delivered = async () =>
      (await api.allEvents()).filter(
        (event) => event.kind === 'delivered' && ofThisTest.has(event.message_id),
      );
    const ofThisTest = new Set<string>();
    for (const offset of [0, 100, 200]) {
      for (const { id, subject } of await api.emails(`&offset=${offset}`)) {
        if (subject.startsWith('shared ')) ofThisTest.add(id);
      }
    }
    expect(ofThisTest.size).toBe(300);
    await until('300 delivered', 60_000, async () => (await delivered()).length >= 300, 500);
    expect(await delivered()).toHaveLength(300);
    expect(subjectsAt(mx).toSorted()).toEqual(subjects.toSorted());
    const at = await Promise.all([...ofThisTest].map((id) => api.email(id)));
    const carriers = new Set(at.flatMap(({ deliveries }) => deliveries.map(({ node }) => node)));
    expect(carriers.size).toBeGreaterThan(1);
  });
});

describe('an edge that is away during DATA', () => {
  const message = (subject: string, key: string) =>
    `From: hello@demo.pennypost.test\r\nTo: you@example.net\r\nSubject: ${subject}\r\n` +
    `X-Pennypost-Idempotency-Key: ${key}\r\n\r\n${'Hello.\r\n'.repeat(20_000)}`;

  /** MAIL to the end of the message; gives the reply to the final dot. */
  async function submit(talk: SmtpTalk, body: string, beforeDot: () => Promise<void> = async () => {}) {
    expect(await talk.beginMessage()).toMatch(/^354 /);
    await talk.pour(Buffer.from(body), 1);
    await beforeDot();
    return await talk.say('.');
  }

  async function client(node: NodeProcess): Promise<SmtpTalk> {
    const talk = await SmtpTalk.open(node.submissionPorts[0] ?? 0);
    expect(await talk.logIn('pennypost', api.key)).toMatch(/^235 /);
    return talk;
  }

  async function expectOnce(subject: string, reply: string, mx: FakeMx): Promise<void> {
    expect(reply).toMatch(/^250 Thanks! Queued as: /);
    const id = reply.slice(-36);
    await api.event(id, 'delivered');
    expect((await api.emails(`&subject=${subject}`)).map((one) => one.id)).toEqual([id]);
    expect(subjectsAt(mx)).toEqual([subject]);
  }

  it('before it has all: 451, nothing is kept, and the retry is delivered once', async () => {
    const mx = await openMx();
    const talk = await client(await openNode(mx));
    proxy.cutNext('in the body');
    expect(await submit(talk, message('cut', 'cut-1'), () => proxy.cut.promise)).toMatch(/^451 4\.3\.0 /);
    expect(await api.emails('&subject=cut')).toEqual([]);
    await expectOnce('cut', await submit(talk, message('cut', 'cut-1')), mx);
    talk.drop();
  });

  it('after it has committed: 451, and the retry gets the same id and is delivered once', async () => {
    const mx = await openMx();
    const talk = await client(await openNode(mx));
    proxy.cutNext('before the answer');
    expect(await submit(talk, message('unheard', 'cut-2'))).toMatch(/^451 4\.3\.0 /);
    const [kept] = await until('the commit', 10_000, async () => {
      const found = await api.emails('&subject=unheard');
      return found.length > 0 && found;
    });
    const reply = await submit(talk, message('unheard', 'cut-2'));
    expect(reply.slice(-36)).toBe(kept?.id);
    await expectOnce('unheard', reply, mx);
    talk.drop();
  });

  it('altogether: 451, and once it is back on its data the retry is delivered once, without a new login', async () => {
    const mx = await openMx();
    const talk = await client(await openNode(mx));
    const port = Number(new URL(edge.url).port);
    const reply = await submit(talk, message('down', 'cut-3'), () => edge.stop());
    expect(reply).toMatch(/^451 4\.3\.0 /);
    edge = await openEdge(port);
    await expectOnce('down', await submit(talk, message('down', 'cut-3')), mx);
    talk.drop();
  });
});
