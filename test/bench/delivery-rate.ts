import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startBenchEdge } from './bench-edge.ts';
import { startBenchNode } from './bench-node.ts';
import { receipt } from './mail.ts';
import { cpuMs, treeCpuMs } from './processes.ts';
import { fixed, judged, median, type SectionReport, told } from './report.ts';

const run = promisify(execFile);

/** The same for both, so that neither wins by opening more connections. */
const connections = 10;

/** From the tenth to the ninetieth percent of the messages. */
interface Run {
  perSecond: number;
  /** CPU time a message, all threads and processes. */
  cpuMs: number;
}

/** Messages a second into smtp-sink from a full queue: the node, which signs, and Postfix, which does not. */
export async function deliveryRate({ quick }: { quick: boolean }): Promise<SectionReport> {
  const title = 'Delivery rate into smtp-sink from a full queue';
  if (process.getuid?.() !== 0 || !(await run('postconf', ['-d', 'mail_version']).catch(() => null))) {
    return { title, figures: [], notes: ['left out: it needs Debian postfix and root'] };
  }
  const count = quick ? 600 : 1500;
  const node: Run[] = [];
  const postfix: Run[] = [];
  for (let i = 0; i < (quick ? 1 : 3); i++) {
    postfix.push(await postfixRate(count));
    node.push(await nodeRate(count));
  }
  const rate = (runs: Run[]) => median(runs.map(({ perSecond }) => perSecond));
  const cpu = (runs: Run[]) => median(runs.map(({ cpuMs: ms }) => ms));
  const ratio = rate(node) / rate(postfix);
  return {
    title,
    figures: [
      told('node with both DKIM keys against Postfix without: ratio of medians', fixed(ratio, 2)),
      told('messages a second: node, Postfix', `${fixed(rate(node), 0)}, ${fixed(rate(postfix), 0)}`),
      judged(
        'CPU a message: node, Postfix',
        'node ≤ 1.2 ms',
        `${fixed(cpu(node), 2)}, ${fixed(cpu(postfix), 2)} ms`,
        cpu(node) <= 1.2,
      ),
    ],
    notes: [
      `${count} messages of 4 kB, ${connections} connections each, from the tenth to the ninetieth percent of the messages as smtp-sink counts them, rounds one after the other`,
      'Postfix has no milter, so it signs nothing (checked in its configuration); the node signs RSA and Ed25519, leases from and reports to the edge on the same cores',
    ],
  };
}

/** Debian's smtp-sink, with its count of messages as it grows. */
async function startDebianSink(): Promise<{
  port: number;
  /** @param cpu the CPU time that the sender has used, ms; asked when a tenth has come, and when nine have */
  over(count: number, cpu: () => Promise<number>): Promise<Run>;
  stop(): void;
}> {
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

async function nodeRate(count: number): Promise<Run> {
  const sink = await startDebianSink();
  const bench = await startBenchEdge({ meter: false });
  try {
    for (let i = 0; i < count / 100; i++) {
      const mails = Array.from({ length: 100 }, () => receipt(bench.domain, 4000, { class: 'standard' }));
      const { status, body } = await bench.post('/v1/send/batch', bench.liveKey, mails);
      if (status !== 202) throw new Error(body);
    }
    const pid = Promise.withResolvers<number>();
    const rate = sink.over(count, async () => cpuMs(await pid.promise));
    const node = await startBenchNode(bench, sink.port, {
      PENNYPOST_CONNECTIONS_PER_HOST: String(connections),
    });
    pid.resolve(node.pid);
    try {
      return await rate;
    } finally {
      await node.stop();
    }
  } finally {
    await bench.stop();
    sink.stop();
  }
}

/** A Postfix of our own in a new folder; nothing of /etc/postfix is used. */
async function postfixRate(count: number): Promise<Run> {
  const sink = await startDebianSink();
  const dir = await mkdtemp(join(tmpdir(), 'pennypost-bench-postfix-'));
  const conf = join(dir, 'conf');
  for (const part of ['conf', 'spool', 'data']) await mkdir(join(dir, part));
  const { stdout: uid } = await run('id', ['-u', 'postfix']);
  await chown(join(dir, 'data'), Number(uid), -1);
  const port = await freePort();
  const settings = {
    compatibility_level: '3.6',
    queue_directory: join(dir, 'spool'),
    data_directory: join(dir, 'data'),
    maillog_file: join(dir, 'maillog'),
    maillog_file_prefixes: dir,
    myhostname: 'postfix.bench.example',
    inet_interfaces: 'loopback-only',
    inet_protocols: 'ipv4',
    mydestination: '',
    alias_maps: '',
    alias_database: '',
    mynetworks: '127.0.0.0/8',
    smtpd_relay_restrictions: 'permit_mynetworks, reject',
    relayhost: `[127.0.0.1]:${sink.port}`,
    smtp_destination_concurrency_limit: String(connections),
    initial_destination_concurrency: String(connections),
    defer_transports: 'smtp',
  };
  await writeFile(
    join(conf, 'main.cf'),
    Object.entries(settings)
      .map(([k, v]) => `${k} = ${v}\n`)
      .join(''),
  );
  await writeFile(join(conf, 'master.cf'), masterCf(port));
  await chmod(dir, 0o755); // its daemons run as another user
  try {
    await run('postfix', ['-c', conf, 'start']);
    await untilOpen(port);
    const { stdout: milters } = await run('postconf', [
      '-c',
      conf,
      '-h',
      'smtpd_milters',
      'non_smtpd_milters',
    ]);
    if (milters.trim() !== '') throw new Error(`Postfix has milters: ${milters}`);
    await run('smtp-source', [
      '-s',
      '10',
      '-m',
      String(count),
      '-l',
      '4000',
      '-f',
      'shop@bench.example',
      '-t',
      'user@example.net',
      `127.0.0.1:${port}`,
    ]);
    await untilDeferred(conf, count);
    await run('postconf', ['-c', conf, '-e', 'defer_transports =']);
    await run('postfix', ['-c', conf, 'reload']);
    await pause(1000);
    const master = Number(await readFile(join(dir, 'spool/pid/master.pid'), 'utf8'));
    const rate = sink.over(count, () => treeCpuMs(master));
    await run('postqueue', ['-c', conf, '-f']);
    return await rate;
  } finally {
    await run('postfix', ['-c', conf, 'stop']).catch(() => undefined);
    sink.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

async function untilDeferred(conf: string, count: number): Promise<void> {
  for (let i = 0; i < 300; i++) {
    const { stdout } = await run('postqueue', ['-c', conf, '-j'], { maxBuffer: 64 * 1024 * 1024 });
    if (stdout.split('"queue_name": "deferred"').length - 1 >= count) return;
    await pause(300);
  }
  throw new Error(`the queue of Postfix does not fill: ${await readFile(join(conf, '../maillog'), 'utf8')}`);
}

function masterCf(port: number): string {
  return `
127.0.0.1:${port} inet n - n - - smtpd
pickup     unix  n - n 60 1 pickup
cleanup    unix  n - n - 0 cleanup
qmgr       unix  n - n 300 1 qmgr
rewrite    unix  - - n - - trivial-rewrite
bounce     unix  - - n - 0 bounce
defer      unix  - - n - 0 bounce
trace      unix  - - n - 0 bounce
flush      unix  n - n 1000? 0 flush
proxymap   unix  - - n - - proxymap
smtp       unix  - - n - - smtp
showq      unix  n - n - - showq
error      unix  - - n - - error
retry      unix  - - n - - error
anvil      unix  - - n - 1 anvil
scache     unix  - - n - 1 scache
postlog    unix-dgram n - n - 1 postlogd
`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

async function untilOpen(port: number, child?: ChildProcess): Promise<void> {
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
