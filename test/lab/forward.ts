/**
 * A way from the test's own process into a host: a loopback port here, a Unix socket (which no network
 * namespace holds back) in between, and a small relay inside the host that connects to the port there.
 */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { HostName } from './hosts.ts';
import type { Namespaces } from './namespaces.ts';

export interface Forward {
  /** The port on 127.0.0.1 of this process. */
  port: number;
  close: () => Promise<void>;
}

const relayScript = new URL('forward-relay.ts', import.meta.url).pathname;

/** Makes `127.0.0.1:<port>` here lead to `address:port` inside the host. */
export async function forward(
  namespaces: Namespaces,
  labDir: string,
  host: HostName,
  port: number,
  address = '127.0.0.1',
): Promise<Forward> {
  const dir = await mkdtemp(join(labDir, 'forward-'));
  const path = join(dir, 'socket');
  const relay = namespaces.spawn(host, process.execPath, [relayScript, path, address, `${port}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (!relay.stdout) throw new Error('no output of the relay');
  await Promise.race([
    once(relay.stdout, 'data'),
    once(relay, 'exit').then(() => Promise.reject(new Error(`no relay to port ${port} of ${host}`))),
  ]);
  const server = createServer({ allowHalfOpen: true }, (socket) =>
    joinSockets(socket, connect({ path, allowHalfOpen: true })),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: portOf(server.address()),
    close: async () => {
      server.close();
      relay.kill('SIGKILL');
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('not listening on a port');
  return address.port;
}

/** Joins two sockets; the end of either, clean or not, is the end of the other. */
export function joinSockets(one: Socket, other: Socket): void {
  one.pipe(other).pipe(one);
  for (const [socket, peer] of [
    [one, other],
    [other, one],
  ] as const) {
    socket.on('error', () => peer.destroy());
    socket.on('close', () => peer.destroySoon());
  }
}
