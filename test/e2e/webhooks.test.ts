/**
 * Ten thousand events to three endpoints, one of which fails half of its tries and one of which hangs, while the
 * edge is killed twice: nothing is lost.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { until } from '../lab/until.ts';
import {
  type ClientAccount,
  EdgeClient,
  newClientAccount,
  newClientEndpoint,
} from '../support/edge-client.ts';
import { KillableEdge } from '../support/killable-edge.ts';
import { makeNodeToken } from '../support/node-token.ts';
import { WebhookReceiver } from '../support/webhook-receiver.ts';

const batches = 50;
const perBatch = 100;
/** `accepted` and `delivered` have a name in the format `event`; `dispatched` has not. */
const namedEvents = 2 * batches * perBatch;

let folder: string;
let killable: KillableEdge;
let edge: EdgeClient;
let account: ClientAccount;
let good: WebhookReceiver;
let flaky: WebhookReceiver;
let hanging: WebhookReceiver;
let hangingId: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pennypost-webhooks-'));
  killable = await KillableEdge.start(join(folder, 'edge'));
  edge = new EdgeClient(killable.url);
  account = await newClientAccount(edge, (await killable.secrets()).OPERATOR_TOKEN);
  good = await WebhookReceiver.start(() => 200);
  const seen = new Set<string>();
  flaky = await WebhookReceiver.start(({ webhookId }) => {
    const status = seen.has(webhookId) ? 200 : 503;
    seen.add(webhookId);
    return status;
  });
  hanging = await WebhookReceiver.start(() => null);
  const make = async (receiver: WebhookReceiver, format: string) => {
    const { id, secret } = await newClientEndpoint(edge, account, { url: receiver.url, format });
    receiver.secret = secret;
    return id;
  };
  await make(good, 'event');
  await make(flaky, 'cloudmailin');
  hangingId = await make(hanging, 'event');
});

afterAll(async () => {
  await killable?.kill();
  await Promise.all([good, flaky, hanging].map((receiver) => receiver?.stop()));
  await rm(folder, { recursive: true, force: true });
});

/** Accepts all messages; a batch whose answer was lost is repeated under its idempotency key. */
async function produce(): Promise<void> {
  for (let i = 0; i < batches; i++) {
    const messages = Array.from({ length: perBatch }, (_, n) => ({
      from: `shop@${account.domain}`,
      to: [`user${i}-${n}@example.net`],
      subject: 'Your receipt',
      text_body: 'Thank you.',
    }));
    const key = { 'Idempotency-Key': `batch-${i}` };
    await edge.call(z.unknown(), 'POST', '/v1/send/batch', account.key, messages, key);
  }
}

const leaseSchema = z.object({
  deliveries: z.array(z.object({ messageId: z.string(), n: z.number(), leaseId: z.string() })),
});
const feedSchema = z.object({
  data: z.array(z.object({ id: z.string(), kind: z.string() })),
  next: z.string(),
  has_more: z.boolean(),
});

let nodeToken: string | undefined;
/** Acts as a node that delivers everything at once. A lease whose answer was lost is freed by a new boot. */
async function deliverAll(): Promise<void> {
  nodeToken ??= await makeNodeToken(killable.url, (await killable.secrets()).OPERATOR_TOKEN, 'node-a');
  const token = nodeToken;
  const outcome = {
    type: 'delivered',
    startedAtMs: Date.now(),
    endedAtMs: Date.now(),
    session: {
      mx: { host: 'mx.example.net', address: '192.0.2.1' },
      tls: null,
      reused: false,
      steps: [],
      tried: [],
    },
    reply: { code: 250, status: '2.0.0', text: 'Ok' },
    dkim: ['pennypost'],
  };
  let empty = 0;
  while (empty < 2) {
    const node = { nodeId: 'node-a', bootId: randomUUID() };
    await edge.call(z.unknown(), 'POST', '/node/v1/hello', token, {
      ...node,
      hostName: 'out.example',
      version: 'test',
    });
    const asked = { ...node, max: 200, excludeDomains: [] };
    const { deliveries } = await edge.call(leaseSchema, 'POST', '/node/v1/lease', token, asked);
    empty = deliveries.length === 0 ? empty + 1 : 0;
    const results = deliveries.map(({ messageId, n, leaseId }) => ({ messageId, n, leaseId, outcome }));
    await edge.call(z.unknown(), 'POST', '/node/v1/results', token, { ...node, results });
  }
}

async function feed(): Promise<{ id: string; kind: string }[]> {
  const all: { id: string; kind: string }[] = [];
  for (let after = '', more = true; more; ) {
    const page = await edge.call(feedSchema, 'GET', `/v1/events?limit=100&after=${after}`, account.key);
    all.push(...page.data);
    [after, more] = [page.next, page.has_more];
  }
  return all;
}

const deliveriesSchema = z.object({
  data: z.array(z.object({ last_error: z.string().nullable() })),
  next: z.string().nullable(),
});

/** Of what an endpoint has not taken yet what was said last; newest first, so that what was tried is at the end. */
async function pendingErrors(endpoint: string): Promise<(string | null)[]> {
  const all: (string | null)[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query = `endpoint=${endpoint}&state=pending&limit=100${cursor && `&cursor=${cursor}`}`;
    const path = `/v1/webhook-deliveries?${query}`;
    const page: z.infer<typeof deliveriesSchema> = await edge.call(
      deliveriesSchema,
      'GET',
      path,
      account.key,
    );
    all.push(...page.data.map(({ last_error }) => last_error));
    cursor = page.next;
  }
  return all;
}

/** Kills the edge once the good endpoint has so many events, and starts it again. */
async function killAt(events: number): Promise<number> {
  await until(`${events} events`, 300_000, async () => good.taken.size >= events);
  await killable.kill();
  const had = good.taken.size;
  await killable.start();
  return had;
}

describe('webhooks', () => {
  it('lose no event while endpoints fail and hang and the edge is killed twice', {
    timeout: 900_000,
  }, async () => {
    const startedAt = performance.now();
    const kills: number[] = [];
    const work = produce().then(deliverAll);
    kills.push(await killAt(namedEvents / 5));
    kills.push(await killAt((3 * namedEvents) / 5));
    await work;
    const all = await feed();
    const named = all.filter(({ kind }) => kind !== 'dispatched').map(({ id }) => id);
    expect(named).toHaveLength(namedEvents);
    const missing = (receiver: WebhookReceiver, ids: string[]) => ids.filter((id) => !receiver.taken.has(id));
    await until('every event at the good endpoints', 600_000, async () => {
      const lacking = [
        ...missing(good, named),
        ...missing(
          flaky,
          all.map(({ id }) => id),
        ),
      ];
      return lacking.length === 0;
    }).catch(() => undefined);
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    for (const [name, receiver, ids] of [
      ['good (event)', good, named],
      ['failing half of its tries (cloudmailin)', flaky, all.map(({ id }) => id)],
      ['hanging (event)', hanging, named],
    ] as const) {
      const came = receiver.posts.flatMap(({ events }) => events.map(({ id }) => id));
      console.log(
        `${name}: ${receiver.posts.length} POSTs, ${receiver.taken.size} of ${ids.length} events taken, ` +
          `${came.length - new Set(came).size} repeated, ${missing(receiver, ids).length} missing`,
      );
    }
    console.log(
      `edge killed with ${kills.join(' and ')} events at the good endpoint; all done after ${seconds} s`,
    );
    expect(missing(good, named)).toEqual([]);
    expect(
      missing(
        flaky,
        all.map(({ id }) => id),
      ),
    ).toEqual([]);
    expect(good.forged + flaky.forged + hanging.forged).toBe(0);
    // Nothing beyond the feed was made up.
    expect(good.taken.size).toBe(named.length);
    expect(flaky.taken.size).toBe(all.length);
    expect(hanging.taken.size).toBe(0);
    expect(await pendingErrors(hangingId)).toContain('no answer within 15 s');
  });
});
