import { setTimeout as pause } from 'node:timers/promises';
import { startSmtpSink } from '../support/smtp-sink.ts';
import { type BenchEdge, startBenchEdge } from './bench-edge.ts';
import { startBenchNode } from './bench-node.ts';
import { fill } from './fill.ts';
import { receipt } from './mail.ts';
import { fixed, judged, median, quantile, type SectionReport, told } from './report.ts';

const queued = 10_000;

/** From the 202 of a `priority` message to its final dot at the remote MX: alone, and with digest mail queued. */
export async function latency({ quick }: { quick: boolean }): Promise<SectionReport> {
  const bench = await startBenchEdge({ meter: false });
  const arrivals = new Map<string, number>();
  let digests = 0;
  const sink = await startSmtpSink(({ head, at }) => {
    const mark = /^X-Bench: (\S+)/m.exec(head)?.[1];
    if (mark) arrivals.set(mark, at);
    else digests += 1;
  });
  const count = quick ? 60 : 150;
  let node = await startBenchNode(bench, sink.port);
  try {
    await probe(bench, arrivals, 20); // warms up
    const empty = await probe(bench, arrivals, count);
    await node.stop();
    await fill(bench, { count: queued, only: { rank: 2, domain: 'example.net' } });
    node = await startBenchNode(bench, sink.port);
    while (digests < 200) await pause(20);
    const before = digests;
    const startedAt = performance.now();
    const busy = await probe(bench, arrivals, count);
    const seconds = (performance.now() - startedAt) / 1000;
    const left = queued - digests;
    if (left < 500) throw new Error('the queue ran empty while it was measured');
    const both = ({ p50, p99 }: Latencies) => `${fixed(p50)} ms, ${fixed(p99)} ms`;
    return {
      title: 'From accepted to the remote MX, class priority, one machine',
      figures: [
        judged(
          'empty system: p50, p99',
          '≤ 50 ms, ≤ 250 ms',
          both(empty),
          empty.p50 <= 50 && empty.p99 <= 250,
        ),
        judged(
          `with ${queued.toLocaleString('en')} digest queued: p50, p99`,
          '≤ 2× empty',
          `${both(busy)} (${fixed(busy.p50 / empty.p50)}×, ${fixed(busy.p99 / empty.p99)}×)`,
          busy.p50 <= 2 * empty.p50 && busy.p99 <= 2 * empty.p99,
        ),
        judged(
          'the same against twice the absolute budget',
          '≤ 100 ms, ≤ 500 ms',
          both(busy),
          busy.p50 <= 100 && busy.p99 <= 500,
        ),
        told(
          'digest delivered meanwhile; left',
          `${fixed((digests - before) / seconds, 0)} a second; ${left}`,
        ),
      ],
      notes: [
        `${count} messages of 4 kB one after another; from the client's 202 to the final dot at a sink on loopback; node and edge are processes of this machine, which the digest mail and the client keep busy too`,
        'the node runs as delivered: 50 slots, 10 connections to the one MX, both DKIM keys, journal synced',
      ],
    };
  } finally {
    await node.stop();
    await sink.stop();
    await bench.stop();
  }
}

interface Latencies {
  p50: number;
  p99: number;
}

async function probe(bench: BenchEdge, arrivals: Map<string, number>, count: number): Promise<Latencies> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const mark = `${Date.now()}-${i}`;
    await bench.send(receipt(bench.domain, 4000, { headers: { 'X-Bench': mark } }));
    const acceptedAt = performance.now();
    while (!arrivals.has(mark)) {
      await pause(1);
      if (performance.now() - acceptedAt > 60_000) throw new Error('a message did not arrive in a minute');
    }
    times.push(Math.max(0, (arrivals.get(mark) ?? 0) - acceptedAt));
    await pause(30);
  }
  return { p50: median(times), p99: quantile(times, 0.99) };
}
