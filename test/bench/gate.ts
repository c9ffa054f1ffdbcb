import { windowOf } from '#domain/limits/rate-limit.ts';
import { phaseDays, type WarmingState, warmingLimits } from '#domain/limits/warming.ts';
import { type BenchEdge, type D1Cost, startBenchEdge } from './bench-edge.ts';
import { receipt } from './mail.ts';
import { fixed, judged, mean, type SectionReport, told } from './report.ts';

const crowd = 500;
const room = 50;
const dayMs = 86_400_000;

/** What the limits of a domain that is being warmed cost, and whether a crowd can pass them. */
export async function gate({ quick }: { quick: boolean }): Promise<SectionReport> {
  const bench = await startBenchEdge();
  try {
    await bench.hello();
    await bench.send(receipt(bench.domain, 4000)); // notes that the key was used
    await deliver(bench);
    const count = quick ? 10 : 50;
    const free = await costs(bench, count);
    await warm(bench, 'phase_4', { day: phaseDays, left: null });
    const warmed = await costs(bench, count);
    await warm(bench, 'phase_4', { day: phaseDays, left: room });
    const fifty = await rush(bench);
    await warm(bench, 'phase_1', { day: 1, left: null });
    const first = await rush(bench);
    return {
      title: 'The gate: a free domain, a domain being warmed, and a crowd at its limit',
      figures: [
        ...[
          { name: 'free domain', cost: free },
          { name: 'domain being warmed', cost: warmed },
        ].flatMap(({ name, cost }) => [
          judged(
            `${name}: round trips of one accepted send`,
            '2',
            fixed(cost.send.trips, 1),
            cost.send.trips <= 2,
          ),
          told(
            `${name}: one accepted send, rows written / read`,
            `${fixed(cost.send.written)} / ${fixed(cost.send.read)}`,
          ),
          judged(
            `${name}: delivered message in all, rows written`,
            '≤ 8, aim 6',
            fixed(cost.written),
            cost.written <= 8,
          ),
        ]),
        judged(
          `${crowd} sends at once, ${room} left of the day: 202, 429, others`,
          `${room}, ${crowd - room}, 0`,
          `${fifty.accepted}, ${fifty.limited}, ${fifty.others}`,
          fifty.accepted === room && fifty.limited === crowd - room,
        ),
        judged(
          `${crowd} at once on day 1 (50 a day, 1 a minute): 202 in each minute`,
          '1',
          `${first.accepted} in ${first.minutes} (429: ${first.limited}, others: ${first.others})`,
          first.accepted >= 1 && first.accepted <= first.minutes && first.others === 0,
        ),
      ],
      notes: [
        `${count} sends of each kind, one after another, leased and reported one at a time; counted from D1 meta by METER=1`,
        `the first crowd meets the last day of phase_4 with all but ${room} of its daily limit used, since the table gives a minute the 250th part of a day: with 50 a day the minute decides`,
      ],
    };
  } finally {
    await bench.stop();
  }
}

interface Costs {
  send: D1Cost;
  /** Rows written for a message until it is delivered. */
  written: number;
}

async function costs(bench: BenchEdge, count: number): Promise<Costs> {
  const sends: D1Cost[] = [];
  const rest: number[] = [];
  for (let i = 0; i < count; i++) {
    sends.push((await bench.send(receipt(bench.domain, 4000))).cost);
    rest.push(await deliver(bench));
  }
  const of = (value: keyof D1Cost) => mean(sends.map((cost) => cost[value]));
  const send = { trips: of('trips'), read: of('read'), written: of('written') };
  return { send, written: send.written + mean(rest) };
}

/** Leases and reports one message; gives the rows written. */
async function deliver(bench: BenchEdge): Promise<number> {
  const { work, cost } = await bench.lease(1);
  return cost.written + (await bench.results(work.deliveries)).cost.written;
}

/** Puts the domain on a day of a phase, with nothing or all but `left` of the day used. */
async function warm(
  bench: BenchEdge,
  state: WarmingState,
  { day, left }: { day: number; left: number | null },
): Promise<void> {
  const now = Date.now();
  const since = now - (day - 1) * dayMs;
  const limits = warmingLimits(state, since, now);
  if (!limits) throw new Error(`${state} has no limits`);
  const used = left === null ? 0 : limits.daily - left;
  await bench.edge.database
    .prepare(
      `UPDATE domain_warming SET state = ?, started_at_ms = ?, phase_started_at_ms = ?, day = ?, day_used = ?,
        day_limit = ?, hour = 0, hour_used = 0, minute = 0, minute_used = 0`,
    )
    .bind(state, since, since, windowOf('daily', now), used, limits.daily)
    .run();
}

/** A crowd at once: how many pass, and how many minutes of the clock that touched. */
async function rush(bench: BenchEdge) {
  const firstMinute = windowOf('minute', Date.now());
  const answers = await Promise.all(
    Array.from({ length: crowd }, () => bench.post('/v1/send', bench.liveKey, receipt(bench.domain, 4000))),
  );
  const of = (status: number) => answers.filter((answer) => answer.status === status).length;
  const [accepted, limited] = [of(202), of(429)];
  const minutes = windowOf('minute', Date.now()) - firstMinute + 1;
  return { accepted, limited, others: crowd - accepted - limited, minutes };
}
