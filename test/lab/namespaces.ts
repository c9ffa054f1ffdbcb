/**
 * Network namespaces: one per host, and one that holds the bridge between them. Only namespaces whose
 * name starts with the lab's prefix are ever touched, and only processes inside these are ended.
 */
import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process';
import { mkdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { blackHole, type HostName, hostNames, hosts } from './hosts.ts';

export interface RunOptions {
  input?: string | Buffer;
  env?: Record<string, string>;
  cwd?: string;
  timeoutMs?: number;
  /** Give a failed command back as a value instead of throwing. */
  mayFail?: boolean;
}

export interface RunResult {
  code: number;
  stdout: string;
  stderr: string;
}

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** Runs a command of the machine itself, not of a host. Throws with its output when it fails, unless `mayFail`. */
export function runHere(command: string, args: string[], options: RunOptions = {}): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      args,
      {
        env: { ...process.env, ...options.env },
        cwd: options.cwd,
        timeout: options.timeoutMs ?? 60_000,
        killSignal: 'SIGKILL',
        maxBuffer: MAX_OUTPUT_BYTES,
      },
      (error, stdout, stderr) => {
        const code = error ? (typeof error.code === 'number' ? error.code : -1) : 0;
        if (!error || (options.mayFail && code !== -1)) return resolve({ code, stdout, stderr });
        reject(new Error(`${command} ${args.join(' ')}: ${error.message}\n${stdout}${stderr}`));
      },
    );
    // A command that ends without reading its input must not end the test run by EPIPE.
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input ?? '');
  });
}

export class Namespaces {
  readonly prefix: string;

  constructor(prefix: string) {
    if (!/^[a-z][a-z0-9]{3,15}$/.test(prefix)) throw new Error(`unfit as a lab prefix: ${prefix}`);
    this.prefix = prefix;
  }

  /** The namespace's name as `ip netns` lists it. */
  nameOf(host: HostName | 'switch'): string {
    return `${this.prefix}-${host}`;
  }

  /** Runs a command inside a host and waits for its end. */
  run(host: HostName, command: string, args: string[] = [], options: RunOptions = {}): Promise<RunResult> {
    return runHere('ip', ['netns', 'exec', this.nameOf(host), command, ...args], options);
  }

  /** Starts a command inside a host. `ip` replaces itself by it, so the child's pid and signals are the command's own. */
  spawn(host: HostName, command: string, args: string[] = [], options: SpawnOptions = {}): ChildProcess {
    return spawn('ip', ['netns', 'exec', this.nameOf(host), command, ...args], options);
  }

  async create(): Promise<void> {
    const sw = this.nameOf('switch');
    await runHere('ip', ['netns', 'add', sw]);
    await ipBatch(sw, ['link set lo up', 'link add br0 type bridge', 'link set br0 up']);
    await Promise.all(hostNames.map((host) => this.#createHost(host)));
  }

  async #createHost(host: HostName): Promise<void> {
    const name = this.nameOf(host);
    const { fqdn, ipv4, ipv6 } = hosts[host];
    // `ip netns exec` mounts /etc/netns/NAME/* over /etc/*: every host has a resolver of its own.
    const etc = `/etc/netns/${name}`;
    await mkdir(etc, { recursive: true });
    await writeFile(
      `${etc}/resolv.conf`,
      `nameserver ${ipv4 ? hosts.dns.ipv4 : hosts.dns.ipv6}\noptions timeout:2 attempts:2 edns0\n`,
    );
    await writeFile(`${etc}/hosts`, '127.0.0.1 localhost\n::1 localhost ip6-localhost\n');
    await writeFile(`${etc}/hostname`, `${fqdn}\n`);
    await runHere('ip', ['netns', 'add', name]);
    await ipBatch(this.nameOf('switch'), [
      `link add v-${host} type veth peer name eth0 netns ${name}`,
      `link set v-${host} master br0 up`,
    ]);
    await ipBatch(name, [
      'link set lo up',
      'link set eth0 up',
      ...(ipv4 ? [`addr add ${ipv4}/24 dev eth0`] : []),
      // Without `nodad` the address could not be bound for the first second.
      ...(ipv6 ? [`addr add ${ipv6}/64 dev eth0 nodad`] : []),
      // A neighbour that is not there: packets leave and nothing says that nobody took them.
      ...(ipv4 ? [`neigh add ${blackHole} lladdr 02:00:00:00:00:99 nud permanent dev eth0`] : []),
    ]);
  }

  /** Ends every process of every namespace of this prefix and removes them, also those of a crashed run. */
  async removeAll(): Promise<void> {
    const names = await this.#existing();
    await Promise.all(names.map(endProcesses));
    for (const name of names) await runHere('ip', ['netns', 'delete', name], { mayFail: true });
    await Promise.all(
      [...new Set([...names, ...hostNames.map((host) => this.nameOf(host))])].map((name) =>
        rm(`/etc/netns/${name}`, { recursive: true, force: true }),
      ),
    );
    await rmdir('/etc/netns').catch(() => {});
  }

  async #existing(): Promise<string[]> {
    const { stdout } = await runHere('ip', ['netns', 'list']);
    return stdout
      .split('\n')
      .map((line) => line.split(' ')[0] ?? '')
      .filter((name) => name.startsWith(`${this.prefix}-`));
  }
}

async function ipBatch(namespace: string, lines: string[]): Promise<void> {
  await runHere('ip', ['-netns', namespace, '-batch', '-'], { input: `${lines.join('\n')}\n` });
}

async function endProcesses(namespace: string): Promise<void> {
  for (let round = 0; round < 100; round++) {
    const { stdout } = await runHere('ip', ['netns', 'pids', namespace], { mayFail: true });
    const pids = stdout.split('\n').filter(Boolean).map(Number);
    if (pids.length === 0) return;
    for (const pid of pids) killIfThere(pid);
    await sleep(20);
  }
  throw new Error(`processes in ${namespace} do not end`);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
