import { type ChildProcess, spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** What came, from the tenth to the ninetieth percent of the messages. */
export interface Run {
  perSecond: number;
  /** CPU time that the sender used for a message. */
  cpuMs: number;
}

/** Debian's smtp-sink, with its count of messages as it grows. */
export interface DebianSink {
  port: number;
  /** @param cpu the CPU time that the sender has used, ms; asked when a tenth has come, and when nine have */
  over(count: number, cpu: () => Promise<number>): Promise<Run>;
  stop(): void;
}

/** A port of loopback that nobody has. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

/** @throws Error when nothing listens there after ten seconds, or the process that should is gone */
export async function untilOpen(port: number, child?: ChildProcess): Promise<void> {
  for (let i = 0; i < 200; i++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
    if (open) return;
    if (child && child.exitCode !== null) break;
    await pause(50);
  }
  throw new Error(`nothing listens on port ${port}`);
}

export async function startDebianSink(): Promise<DebianSink> {
  const port = await freePort();
  const child = spawn('smtp-sink', ['-c', '-u', 'postfix', '-m', '200', `127.0.0.1:${port}`, '256'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const first = { at: 0, messages: 0 };
  const last = { at: 0, messages: 0 };
  let tenth = 0;
  let seen = 0;
  const passed = [1, 9].map((tenths) => ({ tenths, ...Promise.withResolvers<void>() }));
  child.stdout.on('data', (chunk: Buffer) => {
    const at = performance.now();
    for (const [, messages] of chunk.toString().matchAll(/sess=\d+ quit=\d+ mesg=(\d+)/g)) {
      if (first.messages === 0 && Number(messages) >= tenth)
        Object.assign(first, { at, messages: Number(messages) });
      if (Number(messages) <= tenth * 9) Object.assign(last, { at, messages: Number(messages) });
      seen = Number(messages);
      for (const { tenths, resolve } of passed) if (tenth > 0 && seen >= tenth * tenths) resolve();
    }
  });
  await untilOpen(port, child);
  return {
    port,
    over: async (count, cpu) => {
      tenth = count / 10;
      const startedAt = performance.now();
      const samples = passed.map(async ({ promise }) => {
        await promise;
        return { seen, ms: await cpu() };
      });
      while (seen < count) {
        await pause(20);
        if (performance.now() - startedAt > 120_000)
          throw new Error(`${seen} of ${count} arrived in two minutes`);
      }
      const [from, to] = await Promise.all(samples);
      if (!from || !to) throw new Error('two samples were expected');
      return {
        perSecond: ((last.messages - first.messages) * 1000) / (last.at - first.at),
        cpuMs: (to.ms - from.ms) / (to.seen - from.seen),
      };
    },
    stop: () => child.kill('SIGKILL'),
  };
}
