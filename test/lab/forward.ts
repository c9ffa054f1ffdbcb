/**
 * Ways between the test's own process and a host: a port on one side, a Unix socket (which no network
 * namespace holds back) in between, and a small relay inside the host.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { HostName } from './hosts.ts';
import type { Namespaces } from './namespaces.ts';

export interface Forward {
  /** The port on the loopback of the side that connects. */
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
  const relay = await startRelay(namespaces, host, { listen: { path }, to: { host: address, port } });
  const server = relayServer({ path }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: portOf(server.address()), close: closerOf(server, relay.child, dir) };
}

/** Makes `127.0.0.1:<port>` inside the host lead to `127.0.0.1:port` here. */
export async function reverse(
  namespaces: Namespaces,
  labDir: string,
  host: HostName,
  port: number,
): Promise<Forward> {
  const dir = await mkdtemp(join(labDir, 'reverse-'));
  const path = join(dir, 'socket');
  const server = relayServer({ host: '127.0.0.1', port }).listen(path);
  await once(server, 'listening');
  const relay = await startRelay(namespaces, host, { listen: { host: '127.0.0.1', port: 0 }, to: { path } });
  return { port: relay.port, close: closerOf(server, relay.child, dir) };
}

/** An end of a relay: a Unix socket or a port. */
type End = { path: string } | { host: string; port: number };

/** What a relay is told: where it listens and where that leads. */
export interface Relay {
  listen: End;
  to: End;
}

/** Joins whatever connects to it with a connection to the other end. */
export function relayServer(to: End): Server {
  return createServer({ allowHalfOpen: true }, (socket) =>
    joinSockets(socket, connect({ ...to, allowHalfOpen: true })),
  );
}

/** Starts a relay inside the host; gives the port it listens on, 0 for a Unix socket. */
async function startRelay(
  namespaces: Namespaces,
  host: HostName,
  ends: Relay,
): Promise<{ child: ChildProcess; port: number }> {
  const child = namespaces.spawn(host, process.execPath, [relayScript, JSON.stringify(ends)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (!child.stdout) throw new Error('no output of the relay');
  const [said] = await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => Promise.reject(new Error(`no relay ${JSON.stringify(ends)} in ${host}`))),
  ]);
  return { child, port: Number(said) };
}

function closerOf(server: Server, relay: ChildProcess, dir: string): () => Promise<void> {
  return async () => {
    server.close();
    relay.kill('SIGKILL');
    await rm(dir, { recursive: true, force: true });
  };
}

/** The port of a server that listens on one. */
function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('not listening on a port');
  return address.port;
}

/** Joins two sockets; the end of either, clean or not, is the end of the other. */
function joinSockets(one: Socket, other: Socket): void {
  one.pipe(other).pipe(one);
  for (const [socket, peer] of [
    [one, other],
    [other, one],
  ] as const) {
    socket.on('error', () => peer.destroy());
    socket.on('close', () => peer.destroySoon());
  }
}
