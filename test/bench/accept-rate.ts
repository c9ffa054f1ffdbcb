import { setTimeout as pause } from 'node:timers/promises';
import { type BenchEdge, startBenchEdge } from './bench-edge.ts';
import { receipt } from './mail.ts';
import { cpuMs } from './processes.ts';
import { fixed, judged, median, type SectionReport, told } from './report.ts';

const concurrency = 50;

/** How many sends a second the Worker accepts, beside a bare Worker that runs the same statements. */
export async function acceptRate({ quick }: { quick: boolean }): Promise<SectionReport> {
  const bench = await startBenchEdge({ shell: 'bare', meter: false });
  try {
    const body = receipt(bench.domain, 4000);
    await bench.send(body); // notes that the key was used, which is not part of the usual cost
    await bench.send(body, { 'X-Bench-Record': '1' });
    const count = quick ? 300 : 600;
    const rounds = quick ? 5 : 15;
    // An isolate that has just begun compiles beside its work, and the Worker has more to compile.
    for (let i = 0; i < 2; i++) {
      await round(bench, '/v1/send', body, count);
      await round(bench, '/bare', body, count);
    }
    const own: Round[] = [];
    const bare: Round[] = [];
    for (let i = 0; i < rounds; i++) {
      own.push(await round(bench, '/v1/send', body, count));
      bare.push(await round(bench, '/bare', body, count));
    }
    const rate = (of: Round[]) => median(of.map(({ perSecond }) => perSecond));
    const cpu = (of: Round[]) => median(of.map(({ cpuMsEach }) => cpuMsEach));
    const ratio = rate(own) / rate(bare);
    return {
      title: 'Accept rate against a bare Worker that runs the same statements',
      figures: [
        judged('accepted a second, ratio of medians', '≥ 0.8', fixed(ratio, 2), ratio >= 0.8),
        told('accepted a second: Worker, bare Worker', `${fixed(rate(own), 0)}, ${fixed(rate(bare), 0)}`),
        told(
          'CPU of workerd a send: Worker, bare Worker; bare / Worker',
          `${fixed(cpu(own), 2)}, ${fixed(cpu(bare), 2)} ms; ${fixed(cpu(bare) / cpu(own), 2)}`,
        ),
      ],
      notes: [
        `${rounds} interleaved rounds of ${count} sends of 4 kB, ${concurrency} at once, one isolate and one database for both; the client shares the machine's cores with workerd`,
        'on a busy machine the client is the slower part and the rates come closer; the ratio of CPU does not depend on it',
        "the Worker's CPU holds its announcing too, a Durable Object that is woken, which the bare Worker lacks",
      ],
    };
  } finally {
    await bench.stop();
  }
}

interface Round {
  perSecond: number;
  cpuMsEach: number;
}

async function round(bench: BenchEdge, path: string, body: object, count: number): Promise<Round> {
  const cpuBefore = await cpuMs(bench.pid);
  const startedAt = performance.now();
  let left = count;
  const client = async () => {
    while (left-- > 0) {
      const { status } = await bench.post(path, bench.liveKey, body);
      if (status !== 202) throw new Error(`${path} answered ${status}`);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, client));
  const seconds = (performance.now() - startedAt) / 1000;
  await pause(150); // what was announced is consumed before the other's turn
  return { perSecond: count / seconds, cpuMsEach: ((await cpuMs(bench.pid)) - cpuBefore) / count };
}
