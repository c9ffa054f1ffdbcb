import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below what Linux gives to connections (ip_local_port_range(7)). */
const ports = { first: 15_000, last: 32_000 };

/**
 * A port of 127.0.0.1 that nobody listens at. It stays free while its owner is away: one from the range of connections
 * may meanwhile be the near end of somebody's connection, even of one to itself.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = ports.first + Math.floor(Math.random() * (ports.last - ports.first));
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
