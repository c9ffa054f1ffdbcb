import { createMeters } from '../../smtp-node/metrics.ts';
import { type ReturnPathOptions, startReturnPath } from '../../smtp-node/return-path/server.ts';
import { WorkerClient } from '../../smtp-node/worker-client.ts';
import { FakeEdge } from './fake-edge.ts';
import { freshDirectory, silentLog } from './submission.ts';

/** A return path that the fake edge of `returnPathAtEdge` knows. */
export const known = 'b-known@bounces.example';

/** A return-path listener on a free loopback port, in front of a fake edge; `using` stops both. */
export async function returnPathAtEdge(more: Partial<ReturnPathOptions> = {}) {
  const edge = await new FakeEdge().start();
  edge.known.add(known);
  const meters = createMeters();
  const returnPath = await startReturnPath({
    client: new WorkerClient({
      edgeUrl: edge.url,
      nodeToken: 'test-node-token-0123456789',
      nodeId: 'node',
      bootId: 'boot',
      timeoutMs: 10_000,
    }),
    hostName: 'mail.example.com',
    bindAddress: '127.0.0.1',
    ports: [0],
    tlsCertificateFile: '',
    tlsKeyFile: '',
    dataDirectory: await freshDirectory(),
    maxConnections: 100,
    connectionsPerAddress: 50,
    log: silentLog,
    meters,
    ...more,
  });
  const [port = 0] = returnPath.ports;
  const close = async () => {
    await returnPath.stop(0);
    await edge.stop();
  };
  return { edge, returnPath, port, meters, [Symbol.asyncDispose]: close };
}
