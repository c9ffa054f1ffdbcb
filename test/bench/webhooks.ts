/**
 * Isolation of webhook endpoints: how soon a healthy endpoint hears of an event, alone and beside one that answers
 * nothing (each of its POSTs hangs for 15 s). Blocks with and without it take turns, so that what else the machine
 * does falls on both.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { startEdge } from '../../smtp-node/standalone/edge.ts';
import { newWorkerSecrets } from '../../smtp-node/standalone/secrets.ts';
import {
  type ClientAccount,
  EdgeClient,
  newClientAccount,
  newClientEndpoint,
} from '../support/edge-client.ts';
import { WebhookReceiver } from '../support/webhook-receiver.ts';
import { fixed, judged, quantile, type SectionReport, told } from './report.ts';

const mostRatio = 1.2;
/** POSTs that the sender has under way at the hanging endpoint before a block begins. */
const hangingPosts = 5;
const pauseMs = 20;

export async function webhooks({ quick }: { quick: boolean }): Promise<SectionReport> {
  const [blocks, perBlock] = quick ? [6, 60] : [8, 100];
  const dataDir = await mkdtemp(join(tmpdir(), 'pennypost-bench-webhooks-'));
  const secrets = newWorkerSecrets();
  const edge = await startEdge({
    port: 0,
    host: '127.0.0.1',
    dataDir,
    settings: { ...secrets, ALLOW_LOCAL_WEBHOOKS: '1' },
    log: () => undefined,
  });
  const good = await WebhookReceiver.start(() => 200);
  const hanging = await WebhookReceiver.start(() => null);
  try {
    const client = new EdgeClient(edge.url);
    const account = await newClientAccount(client, secrets.OPERATOR_TOKEN);
    const make = async (receiver: WebhookReceiver) => {
      const body = { url: receiver.url, format: 'event', events: ['email.sent'] };
      const { id, secret } = await newClientEndpoint(client, account, body);
      receiver.secret = secret;
      return id;
    };
    await make(good);
    const hangingId = await make(hanging);
    const enable = (state: string) =>
      client.call(z.unknown(), 'PATCH', `/v1/webhooks/${hangingId}`, account.key, { state });
    await enable('disabled');
    await hearOf(client, account, good, 20); // warms up
    const alone: number[] = [];
    const beside: number[] = [];
    for (let block = 0; block < blocks; block++) {
      if (block % 2 === 0) {
        alone.push(...(await hearOf(client, account, good, perBlock)));
        continue;
      }
      const before = hanging.posts.length;
      await enable('active');
      while (hanging.posts.length < before + hangingPosts) await sleep(10);
      beside.push(...(await hearOf(client, account, good, perBlock)));
      await enable('disabled');
    }
    const ratio = quantile(beside, 0.5) / quantile(alone, 0.5);
    const figure = (times: number[]) =>
      `p50 ${fixed(quantile(times, 0.5))} ms, p99 ${fixed(quantile(times, 0.99))} ms (${times.length} events)`;
    return {
      title: 'Webhooks: a hanging endpoint beside a healthy one',
      figures: [
        told('answered 202 to posted, alone', figure(alone)),
        told('the same beside a hanging endpoint', figure(beside)),
        judged(
          'p50 beside a hanging endpoint to p50 alone',
          `≤ ${mostRatio}`,
          fixed(ratio, 2),
          ratio <= mostRatio,
        ),
      ],
      notes: [`${hanging.posts.length} POSTs hung meanwhile; blocks of ${perBlock} events took turns`],
    };
  } finally {
    await Promise.all([good.stop(), hanging.stop()]);
    await edge.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** Sends messages one after the other; gives how long after each answer its event was posted, milliseconds. */
async function hearOf(
  client: EdgeClient,
  account: ClientAccount,
  receiver: WebhookReceiver,
  count: number,
): Promise<number[]> {
  const schema = z.object({ message_id: z.string() });
  const waits: number[] = [];
  for (let i = 0; i < count; i++) {
    const { message_id } = await client.call(schema, 'POST', '/v1/send', account.key, {
      from: `shop@${account.domain}`,
      to: ['user@example.net'],
      subject: 'Your receipt',
      text_body: 'Thank you.',
    });
    const answeredAt = performance.now();
    waits.push((await arrival(receiver, message_id)) - answeredAt);
    await sleep(pauseMs);
  }
  return waits;
}

async function arrival(receiver: WebhookReceiver, messageId: string): Promise<number> {
  const find = () =>
    receiver.posts.findLast(({ events }) => events.some((event) => event.messageId === messageId))?.atMs;
  return (
    find() ??
    (await new Promise<number>((resolve) => {
      receiver.onTaken = () => {
        const atMs = find();
        if (atMs !== undefined) resolve(atMs);
      };
    }))
  );
}
