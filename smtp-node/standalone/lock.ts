import { rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { relative } from 'node:path';

/**
 * One run at a time: a socket that is listened on as long as the process lives, so that a crash leaves no lock.
 * @returns what ends the lock, or null when another process has it; throws when the path is too long
 */
export async function takeLock(absolute: string): Promise<(() => Promise<void>) | null> {
  const path = nearest(absolute);
  const server = createServer((socket) => socket.destroy());
  server.unref();
  if (!(await listens(server, path))) {
    if (await answers(path)) return null;
    await rm(path, { force: true }); // left by a process that was killed
    if (!(await listens(server, path))) return null;
  }
  return async () => {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
}

/** unix(7): the path of a socket has at most 107 octets, on other systems 103; below the working directory it is short. */
function nearest(absolute: string): string {
  const [path = absolute] = [relative('', absolute), absolute].sort((a, b) => a.length - b.length);
  if (Buffer.byteLength(path) > 103)
    throw new Error(`the name of the data directory is too long: ${absolute}`);
  return path;
}

function listens(server: Server, path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    };
    server.once('error', failed);
    server.listen(path, () => {
      server.off('error', failed);
      resolve(true);
    });
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
