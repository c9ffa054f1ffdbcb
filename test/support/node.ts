import { parseConfig } from '../../smtp-node/config.ts';
import { type NodeDeps, startNode } from '../../smtp-node/node.ts';
import { FakeCourier } from './fake-courier.ts';
import { FakeEdge } from './fake-edge.ts';
import { freshDirectory, silentLog } from './submission.ts';

/** Environment of a node on free loopback ports. */
export function nodeEnv(edgeUrl: string, dataDirectory: string): Record<string, string> {
  return {
    PENNYPOST_EDGE_URL: edgeUrl,
    PENNYPOST_NODE_TOKEN: `pp_node_${'n'.repeat(43)}`,
    PENNYPOST_HOST_NAME: 'mail.example.com',
    PENNYPOST_DATA_DIR: dataDirectory,
    PENNYPOST_BIND_ADDRESS: '127.0.0.1',
    PENNYPOST_SUBMISSION_PORTS: '0',
    PENNYPOST_SUBMISSION_TLS_PORTS: 'none',
    PENNYPOST_RETURN_PATH_PORTS: 'none',
    PENNYPOST_METRICS_PORT: '0',
    PENNYPOST_EDGE_TIMEOUT_SECONDS: '10',
    // a test that passes only by polling should not pass
    PENNYPOST_POLL_SECONDS: '600',
    // nor one whose node had to be stopped by force
    PENNYPOST_STOP_SECONDS: '600',
    PENNYPOST_LOG_LEVEL: 'silent',
  };
}

export interface NodeAtEdgeOptions {
  edge?: FakeEdge;
  courier?: FakeCourier;
  dataDirectory?: string;
  env?: Record<string, string>;
  deps?: NodeDeps;
}

/** A whole node between a fake edge and a fake courier; `using` stops it. */
export async function nodeAtEdge(options: NodeAtEdgeOptions = {}) {
  const edge = options.edge ?? (await new FakeEdge().start());
  const courier = options.courier ?? new FakeCourier();
  const dataDirectory = options.dataDirectory ?? (await freshDirectory());
  const config = parseConfig({ ...nodeEnv(edge.url, dataDirectory), ...options.env });
  const node = await startNode(config, { log: silentLog, createCourier: () => courier, ...options.deps });
  const close = async () => {
    await node.stop();
    await edge.stop();
  };
  return { edge, courier, node, dataDirectory, [Symbol.asyncDispose]: close };
}
