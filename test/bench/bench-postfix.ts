import { execFile, spawn } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { DkimKey } from '#domain/node-contract.ts';
import { oversignedFields } from '../../smtp-node/signing/dkim.ts';
import { freePort, untilOpen } from './debian-sink.ts';
import { cpuMs, treeStats } from './processes.ts';

const run = promisify(execFile);

/** A Postfix of our own, with submission over TLS; nothing of /etc/postfix is used. */
export interface BenchPostfix {
  port: number;
  /** CPU time of all its processes and of its milters, milliseconds. */
  cpuMs(): Promise<number>;
  /** CPU time of those alone that take mail in. */
  intakeCpuMs(): Promise<number>;
  stop(): Promise<void>;
}

export interface PostfixOptions {
  /** Where its mail goes; null: it is thrown away. */
  sinkPort: number | null;
  connections: number;
  cert: string;
  key: string;
  user: string;
  password: string;
  /** Who signs, an OpenDKIM each. */
  keys: readonly DkimKey[];
  domain: string;
}

/** Why there can be none here; null when there can. */
export async function whyNoPostfix(): Promise<string | null> {
  if (process.getuid?.() !== 0) return 'it needs root';
  for (const program of ['postconf', 'opendkim']) {
    const found = await run('sh', ['-c', `command -v ${program}`]).catch(() => null);
    if (!found) return `it needs ${program}; the packages are those of test/lab/packages.txt`;
  }
  return null;
}

export async function startBenchPostfix(options: PostfixOptions): Promise<BenchPostfix> {
  const dir = await mkdtemp(join(tmpdir(), 'pennypost-bench-postfix-'));
  const conf = join(dir, 'conf');
  for (const part of ['conf', 'spool', 'data']) await mkdir(join(dir, part));
  const { stdout: uid } = await run('id', ['-u', 'postfix']);
  await chown(join(dir, 'data'), Number(uid), -1);
  await chmod(dir, 0o755); // its daemons run as another user
  await writeFile(join(dir, 'tls.pem'), options.key + options.cert, { mode: 0o600 });
  const logins = await startLogins(options);
  const milters = await Promise.all(options.keys.map((key) => startOpenDkim(dir, options.domain, key)));
  const port = await freePort();
  await writeFile(
    join(conf, 'main.cf'),
    mainCf(
      dir,
      options,
      logins.port,
      milters.map(({ port: at }) => at),
    ),
  );
  await writeFile(join(conf, 'master.cf'), masterCf(port));
  await run('postfix', ['-c', conf, 'start']);
  await untilOpen(port);
  const master = Number(await readFile(join(dir, 'spool/pid/master.pid'), 'utf8'));
  const sum = (values: number[]) => values.reduce((total, one) => total + one, 0);
  return {
    port,
    cpuMs: async () => {
      const own = (await treeStats(master)).map((stat) => stat.cpuMs);
      const signers = await Promise.all(milters.map(({ pid }) => cpuMs(pid)));
      return sum([...own, ...signers]);
    },
    intakeCpuMs: async () =>
      sum((await treeStats(master)).filter((stat) => intake.has(stat.command)).map((stat) => stat.cpuMs)),
    stop: async () => {
      await run('postfix', ['-c', conf, 'stop']).catch(() => undefined);
      for (const { stop } of [logins, ...milters]) stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

const intake = new Set(['master', 'smtpd', 'cleanup', 'tlsmgr', 'trivial-rewrite', 'proxymap', 'anvil']);
/** Knows the one login, for Postfix to ask (Dovecot's authentication protocol, version 1.1). */
async function startLogins({
  user,
  password,
}: Pick<PostfixOptions, 'user' | 'password'>): Promise<{ port: number; stop(): void }> {
  const right = Buffer.from(`\0${user}\0${password}`).toString('base64');
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.write(
      `VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t${'0'.repeat(32)}\nDONE\n`,
    );
    createInterface({ input: socket }).on('line', (line) => {
      const [command, id, ...parameters] = line.split('\t');
      if (command !== 'AUTH') return;
      const isRight = parameters.includes(`resp=${right}`);
      socket.write(isRight ? `OK\t${id}\tuser=${user}\n` : `FAIL\t${id}\n`);
    });
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { port, stop: () => server.close() };
}

/** One that signs with one key, the fields that the node signs. */
async function startOpenDkim(
  dir: string,
  domain: string,
  { selector, algorithm, privateKey }: DkimKey,
): Promise<{ pid: number; port: number; stop(): void }> {
  const port = await freePort();
  const name = join(dir, `opendkim-${selector}`);
  await writeFile(`${name}.pem`, privateKey, { mode: 0o600 });
  const settings = {
    Socket: `inet:${port}@127.0.0.1`,
    Mode: 's',
    Domain: domain,
    Selector: selector,
    KeyFile: `${name}.pem`,
    SignatureAlgorithm: algorithm,
    Canonicalization: 'relaxed/relaxed',
    SignHeaders: oversignedFields.join(','),
    OversignHeaders: oversignedFields.join(','),
    InternalHosts: '0.0.0.0/0',
    UserID: 'root',
    Syslog: 'no',
    RequireSafeKeys: 'no',
  };
  await writeFile(`${name}.conf`, lines(settings, ' '));
  const child = spawn('opendkim', ['-f', '-x', `${name}.conf`], { stdio: ['ignore', 'inherit', 'inherit'] });
  if (child.pid === undefined) throw new Error('opendkim did not start');
  await untilOpen(port, child);
  return { pid: child.pid, port, stop: () => child.kill('SIGTERM') };
}

function mainCf(dir: string, options: PostfixOptions, loginPort: number, milters: readonly number[]): string {
  const next: Record<string, string> =
    options.sinkPort === null
      ? { default_transport: 'discard', relay_transport: 'discard' }
      : { relayhost: `[127.0.0.1]:${options.sinkPort}` };
  return lines(
    {
      compatibility_level: '3.6',
      queue_directory: join(dir, 'spool'),
      data_directory: join(dir, 'data'),
      maillog_file: join(dir, 'maillog'),
      maillog_file_prefixes: dir,
      myhostname: 'postfix.bench.example',
      inet_interfaces: 'loopback-only',
      inet_protocols: 'ipv4',
      mydestination: '',
      mynetworks: '',
      alias_maps: '',
      alias_database: '',
      // A process that ends takes its CPU time with it.
      max_use: '1000000',
      smtpd_tls_chain_files: join(dir, 'tls.pem'),
      smtpd_tls_wrappermode: 'yes',
      smtpd_tls_security_level: 'encrypt',
      smtpd_sasl_auth_enable: 'yes',
      smtpd_sasl_type: 'dovecot',
      smtpd_sasl_path: `inet:127.0.0.1:${loginPort}`,
      smtpd_relay_restrictions: 'permit_sasl_authenticated, reject',
      smtp_destination_concurrency_limit: String(options.connections),
      initial_destination_concurrency: String(options.connections),
      smtpd_milters: milters.map((port) => `inet:127.0.0.1:${port}`).join(', '),
      milter_default_action: 'reject',
      ...next,
    },
    ' = ',
  );
}

function lines(settings: Record<string, string>, between: string): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key}${between}${value}\n`)
    .join('');
}

function masterCf(port: number): string {
  return `
127.0.0.1:${port} inet n - n - - smtpd
pickup     unix  n - n 60 1 pickup
cleanup    unix  n - n - 0 cleanup
qmgr       unix  n - n 300 1 qmgr
tlsmgr     unix  - - n 1000? 1 tlsmgr
rewrite    unix  - - n - - trivial-rewrite
bounce     unix  - - n - 0 bounce
defer      unix  - - n - 0 bounce
trace      unix  - - n - 0 bounce
flush      unix  n - n 1000? 0 flush
proxymap   unix  - - n - - proxymap
smtp       unix  - - n - - smtp
discard    unix  - - n - - discard
showq      unix  n - n - - showq
error      unix  - - n - - error
retry      unix  - - n - - error
anvil      unix  - - n - 1 anvil
scache     unix  - - n - 1 scache
postlog    unix-dgram n - n - 1 postlogd
`;
}
