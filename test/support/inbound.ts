import { type InboundOptions, startInbound } from '../../smtp-node/inbound/server.ts';
import { createMeters } from '../../smtp-node/metrics.ts';
import { WorkerClient } from '../../smtp-node/worker-client.ts';
import { FakeEdge } from './fake-edge.ts';
import { freshDirectory, silentLog } from './submission.ts';

/** A return path that the fake edge of `inboundAtEdge` knows. */
export const known = 'b-known@bounces.example';

/** The listener for incoming mail on a free loopback port, in front of a fake edge; `using` stops both. */
export async function inboundAtEdge(more: Partial<InboundOptions> = {}) {
  const edge = await new FakeEdge().start();
  edge.known.add(known);
  const meters = createMeters();
  const dataDirectory = more.dataDirectory ?? (await freshDirectory());
  const inbound = await startInbound({
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
    dnsServers: [],
    tlsCertificateFile: '',
    tlsKeyFile: '',
    dataDirectory,
    maxConnections: 100,
    connectionsPerAddress: 50,
    resolveTxt: () => Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })),
    log: silentLog,
    meters,
    ...more,
  });
  const [port = 0] = inbound.ports;
  const close = async () => {
    await inbound.stop(0);
    await edge.stop();
  };
  return { edge, inbound, port, meters, dataDirectory, [Symbol.asyncDispose]: close };
}
