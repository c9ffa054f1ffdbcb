import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { SubmissionPlace } from '#domain/node-contract.ts';
import { Backoff } from './backoff.ts';
import type { Config } from './config.ts';
import { claimDataDirectory } from './data-directory.ts';
import { EdgeClock } from './edge-clock.ts';
import { sayHello } from './hello.ts';
import { startInbound } from './inbound/server.ts';
import { createLog, type Log } from './log.ts';
import { createMeters, gaugeOf, meterProcess, metricsOf, type NodeState, serveMetrics } from './metrics.ts';
import {
  courierOptions,
  inboundOptions,
  readAddresses,
  readProviders,
  share,
  submissionOptions,
} from './node-options.ts';
import { type Courier, type CourierOptions, createCourier } from './outbound/courier.ts';
import { Journal } from './outbound/journal.ts';
import { LeaseLoop } from './outbound/lease-loop.ts';
import { providers } from './outbound/providers.ts';
import { RawStore } from './outbound/raw-store.ts';
import { replay } from './outbound/replay.ts';
import { Reporter } from './outbound/reporter.ts';
import { SendingAddresses } from './outbound/sending-addresses.ts';
import { SendingCounts } from './outbound/sending-counts.ts';
import { withSimulator } from './simulator/courier.ts';
import { startSimulator } from './simulator/simulator.ts';
import { certificateFiles, readPair } from './submission/certificate.ts';
import { startSubmission } from './submission/server.ts';
import { openTlsPolicies } from './tls-policy/open.ts';
import { Wake } from './wake.ts';
import { WorkerClient } from './worker-client.ts';

/** What a test or `standalone.ts` may replace. */
export interface NodeDeps {
  /** Default: a new one that writes to standard output. */
  log?: Log;
  createCourier?: (options: CourierOptions) => Courier;
  /** Options of the courier beyond the configuration. */
  courier?: Partial<CourierOptions>;
  /** How long after a simulated message its bounce, complaint or reply comes. Default 3 s. */
  simulatorReturnsAfterMs?: number;
  /** The host of submission, as clients reach it. Default: the host name. */
  submissionHost?: string;
  /** How often the certificate files are looked at. Default 30 s. */
  certificateCheckMs?: number;
  /** False: another process serves what `state` tells. Default true. */
  servesMetrics?: boolean;
}

/** Why a node ended. `refused`: the edge does not take it, or its disk does not; going on makes no sense. */
export type NodeEnd = { reason: 'stopped' } | { reason: 'superseded' | 'refused'; text: string };

export interface RunningNode {
  /** The ports that are listened on, in the order of the configuration. */
  submissionPorts: readonly number[];
  submissionTlsPorts: readonly number[];
  returnPathPorts: readonly number[];
  /** Null: it serves none. */
  metricsPort: number | null;
  /** What it tells of itself, as its metrics server does. */
  state(): Promise<NodeState>;
  /** Resolves when the edge has taken this node and work is leased; stays open while the edge is away. */
  ready: Promise<void>;
  /** Resolves when no more work is leased: after `stop`, or because the edge said so. Then call `stop`. */
  ended: Promise<NodeEnd>;
  /** Stops gracefully within the configured time. What is not reported by then stays in the journal. */
  stop(): Promise<void>;
}

/**
 * Starts a node: listens for submission and for metrics, then reports what an earlier run left, says hello
 * and begins to lease. Resolves when it listens; it does not wait for the edge.
 */
export async function startNode(config: Config, deps: NodeDeps = {}): Promise<RunningNode> {
  const bootId = randomUUID();
  const known = config.shapingFile ? await readProviders(config.shapingFile) : providers;
  const addresses = await readAddresses(config);
  const log = deps.log ?? createLog({ level: config.logLevel, nodeId: config.nodeId, bootId });
  const meters = createMeters();
  meterProcess(meters);
  const clock = new EdgeClock();
  const client = new WorkerClient({
    edgeUrl: config.edgeUrl,
    nodeToken: config.nodeToken,
    dataDirectory: config.dataDirectory,
    nodeId: config.nodeId,
    bootId,
    timeoutMs: config.edgeTimeoutSeconds * 1000,
    clock,
    onReach: (reached) => meters.edgeReachable.set(reached ? 1 : 0),
  });
  const giveUpDirectory = await claimDataDirectory(config.dataDirectory);
  const journal = await Journal.open(join(config.dataDirectory, 'journal'));
  const reporter = new Reporter({ client, journal, log, backoff: new Backoff(200, 30_000) });
  const raws = await RawStore.open(client, join(config.dataDirectory, 'spool'));
  const files = await certificateFiles(config, Date.now());
  const simulator = await startSimulator({
    client,
    tls: await readPair(files),
    returnAfterMs: deps.simulatorReturnsAfterMs ?? 3000,
    log,
  });
  const tls = await openTlsPolicies(config, {
    now: () => clock.nowMs(),
    log,
    mailReport: (to, { domain, id, fileName, gzip }) => {
      const report = Buffer.from(gzip).toString('base64');
      return client.tlsReport({ to, domain, id, fileName, report, submitter: config.hostName });
    },
    tellPolicies: (policies) => client.tlsPolicies(policies),
  });
  let simulatorDomain: string | null = null;
  const counts =
    addresses &&
    (await SendingCounts.open(join(config.dataDirectory, 'sending-counts.json'), (error) =>
      log.error({ err: error }, 'how much left from each address is not kept'),
    ));
  const sendingAddresses =
    counts &&
    new SendingAddresses(addresses, counts, {
      share: (limit) => share(limit, config),
      now: () => clock.nowMs(),
    });
  const outside = (deps.createCourier ?? createCourier)({
    ...courierOptions(config),
    providers: known.map((one) => ({ ...one, attempts: share(one.attempts, config) })),
    tlsPolicies: tls.policies,
    ...(sendingAddresses && { sendingAddresses }),
    now: () => clock.nowMs(),
    ...deps.courier,
  });
  const courier = withSimulator(outside, simulator, () => simulatorDomain, {
    hostName: config.hostName,
    now: () => clock.nowMs(),
  });
  const loop = new LeaseLoop({
    client,
    courier,
    journal,
    reporter,
    raws,
    log,
    meters,
    backoff: new Backoff(500, 30_000),
    edgeNowMs: () => clock.nowMs(),
    slots: config.slots,
    pollMs: config.pollSeconds * 1000,
    maxUnreported: config.maxUnreported,
  });
  const wake = new Wake({
    edgeUrl: config.edgeUrl,
    token: () => client.token(),
    log,
    onWake: () => loop.wake(),
  });
  gaugeOf(meters.registry, 'pennypost_unreported_outcomes', 'Outcomes the edge does not know yet', () => {
    return journal.unreported;
  });
  gaugeOf(meters.registry, 'pennypost_running_deliveries', 'Deliveries in flight', () => loop.running);

  const stopping = new AbortController();
  const ready = Promise.withResolvers<void>();
  let end: NodeEnd | null = null;
  const state = async (): Promise<NodeState> => ({
    metrics: await metricsOf(meters),
    fault: end && end.reason !== 'stopped' ? end.text : null,
    destinations: courier.destinations(),
    sendingAddresses: courier.sendingAddresses(),
  });

  const closeAtFault: (() => Promise<void>)[] = [
    () => courier.close(),
    async () => await counts?.close(),
    () => simulator.stop(),
    () => tls.close(),
    () => journal.close(),
    giveUpDirectory,
  ];
  const [submission, inbound, metrics] = await openAll(closeAtFault, async () => {
    const submission = await startSubmission(submissionOptions(config, deps, log, meters));
    closeAtFault.push(() => submission.stop(0));
    const inbound = await startInbound(inboundOptions(config, deps, client, log, meters));
    closeAtFault.push(() => inbound.stop(0));
    const { metricsAddress: address, metricsPort: port } = config;
    const metrics = deps.servesMetrics === false ? null : await serveMetrics({ address, port }, state);
    return [submission, inbound, metrics] as const;
  });
  log.info({ ports: submission.ports, tlsPorts: submission.tlsPorts }, 'submission listens');
  log.info({ ports: inbound.ports }, 'incoming mail listens');
  if (metrics) log.info({ port: metrics.port }, 'metrics are served');

  /** The order matters: see `replay`. */
  const work = async (): Promise<NodeEnd> => {
    const untold = await Promise.race([replay(journal, reporter, log), once(stopping.signal, 'abort')]);
    if (typeof untold === 'string') {
      // The journal keeps what cannot be told.
      reporter.stop();
      return { reason: 'refused', text: untold };
    }
    const refusal = await sayHello(
      {
        client,
        hostName: config.hostName,
        submission: saidSubmission(deps.submissionHost ?? config.hostName, submission),
        journal: journal.isNew ? 'new' : 'kept',
        log,
        onSimulatorDomain: (domain) => {
          simulatorDomain = domain;
        },
      },
      stopping.signal,
    );
    if (refusal !== null) return { reason: 'refused', text: refusal };
    if (stopping.signal.aborted) return { reason: 'stopped' };
    log.info('the edge has taken this node');
    wake.open();
    ready.resolve();
    if ((await loop.run()) === 'stopped') return { reason: 'stopped' };
    const text = `another node runs as ${config.nodeId}; every running node needs a PENNYPOST_NODE_ID of its own`;
    return { reason: 'superseded', text };
  };
  const ended = work()
    .catch((error): NodeEnd => ({ reason: 'refused', text: `the node cannot work: ${String(error)}` }))
    .then((how) => {
      end = how;
      wake.close();
      return how;
    });

  const stop = async () => {
    const endsAtMs = Date.now() + config.stopSeconds * 1000;
    const leftMs = () => Math.max(0, endsAtMs - Date.now());
    const reportMs = leftMs() / 6;
    log.info('stopping');
    stopping.abort();
    loop.stop();
    wake.close();
    const done = Promise.all([
      submission.stop(leftMs()),
      inbound.stop(leftMs()),
      ended.then(() => loop.idle()),
    ]);
    await within(leftMs() - reportMs, done);
    // what is not told in this time is in the journal
    await within(Math.min(leftMs(), reportMs), reporter.idle());
    reporter.stop();
    await within(leftMs(), Promise.all([courier.close(), simulator.stop()]));
    await metrics?.close();
    await counts?.close();
    await journal.close();
    await tls.close();
    await giveUpDirectory();
    log.info({ running: loop.running, unreported: journal.unreported }, 'stopped');
  };
  let stopped: Promise<void> | null = null;

  return {
    submissionPorts: submission.ports,
    submissionTlsPorts: submission.tlsPorts,
    returnPathPorts: inbound.ports,
    metricsPort: metrics?.port ?? null,
    state,
    ready: ready.promise,
    ended,
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

/** Where clients submit, for the edge to tell; null when no port is open for them. */
function saidSubmission(
  host: string,
  { ports, tlsPorts }: { ports: readonly number[]; tlsPorts: readonly number[] },
): SubmissionPlace | null {
  const [port = null, tlsPort = null] = [ports[0], tlsPorts[0]];
  return port === null && tlsPort === null ? null : { host, port, tlsPort };
}

/** Opens what listens; when that fails, closes what was opened before. */
async function openAll<T>(close: readonly (() => Promise<void>)[], open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    await Promise.allSettled(close.map((one) => one()));
    throw error;
  }
}

/** Waits for a promise, but no longer than that. */
async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  const late = new AbortController();
  const timeout = pause(ms, undefined, { signal: late.signal }).catch(() => {});
  await Promise.race([promise, timeout]);
  late.abort();
}
