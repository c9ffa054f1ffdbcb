import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import nodemailer from 'nodemailer';
import { noVerdicts } from '#domain/inbound/verdicts.ts';
import { uuidV7 } from '#domain/message/ids.ts';
import { startSmtpSink } from '../support/smtp-sink.ts';
import { type BenchEdge, call, type D1Cost, startBenchEdge } from './bench-edge.ts';
import { startBenchNode } from './bench-node.ts';
import { memoryMiB } from './processes.ts';
import { fixed, judged, type SectionReport, told } from './report.ts';

const aliasDomain = 'alias.example';
const owner = 'owner@example.net';
const largest = 25 * 1024 * 1024;

/** What mail costs that an alias sends on: rows of D1, and memory of node and Worker for one of 25 MiB. */
export async function forwarding(): Promise<SectionReport> {
  const rows = await rowsOfForwarding();
  const sums = rows.map(({ name, cost }) => ({ name, cost, expected: expectedRows[name] ?? 0 }));
  const kept = await memoryOfForwarding('postmaster');
  const plain = await memoryOfForwarding('plain');
  const masked = await memoryOfForwarding('masked');
  return {
    title: 'Mail that an alias sends on',
    figures: [
      ...sums.map(({ name, cost, expected }) =>
        judged(`${name}: rows written`, `≤ ${expected}`, fixed(cost.written, 0), cost.written <= expected),
      ),
      ...sums.map(({ name, cost }) =>
        told(`${name}: trips; rows read`, `${fixed(cost.trips, 0)}; ${fixed(cost.read, 0)}`),
      ),
      ...[kept, plain, masked].flatMap(({ name, node, worker, bytes }) => [
        judged(
          `25 MiB, ${name}: more memory of the node at its peak`,
          '≤ 100 MiB',
          `${fixed(node)} MiB`,
          node <= 100,
        ),
        told(`25 MiB, ${name}: more memory of the Worker's process at its peak`, `${fixed(worker)} MiB`),
        told(`25 MiB, ${name}: bytes at the MX`, String(bytes)),
      ]),
    ],
    notes: [
      'taken, leased and delivered, one recipient, mail of 1 kB; counted from D1 meta by METER=1',
      'VmRSS and VmHWM of the node and of workerd as processes of their own; workerd holds D1 and R2 of the machine besides',
    ],
  };
}

const expectedRows: Readonly<Record<string, number>> = {
  'sent on as it came': 9,
  'masked, the first mail of its author': 10,
  'masked, a further one': 9,
  'an answer of the owner': 9,
};

async function aliasesOf(bench: BenchEdge): Promise<void> {
  const made = async (path: string, token: string, body: object) => {
    const { status, body: answer } = await bench.post(path, token, body);
    if (status !== 201) throw new Error(`${path}: ${status} ${answer}`);
  };
  const account = `/admin/v1/accounts/${bench.accountId}`;
  const domain = { domain: aliasDomain, type: 'alias', verified: true };
  await made(`${account}/domains`, bench.operatorToken, domain);
  await made(`${account}/destinations`, bench.operatorToken, { address: owner });
  for (const address of ['plain', 'masked']) {
    const alias = { domain: aliasDomain, address, forward_to: [owner], is_masked: address === 'masked' };
    await made('/v1/aliases', bench.liveKey, alias);
  }
}

const letter = (from: string, to: string, text = 'x'.repeat(500)) =>
  [
    `From: Ann <${from}>`,
    `To: ${to}`,
    'Subject: Hello',
    `Message-ID: <${randomUUID()}@x.example>`,
    '',
    text,
    '',
  ].join('\r\n');

async function rowsOfForwarding(): Promise<{ name: string; cost: D1Cost }[]> {
  const bench = await startBenchEdge();
  try {
    await bench.hello();
    await aliasesOf(bench);
    const bring = async (to: string, from: string): Promise<{ cost: D1Cost; reply: string }> => {
      const random = randomBytes(10);
      random[9] = 0;
      const host = from.slice(from.indexOf('@') + 1);
      const head = {
        ...{
          id: uuidV7(Date.now(), random),
          receivedAtMs: Date.now(),
          group: `${bench.accountId}:`,
          mailFrom: from,
        },
        ...{ rcptTo: [to], remoteIp: '192.0.2.1', helo: 'mx.example', tls: true },
        verdicts: { ...noVerdicts, spf: { result: 'pass', domain: host } },
      };
      const body = `${JSON.stringify(head)}\n${letter(from, to)}`;
      const type = { 'Content-Type': 'application/octet-stream' };
      const taken = await call(new URL('/node/v1/received', bench.url), bench.nodeToken, body, type);
      if (taken.status !== 200 || !taken.body.includes('"refusal":null')) throw new Error(taken.body);
      const { work, cost: lease } = await bench.lease(10);
      const [delivery] = work.deliveries;
      if (work.deliveries.length !== 1) throw new Error(`${work.deliveries.length} leased, not 1`);
      const { cost: results } = await bench.results(work.deliveries);
      const [reply = ''] = /reply\+[a-z2-7]{26}@[\w.]+/.exec(delivery?.raw ?? '') ?? [];
      return { cost: sumOf([taken.cost, lease, results]), reply };
    };
    await bring(`plain@${aliasDomain}`, 'first@x.example'); // makes tables
    const plain = await bring(`plain@${aliasDomain}`, 'ann@x.example');
    const first = await bring(`masked@${aliasDomain}`, 'ann@x.example');
    const further = await bring(`masked@${aliasDomain}`, 'ann@x.example');
    const answer = await bring(first.reply, owner);
    return [plain, first, further, answer].map(({ cost }, i) => ({
      name: Object.keys(expectedRows)[i] ?? '',
      cost,
    }));
  } finally {
    await bench.stop();
  }
}

function sumOf(costs: readonly D1Cost[]): D1Cost {
  const sum = { trips: 0, read: 0, written: 0 };
  for (const { trips, read, written } of costs) {
    sum.trips += trips;
    sum.read += read;
    sum.written += written;
  }
  return sum;
}

/** MiB beyond what was resident before; mail for `postmaster` is kept and not sent on. */
async function memoryOfForwarding(name: 'postmaster' | 'plain' | 'masked') {
  const bench = await startBenchEdge({ meter: false });
  let arrived = { count: 0, bytes: 0 };
  const sink = await startSmtpSink(({ bytes }) => {
    arrived = { count: arrived.count + 1, bytes };
  });
  await aliasesOf(bench);
  const port = await freePort();
  const node = await startBenchNode(bench, sink.port, {
    PENNYPOST_RETURN_PATH_PORTS: String(port),
    PENNYPOST_EDGE_TIMEOUT_SECONDS: '120',
  });
  try {
    const transport = nodemailer.createTransport({ host: '127.0.0.1', port, ignoreTLS: true });
    const to = `${name}@${aliasDomain}`;
    const bring = async (bytes: number) => {
      const before = arrived.count;
      const envelope = { from: 'ann@x.example', to: [to] };
      await transport.sendMail({ envelope, raw: withPicture('ann@x.example', to, bytes) });
      while (name !== 'postmaster' && arrived.count === before) await pause(5);
      await pause(500);
    };
    for (let i = 0; i < 5; i++) await bring(20_000);
    const pids = [node.pid, bench.pid];
    const resident = await Promise.all(pids.map(memoryMiB));
    // The peak counts from here on (proc_pid_clear_refs(5)).
    for (const pid of pids) await writeFile(`/proc/${pid}/clear_refs`, '5');
    await bring(largest - 4096);
    const peak = await Promise.all(pids.map(memoryMiB));
    const [more = 0, moreOfWorker = 0] = peak.map((one, i) => one.peak - (resident[i]?.resident ?? 0));
    return { name, node: more, worker: moreOfWorker, bytes: arrived.bytes };
  } finally {
    await node.stop();
    await sink.stop();
    await bench.stop();
  }
}

/** A mail whose size is that of one part which is no text. */
function withPicture(from: string, to: string, bytes: number): string {
  const head = [`From: Ann <${from}>`, `To: ${to}`, 'Subject: Picture', 'MIME-Version: 1.0'];
  const line = `${'A'.repeat(76)}\r\n`;
  return [
    ...[
      ...head,
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '--b',
      'Content-Type: text/plain',
      '',
      'See it',
      '--b',
    ],
    ...['Content-Type: image/png', 'Content-Transfer-Encoding: base64', ''],
    `${line.repeat(Math.floor(bytes / line.length))}--b--`,
    '',
  ].join('\r\n');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
