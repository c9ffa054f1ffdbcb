import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NodeProcess, startNodeProcess } from '../support/node-process.ts';
import type { BenchEdge } from './bench-edge.ts';

/** The SMTP node as its own process beside a bench edge; all mail goes to one port of loopback. */
export async function startBenchNode(
  bench: BenchEdge,
  sinkPort: number,
  env: Record<string, string> = {},
): Promise<NodeProcess> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'pennypost-bench-node-'));
  const node = await startNodeProcess({
    edgeUrl: bench.url,
    nodeToken: bench.nodeToken,
    dataDirectory,
    route: { host: '127.0.0.1', port: sinkPort },
    env: { PENNYPOST_NODE_ID: 'bench', ...env }, // whose token it has
  });
  await node.ready;
  return {
    ...node,
    stop: async () => {
      await node.stop();
      await rm(dataDirectory, { recursive: true, force: true });
    },
  };
}
