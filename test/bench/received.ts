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
/** Rows written of a received mail with its webhook delivery. */
const mostRows = 5;

/** List price of a million received mails that are told to an endpoint. */
export async function received({ quick }: { quick: boolean }): Promise<SectionReport> {
  const bench = await startBenchEdge({ shell: 'counting' });
  const receiver = await WebhookReceiver.start(() => 200);
  const sink = await startSmtpSink(() => undefined);
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
    const [slow, busy] = quick ? [20, 100] : [100, 500];
    const figures: Figure[] = [];
    for (const load of [
      { name: '4 kB, one by one', bytes: 4000, concurrency: 1, messages: slow },
      { name: '4 kB, 20 at once', bytes: 4000, concurrency: 20, messages: busy },
    ])
      figures.push(...figuresOf(await measure(bench, port, receiver, load)));
    return {
      title: 'List price per million received mails',
      figures,
      notes: [
        'ticks of cron in the run write some rows of their own, so that a tenth of a row is not judged',
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
  const own = { url: receiver.url, events: ['email.received'] };
  const secret = z.object({ secret: z.string() });
  receiver.secret = (await client.call(secret, 'POST', '/v1/webhooks', bench.liveKey, own)).secret;
}

/** Brings mails until the endpoint has heard of all, and counts. */
async function measure(
  bench: BenchEdge,
  port: number,
  { posts }: WebhookReceiver,
  load: Load,
): Promise<Measured> {
  const bring = async (i: number) => {
    const talk = await SmtpTalk.open(port);
    const to = `user${i % 20}@${inbound}`;
    const mail = mailOf(load.bytes, to);
    for (const line of ['EHLO a.example', 'MAIL FROM:<a@example.org>', `RCPT TO:<${to}>`, 'DATA']) {
      const reply = await talk.say(line);
      if (!/^[23]/.test(reply)) throw new Error(`${line}: ${reply}`);
    }
    const reply = await talk.say(`${mail}.`);
    if (!reply.startsWith('250')) throw new Error(reply);
    await talk.say('QUIT');
    talk.drop();
  };
  const until = async (count: number) => {
    while (posts.length < count) await pause(2);
    await pause(40); // what is noted of it follows
  };
  const begun = posts.length;
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
      sum + (/^(received|webhook_deliveries)_/.test(name) ? size - (before.sizes.get(name) ?? 0) : 0),
    0,
  );
  return {
    load,
    counts,
    cpuMsPerMessage: cpu / load.messages, // all of the local workerd: more than is billed
    allCpuMsPerMessage: cpu / load.messages,
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

function figuresOf(measured: Measured): Figure[] {
  const { load, counts } = measured;
  const parts = Object.entries(bill(measured));
  const each = (count: number) => fixed(count / load.messages, 2);
  const total = parts.reduce((sum, [, usd]) => sum + usd, 0);
  return [
    judged(
      `${load.name}: rows of D1 written / read, with the webhook delivery`,
      `≤ ${mostRows} written`,
      `${each(counts.d1RowsWritten)} / ${each(counts.d1RowsRead)}`,
      Number(fixed(counts.d1RowsWritten / load.messages, 1)) <= mostRows,
    ),
    told('  list price per million', `${fixed(total, 2)} USD`),
    told('  of which', parts.map(([part, usd]) => `${part} ${fixed(usd, 2)}`).join(', ')),
    told(
      '  requests; R2 writes / reads; object requests, their time',
      `${each(counts.requests)}; ${each(counts.r2Writes)} / ${each(counts.r2Reads)}; ${each(counts.objectRequests)}, ${each(counts.objectMs)} ms`,
    ),
  ];
}
