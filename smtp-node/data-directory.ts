import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, realpath, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The longest path that a Unix socket may have everywhere (`sun_path`, 104 octets on some systems). */
const longestSocketPath = 100;

/**
 * Makes a directory that only its owner may look into, and closes it to others when it was there before. What this
 * process and its children (workerd and its databases) write from now on is their owner's alone as well.
 */
export async function keepPrivate(directory: string): Promise<void> {
  process.umask(0o077);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
}

/**
 * Takes a data directory, made when absent, for this process alone: a journal that two nodes write is worth nothing.
 * The claim is a listening socket, so it ends with its process however that ends, and holds between containers that
 * share the directory.
 * @returns gives the directory up
 * @throws Error when another node has it
 */
export async function claimDataDirectory(directory: string): Promise<() => Promise<void>> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const server = await claim(await realpath(directory));
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

/** Listens in the directory; where that cannot be (its path is too long, its volume knows no sockets), beside it. */
async function claim(directory: string): Promise<Server | null> {
  const inside = join(directory, 'node.sock');
  const name = createHash('sha256').update(directory).digest('hex').slice(0, 24);
  const beside = join(tmpdir(), `pennypost-${name}.sock`);
  if (inside.length > longestSocketPath) return await listenAlone(beside);
  return await listenAlone(inside).catch(() => listenAlone(beside));
}

/** Listens; null when another process does. A socket that a process left behind when it died is taken over. */
async function listenAlone(path: string): Promise<Server | null> {
  const server = await listen(path);
  if (server || (await answers(path))) return server;
  await rm(path, { force: true });
  return await listen(path);
}

/** Listens; null when there is a socket already. */
async function listen(path: string): Promise<Server | null> {
  const server = createServer((socket) => socket.destroy());
  const listening = once(server, 'listening');
  // A claim is this process's own, where node:cluster would share it with other workers.
  server.listen({ path, exclusive: true });
  try {
    await listening;
    return server;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return null;
    throw error;
  }
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
