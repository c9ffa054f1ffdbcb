import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const repository = new URL('../../', import.meta.url).pathname;

/** The SMTP node as an own process, the leader of a process group of its own. */
export interface NodeProcess {
  pid: number;
  submissionPorts: number[];
  /** With TLS from the first octet. */
  submissionTlsPorts: number[];
  /** Resolves when the edge has taken it. */
  ready: Promise<void>;
  /** Resolves when the process is gone. */
  gone: Promise<void>;
  /** As `gone`, with its exit code; null: a signal ended it. */
  exitCode: Promise<number | null>;
  /** Resolves with the port of `/metrics`. */
  metricsPort: Promise<number>;
  /** Ends its process group at once (SIGKILL). */
  kill(): void;
  /** Asks it to stop (SIGTERM) and waits. */
  stop(): Promise<void>;
}

/** Starts `smtp-node/main.ts`; resolves when submission listens. Errors go to standard error. */
export async function startNodeProcess(options: {
  edgeUrl: string;
  nodeToken: string;
  dataDirectory: string;
  /** Where all mail goes. */
  route: { host: string; port: number };
  env?: Record<string, string>;
  /** Of Node.js itself. */
  nodeArguments?: readonly string[];
  /** Of the node. */
  arguments?: readonly string[];
  /** Told each line of its log. */
  onLine?: (line: string) => void;
  quiet?: boolean;
}): Promise<NodeProcess> {
  const child = spawn(
    process.execPath,
    [...(options.nodeArguments ?? []), 'smtp-node/main.ts', ...(options.arguments ?? [])],
    {
      cwd: repository,
      detached: true,
      stdio: ['ignore', 'pipe', options.quiet ? 'ignore' : 'inherit'],
      env: {
        PATH: process.env.PATH,
        PENNYPOST_EDGE_URL: options.edgeUrl,
        PENNYPOST_NODE_TOKEN: options.nodeToken,
        PENNYPOST_HOST_NAME: 'out.bench.example',
        PENNYPOST_DATA_DIR: options.dataDirectory,
        PENNYPOST_OUTBOUND_ROUTE: `${options.route.host}:${options.route.port}`,
        PENNYPOST_BIND_ADDRESS: '127.0.0.1',
        PENNYPOST_SUBMISSION_PORTS: '0',
        PENNYPOST_RETURN_PATH_PORTS: 'none',
        PENNYPOST_SUBMISSION_TLS_PORTS: 'none',
        PENNYPOST_METRICS_PORT: '0',
        ...options.env,
      },
    },
  );
  const { pid, stdout } = child;
  if (pid === undefined || !stdout) throw new Error('the node did not start');
  const listening = Promise.withResolvers<{ ports: number[]; tlsPorts: number[] }>();
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => undefined); // whoever kills it does not wait for it
  const metrics = Promise.withResolvers<number>();
  metrics.promise.catch(() => undefined);
  const exitCode = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)));
  const gone = exitCode.then(() => undefined);
  createInterface({ input: stdout }).on('line', (line) => {
    options.onLine?.(line);
    const entry = parse(line);
    if (entry.msg === 'metrics are served') metrics.resolve(entry.port ?? 0);
    if (entry.msg === 'submission listens') {
      listening.resolve({ ports: entry.ports ?? [], tlsPorts: entry.tlsPorts ?? [] });
    }
    if (entry.msg === 'the edge has taken this node') ready.resolve();
    if (!options.quiet && entry.level === 'error') {
      process.stderr.write(`node: ${line}\n`);
    }
  });
  gone.then(() => {
    listening.reject(new Error('the node ended before it listened'));
    ready.reject(new Error('the node ended before the edge had taken it'));
    metrics.reject(new Error('the node ended before it told of itself'));
  });
  const { ports, tlsPorts } = await listening.promise;
  return {
    pid,
    submissionPorts: ports,
    submissionTlsPorts: tlsPorts,
    ready: ready.promise,
    gone,
    exitCode,
    metricsPort: metrics.promise,
    kill: () => killGroup(child),
    stop: async () => {
      child.kill('SIGTERM');
      await gone;
    },
  };
}

/** Ends a process and all that it started, at once. The child must lead its process group (`detached`). */
export function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function parse(line: string): {
  msg?: string;
  level?: string;
  port?: number;
  ports?: number[];
  tlsPorts?: number[];
} {
  try {
    return JSON.parse(line);
  } catch {
    return {};
  }
}
