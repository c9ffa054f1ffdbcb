import { setTimeout as pause } from 'node:timers/promises';
import { startSmtpSink } from '../support/smtp-sink.ts';
import { startBenchEdge } from './bench-edge.ts';
import { startBenchNode } from './bench-node.ts';
import { countsBetween } from './counts.ts';
import {
  bodyDays,
  type Measured,
  measure,
  metadataDays,
  monthDays,
  objectGb,
  prices,
  queueOperations,
} from './price.ts';
import { cpuMs } from './processes.ts';
import { fixed, type SectionReport, told } from './report.ts';

/** What is billed, in its own units. */
interface Usage {
  requests: number;
  cpuMs: number;
  rowsWritten: number;
  rowsRead: number;
  d1Gb: number;
  queueOperations: number;
  objectRequests: number;
  objectGbSeconds: number;
  r2Writes: number;
  r2Reads: number;
}

/** The paid plan: its price a month, and what it includes (Cloudflare's pricing pages of Workers, D1, Queues, R2, Durable Objects). */
const planUsd = 5;
const included: Usage = {
  requests: 10e6,
  cpuMs: 30e6,
  rowsWritten: 50e6,
  rowsRead: 25e9,
  d1Gb: 5,
  queueOperations: 1e6,
  objectRequests: 1e6,
  objectGbSeconds: 400e3,
  r2Writes: 1e6,
  r2Reads: 10e6,
};

const priceOf: Usage = {
  requests: prices.request,
  cpuMs: prices.cpuMs,
  rowsWritten: prices.rowWritten,
  rowsRead: prices.rowRead,
  d1Gb: prices.d1GbMonth,
  queueOperations: prices.queueOperation,
  objectRequests: prices.objectRequest,
  objectGbSeconds: prices.objectGbSecond,
  r2Writes: prices.r2Write,
  r2Reads: prices.r2Read,
};

const items = Object.keys(included) as (keyof Usage)[];

/** D1 takes so much in one database (its limits page), of which an operator uses this share. */
const homeBytes = 10e9 * 0.7;
/** A queue takes so many messages a second (Queues, limits). */
const queueMessagesPerSecond = 5000;
/** What a node may take of a core for one delivered message, ms (the budget of the section `rate`), and how busy a core may be. */
const nodeCpuMs = 1.2;
const nodeShare = 0.7;
const secondsADay = 86_400;
const pollsAMonth = (monthDays * secondsADay) / 5;
const ticksAMonth = (monthDays * secondsADay) / 60;

const sum = (parts: readonly [usage: Usage, times: number][]): Usage =>
  Object.fromEntries(
    items.map((item) => [item, parts.reduce((total, [usage, times]) => total + usage[item] * times, 0)]),
  ) as unknown as Usage;

/** What a month costs beyond the plan's price, by what is billed; nothing that the plan includes. */
function bill(usage: Usage): { usd: number; of: string } {
  const parts = items.map(
    (item) => [item, Math.max(0, usage[item] - included[item]) * priceOf[item]] as const,
  );
  const usd = planUsd + parts.reduce((total, [, part]) => total + part, 0);
  const of = parts.filter(([, part]) => part >= 0.005).map(([item, part]) => `${item} ${fixed(part, 2)}`);
  return { usd, of: [`plan ${planUsd}`, ...of].join(', ') };
}

/** What one message uses, all of its life. */
function usageOf(measured: Measured): Usage {
  const { counts, load, purgeRows, bodyBytes, metadataBytes } = measured;
  const each = (count: number) => count / load.messages;
  return {
    requests: each(counts.requests + counts.queueInvocations),
    cpuMs: measured.cpuMsPerMessage,
    rowsWritten: each(counts.d1RowsWritten + purgeRows),
    rowsRead: each(counts.d1RowsRead),
    d1Gb: (bodyBytes * bodyDays + metadataBytes * metadataDays) / monthDays / 1e9,
    queueOperations: each(queueOperations(counts)),
    objectRequests: each(counts.objectRequests),
    objectGbSeconds: (each(counts.objectMs) / 1000) * objectGb,
    r2Writes: each(counts.r2Writes),
    r2Reads: each(counts.r2Reads),
  };
}

/** What an idle node's poll and a tick of cron use, each by itself. */
async function idle(): Promise<{ poll: Usage; tick: Usage }> {
  const bench = await startBenchEdge({ shell: 'counting' });
  const sink = await startSmtpSink(() => undefined);
  const none: Usage = { ...included };
  for (const item of items) none[item] = 0;
  const during = async (work: () => Promise<void>) => {
    const before = await bench.counts();
    const cpuBefore = await cpuMs(bench.pid);
    await work();
    const cpu = (await cpuMs(bench.pid)) - cpuBefore;
    const counts = countsBetween(before, await bench.counts());
    return { counts, cpu };
  };
  try {
    for (let i = 0; i < 5; i++) await bench.edge.tick();
    const ticks = await during(async () => {
      for (let i = 0; i < 20; i++) await bench.edge.tick();
    });
    const node = await startBenchNode(bench, sink.port, { PENNYPOST_POLL_SECONDS: '1' });
    await pause(3000);
    const polls = await during(async () => await pause(14_000));
    await node.stop();
    const tickCount = ticks.counts.cronInvocations;
    const pollCount = polls.counts.byPath['/node/v1/lease'] ?? Number.NaN;
    return {
      tick: {
        ...none,
        requests: 1,
        cpuMs: ticks.cpu / tickCount,
        rowsWritten: ticks.counts.d1RowsWritten / tickCount,
        rowsRead: ticks.counts.d1RowsRead / tickCount,
      },
      poll: {
        ...none,
        requests: 1,
        cpuMs: polls.cpu / pollCount,
        rowsWritten: polls.counts.d1RowsWritten / pollCount,
        rowsRead: polls.counts.d1RowsRead / pollCount,
      },
    };
  } finally {
    await sink.stop();
    await bench.stop();
  }
}

/** What a month costs, and what an installation of many databases would need, computed from one run. */
export async function capacity({ quick }: { quick: boolean }): Promise<SectionReport> {
  const few = await measure({ name: 'one by one', bytes: 4000, concurrency: 1, messages: quick ? 30 : 100 });
  const many = await measure({
    name: '50 at once',
    bytes: 4000,
    concurrency: 50,
    messages: quick ? 300 : 1000,
  });
  const { poll, tick } = await idle();
  const month = (messages: number, of: Measured, nodes: number) =>
    sum([
      [usageOf(of), messages],
      [poll, pollsAMonth * nodes],
      [tick, ticksAMonth],
    ]);
  const bytes = many.bodyBytes * bodyDays + many.metadataBytes * metadataDays;
  const perHome = homeBytes / bytes;
  const each = (count: number) => count / many.load.messages;
  const monthly = ([10_000, 1e6, 10e6] as const).map((messages) => {
    const { usd, of } = bill(month(messages, few, 1));
    return told(
      `${messages.toLocaleString('en')} messages of 4 kB a month, one node`,
      `${fixed(usd, 2)} USD: ${of}`,
    );
  });
  const paper = ([10, 100, 1000, 10_000] as const).map((rate) => {
    const homes = Math.ceil((rate * secondsADay) / perHome);
    const { usd } = bill(month(rate * secondsADay * monthDays, many, 1));
    const perSecond = (count: number) => fixed(each(count) * rate, 0);
    const queues = Math.ceil((each(many.counts.queueWrites) * rate) / queueMessagesPerSecond);
    return told(
      `${rate.toLocaleString('en')} messages a second`,
      [
        `${homes} homes`,
        `${perSecond(many.counts.requests)} requests/s`,
        `${fixed((each(many.counts.d1Trips) * rate) / homes, 1)} D1 trips/s and ${fixed((each(many.counts.d1RowsWritten) * rate) / homes, 1)} rows/s a home`,
        `${perSecond(queueOperations(many.counts))} queue operations/s (${queues} queues)`,
        `${perSecond(many.counts.objectRequests)} object requests/s`,
        `${Math.ceil((rate * nodeCpuMs) / 1000 / nodeShare)} cores of nodes`,
        `${fixed(usd, 0)} USD a month`,
      ].join(', '),
    );
  });
  return {
    title: 'A month, and capacity on paper',
    figures: [
      told(
        'an idle poll of a node; a tick of cron: rows read, written, CPU',
        [poll, tick]
          .map((one) => `${fixed(one.rowsRead, 1)}, ${fixed(one.rowsWritten, 2)}, ${fixed(one.cpuMs, 1)} ms`)
          .join('; '),
      ),
      ...monthly,
      told('messages of 4 kB a day that fill a home to 70 %', `${fixed(perHome, 0)}`),
      ...paper,
    ],
    notes: [
      'a month: what one message one by one uses, times the messages, with the polls of one node (every 5 s) and the ticks of cron, less what the plan includes',
      `a home is full at 7 of 10 GB (D1, limits): a message of 4 kB keeps ${fixed(many.bodyBytes, 0)} bytes for ${bodyDays} days and ${fixed(many.metadataBytes, 0)} for ${metadataDays}, in pages`,
      'on paper: what one message of 50 at once uses, times the rate; D1 carries out one statement at a time in each home, some thousand a second of a millisecond each (D1, limits); a queue takes 5,000 messages a second (Queues, limits)',
      `nodes: ${nodeCpuMs} ms of CPU a message, the budget of the section rate, and cores that are ${nodeShare * 100} % busy; their machines are not in the price`,
      'an object takes some thousand requests a second (Durable Objects, limits): from there on the hub would be several',
      'CPU of a message is that of the isolate of the Worker and its objects; of polls and ticks that of the whole local workerd, above what would be billed',
    ],
  };
}
