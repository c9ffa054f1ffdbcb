/**
 * `npm run test:soak [-- --minutes N]`: a node with its defaults among twenty domains that are dead, five that are slow
 * and five that are well, for half an hour. Prints how long mail to the healthy ones takes, beside the first minute, when
 * only they are written to, and at the end what happens next to every message that is not delivered, and when.
 * Ends with 1 when a message has no next action, or healthy mail takes more than twice as long in most minutes (and over
 * 250 ms).
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { parseConfig } from '../../smtp-node/config.ts';
import { createLog } from '../../smtp-node/log.ts';
import { startNode } from '../../smtp-node/node.ts';
import { type BenchEdge, startBenchEdge } from '../bench/bench-edge.ts';
import { fixed, median, quantile } from '../bench/report.ts';
import { startSmtpSink } from '../support/smtp-sink.ts';
import { resolverOf } from '../support/zone.ts';
import { type Receiver, receivers, zoneOf } from './world.ts';

interface Sent {
  id: string;
  to: Receiver;
  mailClass: 'priority' | 'standard';
  acceptedMs: number;
  arrivedMs: number | null;
  /** In the minute before anybody else was written to. */
  alone: boolean;
}

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '30' } } });
const minutes = z.coerce
  .number()
  .min(1)
  .max(24 * 60)
  .parse(values.minutes);
const aloneMs = 60_000;
/** A message to each domain once in so many seconds. */
const everySeconds = { well: 1, slow: 5, dead: 10 };
/** Next actions may lie so far back: a lease is under way, or a place is waited for. */
const overdueMs = 10 * 60_000;

const all = receivers();
const byAddress = new Map(all.flatMap((to) => to.hosts.map(({ address }) => [address, to] as const)));
const sent: Sent[] = [];
/** Of each minute in which there was also mail to the others. */
const minuteP99s: Record<Sent['mailClass'], number[]> = { priority: [], standard: [] };
const bySerial = new Map<string, Sent>();

const emailSchema = z.object({
  deliveries: z
    .array(
      z.object({
        status: z.string(),
        attempts: z.number(),
        next_attempt_at: z.string().nullable(),
        waits_for: z.string().nullable(),
      }),
    )
    .length(1),
});

const bench = await startBenchEdge({ meter: false });
const sink = await startSmtpSink(
  ({ head, at }) => {
    const one = bySerial.get(/^X-Soak: (\S+)\r$/m.exec(head)?.[1] ?? '');
    if (!one) throw new Error('a message came that was not sent');
    one.arrivedMs ??= at;
    return one.to.finalMs;
  },
  { host: '0.0.0.0', meet: (address) => byAddress.get(address)?.meeting },
);
const dataDirectory = await mkdtemp(join(tmpdir(), 'pennypost-soak-'));
const node = await startNode(
  parseConfig({
    PENNYPOST_EDGE_URL: bench.url,
    PENNYPOST_NODE_TOKEN: bench.nodeToken,
    PENNYPOST_NODE_ID: 'bench', // whose token it has
    PENNYPOST_HOST_NAME: 'out.bench.example',
    PENNYPOST_DATA_DIR: dataDirectory,
    PENNYPOST_OUTBOUND_PORT: String(sink.port),
    PENNYPOST_ALLOW_LOCAL_MX: 'true',
    PENNYPOST_DNSSEC: 'off',
    PENNYPOST_SUBMISSION_PORTS: 'none',
    PENNYPOST_SUBMISSION_TLS_PORTS: 'none',
    PENNYPOST_RETURN_PATH_PORTS: 'none',
    PENNYPOST_METRICS_PORT: '0',
  }),
  {
    log: createLog({ level: 'error', nodeId: 'soak', bootId: 'soak' }),
    courier: { resolveRecords: resolverOf(zoneOf(all)) },
  },
);
await node.ready;

console.log(
  `${minutes} minutes; a message to each domain: well every second, slow every 5 s, dead every 10 s`,
);
const beganMs = performance.now();
const endsMs = beganMs + minutes * 60_000;
let told = 0;
for (let second = 0; performance.now() < endsMs; second++) {
  const alone = performance.now() - beganMs < aloneMs;
  const due = all.filter(({ kind }, i) =>
    kind === 'well' ? true : !alone && (second + i) % everySeconds[kind] === 0,
  );
  for (const to of due) void send(bench, to, second % 2 === 0 ? 'priority' : 'standard', alone);
  const minute = Math.floor((performance.now() - beganMs) / 60_000);
  if (minute > told) {
    told = minute;
    await tellMinute(minute);
  }
  await pause(Math.max(0, beganMs + (second + 1) * 1000 - performance.now()));
}
await pause(5000); // what was accepted last arrives
const faults = await report();
await node.stop();
await sink.stop();
await bench.stop();
await rm(dataDirectory, { recursive: true, force: true });
for (const fault of faults) console.log(`FAULT: ${fault}`);
process.exit(faults.length > 0 ? 1 : 0);

async function send(
  edge: BenchEdge,
  to: Receiver,
  mailClass: Sent['mailClass'],
  alone: boolean,
): Promise<void> {
  const serial = `${sent.length}-${to.domain}`;
  const one: Sent = { id: '', to, mailClass, acceptedMs: 0, arrivedMs: null, alone };
  sent.push(one);
  bySerial.set(serial, one);
  const { body } = await edge.send({
    from: `shop@${edge.domain}`,
    to: [`user@${to.domain}`],
    subject: 'Your receipt',
    text_body: 'Thank you.\n'.repeat(200),
    headers: { 'X-Soak': serial },
    class: mailClass,
  });
  one.acceptedMs = performance.now();
  one.id = z.object({ message_id: z.string() }).parse(JSON.parse(body)).message_id;
}

function healthy(which: (one: Sent) => boolean): { p50: number; p99: number; text: string } {
  const some = sent.filter((one) => one.to.kind === 'well' && one.acceptedMs > 0 && which(one));
  const took = some.map(({ acceptedMs, arrivedMs }) =>
    Math.max(0, (arrivedMs ?? performance.now()) - acceptedMs),
  );
  if (took.length === 0) return { p50: 0, p99: 0, text: 'none' };
  const [p50, p99] = [quantile(took, 0.5), quantile(took, 0.99)];
  const missing = some.filter(({ arrivedMs }) => arrivedMs === null).length;
  return {
    p50,
    p99,
    text: `p50 ${fixed(p50)} ms, p99 ${fixed(p99)} ms of ${took.length}, ${missing} not there`,
  };
}

async function tellMinute(minute: number): Promise<void> {
  const sinceMs = performance.now() - 60_000;
  const last = (mailClass: Sent['mailClass']) => {
    const { p99, text } = healthy((one) => one.mailClass === mailClass && one.acceptedMs > sinceMs);
    if (minute > 1) minuteP99s[mailClass].push(p99);
    return text;
  };
  const { destinations } = await node.state();
  const waiting = destinations.reduce((sum, one) => sum + one.waiting, 0);
  const inside = destinations.reduce((sum, one) => sum + one.attempts, 0);
  console.log(
    `minute ${minute}: priority ${last('priority')}; standard ${last('standard')}; attempts under way ${inside}, waiting ${waiting}`,
  );
}

async function report(): Promise<string[]> {
  const faults: string[] = [];
  for (const mailClass of ['priority', 'standard'] as const) {
    const alone = healthy((one) => one.mailClass === mailClass && one.alone);
    const beside = healthy((one) => one.mailClass === mailClass && !one.alone);
    // Other work of the machine makes single minutes slow: the usual minute is judged.
    const p99 = median(minuteP99s[mailClass].length > 0 ? minuteP99s[mailClass] : [beside.p99]);
    const ratio = p99 / alone.p99;
    console.log(`healthy, ${mailClass}, alone: ${alone.text}`);
    console.log(
      `healthy, ${mailClass}, beside the dead: ${beside.text}; median of the minutes' p99 ${fixed(p99)} ms, ${fixed(ratio, 2)} times`,
    );
    if (ratio > 2 && p99 > 250)
      faults.push(`${mailClass} mail to healthy domains takes ${fixed(ratio, 2)} times as long`);
  }
  const left = sent.filter(({ id }) => id !== '');
  const rows: Awaited<ReturnType<typeof nextOf>>[] = [];
  const ask = async () => {
    for (let one = left.shift(); one; one = left.shift()) rows.push(await nextOf(one));
  };
  await Promise.all(Array.from({ length: 20 }, ask));
  for (const { line } of rows) if (line) console.log(line);
  const states = Map.groupBy(rows, ({ to, status }) => `${to.kind} ${status}`);
  for (const [name, some] of states) console.log(`${name}: ${some.length}`);
  faults.push(...rows.flatMap(({ fault }) => fault ?? []));
  const lost = sent.filter(({ id }) => id === '').length;
  if (lost > 0) faults.push(`${lost} messages were not accepted`);
  return faults;
}

/** What happens next to a message; a line about it unless it is delivered. */
async function nextOf({
  id,
  to,
}: Sent): Promise<{ to: Receiver; status: string; line?: string; fault?: string }> {
  const response = await fetch(`${bench.url}/v1/emails/${id}`, {
    headers: { authorization: `Bearer ${bench.liveKey}` },
  });
  const [delivery] = emailSchema.parse(await response.json()).deliveries;
  const { status = '', attempts = 0, next_attempt_at: next = null, waits_for: why = null } = delivery ?? {};
  if (status === 'delivered') return { to, status };
  const isOver = ['bounced', 'failed', 'suppressed', 'canceled'].includes(status);
  const isUnderWay = status === 'sending';
  const action = isUnderWay ? `attempt ${attempts} is under way` : `next ${next ?? 'none'}`;
  const line = `${id} ${to.domain} (${to.about}): ${status}, ${attempts} tried, ${action}${why ? `; ${why}` : ''}`;
  const isDue = next !== null && Date.parse(next) > Date.now() - overdueMs;
  if (isOver || isUnderWay || isDue) return { to, status, line };
  return { to, status, line, fault: `${line}: nothing happens to it next` };
}
