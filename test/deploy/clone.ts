/** Clones of the repository, each with a folder of state of its own, that run its scripts against the fake. */

import { spawn } from 'node:child_process';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FakeCloudflare } from './cloudflare.ts';

const repository = new URL('../..', import.meta.url).pathname;
const copied = ['package.json', 'wrangler.toml', 'tsconfig.json', 'worker', 'smtp-node', 'drizzle'];

export interface Said {
  code: number | null;
  /** Standard output and standard error. */
  text: string;
}

export class Clone {
  readonly folder: string;
  readonly #cloud: FakeCloudflare;

  private constructor(folder: string, cloud: FakeCloudflare) {
    this.folder = folder;
    this.#cloud = cloud;
  }

  static async make(cloud: FakeCloudflare): Promise<Clone> {
    const folder = await mkdtemp(join(tmpdir(), 'pennypost-clone-'));
    for (const name of copied) await cp(join(repository, name), join(folder, name), { recursive: true });
    await symlink(join(repository, 'node_modules'), join(folder, 'node_modules'));
    return new Clone(folder, cloud);
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Runs a script of package.json as a person without a terminal does. */
  run(script: string, args: string[] = [], env: Record<string, string | undefined> = {}): Promise<Said> {
    return this.command('npm', ['run', '--silent', script, '--', ...args], env);
  }

  /** Runs a program in the clone, logged in at the fake. */
  command(command: string, args: string[], env: Record<string, string | undefined> = {}): Promise<Said> {
    return new Promise((resolve) => {
      const child = spawn(command, args, {
        cwd: this.folder,
        env: {
          PATH: `${join(this.folder, 'node_modules/.bin')}:${process.env.PATH}`,
          HOME: this.folder,
          CI: '1',
          NODE_COMPILE_CACHE: join(tmpdir(), 'pennypost-compile-cache'),
          NODE_NO_WARNINGS: '1',
          WRANGLER_SEND_METRICS: 'false',
          CLOUDFLARE_API_BASE_URL: this.#cloud.url,
          CLOUDFLARE_API_TOKEN: this.#cloud.token,
          ...env,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let text = '';
      const hear = (chunk: Buffer) => {
        text += chunk.toString();
      };
      child.stdout.on('data', hear);
      child.stderr.on('data', hear);
      child.on('close', (code) => resolve({ code, text }));
    });
  }
}
