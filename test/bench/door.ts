import { writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { type BenchEdge, startBenchEdge } from './bench-edge.ts';
import { sessionPrices } from './door-smtp.ts';
import { type Hostile, hostileRequests, wrongGuess } from './hostile.ts';
import { cpuMs, memoryMiB } from './processes.ts';
import { fixed, judged, type SectionReport, told } from './report.ts';

const budget = { rows: 5, cpuMs: 20, kibibytes: 64 };
/** So many are sent at once, as far as their bodies have no more than `mostBytes` together. */
const atOnce = 32;
const mostBytes = 100 * 1024 * 1024;
const mostRounds = 12;
/** So many guess at once, each from another source, of another person. */
const flood = 600;

interface Price {
  name: string;
  rows: number;
  cpuMs: number;
  kibibytes: number;
}

/** What a request costs that has no good credential, for every kind of request that there is. */
export async function door({ quick }: { quick: boolean }): Promise<SectionReport> {
  const bench = await startBenchEdge({ meter: true });
  try {
    await bench.send({ from: `a@${bench.domain}`, to: 'b@example.net', subject: 'x', text_body: 'x' });
    const healthz: Hostile = { name: 'warming up', method: 'GET', path: '/healthz' };
    for (let i = 0; i < 20; i++) await burst(bench, healthz, 64);
    const prices: Price[] = [];
    for (const hostile of hostileRequests()) prices.push(await priceOf(bench, hostile, quick ? 2 : 4));
    const sessions = await sessionPrices({ atOnce, rounds: quick ? 2 : 4 });
    const guesses = await guessPrices(bench);
    const others = [...prices, ...sessions];
    const worst = (of: 'rows' | 'cpuMs' | 'kibibytes') => {
      const [most] = others.toSorted((a, b) => b[of] - a[of]);
      if (!most) throw new Error('no requests');
      return judged(
        `the most of all: ${{ rows: 'D1 rows', cpuMs: 'CPU, ms', kibibytes: 'memory, KiB' }[of]}`,
        `≤ ${budget[of]}`,
        `${fixed(most[of])} (${most.name})`,
        most[of] <= budget[of],
      );
    };
    return {
      title: 'The price before the door: requests without a good credential',
      figures: [
        worst('rows'),
        worst('cpuMs'),
        worst('kibibytes'),
        ...[...prices, ...sessions].map(({ name, rows, cpuMs: cpu, kibibytes }) =>
          told(name, `${fixed(rows)} rows, ${fixed(cpu)} ms, ${fixed(kibibytes)} KiB`),
        ),
        told('a wrong guess of a password, which is hashed', `${fixed(guesses.hashedMs)} ms`),
        told(
          `${flood} guesses at once, of as many sources and people`,
          `${guesses.hashed} hashed, ${guesses.refused} refused, ${fixed(guesses.floodMs)} ms each`,
        ),
      ],
      notes: [
        `rows: read and written, as D1 tells of each (METER=1); CPU: of workerd, all that it does for the request, the kernel's part too`,
        'SMTP: sessions at submission that do not log in, of as many open at once; CPU and memory of the node, TLS included; rows with the share of what the node asks by itself',
        'not judged: guesses of a password. 300 a minute are hashed of all strangers (wrangler.toml): twice as many when a minute ends meanwhile',
        `of several rounds the least counts; memory over the budget is measured up to ${mostRounds} times`,
        `memory: how far the peak of the resident memory rises above what it was while up to ${atOnce} are open at once, shared among them, without the octets of their bodies`,
      ],
    };
  } finally {
    await bench.stop();
  }
}

async function priceOf(bench: BenchEdge, hostile: Hostile, rounds: number): Promise<Price> {
  const size = hostile.body?.length ?? 0;
  const count = Math.max(2, Math.min(atOnce, Math.floor(mostBytes / Math.max(size, 1))));
  const answers = await burst(bench, hostile, count); // what is made once is made now
  let kibibytes = Number.POSITIVE_INFINITY;
  let cpu = Number.POSITIVE_INFINITY;
  // The heap of JavaScript grows in steps, whoever asks: what one burst seems to cost too much is asked again.
  for (let round = 0; round < rounds || (round < mostRounds && kibibytes > budget.kibibytes); round++) {
    const { resident } = await memoryMiB(bench.pid);
    await writeFile(`/proc/${bench.pid}/clear_refs`, '5'); // the peak counts from here on (proc_pid_clear_refs(5))
    const used = await cpuMs(bench.pid);
    answers.push(...(await burst(bench, hostile, count)));
    cpu = Math.min(cpu, ((await cpuMs(bench.pid)) - used) / count);
    const { peak } = await memoryMiB(bench.pid);
    kibibytes = Math.min(kibibytes, Math.max(0, ((peak - resident) * 1024) / count - size / 1024));
  }
  const rows = Math.max(...answers.map((answer) => answer.rows));
  const statuses = new Set(answers.map(({ status }) => status || 'cut off'));
  const name = `${hostile.name} → ${[...statuses].join(' ')}`;
  return { name, rows, cpuMs: cpu, kibibytes };
}

/** CPU ms of a guess that is hashed, and of one of a flood; how many of the flood are hashed. */
async function guessPrices(bench: BenchEdge) {
  const used = async (count: number) => {
    const before = await cpuMs(bench.pid);
    const origin = new URL(bench.url);
    const answers = await Promise.all(Array.from({ length: count }, () => send(origin, wrongGuess())));
    const hashed = answers.filter(({ status }) => status === 401).length;
    return { eachMs: ((await cpuMs(bench.pid)) - before) / count, hashed, refused: count - hashed };
  };
  const few = await used(atOnce);
  if (few.refused > 0) throw new Error(`${few.refused} of ${atOnce} guesses were not looked at`);
  const many = await used(flood);
  return { hashedMs: few.eachMs, floodMs: many.eachMs, hashed: many.hashed, refused: many.refused };
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });
let sources = 0;

/** What came back: status 0 when the connection was cut while the body was on its way. */
interface Answer {
  status: number;
  rows: number;
}

/** Sends so many at once, each from another source. */
async function burst(bench: BenchEdge, hostile: Hostile, count: number): Promise<Answer[]> {
  return await Promise.all(Array.from({ length: count }, () => send(new URL(bench.url), hostile)));
}

function send({ origin }: URL, { method, path, headers, body }: Hostile): Promise<Answer> {
  sources += 1;
  const source = `2001:db8:${(sources >> 16).toString(16)}:${(sources & 0xffff).toString(16)}::1`;
  return new Promise((resolve) => {
    const outgoing = request(
      origin + path,
      {
        method,
        agent,
        headers: {
          Origin: origin,
          Accept: 'text/html',
          'CF-Connecting-IP': source,
          ...(body ? { 'Content-Length': body.length } : {}),
          ...headers,
        },
      },
      (incoming) => {
        incoming.resume();
        const timing = String(incoming.headers['server-timing'] ?? '');
        const [, read = 0, written = 0] = /read=(\d+) written=(\d+)/.exec(timing) ?? [];
        const answer = { status: incoming.statusCode ?? 0, rows: Number(read) + Number(written) };
        incoming.on('close', () => resolve(answer));
      },
    );
    // A body that is not read to its end ends the connection.
    outgoing.on('error', () => resolve({ status: 0, rows: 0 }));
    outgoing.end(body);
  });
}
