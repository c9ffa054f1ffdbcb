import { type BenchEdge, type D1Cost, startBenchEdge } from './bench-edge.ts';
import { receipt } from './mail.ts';
import { fixed, judged, mean, type SectionReport, told } from './report.ts';

/** Round trips and rows of D1, as D1 itself reports them in the `meta` of each answer. */
export async function d1Cost(): Promise<SectionReport> {
  const bench = await startBenchEdge();
  try {
    await bench.hello();
    // The first send of an hour notes that the key was used.
    await bench.send(receipt(bench.domain, 4000));
    await drain(bench);
    const sends = await sendMany(bench, 50);
    const one = await deliver(bench, 1, 20);
    await drain(bench);
    await sendMany(bench, 200);
    const fifty = await deliver(bench, 50, 3);
    await drain(bench);
    const idle = await bench.lease(50);
    const keyedBefore = await bench.edge.database.prepare('DELETE FROM idempotency_keys').run();
    if (keyedBefore.meta.changes > 0) throw new Error('keys were kept that nobody gave');
    const keyed = (
      await bench.send(receipt(bench.domain, 4000), { 'Idempotency-Key': `key ${Math.random()}` })
    ).cost;
    const keyPurge = await bench.edge.database.prepare('DELETE FROM idempotency_keys').run();
    const send = average(sends);
    const whole = (with_: Delivered) => send.written + with_.lease.written + with_.results.written;
    return {
      title: 'Cost at D1 of a one-recipient message',
      figures: [
        judged(
          'round trips of one accepted send',
          '2',
          fixed(send.trips, 0),
          sends.every(({ trips }) => trips <= 2),
        ),
        told('one accepted send: rows written / read', `${fixed(send.written)} / ${fixed(send.read)}`),
        told(
          'the same with an Idempotency-Key; rows written by its purge',
          `${keyed.written} / ${keyed.read}; ${keyPurge.meta.rows_written}`,
        ),
        ...[one, fifty].flatMap((with_) => [
          told(
            `lease of ${with_.batch}: trips a call; written / read a message`,
            `${fixed(with_.lease.trips * with_.batch, 0)}; ${fixed(with_.lease.written)} / ${fixed(with_.lease.read)}`,
          ),
          told(
            `results of ${with_.batch}: trips a call; written / read a message`,
            `${fixed(with_.results.trips * with_.batch, 0)}; ${fixed(with_.results.written)} / ${fixed(with_.results.read)}`,
          ),
          judged(
            `delivered message in all, batches of ${with_.batch}: rows written`,
            '≤ 8, aim 6',
            fixed(whole(with_)),
            whole(with_) <= 8,
          ),
          told(
            `delivered message in all, batches of ${with_.batch}: rows read`,
            fixed(send.read + with_.lease.read + with_.results.read),
          ),
        ]),
        told('lease that finds nothing: trips; written / read', costText(idle.cost)),
      ],
      notes: [
        'counted from D1 meta by METER=1 (`Server-Timing: d1`), local D1 of miniflare; nothing estimated',
      ],
    };
  } finally {
    await bench.stop();
  }
}

function costText({ trips, written, read }: D1Cost): string {
  return `${trips}; ${written} / ${read}`;
}

async function sendMany(bench: BenchEdge, count: number): Promise<D1Cost[]> {
  const costs: D1Cost[] = [];
  for (let i = 0; i < count; i++) costs.push((await bench.send(receipt(bench.domain, 4000))).cost);
  return costs;
}

interface Delivered {
  batch: number;
  /** Means a message. */
  lease: D1Cost;
  results: D1Cost;
}

/** Leases and reports in batches of one size, some times over. */
async function deliver(bench: BenchEdge, batch: number, rounds: number): Promise<Delivered> {
  const leases: D1Cost[] = [];
  const results: D1Cost[] = [];
  for (let i = 0; i < rounds; i++) {
    const { work, cost } = await bench.lease(batch);
    if (work.deliveries.length !== batch) throw new Error(`${work.deliveries.length} leased, not ${batch}`);
    leases.push(perMessage(cost, batch));
    results.push(perMessage((await bench.results(work.deliveries)).cost, batch));
  }
  return { batch, lease: average(leases), results: average(results) };
}

function perMessage({ trips, read, written }: D1Cost, messages: number): D1Cost {
  return { trips: trips / messages, read: read / messages, written: written / messages };
}

function average(costs: D1Cost[]): D1Cost {
  return {
    trips: mean(costs.map(({ trips }) => trips)),
    read: mean(costs.map(({ read }) => read)),
    written: mean(costs.map(({ written }) => written)),
  };
}

async function drain(bench: BenchEdge): Promise<void> {
  for (;;) {
    const { work } = await bench.lease(200);
    if (work.deliveries.length === 0) return;
    await bench.results(work.deliveries);
  }
}
