import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NodeProcess, startNodeProcess } from '../support/node-process.ts';
import { readProfile, type Shares } from './cpu-profile.ts';

/** The SMTP node as its own process beside an edge; all mail goes to one port of loopback. */
export async function startBenchNode(
  edge: { url: string; nodeToken: string },
  sinkPort: number,
  env: Record<string, string> = {},
  nodeArguments: readonly string[] = [],
): Promise<NodeProcess> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'pennypost-bench-node-'));
  const node = await startNodeProcess({
    edgeUrl: edge.url,
    nodeToken: edge.nodeToken,
    dataDirectory,
    route: { host: '127.0.0.1', port: sinkPort },
    env: { PENNYPOST_NODE_ID: 'bench', ...env }, // whose token it has
    nodeArguments,
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

/** A node whose main thread is profiled; `stop` gives what its time was spent for. */
export async function startProfiledNode(
  ...[edge, sinkPort, env = {}]: Parameters<typeof startBenchNode>
): Promise<Omit<NodeProcess, 'stop'> & { stop(): Promise<Shares> }> {
  const folder = await mkdtemp(join(tmpdir(), 'pennypost-bench-profile-'));
  const node = await startBenchNode(edge, sinkPort, env, ['--cpu-prof', `--cpu-prof-dir=${folder}`]);
  return {
    ...node,
    stop: async () => {
      await node.stop();
      const shares = await readProfile(folder);
      await rm(folder, { recursive: true });
      return shares;
    },
  };
}
