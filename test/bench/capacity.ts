import { writeFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { startSmtpSink } from '../support/smtp-sink.ts';
import { startBenchEdge } from './bench-edge.ts';
import { startBenchNode } from './bench-node.ts';
import { countsBetween } from './counts.ts';
import {
  bodyDays,
  capacityTable,
  type MeasuredUse,
  type MessageUse,
  messagesOfAHome,
  metadataDays,
  monthDays,
  monthTable,
  mostMessagesPerSecond,
  objectGb,
  type Usage,
  usageItems,
} from './model.ts';
import { type Measured, measure, queueOperations } from './price.ts';
import { cpuMs } from './processes.ts';
import { type Figure, fixed, judged, type SectionReport, told } from './report.ts';

/** What the guide Deploy shows; `npm run bench -- capacity --keep` writes it, and `npm run docs` the guide. */
const kept = new URL('measured.json', import.meta.url);

const none = Object.fromEntries(usageItems.map((item) => [item, 0])) as unknown as Usage;

/** What one message uses, all of its life. */
function useOf(measured: Measured): MessageUse {
  const { counts, load, purgeRows, bodyBytes, metadataBytes, cpuMsPerMessage } = measured;
  const each = (count: number) => count / load.messages;
  return {
    requests: each(counts.requests + counts.queueInvocations),
    cpuMs: cpuMsPerMessage,
    rowsWritten: each(counts.d1RowsWritten + purgeRows),
    rowsRead: each(counts.d1RowsRead),
    d1Gb: (bodyBytes * bodyDays + metadataBytes * metadataDays) / monthDays / 1e9,
    queueOperations: each(queueOperations(counts)),
    objectRequests: each(counts.objectRequests),
    objectGbSeconds: (each(counts.objectMs) / 1000) * objectGb,
    r2Writes: each(counts.r2Writes),
    r2Reads: each(counts.r2Reads),
    d1Trips: each(counts.d1Trips),
    platformMs: Math.max(0, measured.allCpuMsPerMessage - cpuMsPerMessage),
    queueWrites: each(counts.queueWrites),
    leases: each(counts.byPath['/node/v1/lease'] ?? 0),
    bodyBytes,
    metadataBytes,
  };
}

/** What an idle node's poll and a tick of cron use, each by itself. */
async function idle(): Promise<{ poll: Usage; tick: Usage }> {
  const bench = await startBenchEdge({ shell: 'counting' });
  const sink = await startSmtpSink(() => undefined);
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

/** Four digits of each number are kept. */
function rounded(measured: MeasuredUse): string {
  const round = (_: string, value: unknown) =>
    typeof value === 'number' ? Number(value.toPrecision(4)) : value;
  return `${JSON.stringify(measured, round, 2)}\n`;
}

/** What a month costs, and what an installation of many databases would need, computed from one run. */
export async function capacity({ quick, keep }: { quick: boolean; keep: boolean }): Promise<SectionReport> {
  const few = await measure({ name: 'one by one', bytes: 4000, concurrency: 1, messages: quick ? 30 : 100 });
  const many = await measure({
    name: '50 at once',
    bytes: 4000,
    concurrency: 50,
    messages: quick ? 300 : 1000,
  });
  const measured: MeasuredUse = { one: useOf(few), fifty: useOf(many), ...(await idle()) };
  if (keep) await writeFile(kept, rounded(measured));
  const { fifty, poll, tick } = measured;
  const perHome = messagesOfAHome(fifty);
  return {
    title: 'A month, and capacity on paper',
    figures: [
      told(
        'an idle poll of a node; a tick of cron: rows read, written, CPU',
        [poll, tick]
          .map((one) => `${fixed(one.rowsRead, 1)}, ${fixed(one.rowsWritten, 2)}, ${fixed(one.cpuMs, 1)} ms`)
          .join('; '),
      ),
      ...monthTable(measured).rows.map(([messages, usd, of]) =>
        told(`${messages} messages of 4 kB a month, one node`, `${usd} USD: ${of}`),
      ),
      judged(
        'messages of 4 kB a day that fill a home to 70 %',
        '≥ 300,000',
        fixed(perHome, 0),
        perHome >= 300_000,
      ),
      told(
        'messages a second that one installation can take, all homes',
        fixed(mostMessagesPerSecond(fifty), 0),
      ),
      ...capacityFigures(measured),
    ],
    notes: [
      'a month: what one message one by one uses, times the messages, with the polls of one node (every 5 s) and the ticks of cron, less what the plan includes',
      'on paper: what one message of 50 at once uses, times the rate, with polls of nodes and ticks of homes; D1 carries out one statement at a time in each home',
      'CPU of a message is that of the isolate of the Worker and its objects; of polls and ticks that of the whole local workerd, above what would be billed',
    ],
  };
}

/** A line for each quantity: at all rates, and where it is from. */
function capacityFigures(measured: MeasuredUse): Figure[] {
  return capacityTable(measured).rows.map(([what = '', ...cells]) =>
    told(
      `at 10 | 100 | 1,000 | 10,000 messages a second: ${what}`,
      `${cells.slice(0, -1).join(' | ')}  (${cells.at(-1)})`,
    ),
  );
}
