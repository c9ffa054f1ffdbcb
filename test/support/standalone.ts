import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { until } from '../lab/until.ts';
import { Api, Operator } from './api.ts';

export const repository = new URL('../../', import.meta.url).pathname;

const facts = z.object({
  apiUrl: z.string(),
  dashboardUrl: z.string(),
  setupCode: z.string(),
  smtp: z.object({ host: z.string(), port: z.number(), tlsPort: z.number(), username: z.string() }),
  returnPath: z.object({ host: z.string(), port: z.number() }).nullable(),
  liveKey: z.string(),
  testKey: z.string(),
  domain: z.string(),
  inboundDomain: z.string(),
  aliasDomain: z.string(),
  captureUrl: z.string().nullable(),
  metricsUrl: z.string(),
  operatorToken: z.string(),
  pid: z.number(),
});
export type Facts = z.infer<typeof facts>;

/** What `npm start` runs, with free ports. */
export const standaloneArguments = (dataDir: string, more: string[] = []) => [
  join(repository, 'smtp-node/standalone.ts'),
  ...['--port', '0', '--smtp-port', '0', '--smtp-tls-port', '0', '--capture-port', '0'],
  ...['--data-dir', dataDir, ...more],
];

/** `npm start` as a process of its own, with its facts. */
export class Standalone {
  readonly facts: Facts;
  readonly #process: Watched;

  private constructor(found: Facts, watched: Watched) {
    this.facts = found;
    this.#process = watched;
  }

  /** Starts it here in a process group of its own, as a shell would; resolves when it says that it runs. */
  static async start(
    dataDir: string,
    more: string[] = [],
    settings: Record<string, string> = {},
  ): Promise<Standalone> {
    return await Standalone.of(Standalone.spawn(dataDir, more, settings), dataDir);
  }

  static spawn(dataDir: string, more: string[] = [], settings: Record<string, string> = {}): ChildProcess {
    return spawn(process.execPath, standaloneArguments(dataDir, more), {
      cwd: repository,
      env: { ...process.env, ...settings },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** Takes over a child that has been started with `standaloneArguments`. */
  static async of(child: ChildProcess, dataDir: string): Promise<Standalone> {
    const watched = new Watched(child);
    await until('Pennypost to run', 90_000, async () => {
      if (watched.ended) throw new Error(`it did not start:\n${watched.output}`);
      return watched.output.includes('Ctrl-C stops it');
    });
    const text = await readFile(join(dataDir, 'dev.json'), 'utf8');
    return new Standalone(facts.parse(JSON.parse(text)), watched);
  }

  /** All that it has printed. */
  get output(): string {
    return this.#process.output;
  }

  get pid(): number {
    return this.facts.pid;
  }

  get api(): Api {
    return new Api(this.facts.apiUrl, this.facts.liveKey);
  }

  get operator(): Operator {
    return new Operator(this.facts.apiUrl, this.facts.operatorToken);
  }

  /** Ctrl-C: the signal goes to the whole process group. Gives the exit code. */
  async interrupt(): Promise<number | null> {
    if (!this.#process.ended) process.kill(-this.pid, 'SIGINT');
    return await this.#process.code;
  }

  /** SIGTERM to the process alone, as a service manager does. Gives the exit code. */
  async terminate(): Promise<number | null> {
    if (!this.#process.ended) process.kill(this.pid, 'SIGTERM');
    return await this.#process.code;
  }

  /** Ends the process alone at once, as the kernel does when memory is short. */
  async kill(): Promise<void> {
    process.kill(this.pid, 'SIGKILL');
    await this.#process.code;
  }
}

class Watched {
  output = '';
  ended = false;
  readonly code: Promise<number | null>;

  constructor(child: ChildProcess) {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.output += chunk.toString();
      });
    }
    this.code = new Promise((resolve) => {
      child.on('exit', (code) => {
        this.ended = true;
        resolve(code);
      });
    });
  }
}
