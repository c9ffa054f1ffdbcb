import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, realpath, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The longest path that a Unix socket may have everywhere (`sun_path`, 104 octets on some systems). */
const longestSocketPath = 100;

/**
 * Takes a data directory, made when absent, for this process alone: a journal that two nodes write is worth nothing.
 * The claim is a listening socket, so it ends with its process however that ends, and holds between containers that
 * share the directory.
 * @returns gives the directory up
 * @throws Error when another node has it
 */
export async function claimDataDirectory(directory: string): Promise<() => Promise<void>> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = socketPath(await realpath(directory));
  const server = (await listen(path)) ?? ((await answers(path)) ? null : await listenAnew(path));
  if (!server) {
    throw new Error(
      `another node is using the data directory ${directory}; stop it, or give this one a PENNYPOST_DATA_DIR of its own`,
    );
  }
  server.unref();
  return async () => {
    const closed = once(server, 'close');
    server.close();
    await closed;
  };
}

function socketPath(directory: string): string {
  const path = join(directory, 'node.sock');
  if (path.length <= longestSocketPath) return path;
  const name = createHash('sha256').update(directory).digest('hex').slice(0, 24);
  return join(tmpdir(), `pennypost-${name}.sock`);
}

/** Listens; null when there is a socket already. */
async function listen(path: string): Promise<Server | null> {
  const server = createServer((socket) => socket.destroy());
  const listening = once(server, 'listening');
  server.listen(path);
  try {
    await listening;
    return server;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return null;
    throw error;
  }
}

/** The socket is one that a process left behind when it died. */
async function listenAnew(path: string): Promise<Server | null> {
  await rm(path, { force: true });
  return await listen(path);
}

/** True when a living process listens there. */
async function answers(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
