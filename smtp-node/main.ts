import cluster from 'node:cluster';
import { parseArgs } from 'node:util';
import { ConfigError, parseConfig } from './config.ts';
import { keepPrivate } from './data-directory.ts';
import { type NodeEnd, startNode } from './node.ts';
import { answerPrimary, runWorkers } from './workers.ts';

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
