import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { freePort } from './free-port.ts';

const secretsSchema = z.object({ NODE_TOKEN: z.string(), OPERATOR_TOKEN: z.string() });

/** The edge as a process group of its own, at one port and with one data folder over all its lives. */
export class KillableEdge {
  readonly url: string;
  private readonly port: number;
  private readonly dataDir: string;
  private readonly said: string[] = [];
  private child: ChildProcess | null = null;

  private constructor(port: number, dataDir: string) {
    this.port = port;
    this.dataDir = dataDir;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async start(dataDir: string): Promise<KillableEdge> {
    const edge = new KillableEdge(await freePort(), dataDir);
    await edge.start();
    return edge;
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, ['smtp-node/standalone/edge-process.ts'], {
      cwd: new URL('../..', import.meta.url).pathname,
      env: { ...process.env, EDGE_PORT: String(this.port), EDGE_DATA_DIR: this.dataDir },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.child = child;
    child.stderr.on('data', (chunk: Buffer) => this.said.push(chunk.toString()));
    await new Promise<void>((resolve, reject) => {
      createInterface(child.stdout).once('line', () => resolve());
      child.once('exit', (code) => reject(new Error(`the edge ended with ${code}: ${this.log}`)));
    });
  }

  /** SIGKILL to all of it, the runtime included. */
  async kill(): Promise<void> {
    const { child } = this;
    this.child = null;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    process.kill(-child.pid, 'SIGKILL');
    await ended;
  }

  /** What it has written to its error output so far. */
  get log(): string {
    return this.said.join('');
  }

  async secrets(): Promise<z.infer<typeof secretsSchema>> {
    return secretsSchema.parse(JSON.parse(await readFile(join(this.dataDir, 'secrets.json'), 'utf8')));
  }
}
