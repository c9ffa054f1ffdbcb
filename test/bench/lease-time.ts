import { type BenchEdge, startBenchEdge } from './bench-edge.ts';
import { fill } from './fill.ts';
import { fixed, judged, mean, median, type SectionReport, told } from './report.ts';

export const leaseSize = 100;

/** How long a lease takes as the number of queued deliveries grows. */
export async function leaseTime({ quick }: { quick: boolean }): Promise<SectionReport> {
  const few = 1000;
  const many = quick ? 200_000 : 1_000_000;
  const small = await startBenchEdge({ shell: 'bare' });
  const large = await startBenchEdge({ shell: 'bare' });
  try {
    await fill(small, { count: few });
    await fill(large, { count: many });
    const calls = quick ? 21 : 41;
    const times = { small: [] as number[], large: [] as number[] };
    const read = { small: [] as number[], large: [] as number[] };
    for (let i = -3; i < calls; i++) {
      for (const [name, bench] of [
        ['small', small],
        ['large', large],
      ] as const) {
        const { ms, cost } = await leaseAndRelease(bench);
        if (i < 0) continue; // warming up
        times[name].push(ms);
        read[name].push(cost.read);
      }
    }
    const ratio = median(times.large) / median(times.small);
    const unwanted = await leaseOfTheUnwanted(large);
    const scans = await fullScans(large);
    const size = many.toLocaleString('en');
    return {
      title: `Lease of ${leaseSize} with 1,000 and with ${size} queued`,
      figures: [
        judged(`median time, ${size} against 1,000 queued`, '≤ 1.5×', `${fixed(ratio, 2)}×`, ratio <= 1.5),
        told(
          'median time: 1,000, then more queued',
          `${fixed(median(times.small))}, ${fixed(median(times.large))} ms`,
        ),
        told(
          'rows read a lease: 1,000, then more queued',
          `${fixed(mean(read.small), 0)}, ${fixed(mean(read.large), 0)}`,
        ),
        told(
          'lease when no domain queued is wanted: time; rows read',
          `${fixed(unwanted.ms)} ms; ${unwanted.cost.read}`,
        ),
        judged(
          'tables scanned whole (EXPLAIN QUERY PLAN)',
          'none',
          scans.length === 0 ? 'none' : scans.join('; '),
          scans.length === 0,
        ),
      ],
      notes: [
        `calls over HTTP, interleaved, ${calls} each; every lease is released before the next; rows are filled in by SQL, bodies shared by a hundred messages each`,
        'scans of `nodes` and of suspended accounts are left out: a few rows, and a table of arguments (json_each) is no table',
      ],
    };
  } finally {
    await small.stop();
    await large.stop();
  }
}

/** Leases, and gives back what was leased. */
export async function leaseAndRelease(bench: BenchEdge) {
  const answer = await bench.lease(leaseSize);
  const { deliveries } = answer.work;
  if (deliveries.length !== leaseSize) throw new Error(`${deliveries.length} leased, not ${leaseSize}`);
  await bench.release(deliveries);
  return answer;
}

/** The worst case: a lease that finds nothing since all that is due is for domains that are busy. */
async function leaseOfTheUnwanted(bench: BenchEdge) {
  const { database } = bench.edge;
  const { results } = await database
    .prepare("SELECT name FROM sqlite_master WHERE name GLOB 'deliveries_*'")
    .all<{ name: string }>();
  for (const { name } of results) {
    await database.prepare(`UPDATE "${name}" SET domain = 'busy.example' WHERE class > 0`).run();
    await database.prepare(`UPDATE "${name}" SET due_ms = NULL WHERE class = 0`).run();
  }
  const answers = [];
  for (let i = 0; i < 7; i++) answers.push(await bench.lease(leaseSize, {}, ['busy.example']));
  answers.sort((a, b) => a.ms - b.ms);
  const middle = answers[3];
  if (!middle || middle.work.deliveries.length > 0) throw new Error('something was leased');
  for (const { name } of results) {
    await database.prepare(`UPDATE "${name}" SET due_ms = first_due_ms WHERE class = 0`).run();
  }
  return middle;
}

/** Steps of the plans of a lease's own statements that go through a whole table of mail. */
async function fullScans(bench: BenchEdge): Promise<string[]> {
  const { work } = await bench.lease(leaseSize, { 'X-Bench-Record': '1' });
  await bench.release(work.deliveries);
  const recorded = (await (await fetch(`${bench.url}/bench/recorded`)).json()) as {
    sql: string;
    params: unknown[];
  }[][];
  const steps: string[] = [];
  for (const { sql, params } of recorded.flat()) {
    const { results } = await bench.edge.database
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .bind(...params)
      .all<{ detail: string }>();
    steps.push(...results.map(({ detail }) => detail));
  }
  if (steps.length < 10) throw new Error('no plans were made');
  return steps.filter((step) => /^SCAN (messages|deliveries|events|bodies|d$|d |m$|m )/.test(step));
}
