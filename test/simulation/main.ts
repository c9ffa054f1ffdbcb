/**
 * A deterministic simulation of the whole service: `npm run test:simulation -- [--seed N] [--days N] [--runs N]`.
 *
 * The real code of the Worker and of the node runs in this process, under a virtual clock that jumps and one source of
 * chance (`sandbox.ts`), on D1 and R2 of workerd (`database.ts`). What it leaves to others: workerd's own scheduling,
 * input gates and limits of CPU and memory (the tests of the Worker), real Queues, alarms and WebSockets (models:
 * `queue.ts`, `objects.ts`), sockets, TLS and DKIM of the node (its own tests and the mail lab), processes that
 * are really killed (`npm run test:crash`). Cron ticks and polls while something goes on; of quiet hours one in four ticks.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { breaks } from './breaks.ts';
import type { Violation } from './history.ts';
import { bundlePrograms, type RunOptions, type RunResult, run } from './run.ts';
import { shrink } from './shrink.ts';

/** What is lived through before a change lands, in a few minutes: a seed on the real D1, others for longer. */
const fixed = [
  { seed: 1, days: 6, engine: 'workerd' },
  { seed: 2, days: 46, engine: 'quick' },
  { seed: 3, days: 8, engine: 'quick', homes: 5 },
] as const;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    runs: { type: 'string' },
    days: { type: 'string' },
    /** `workerd`, or `quick`: SQLite within this process. */
    engine: { type: 'string' },
    /** Databases that accounts live in, and are moved between. */
    homes: { type: 'string' },
    /** Only these operations of the plan, by their number or kind. */
    only: { type: 'string' },
    /** A fault of `breaks.ts` is made again. */
    break: { type: 'string' },
    /** Every fault of `breaks.ts`, or that of `--break`, is made again; a plan of one's own takes the place of its proof. */
    prove: { type: 'boolean', default: false },
    /** The fixed seeds. */
    ci: { type: 'boolean', default: false },
    /** Goes on after a failure, to find others. */
    'keep-going': { type: 'boolean', default: false },
    'no-shrink': { type: 'boolean', default: false },
    /** Prints what the history says of these words. */
    trace: { type: 'string' },
    /** Writes the whole history to this file. */
    history: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
});

function tell({ seed, service, virtualDays, realMs, digest, databaseCalls }: RunResult): void {
  const { figures, weather, mx, edge, nodes } = service;
  const leased = nodes.reduce((sum, node) => sum + node.leased, 0);
  const days = virtualDays.toFixed(0);
  console.log(
    [
      `seed ${seed}: ${days} virtual days in ${(realMs / 1000).toFixed(1)} s, ${figures.operations} operations, ${weather.total} faults`,
      `${service.byMessage.size} messages, ${leased} leases, ${mx.acceptances} accepted by an MX, ${figures.doubled} doubled, ${figures.told} of them told`,
      `${figures.events} events read, ${edge.invocations} invocations, ${databaseCalls} calls of D1 and R2`,
      `at most ${figures.statements} statements (${figures.maxOf.statements}), ${figures.subrequests} subrequests (${figures.maxOf.subrequests}), ${figures.answerBytes} bytes of an answer, ${figures.queueMessages} queue messages, ${Math.round(figures.alarmMs / 1000)} s of an alarm, ${figures.idleRows} rows of an idle lease, ${figures.searchRows} of a search that finds nothing, ${figures.databaseBytes} bytes of the database`,
      `history ${digest}`,
    ].join('\n  '),
  );
}

/** What many lives come to. */
class Total {
  readonly #sums = {
    lives: 0,
    days: 0,
    operations: 0,
    faults: 0,
    messages: 0,
    leases: 0,
    doubled: 0,
    told: 0,
  };
  readonly #most = { statements: 0, subrequests: 0, idleRows: 0 };

  add({ service, virtualDays }: RunResult): void {
    const { figures, weather, nodes, byMessage } = service;
    const [sums, most] = [this.#sums, this.#most];
    sums.lives += 1;
    sums.days += virtualDays;
    sums.operations += figures.operations;
    sums.faults += weather.total;
    sums.messages += byMessage.size;
    sums.leases += nodes.reduce((sum, { leased }) => sum + leased, 0);
    sums.doubled += figures.doubled;
    sums.told += figures.told;
    for (const name of ['statements', 'subrequests', 'idleRows'] as const)
      most[name] = Math.max(most[name], figures[name]);
  }

  tell(): void {
    const { lives, days, operations, faults, messages, leases, doubled, told } = this.#sums;
    const { statements, subrequests, idleRows } = this.#most;
    console.log(
      [
        `in all: ${lives} lives, ${days.toFixed(0)} virtual days, ${operations} operations, ${faults} faults`,
        `${messages} messages, ${leases} leases, ${doubled} doubled, ${told} of them told`,
        `at most ${statements} D1 statements and ${subrequests} subrequests an invocation, ${idleRows} rows of an idle lease`,
      ].join('\n  '),
    );
  }
}

function tellFailure({ seed, service }: RunResult, { invariant, message, about }: Violation): void {
  console.log(
    `FAILED: seed ${seed}, ${new Date(service.clock.nowMs).toISOString()}, invariant ${invariant}: ${message}`,
  );
  if (about.length === 0) return;
  for (const line of service.history.about(about, 25)) console.log(`    ${line.slice(0, 240)}`);
}

async function tellShortest(options: RunOptions, result: RunResult, failure: Violation): Promise<void> {
  const engine = failure.invariant === '7 idle' ? options.engine : 'quick';
  const {
    only,
    result: best,
    tries,
  } = await shrink({ ...options, engine }, result, failure, { tries: 40, ms: 180_000 });
  console.log(`shortest history of ${tries} tries, ${only.length} operations:`);
  for (const { id, kind, atMs } of best.plan.filter(({ id }) => only.includes(id)))
    console.log(`    ${id} ${new Date(atMs).toISOString()} ${kind}`);
  const found = best.failures.at(-1);
  if (found && best !== result) tellFailure(best, found);
  const broken = values.break === undefined ? '' : ` --break ${values.break}`;
  console.log(
    `again: npm run test:simulation -- --seed ${result.seed} --days ${options.days} --engine ${engine}${broken} --only ${only.join(',')}`,
  );
}

/** What is lived through. */
interface Life {
  seed: number;
  days: number;
  engine: RunOptions['engine'];
  homes?: number;
}

/** The options of a run. */
function optionsOf(
  { seed, days, engine, homes = 1 }: Life,
  programs: RunOptions['programs'],
  only: string | undefined = values.only,
): RunOptions {
  return {
    seed,
    days,
    engine,
    homes,
    programs,
    only:
      only === undefined
        ? null
        : new Set(only.split(',').map((one) => (/^\d+$/.test(one) ? Number(one) : one))),
    stopWhen: () => !values['keep-going'],
    ...(values.verbose ? { progress: (text: string) => console.log(text) } : {}),
  };
}

/** Lives through the seeds; gives how many of them failed. */
async function live(lives: readonly Life[]): Promise<number> {
  const broken = breaks.find(({ row }) => row === values.break);
  if (values.break !== undefined && !broken) throw new Error(`no such row: ${values.break}`);
  const programs = await bundlePrograms(broken?.mutations);
  let failed = 0;
  const total = new Total();
  for (const life of lives) {
    const options = optionsOf(life, programs);
    const result = await run(options);
    tell(result);
    total.add(result);
    if (values.trace)
      for (const line of result.service.history.about(values.trace.split(','), 5000))
        console.log(line.slice(0, 400));
    if (values.history) await writeFile(values.history, result.service.history.lines().join('\n'));
    const [first] = result.failures;
    if (!first) continue;
    failed += 1;
    for (const failure of result.failures) tellFailure(result, failure);
    if (!values['keep-going'] && !values['no-shrink']) await tellShortest(options, result, first);
  }
  if (lives.length > 1) total.tell();
  return failed;
}

/** Makes every known fault again, with the plan that catches it or that of the options; gives how many were not caught. */
async function prove(given: readonly Life[] | null): Promise<number> {
  let missed = 0;
  const chosen = breaks.filter(({ row }) => values.break === undefined || values.break === row);
  for (const { row, about, caughtBy, proof, mutations } of chosen) {
    const programs = await bundlePrograms(mutations);
    const catches = ({ invariant }: Violation) => invariant === caughtBy;
    const lives = given ?? [{ engine: 'quick' as const, ...proof }];
    const only = values.only ?? (given ? undefined : proof.only);
    let caught: RunResult | null = null;
    for (const life of lives) {
      const result = await run({ ...optionsOf(life, programs, only), stopWhen: catches });
      if (!result.failures.some(catches)) continue;
      caught = result;
      break;
    }
    if (caught) {
      const failure = caught.failures.find(catches);
      console.log(
        `caught: ${row} (${about}) by seed ${caught.seed}, ${caught.virtualDays.toFixed(0)} days, ${failure?.invariant}: ${failure?.message.split('\n')[0]}`,
      );
    } else {
      missed += 1;
      console.log(`NOT caught: ${row} (${about}) by seeds ${lives.map(({ seed }) => seed).join(', ')}`);
    }
  }
  return missed;
}

const first = Number(values.seed ?? 1);
const engine = values.engine === 'quick' ? 'quick' : 'workerd';
const lives: readonly Life[] = values.ci
  ? fixed
  : Array.from({ length: Number(values.runs ?? 1) }, (_, i) => ({
      seed: first + i,
      days: Number(values.days ?? 120),
      engine,
      homes: Number(values.homes ?? 1),
    }));
const { seed, runs, days, only } = values;
const isPlanGiven = values.ci || [seed, runs, days, only, values.engine].some((value) => value !== undefined);
const failures = values.prove ? await prove(isPlanGiven ? lives : null) : await live(lives);
if (failures > 0) console.log(`${failures} failed`);
process.exit(failures > 0 ? 1 : 0);
