import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, untilOpen } from './debian-sink.ts';
import { cpuMs } from './processes.ts';

const run = promisify(execFile);

/** Too large for a dependency (40 MB with what it needs): the bench that compares with it installs it by itself, once. */
const version = '3.3.4';
const folder = join(tmpdir(), `pennypost-bench-haraka-${version}`);
const program = join(folder, 'node_modules/Haraka/bin/haraka');

export interface BenchHaraka {
  /** With TLS from the first octet. */
  port: number;
  /** CPU time so far. */
  cpuMs(): Promise<number>;
  stop(): Promise<void>;
}

/** Installs it unless it is there. Gives why it cannot be had; null: it is there. */
export async function whyNoHaraka(): Promise<string | null> {
  if (existsSync(program)) return null;
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'package.json'), '{"private":true}');
    // Its plugins for other services, and what would be compiled, are not needed.
    const options = ['--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund', '--save-exact'];
    await run('npm', ['install', ...options, `Haraka@${version}`], { cwd: folder, timeout: 180_000 });
    return existsSync(program) ? null : 'npm installed no Haraka';
  } catch (error) {
    return `Haraka ${version} cannot be installed: ${String(error).slice(0, 200)}`;
  }
}

/** Haraka on one core, with TLS and AUTH PLAIN, that keeps nothing of what it takes: the least that it can do. */
export async function startBenchHaraka(options: {
  cert: string;
  key: string;
  user: string;
  password: string;
}): Promise<BenchHaraka> {
  const dir = await mkdtemp(join(tmpdir(), 'pennypost-bench-haraka-run-'));
  const port = await freePort();
  // Its own defaults, but for these.
  await cp(join(folder, 'node_modules/Haraka/config'), join(dir, 'config'), { recursive: true });
  const files: Record<string, string> = {
    'smtp.ini': `listen=127.0.0.1:${port}\nsmtps_port=${port}\nnodes=0\n`,
    'log.ini': '[main]\nlevel=ERROR\n',
    me: 'haraka.bench.example\n',
    plugins: 'tls\nauth/flat_file\nqueue/discard\n',
    'tls.ini': 'key=tls_key.pem\ncert=tls_cert.pem\n',
    'tls_key.pem': options.key,
    'tls_cert.pem': options.cert,
    'auth_flat_file.ini': `[core]\nmethods=PLAIN\n[users]\n${options.user}=${options.password}\n`,
  };
  for (const [name, text] of Object.entries(files))
    await writeFile(join(dir, 'config', name), text, { mode: 0o600 });
  // Otherwise it makes a group of its own first, which takes a core for minutes.
  const group = join(dir, 'config/dhparams.pem');
  const named = ['genpkey', '-genparam', '-algorithm', 'DH', '-pkeyopt', 'group:ffdhe2048', '-out', group];
  await run('openssl', named);
  const child = spawn(process.execPath, [program, '-c', dir], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, YES_REALLY_DO_DISCARD: '1' },
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('Haraka did not start');
  await untilOpen(port, child);
  return {
    port,
    cpuMs: () => cpuMs(pid),
    stop: async () => {
      const gone = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGKILL');
      await gone;
      await rm(dir, { recursive: true, force: true });
    },
  };
}
