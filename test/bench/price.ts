import { setTimeout as pause } from 'node:timers/promises';
import { startSmtpSink } from '../support/smtp-sink.ts';
import { type BenchEdge, startBenchEdge } from './bench-edge.ts';
import { startBenchNode } from './bench-node.ts';
import { type Counts, countsBetween } from './counts.ts';
import { isolateCpuMs } from './isolate-cpu.ts';
import { receipt } from './mail.ts';
import { bodyDays, metadataDays, monthDays, objectGb, prices } from './model.ts';
import { cpuMs } from './processes.ts';
import { type Figure, fixed, judged, type SectionReport, told } from './report.ts';
import { tableSizes } from './table-sizes.ts';

export interface Load {
  name: string;
  bytes: number;
  concurrency: number;
  messages: number;
}

export interface Measured {
  load: Load;
  counts: Counts;
  /** Of the Worker and its objects, which is what is billed. */
  cpuMsPerMessage: number;
  /** Of all that runs on the one machine in place of the platform: D1, queues, R2, the HTTP front. */
  allCpuMsPerMessage: number;
  rawBytes: number;
  bodyBytes: number;
  metadataBytes: number;
  purgeRows: number;
  /** Kept in R2 as long as bodies are. */
  r2Bytes?: number;
}

/** List price of a million delivered messages, from what this run did, by size and load. */
export async function price({ quick }: { quick: boolean }): Promise<SectionReport> {
  const slow = quick ? 30 : 100;
  const busy = quick ? 300 : 1000;
  const loads: Load[] = [
    { name: '4 kB, one by one', bytes: 4000, concurrency: 1, messages: slow },
    { name: '4 kB, 50 at once', bytes: 4000, concurrency: 50, messages: busy },
    { name: '20 kB, one by one', bytes: 20_000, concurrency: 1, messages: slow },
    { name: '20 kB, 50 at once', bytes: 20_000, concurrency: 50, messages: busy },
  ];
  const figures: Figure[] = [];
  for (const load of loads) {
    const measured = await measure(load);
    const parts = bill(measured);
    const total = Object.values(parts).reduce((sum, part) => sum + part, 0);
    const { counts } = measured;
    const each = (count: number) => fixed(count / load.messages, 2);
    const mostUsd = load.concurrency === 1 ? 9.5 : 8.8;
    figures.push(
      judged(
        `${load.name}: list price per million`,
        `≤ ${fixed(mostUsd, 2)} USD`,
        `${fixed(total, 2)} USD`,
        total <= mostUsd,
      ),
      told(
        '  of which',
        Object.entries(parts)
          .map(([name, part]) => `${name} ${fixed(part, 2)}`)
          .join(', '),
      ),
      told(
        '  a message: rows written / read, queue operations',
        `${each(counts.d1RowsWritten)} / ${each(counts.d1RowsRead)}, ${each(queueOperations(counts))}`,
      ),
      told(
        '  requests (send, lease, results, queue); object requests, their time',
        `${each(counts.byPath['/v1/send'] ?? 0)}, ${each(counts.byPath['/node/v1/lease'] ?? 0)}, ${each(
          counts.byPath['/node/v1/results'] ?? 0,
        )}, ${each(counts.queueInvocations)}; ${each(counts.objectRequests)}, ${each(counts.objectMs)} ms`,
      ),
      told(
        '  raw bytes; kept in D1: body, metadata; rows to purge; CPU',
        `${fixed(measured.rawBytes, 0)}; ${fixed(measured.bodyBytes, 0)}, ${fixed(
          measured.metadataBytes,
          0,
        )}; ${measured.purgeRows}; ${fixed(measured.cpuMsPerMessage, 1)} ms`,
      ),
      told(
        '  the same total with the CPU of all of the local workerd',
        `${fixed(total + (measured.allCpuMsPerMessage - measured.cpuMsPerMessage) * 1e6 * prices.cpuMs, 2)} USD (${fixed(measured.allCpuMsPerMessage, 1)} ms)`,
      ),
    );
  }
  return {
    title: 'List price per million delivered one-recipient messages',
    figures,
    notes: [
      "rows, queue, R2 and object operations are counted by a shell around the Worker's bundle, at its bindings and its queue handler, while the real node delivers to a sink",
      "CPU is the time that the isolate of the Worker and its objects ran, by V8's sampling of the same load once more; all of the local workerd, from /proc/<pid>/stat, holds what stands in for D1, queues and R2 too, whose time nobody is billed for",
      `bytes are pages of SQLite's dbstat by table, times ${bodyDays} days (bodies) and ${metadataDays} days (metadata), the mean life of tables that are dropped whole`,
      'a Durable Object is billed for its time too, at 128 MB; it is taken here as the wait of its callers, each by itself, and a hub that sleeps with its WebSockets costs nothing',
      'nothing of what the plan includes for free is taken off; one by one is the dearest load, as nothing is gathered',
    ],
  };
}

export function queueOperations({ queueWrites, queueReads, queueDeletes }: Counts): number {
  return queueWrites + queueReads + queueDeletes;
}

/** USD a million messages, by part. */
export function bill(measured: Omit<Measured, 'rawBytes' | 'allCpuMsPerMessage'>) {
  const { load, counts, cpuMsPerMessage, bodyBytes, metadataBytes, purgeRows, r2Bytes = 0 } = measured;
  const million = 1e6 / load.messages;
  const gbMonths = (bodyBytes * bodyDays + metadataBytes * metadataDays) / monthDays / 1000; // 1e6 messages, 1e9 bytes
  return {
    'rows written': (counts.d1RowsWritten + purgeRows) * million * prices.rowWritten,
    'rows read': counts.d1RowsRead * million * prices.rowRead,
    storage: gbMonths * prices.d1GbMonth,
    queue: queueOperations(counts) * million * prices.queueOperation,
    requests: (counts.requests + counts.queueInvocations) * million * prices.request,
    object:
      (counts.objectRequests * prices.objectRequest +
        counts.alarms * prices.rowWritten +
        (counts.objectMs / 1000) * objectGb * prices.objectGbSecond) *
      million,
    R2:
      (counts.r2Writes * prices.r2Write + counts.r2Reads * prices.r2Read) * million +
      ((r2Bytes * bodyDays) / monthDays / 1000) * prices.r2GbMonth,
    CPU: cpuMsPerMessage * 1e6 * prices.cpuMs,
  };
}

/** Sends the load through the edge and the real node, and counts. */
export async function measure(load: Load): Promise<Measured> {
  const bench = await startBenchEdge({ shell: 'counting' });
  let arrived = 0;
  const sink = await startSmtpSink(() => {
    arrived += 1;
  });
  // Polling is a cost of the node, not of a message; see the fixed costs.
  const node = await startBenchNode(bench, sink.port, { PENNYPOST_POLL_SECONDS: '600' });
  try {
    const sendOne = () => bench.send(receipt(bench.domain, load.bytes));
    const until = async (count: number) => {
      while (arrived < count) await pause(2);
      await pause(40); // its result is reported within 5 ms
    };
    await sendOne(); // the first of an hour notes that the key was used
    await until(1);
    const warming = 100; // an isolate's first requests take many times the CPU of later ones
    for (let i = 0; i < warming; i++) await sendOne();
    await until(1 + warming);
    let sent = 1 + warming;
    const run = async () => {
      if (load.concurrency === 1) {
        for (let i = 0; i < load.messages; i++) {
          await sendOne();
          await until(++sent);
        }
        return;
      }
      let left = load.messages;
      const sender = async () => {
        while (left-- > 0) await sendOne();
      };
      await Promise.all(Array.from({ length: load.concurrency }, sender));
      sent += load.messages;
      await until(sent);
      await pause(500);
    };
    const sizesBefore = await tableSizes(bench.dataDir);
    const before = await bench.counts();
    const cpuBefore = await cpuMs(bench.pid);
    await run();
    const cpu = (await cpuMs(bench.pid)) - cpuBefore;
    const counts = countsBetween(before, await bench.counts());
    const sizes = await tableSizes(bench.dataDir);
    const sizeOf = (kind: RegExp) =>
      [...sizes].reduce(
        (sum, [name, size]) => sum + (kind.test(name) ? size - (sizesBefore.get(name) ?? 0) : 0),
        0,
      ) / load.messages;
    return {
      load,
      counts,
      allCpuMsPerMessage: cpu / load.messages,
      cpuMsPerMessage: (await isolateCpuMs(bench.inspectorPort, run)) / load.messages,
      bodyBytes: sizeOf(/^bodies_/),
      metadataBytes: sizeOf(/^(messages|deliveries|events|due)_/),
      ...(await afterwards(bench, sent)),
    };
  } finally {
    await node.stop();
    await sink.stop();
    await bench.stop();
  }
}

/** Checks that all is delivered, tells the mean size of a raw message, and drops the tables as the purge does. */
async function afterwards(
  bench: BenchEdge,
  messages: number,
): Promise<{ rawBytes: number; purgeRows: number }> {
  const { database } = bench.edge;
  const tables = await database
    .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB '*_20*'")
    .all<{ name: string }>();
  const names = tables.results.map(({ name }) => name);
  const week = names.filter((name) => name.startsWith('deliveries_')).at(-2);
  const delivered = await database
    .prepare(`SELECT count(*) AS count FROM "${week}" WHERE state = 'delivered'`)
    .first<{ count: number }>();
  if (delivered?.count !== messages) throw new Error(`${delivered?.count} of ${messages} are delivered`);
  const size = await database
    .prepare(`SELECT avg(size_bytes) AS bytes FROM "${week?.replace('deliveries', 'messages')}"`)
    .first<{ bytes: number }>();
  const dropped = await database.batch(names.map((name) => database.prepare(`DROP TABLE "${name}"`)));
  return {
    rawBytes: size?.bytes ?? Number.NaN,
    purgeRows: dropped.reduce((sum, { meta }) => sum + (meta.rows_written ?? 0), 0),
  };
}
