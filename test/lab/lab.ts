/**
 * The mail lab: hosts in network namespaces with real DNS and real mail servers, into which the whole
 * product is put. `bringUp` makes it (after removing what an earlier run left), `attach` finds one that
 * is up, `takeDown` removes it. LAB_KEEP=1 leaves a lab that failed to come up as it is, for a look at it.
 */
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, lstat, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { caFile, makeAuthority } from './certificates.ts';
import { Dns } from './dns.ts';
import { eximLog, startExim } from './exim.ts';
import { type Forward, forward, reverse } from './forward.ts';
import { type HostName, hostNames, hosts, type PostfixSettings } from './hosts.ts';
import { Mailbox } from './mailbox.ts';
import { Namespaces, type RunOptions, type RunResult } from './namespaces.ts';
import { mailboxDir, mailLog, startPostfix } from './postfix.ts';
import { Verifiers } from './verifiers.ts';

/** What another process needs to use a lab that is up. */
export interface LabHandle {
  prefix: string;
  dir: string;
}

export class Lab {
  readonly handle: LabHandle;
  readonly hosts = hosts;
  readonly dns: Dns;
  readonly verifiers: Verifiers;
  readonly #namespaces: Namespaces;
  readonly #mailboxes = new Map<HostName, Mailbox>();

  constructor(handle: LabHandle) {
    this.handle = handle;
    this.#namespaces = new Namespaces(handle.prefix);
    this.dns = new Dns(this.#namespaces, handle.dir);
    this.verifiers = new Verifiers(this.#namespaces, 'mx1');
  }

  /** The certificate of the authority that signed the servers' certificates (but those of the TLS faults). */
  get caFile(): string {
    return caFile(this.handle.dir);
  }

  /** Runs a command inside a host and waits for its end. Throws when it fails, unless `mayFail`. */
  run(host: HostName, command: string, args: string[] = [], options: RunOptions = {}): Promise<RunResult> {
    return this.#namespaces.run(host, command, args, options);
  }

  /** Starts a command inside a host; the child's pid is the command's own. `takeDown` ends what still runs. */
  spawn(host: HostName, command: string, args: string[] = [], options: SpawnOptions = {}): ChildProcess {
    return this.#namespaces.spawn(host, command, args, options);
  }

  /** A loopback port of this process that leads to a port on a host's own loopback (or `address`). */
  forward(host: HostName, port: number, address?: string): Promise<Forward> {
    return forward(this.#namespaces, this.handle.dir, host, port, address);
  }

  /** A loopback port of a host that leads to a loopback port of this process. */
  reverse(host: HostName, port: number): Promise<Forward> {
    return reverse(this.#namespaces, this.handle.dir, host, port);
  }

  /** Starts the Postfix of a host that has none from the start; `takeDown` ends it. */
  startPostfix(host: HostName, settings: PostfixSettings): Promise<void> {
    return startPostfix(this.#namespaces, this.handle.dir, host, settings);
  }

  mailbox(host: HostName): Mailbox {
    const mailbox = this.#mailboxes.get(host) ?? new Mailbox(mailboxDir(this.handle.dir, host));
    this.#mailboxes.set(host, mailbox);
    return mailbox;
  }

  /** The mail server's log of a host, for a failed test to show. */
  mailLog(host: HostName): Promise<string> {
    const { dir } = this.handle;
    return readFile(hosts[host].exim ? eximLog(dir, host) : mailLog(dir, host), 'utf8');
  }
}

/** The lab of another process of this run. */
export const attach = (handle: LabHandle): Lab => new Lab(handle);

/**
 * Brings the lab up. Only one process at a time can hold a lab of a prefix; labs of different prefixes
 * do not see each other. Throws when the prefix is held or a server does not start.
 */
export async function bringUp(prefix: string): Promise<{ lab: Lab; takeDown: () => Promise<void> }> {
  const release = await hold(prefix);
  const namespaces = new Namespaces(prefix);
  const takeDown = async () => {
    await namespaces.removeAll();
    await removeStateOf(prefix);
    await release();
  };
  try {
    await namespaces.removeAll();
    await removeStateOf(prefix);
    const dir = await mkdtemp(join(tmpdir(), `${prefix}-`));
    await writeFile(join(dir, MARK), `${process.pid}\n`);
    // The servers work under users of their own.
    await chmod(dir, 0o755);
    const lab = new Lab({ prefix, dir });
    await Promise.all([namespaces.create(), makeAuthority(dir)]);
    await lab.dns.start();
    const servers = hostNames.filter((host) => hosts[host].postfix);
    await Promise.all([
      ...servers.map((host) => startPostfix(namespaces, dir, host)),
      ...hostNames.filter((host) => hosts[host].exim).map((host) => startExim(namespaces, dir, host)),
    ]);
    return { lab, takeDown };
  } catch (error) {
    if (process.env.LAB_KEEP !== '1') await takeDown();
    throw error;
  }
}

const MARK = 'this-is-a-mail-lab';

/** Removes state folders of this prefix, and nothing that merely has such a name. */
async function removeStateOf(prefix: string): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const dir = join(tmpdir(), name);
    if (!new RegExp(`^${prefix}-[A-Za-z0-9]{6}$`).test(name) || !existsSync(join(dir, MARK))) continue;
    const stat = await lstat(dir);
    if (stat.isDirectory() && stat.uid === process.getuid?.())
      await rm(dir, { recursive: true, force: true });
  }
}

/** Holds the prefix by an abstract socket, which the kernel gives back even when this process is killed. */
function hold(prefix: string): Promise<() => Promise<void>> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => {
      const held = 'code' in error && error.code === 'EADDRINUSE';
      reject(
        held ? new Error(`another process holds the lab ${prefix}; choose another by LAB_PREFIX`) : error,
      );
    });
    server.listen(`\0mail-lab-${prefix}`, () => {
      server.unref();
      resolve(() => new Promise((done) => server.close(() => done())));
    });
  });
}
