import cluster, { type Worker } from 'node:cluster';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Config, ConfigError, workerId } from './config.ts';
import { createLog, type Log } from './log.ts';
import { type NodeState, serveMetrics, togetherOf } from './metrics.ts';
import { certificateFiles } from './submission/certificate.ts';

/** What the primary asks a worker, and hears from it. */
interface Question {
  ask: string;
}
interface Answer {
  asked: string;
  state: NodeState;
}

const answerMs = 5000;

/**
 * Runs a node as several processes that share its ports (node:cluster), each with an id, a token and a data directory of
 * its own, the first with those of the node; serves what they tell together. They live and end together: when one ends
 * by itself the others are stopped, and whoever keeps the node running starts all of them again.
 * @returns the exit code
 * @throws ConfigError when a worker lacks its token
 */
export async function runWorkers(config: Config, stopAsked: Promise<void>): Promise<number> {
  const log = createLog({ level: config.logLevel, nodeId: config.nodeId, bootId: randomUUID() });
  const environments = await environmentsOf(config);
  const running = new Map<string, Worker>();
  const { metricsAddress: address, metricsPort: port } = config;
  const metrics = await serveMetrics({ address, port }, async () =>
    togetherOf(await Promise.all([...running].map(([id, worker]) => stateOf(id, worker)))),
  );
  log.info({ port: metrics.port }, 'metrics are served');
  const firstEnd = Promise.withResolvers<void>();
  const ends = environments.map((environment) => {
    const id = environment.PENNYPOST_NODE_ID;
    const worker = cluster.fork(environment);
    running.set(id, worker);
    log.info({ worker: id, pid: worker.process.pid }, 'worker started');
    return once(worker, 'exit').then(([code, signal]) => {
      running.delete(id);
      firstEnd.resolve();
      return endOf(id, code, signal, log);
    });
  });
  await Promise.race([stopAsked, firstEnd.promise]);
  for (const worker of running.values()) worker.process.kill('SIGTERM');
  const codes = await Promise.all(ends);
  await metrics.close();
  return codes.every((code) => code === 0) ? 0 : 1;
}

function endOf(id: string, code: number | null, signal: string | null, log: Log): number {
  // One that was still starting ends by the signal itself.
  if (code === 0 || signal === 'SIGTERM') return 0;
  log.error({ worker: id, code, signal }, 'a worker ended; the others are stopped');
  return code ?? 1;
}

/** What each worker has of its own. */
async function environmentsOf(config: Config): Promise<{ PENNYPOST_NODE_ID: string }[]> {
  // Clients see one certificate, whichever worker they come to.
  const files = await certificateFiles(config, Date.now());
  const tokens = [config.nodeToken, ...config.workerTokens];
  const ids = Array.from({ length: config.workers }, (_, i) => workerId(config.nodeId, i + 1));
  const lacking = ids.slice(tokens.length);
  if (lacking.length > 0) {
    throw new ConfigError([
      `PENNYPOST_WORKER_TOKENS has no token for ${lacking.join(', ')}: npm run nodes -- add ${config.nodeId} --workers ${config.workers} makes them`,
    ]);
  }
  return ids.map((id, i) => ({
    PENNYPOST_NODE_ID: id,
    PENNYPOST_NODE_TOKEN: tokens[i] ?? '',
    PENNYPOST_DATA_DIR: i === 0 ? config.dataDirectory : join(config.dataDirectory, `worker-${i + 1}`),
    PENNYPOST_WORKERS: String(config.workers),
    PENNYPOST_TLS_CERT_FILE: files.certFile,
    PENNYPOST_TLS_KEY_FILE: files.keyFile,
  }));
}

async function stateOf(id: string, worker: Worker): Promise<NodeState> {
  const ask = randomUUID();
  const late = new AbortController();
  const answered = new Promise<NodeState>((resolve) => {
    const onMessage = (message: Answer) => {
      if (message.asked !== ask) return;
      worker.off('message', onMessage);
      resolve(message.state);
    };
    worker.on('message', onMessage);
    late.signal.addEventListener('abort', () => worker.off('message', onMessage));
  });
  worker.send({ ask } satisfies Question, () => {});
  const silent = pause(answerMs, null, { signal: late.signal }).catch(() => null);
  const state = await Promise.race([answered, silent]);
  late.abort();
  return (
    state ?? {
      metrics: [],
      fault: `the worker ${id} does not answer`,
      destinations: [],
      sendingAddresses: [],
    }
  );
}

/** In a worker: answers when the primary asks how it is. */
export function answerPrimary(state: () => Promise<NodeState>): void {
  if (!cluster.isWorker) return;
  process.on('message', ({ ask }: Question) => {
    void state().then((told) => process.send?.({ asked: ask, state: told } satisfies Answer));
  });
}
