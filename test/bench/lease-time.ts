import { weekOf } from '#domain/home.ts';
import type { Edge } from '../../smtp-node/standalone/edge.ts';
import { type BenchEdge, startBenchEdge } from './bench-edge.ts';
import { fixed, judged, mean, median, type SectionReport, told } from './report.ts';

const leaseSize = 100;

/** How long a lease takes as the number of queued deliveries grows. */
export async function leaseTime({ quick }: { quick: boolean }): Promise<SectionReport> {
  const few = 1000;
  const many = quick ? 200_000 : 1_000_000;
  const small = await startBenchEdge({ shell: 'bare' });
  const large = await startBenchEdge({ shell: 'bare' });
  try {
    await fill(small, few);
    await fill(large, many);
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

async function leaseAndRelease(bench: BenchEdge) {
  const answer = await bench.lease(leaseSize);
  const { deliveries } = answer.work;
  if (deliveries.length !== leaseSize) throw new Error(`${deliveries.length} leased, not ${leaseSize}`);
  await bench.release(deliveries);
  return answer;
}

/** Queues so many deliveries, a message each, over three classes and a thousand domains, all due. */
async function fill(bench: BenchEdge, count: number): Promise<void> {
  await bench.hello();
  const { database } = bench.edge;
  const now = Date.now();
  const week = weekOf(now);
  const day = new Date(now).toISOString().slice(0, 10).replaceAll('-', '');
  await bench.edge.tick();
  await run(
    database,
    `INSERT INTO "bodies_${day}" (id, raw) SELECT value, hex(randomblob(2000)) FROM (${numbers(1, 100)})`,
  );
  const chunk = 50_000;
  for (let from = 1; from <= count; from += chunk) {
    const some = numbers(from, Math.min(count, from + chunk - 1));
    const time = (now - count).toString(16).padStart(12, '0');
    // The number is in the id's last group, so ids are unique and in order; its last two bytes stay 0.
    const id = `'${time.slice(0, 8)}-${time.slice(8)}-7000-8000-' || printf('%08x0000', value)`;
    await run(
      database,
      `INSERT INTO "messages_${week}" (account_id, seq, id, accepted_at_ms, class, from_address, from_header,
        addressees, subject, tags, metadata, source, credential_id, signing_domain, message_id_header, size_bytes,
        smtputf8, eight_bit, test_mode, first_due_ms, body_day, body_id)
      SELECT 1, value, ${id}, ${now - count} + value, value % 3, 'shop@${bench.domain}', 'Shop', '{"to":[],"cc":[]}',
        'Your receipt', '[]', '{}', 'api', 1, '${bench.domain}', '<' || value || '@${bench.domain}>', 4000, 0, 0, 0,
        ${now - count} + value, '${day}', 1 + value % 100 FROM (${some})`,
    );
    await run(
      database,
      `INSERT INTO "deliveries_${week}" (message_id, n, account_id, message_seq, recipient, domain, class, state,
        accepted, due_ms, first_due_ms, attempts, body_day, body_id, timeline, announced)
      SELECT ${id}, 0, 1, value, 'user' || value || '@d' || (value % 1000) || '.example', 'd' || (value % 1000) || '.example',
        value % 3, 'queued', 1, ${now - count} + value, ${now - count} + value, 0, '${day}', 1 + value % 100, '[]', 0
      FROM (${some})`,
    );
  }
}

function numbers(from: number, to: number): string {
  return `WITH RECURSIVE n(value) AS (SELECT ${from} UNION ALL SELECT value + 1 FROM n WHERE value < ${to}) SELECT value FROM n`;
}

async function run(database: Edge['database'], sql: string): Promise<void> {
  await database.prepare(sql).run();
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
