import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { engineOf } from './bindings.ts';
import { type Mutation, Program } from './bundle.ts';
import { check, checkDeliveries, watch } from './checks.ts';
import { openAccount, openEndpoint } from './customers.ts';
import { Database, type Engine } from './database.ts';
import type { Violation } from './history.ts';
import { perform } from './operations.ts';
import { type Operation, planOf } from './plan.ts';
import { QuickDatabase } from './quick-database.ts';
import { Random } from './random.ts';
import { afterAcceptance } from './returns.ts';
import { makeKeys } from './sandbox.ts';
import { Service } from './service.ts';

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

export interface Programs {
  worker: Program;
  node: Program;
}

/** Bundles both halves once for many runs. */
export async function bundlePrograms(mutations: readonly Mutation[] = []): Promise<Programs> {
  const of = (prefix: string) => mutations.filter(({ file }) => file.startsWith(prefix));
  const standIn = (name: string) => `test/simulation/stand-ins/${name}.ts`;
  // Both halves hold the domain.
  const shared = of('worker/domain/');
  const [worker, node] = await Promise.all([
    Program.of('worker/index.ts', { mutations: of('worker/') }),
    Program.of('test/simulation/node-program.ts', {
      mutations: of('smtp-node/'),
      shared,
      standIns: {
        'smtp-node/edge-http.ts': standIn('edge-http'),
        'smtp-node/wake.ts': standIn('wake'),
        'smtp-node/submission/server.ts': standIn('listeners'),
        'smtp-node/inbound/server.ts': standIn('listeners'),
        'smtp-node/data-directory.ts': standIn('machine'),
        'smtp-node/submission/certificate.ts': standIn('machine'),
        'smtp-node/metrics.ts': standIn('metrics'),
        'smtp-node/simulator/simulator.ts': standIn('simulator'),
        'smtp-node/simulator/courier.ts': standIn('simulator'),
      },
    }),
  ]);
  await makeKeys();
  return { worker, node };
}

export interface RunOptions {
  seed: number;
  days: number;
  /** Where D1 and R2 are: in workerd, or for speed in this process. */
  engine: 'workerd' | 'quick';
  /** How many databases accounts live in; 1 when it is left out. */
  homes?: number;
  programs: Programs;
  /** Which operations of the plan are done, by their number or kind; null: all. */
  only: ReadonlySet<number | string> | null;
  /** Whether the run is over with this failure. */
  stopWhen: (failure: Violation) => boolean;
  /** Told how far it has come. */
  progress?: (text: string) => void;
  /** Told of every text that the Worker asks the quick engine. */
  onAsked?: (text: string) => void;
  /** Is given the database as the run leaves it. */
  atEnd?: (database: Engine) => Promise<void>;
}

export interface RunResult {
  seed: number;
  failures: readonly Violation[];
  plan: readonly Operation[];
  digest: string;
  service: Service;
  virtualDays: number;
  realMs: number;
  databaseCalls: number;
}

/** Lives through one run: the plan, and then days of calm in which everything must come to its end. */
export async function run(options: RunOptions): Promise<RunResult> {
  const began = performance.now();
  const folder = await mkdtemp(join(tmpdir(), 'pennypost-simulation-'));
  const open = (home: number): Promise<Engine> =>
    options.engine === 'workerd' ? Database.open(`${folder}/${home}`) : QuickDatabase.open(options.onAsked);
  const count = options.homes ?? 1;
  const homes = await Promise.all(Array.from({ length: count }, (_, home) => open(home)));
  const calls = () => homes.reduce((sum, home) => sum + home.calls, 0);
  let closing = () => {};
  try {
    const seed = `seed ${options.seed}`;
    const random = new Random(seed);
    // Any day of late 2026: 120 days from there pass Sundays, month ends, 2026w53 and retention.
    const startMs = Date.UTC(2026, 9, 12) + random.between(0, 40) * dayMs;
    const { programs, stopWhen } = options;
    const nodeSlots = random.pick([3, 10, 50, 500]);
    const service = new Service({
      seed,
      startMs,
      homes,
      programs,
      nodeSlots,
      stopWhen,
      onFailure: ({ invariant, message }) =>
        options.progress?.(`${new Date(service.clock.nowMs).toISOString()} ${invariant}: ${message}`),
    });
    watch(service);
    service.mx.onAccepted = (acceptance, raw) => afterAcceptance(service, acceptance, raw);
    const whole = planOf(random.fork('plan'), startMs, { days: options.days, homes: count });
    const plan = whole.filter(
      ({ id, kind }) => !options.only || options.only.has(id) || options.only.has(kind),
    );
    const watchdog = setInterval(() => {
      const last = service.history.lines().at(-1) ?? '';
      options.progress?.(
        `  ${new Date(service.clock.nowMs).toISOString()} ${calls()} calls, ${service.history.count} lines, ${service.clock.pending} entries, ${Math.round(process.memoryUsage().heapUsed / 1e6)} MB, ${last.slice(0, 160)}`,
      );
    }, 5000);
    watchdog.unref();
    closing = () => clearInterval(watchdog);
    void begin(service, random.pick([1, 2, 2]), random);
    for (const operation of plan) service.clock.at(operation.atMs, () => void perform(service, operation));
    const endMs = startMs + options.days * dayMs;
    for (let atMs = startMs; atMs < endMs && !service.over; atMs += 10 * dayMs) {
      await service.clock.run(Math.min(atMs + 10 * dayMs, endMs), () => service.over);
      options.progress?.(
        `${Math.round((service.clock.nowMs - startMs) / dayMs)} days, ${service.figures.operations} operations, ${calls()} calls, ${Math.round(process.memoryUsage().heapUsed / 1e6)} MB`,
      );
    }
    if (!service.over) await drain(service);
    await options.atEnd?.(engineOf(homes, 0));
    return {
      seed: options.seed,
      failures: service.failures,
      plan,
      digest: service.history.digest(),
      service,
      virtualDays: (service.clock.nowMs - startMs) / dayMs,
      realMs: performance.now() - began,
      databaseCalls: calls(),
    };
  } finally {
    closing();
    for (const home of homes) await home.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function begin(service: Service, nodes: number, random: Random): Promise<void> {
  try {
    await service.edge.tick();
    for (let i = 0; i < 4; i++) await openAccount(service);
    for (const account of service.accounts.slice(0, 2))
      await openEndpoint(service, account, random.fork(`hook ${account.id}`), 'healthy');
    for (let i = 0; i < nodes; i++) {
      const node = service.addNode();
      const made = await service.operator('POST', '/nodes', { node_id: node.id });
      node.token = z.object({ token: z.string() }).parse(JSON.parse(made.bytes.toString())).token;
      node.start();
    }
    service.stir();
  } catch (error) {
    service.fail(error);
  }
}

/** Faults stop, what is away comes back, and what was accepted comes to its end. */
async function drain(service: Service): Promise<void> {
  service.weather.calm();
  service.history.add('faults stop');
  for (const node of service.nodes) {
    node.disk.fault = null;
    if (!node.isUp) {
      node.kill();
      node.start();
    }
  }
  let done = false;
  const ending = async () => {
    service.stir();
    for (const account of service.accounts.filter(({ suspended }) => suspended)) {
      await service.operator('PUT', `/accounts/${account.id}/status`, { status: 'active' });
      account.suspended = false;
      account.activeSinceMs = service.clock.nowMs;
    }
    await service.clock.sleep(5 * dayMs);
    await check(service);
    await checkDeliveries(service, true);
    done = true;
  };
  void ending().catch((error: unknown) => service.fail(error));
  await service.clock.run(service.clock.nowMs + 7 * dayMs, () => done || service.over);
}
