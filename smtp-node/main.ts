import cluster from 'node:cluster';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import type { SubmissionPlace } from '#domain/node-contract.ts';
import { Backoff } from './backoff.ts';
import { type Config, ConfigError, parseConfig } from './config.ts';
import { claimDataDirectory, keepPrivate } from './data-directory.ts';
import { EdgeClock } from './edge-clock.ts';
import { sayHello } from './hello.ts';
import { type InboundOptions, startInbound } from './inbound/server.ts';
import { createLog, type Log } from './log.ts';
import {
  createMeters,
  gaugeOf,
  type Meters,
  meterProcess,
  metricsOf,
  type NodeState,
  serveMetrics,
} from './metrics.ts';
import { type Courier, type CourierOptions, createCourier } from './outbound/courier.ts';
import { Journal } from './outbound/journal.ts';
import { LeaseLoop } from './outbound/lease-loop.ts';
import { type Provider, providers, withOverrides } from './outbound/providers.ts';
import { RawStore } from './outbound/raw-store.ts';
import { replay } from './outbound/replay.ts';
import { Reporter } from './outbound/reporter.ts';
import { withSimulator } from './simulator/courier.ts';
import { startSimulator } from './simulator/simulator.ts';
import { certificateFiles, readPair } from './submission/certificate.ts';
import { startSubmission } from './submission/server.ts';
import { openTlsPolicies } from './tls-policy/open.ts';
import { Wake } from './wake.ts';
import { WorkerClient } from './worker-client.ts';
import { answerPrimary, runWorkers } from './workers.ts';

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
  const outside = (deps.createCourier ?? createCourier)({
    ...courierOptions(config),
    providers: known.map((one) => ({ ...one, attempts: share(one.attempts, config) })),
    tlsPolicies: tls.policies,
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
  });

  const closeAtFault: (() => Promise<void>)[] = [
    () => courier.close(),
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

/** What one of the node's workers may have of a limit that holds for all of them. */
function share(limit: number, { workers }: Config): number {
  return Math.ceil(limit / workers);
}

/** @throws Error that names the file and what is wrong with it */
async function readProviders(path: string): Promise<Provider[]> {
  try {
    return withOverrides(await readFile(path, 'utf8'));
  } catch (error) {
    const text = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new ConfigError([`PENNYPOST_SHAPING_FILE ${path}: ${text}`]);
  }
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

function courierOptions(config: Config): CourierOptions {
  const { ipv4, ipv6 } = config.outboundAddresses;
  return {
    hostName: config.hostName,
    port: config.outboundPort,
    connectionsPerHost: share(config.connectionsPerHost, config),
    attemptsPerDestination: share(Math.ceil(config.slots / 2), config),
    ignoreIPv6: config.outboundIpv4Only,
    ...(config.allowLocalMx && { blockLocalAddresses: false }),
    ...(config.outboundRoute && { route: config.outboundRoute }),
    ...(config.dnsServers.length > 0 && { dnsServers: config.dnsServers }),
    ...(ipv4 && { localAddressIPv4: ipv4 }),
    ...(ipv6 && { localAddressIPv6: ipv6 }),
  };
}

function submissionOptions(
  config: Config,
  deps: NodeDeps,
  log: Log,
  meters: Meters,
): Parameters<typeof startSubmission>[0] {
  return {
    edgeUrl: config.edgeUrl,
    edgeTimeoutMs: config.edgeTimeoutSeconds * 1000,
    hostName: config.hostName,
    bindAddress: config.bindAddress,
    ports: config.submissionPorts,
    tlsPorts: config.submissionTlsPorts,
    tlsCertificateFile: config.tlsCertificateFile,
    tlsKeyFile: config.tlsKeyFile,
    dataDirectory: config.dataDirectory,
    maxConnections: share(config.submissionMaxConnections, config),
    connectionsPerAddress: share(config.submissionConnectionsPerAddress, config),
    failedLogins: share(config.submissionFailedLogins, config),
    loginMs: config.submissionLoginSeconds * 1000,
    idleMs: config.submissionIdleSeconds * 1000,
    dataMs: config.submissionDataSeconds * 1000,
    certificateCheckMs: deps.certificateCheckMs,
    log,
    meters,
  };
}

function inboundOptions(
  config: Config,
  deps: NodeDeps,
  client: WorkerClient,
  log: Log,
  meters: Meters,
): InboundOptions {
  return {
    client,
    hostName: config.hostName,
    bindAddress: config.bindAddress,
    ports: config.returnPathPorts,
    dnsServers: config.dnsServers,
    rspamdUrl: config.rspamdUrl,
    tlsCertificateFile: config.tlsCertificateFile,
    tlsKeyFile: config.tlsKeyFile,
    dataDirectory: config.dataDirectory,
    maxConnections: share(config.returnPathMaxConnections, config),
    connectionsPerAddress: share(config.returnPathConnectionsPerAddress, config),
    certificateCheckMs: deps.certificateCheckMs,
    log,
    meters,
  };
}

/** The process: configuration from the environment, signals, exit code. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { workers: { type: 'string' } } });
  const { workers = process.env.PENNYPOST_WORKERS } = values;
  const config = parseConfig({ ...process.env, PENNYPOST_WORKERS: workers });
  await keepPrivate(config.dataDirectory);
  const stopAsked = untilStopped();
  if (config.workers > 1 && cluster.isPrimary) process.exit(await runWorkers(config, stopAsked));
  const node = await startNode(config, { servesMetrics: cluster.isPrimary });
  answerPrimary(node.state);
  const end = await Promise.race([stopAsked.then((): NodeEnd => ({ reason: 'stopped' })), node.ended]);
  await node.stop();
  if (end.reason !== 'stopped') console.error(end.text);
  process.exit(end.reason === 'stopped' ? 0 : 1);
}

/**
 * Resolves at the first signal; a second one of either kind ends the process at once. A worker may hear of a stop twice,
 * from whoever stops the node and from its primary, and ends when that does.
 */
function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    let signals = 0;
    const onSignal = () => {
      signals += 1;
      if (signals === 1) resolve();
      else if (cluster.isPrimary) process.exit(1);
    };
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, onSignal);
  });
}

if (import.meta.main) {
  main().catch((error) => {
    console.error(error instanceof ConfigError ? error.message : error);
    process.exit(1);
  });
}
