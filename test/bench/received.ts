import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { EdgeClient } from '../support/edge-client.ts';
import { freePort } from '../support/free-port.ts';
import { startSmtpSink } from '../support/smtp-sink.ts';
import { SmtpTalk } from '../support/smtp-talk.ts';
import { WebhookReceiver } from '../support/webhook-receiver.ts';
import { type BenchEdge, startBenchEdge } from './bench-edge.ts';
import { startBenchNode } from './bench-node.ts';
import { countsBetween } from './counts.ts';
import { bill, type Load, type Measured } from './price.ts';
import { cpuMs } from './processes.ts';
import { type Figure, fixed, judged, type SectionReport, told } from './report.ts';
import { tableSizes } from './table-sizes.ts';

const inbound = 'in.bench.example';
const aliases = 'alias.bench.example';
const alias = `hello@${aliases}`;
/** Rows written of a received mail with its webhook delivery. */
const mostRows = 5;

/** Where mails go, and how many have come to their end there. */
interface Way {
  name: string;
  to: (i: number) => string;
  ended: () => number;
  budget: number | null;
}

/** List price of a million received mails: told to an endpoint, and sent on by an alias. */
export async function received({ quick }: { quick: boolean }): Promise<SectionReport> {
  const bench = await startBenchEdge({ shell: 'counting' });
  const receiver = await WebhookReceiver.start(() => 200);
  let arrived = 0;
  const sink = await startSmtpSink(() => {
    arrived += 1;
  });
  const port = await freePort();
  const node = await startBenchNode(bench, sink.port, {
    PENNYPOST_POLL_SECONDS: '600',
    PENNYPOST_RETURN_PATH_PORTS: String(port),
    PENNYPOST_RETURN_PATH_CONNECTIONS_PER_ADDRESS: '100',
    // nobody answers there: mail is judged at once
    PENNYPOST_DNS_SERVERS: '127.0.0.1:9',
  });
  try {
    await prepare(bench, receiver);
    const heard: Way = {
      name: 'told to one endpoint',
      to: (i) => `user${i % 20}@${inbound}`,
      ended: () => receiver.posts.length,
      budget: mostRows,
    };
    const sentOn: Way = { name: 'sent on by an alias', to: () => alias, ended: () => arrived, budget: null };
    const [slow, busy] = quick ? [20, 100] : [100, 500];
    const figures: Figure[] = [];
    for (const [way, load] of [
      [heard, { name: '4 kB, one by one', bytes: 4000, concurrency: 1, messages: slow }],
      [heard, { name: '4 kB, 20 at once', bytes: 4000, concurrency: 20, messages: busy }],
      [sentOn, { name: '4 kB, one by one', bytes: 4000, concurrency: 1, messages: slow }],
    ] as const)
      figures.push(...figuresOf(way, await measure(bench, port, way, load)));
    return {
      title: 'List price per million received mails',
      figures,
      notes: [
        'brought by SMTP to the real node; rows, requests, R2 and object operations are counted as in the section price',
        'a sender of webhooks is billed for its time, its POSTs included: here an endpoint on loopback answers at once',
      ],
    };
  } finally {
    await node.stop();
    await sink.stop();
    await receiver.stop();
    await bench.stop();
  }
}

async function prepare(bench: BenchEdge, receiver: WebhookReceiver): Promise<void> {
  const client = new EdgeClient(bench.url);
  const operator = (path: string, body: unknown) =>
    client.call(
      z.unknown(),
      'POST',
      `/admin/v1/accounts/${bench.accountId}${path}`,
      bench.operatorToken,
      body,
    );
  await operator('/domains', { domain: inbound, type: 'inbound', verified: true });
  await operator('/domains', { domain: aliases, type: 'alias', verified: true });
  const destination = 'owner@example.net';
  await operator('/destinations', { address: destination });
  const own = { url: receiver.url, events: ['email.received'] };
  const secret = z.object({ secret: z.string() });
  receiver.secret = (await client.call(secret, 'POST', '/v1/webhooks', bench.liveKey, own)).secret;
  const made = { domain: aliases, address: 'hello', forward_to: [destination] };
  await client.call(z.unknown(), 'POST', '/v1/aliases', bench.liveKey, made);
}

/** Brings mails over the way until all have come to its end, and counts. */
async function measure(bench: BenchEdge, port: number, way: Way, load: Load): Promise<Measured> {
  const bring = async (i: number) => {
    const talk = await SmtpTalk.open(port);
    const mail = mailOf(load.bytes, way.to(i));
    for (const line of ['EHLO a.example', 'MAIL FROM:<a@example.org>', `RCPT TO:<${way.to(i)}>`, 'DATA']) {
      const reply = await talk.say(line);
      if (!/^[23]/.test(reply)) throw new Error(`${line}: ${reply}`);
    }
    const reply = await talk.say(`${mail}.`);
    if (!reply.startsWith('250')) throw new Error(reply);
    await talk.say('QUIT');
    talk.drop();
  };
  const until = async (count: number) => {
    while (way.ended() < count) await pause(2);
    await pause(40); // what is noted of it follows
  };
  const begun = way.ended();
  const warming = 20;
  for (let i = 0; i < warming; i++) await bring(i);
  await until(begun + warming);
  await pause(1000);
  const before = {
    counts: await bench.counts(),
    cpu: await cpuMs(bench.pid),
    sizes: await tableSizes(bench.dataDir),
  };
  let next = 0;
  const sender = async () => {
    while (next < load.messages) {
      const i = next++;
      await bring(i);
      if (load.concurrency === 1) await until(begun + warming + i + 1);
    }
  };
  await Promise.all(Array.from({ length: load.concurrency }, sender));
  await until(begun + warming + load.messages);
  await pause(1000);
  const counts = countsBetween(before.counts, await bench.counts());
  const cpu = (await cpuMs(bench.pid)) - before.cpu;
  const grown = [...(await tableSizes(bench.dataDir))].reduce(
    (sum, [name, size]) =>
      sum +
      (/^(received|webhook_deliveries|messages|deliveries|events|due)_/.test(name)
        ? size - (before.sizes.get(name) ?? 0)
        : 0),
    0,
  );
  return {
    load,
    counts,
    cpuMsPerMessage: cpu / load.messages,
    rawBytes: load.bytes,
    r2Bytes: load.bytes,
    bodyBytes: 0,
    metadataBytes: grown / load.messages,
    purgeRows: 0, // tables are dropped whole
  };
}

/** A plain mail of about so many bytes, with CRLF. */
function mailOf(bytes: number, to: string): string {
  const id = `${Math.random().toString(36).slice(2)}@example.org`;
  const head = `From: Ann <a@example.org>\r\nTo: ${to}\r\nSubject: A question\r\nMessage-ID: <${id}>\r\n\r\n`;
  const line = 'When do you open, and may we come with the dog? It is a small one.\r\n';
  return head + line.repeat(Math.max(1, Math.round((bytes - head.length) / line.length)));
}

function figuresOf({ name, budget }: Way, measured: Measured): Figure[] {
  const { load, counts } = measured;
  const parts = bill(measured);
  const each = (count: number) => fixed(count / load.messages, 2);
  const rows = `${each(counts.d1RowsWritten)} / ${each(counts.d1RowsRead)}`;
  const what = `${name}, ${load.name}: rows of D1 written / read`;
  return [
    budget === null
      ? told(what, rows)
      : judged(what, `≤ ${budget} written`, rows, counts.d1RowsWritten <= budget * load.messages),
    told(
      '  list price per million',
      `${fixed(
        Object.values(parts).reduce((a, b) => a + b, 0),
        2,
      )} USD`,
    ),
    told(
      '  of which',
      Object.entries(parts)
        .map(([part, usd]) => `${part} ${fixed(usd, 2)}`)
        .join(', '),
    ),
    told(
      '  requests; R2 writes / reads; object requests, their time',
      `${each(counts.requests)}; ${each(counts.r2Writes)} / ${each(counts.r2Reads)}; ${each(counts.objectRequests)}, ${each(counts.objectMs)} ms`,
    ),
  ];
}
