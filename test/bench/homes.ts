import { setTimeout as pause } from 'node:timers/promises';
import { type BenchAccount, type BenchEdge, startBenchEdge } from './bench-edge.ts';
import { countsBetween } from './counts.ts';
import { fill } from './fill.ts';
import { leaseAndRelease, leaseSize } from './lease-time.ts';
import { receipt } from './mail.ts';
import { fixed, judged, median, type SectionReport, told } from './report.ts';

/** What several databases cost: a send, a lease over all of them, and an account that moves from one to another. */
export async function homes({ quick }: { quick: boolean }): Promise<SectionReport> {
  const send = await control();
  const lease = await leases(quick ? 21 : 41);
  const move = await moving(quick ? 1000 : 5000);
  const count = move.messages.toLocaleString('en');
  return {
    title: 'Homes: several databases',
    figures: [
      judged(
        'statements on control for 1,000 sends to another home',
        '0',
        String(send.statements),
        send.statements === 0,
      ),
      told('the first send of an isolate: statements on control', String(send.first)),
      judged(
        `lease of ${leaseSize} with ${lease.homes} homes, 2 with work, against 1 home: median`,
        '≤ 1.5×',
        `${fixed(lease.ratio, 2)}× (${fixed(lease.many)} against ${fixed(lease.one)} ms)`,
        lease.ratio <= 1.5,
      ),
      told(
        'D1 trips of such a lease; homes asked by the first, and by later ones',
        `${fixed(lease.trips, 0)}; ${lease.homes}, 2`,
      ),
      told(
        `an account of ${count} delivered messages of 4 kB moves: copied within`,
        `${fixed(move.copyMs / 1000)} s (${fixed((move.messages / move.copyMs) * 1000, 0)} messages/s), ${move.statements} statements`,
      ),
      judged(
        '  its sends are refused (503) for',
        '≤ 60 s',
        `${fixed(move.refusedMs / 1000, 2)} s`,
        move.refusedMs <= 60_000,
      ),
      told(
        '  sends while it moves: accepted, refused, the longest answer',
        `${move.accepted}, ${move.refused}, ${fixed(move.longestMs, 0)} ms`,
      ),
    ],
    notes: [
      'statements on control are counted at its binding while no tick of cron ran; what an isolate has found out there it remembers for a minute',
      'leases over HTTP, interleaved between both installations, every lease released before the next; 1,000 deliveries are queued in each home that has work',
      'the move is asked for by the operator and goes on by queue messages; one send follows the other meanwhile; removing the old copy begins three minutes later and holds nothing up',
    ],
  };
}

/** Counts what sends to an account of another home ask of control. */
async function control(): Promise<{ first: number; statements: number }> {
  const bench = await startBenchEdge({ shell: 'counting', homes: 4 });
  try {
    const account = await bench.openAccount('third.example', 3);
    const sendOne = async () => {
      const answer = await bench.post('/v1/send', account.liveKey, receipt(account.domain, 4000));
      if (answer.status !== 202) throw new Error(`the edge answered ${answer.status}: ${answer.body}`);
    };
    /** Sends in parts, each of which counts where cron, and what it sends itself by the queue, was at rest meanwhile. */
    const during = async (count: number, part: number) => {
      let statements = 0;
      for (let sent = 0; sent < count; ) {
        const before = await settled(bench);
        await Promise.all(Array.from({ length: part }, sendOne));
        const counts = countsBetween(before, await settled(bench));
        if (counts.cronInvocations + counts.queueInvocations > 0) continue;
        sent += part;
        statements += counts.controlStatements;
      }
      return statements;
    };
    const first = await during(1, 1);
    return { first, statements: await during(1000, 50) };
  } finally {
    await bench.stop();
  }
}

/** The counts once nothing is under way at the databases. */
async function settled(bench: BenchEdge) {
  for (let last = await bench.counts(); ; ) {
    await pause(200);
    const next = await bench.counts();
    if (next.d1Statements === last.d1Statements) return next;
    last = next;
  }
}

async function leases(calls: number) {
  const homeCount = 16;
  const one = await startBenchEdge();
  const many = await startBenchEdge({ homes: homeCount });
  try {
    await fill(one, { count: 1000 });
    for (const home of [3, 11]) {
      const { accountId } = await many.openAccount(`home${home}.example`, home);
      await fill(many, { count: 1000, home, accountId });
    }
    const times = { one: [] as number[], many: [] as number[] };
    const trips: number[] = [];
    for (let i = -3; i < calls; i++) {
      for (const [name, bench] of [
        ['one', one],
        ['many', many],
      ] as const) {
        const { ms, cost } = await leaseAndRelease(bench);
        if (i < 0) continue; // warming up, and homes without work are found out
        times[name].push(ms);
        if (name === 'many') trips.push(cost.trips);
      }
    }
    const [ofOne, ofMany] = [median(times.one), median(times.many)];
    return { homes: homeCount, one: ofOne, many: ofMany, ratio: ofMany / ofOne, trips: median(trips) };
  } finally {
    await one.stop();
    await many.stop();
  }
}

async function moving(messages: number) {
  const bench = await startBenchEdge({ shell: 'counting', homes: 2 });
  try {
    await bench.hello();
    const account = await bench.openAccount('moving.example', 0);
    await deliverMany(bench, account, messages);
    const before = await bench.counts();
    const startedAt = performance.now();
    const asked = await homeOf(bench, account, { home: 1 });
    if (asked.status !== 202) throw new Error(`the move: ${asked.status} ${asked.body}`);
    const answers: { at: number; ms: number; status: number }[] = [];
    let copyMs = Number.NaN;
    const sender = (async () => {
      while (Number.isNaN(copyMs)) {
        const { status, ms } = await bench.post('/v1/send', account.liveKey, receipt(account.domain, 4000));
        answers.push({ at: performance.now(), ms, status });
      }
    })();
    for (;;) {
      const { home } = JSON.parse((await homeOf(bench, account)).body) as { home: number };
      if (home === 1) break;
      if (performance.now() - startedAt > 300_000) throw new Error('the move does not come to its end');
      await pause(20);
    }
    const counts = countsBetween(before, await bench.counts());
    copyMs = performance.now() - startedAt;
    await sender;
    // Once more by all who have not heard of it.
    const last = await bench.post('/v1/send', account.liveKey, receipt(account.domain, 4000));
    if (last.status !== 202) throw new Error(`a send to the new home: ${last.status} ${last.body}`);
    const others = answers.filter(({ status }) => status !== 202 && status !== 503);
    if (others.length > 0) throw new Error(`a send was answered ${others[0]?.status}`);
    const refused = answers.filter(({ status }) => status === 503);
    const [from, to] = [refused[0], refused.at(-1)];
    return {
      messages,
      copyMs,
      statements: counts.d1Statements,
      refusedMs: from && to ? to.at - (from.at - from.ms) : 0,
      accepted: answers.length - refused.length,
      refused: refused.length,
      longestMs: Math.max(...answers.map(({ ms }) => ms)),
    };
  } finally {
    await bench.stop();
  }
}

/** Asks where an account is, or for its move. */
async function homeOf(bench: BenchEdge, { accountId }: BenchAccount, move?: { home: number }) {
  const answer = await fetch(`${bench.url}/admin/v1/accounts/${accountId}/home`, {
    method: move ? 'PUT' : 'GET',
    headers: { Authorization: `Bearer ${bench.operatorToken}`, 'Content-Type': 'application/json' },
    ...(move && { body: JSON.stringify(move) }),
  });
  return { status: answer.status, body: await answer.text() };
}

/** Sends so many messages of 4 kB, and reports each as delivered. */
async function deliverMany(bench: BenchEdge, account: BenchAccount, count: number): Promise<void> {
  let left = count;
  const sender = async () => {
    while (left-- > 0) {
      const answer = await bench.post('/v1/send', account.liveKey, receipt(account.domain, 4000));
      if (answer.status !== 202) throw new Error(`the edge answered ${answer.status}: ${answer.body}`);
    }
  };
  await Promise.all(Array.from({ length: 20 }, sender));
  for (;;) {
    const { work } = await bench.lease(100);
    if (work.deliveries.length === 0) return;
    await bench.results(work.deliveries);
  }
}
