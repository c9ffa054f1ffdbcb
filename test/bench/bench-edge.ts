import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import type { LeaseResponse } from '#domain/node-contract.ts';
import { type Edge, startEdge } from '../../smtp-node/standalone/edge.ts';
import { newWorkerSecrets, setupCodeOf } from '../../smtp-node/standalone/secrets.ts';
import { freePort } from '../support/free-port.ts';
import type { Counts } from './counts.ts';
import { workerdPids } from './processes.ts';

/** What one request cost at D1, as the Worker says in `Server-Timing` with METER=1. */
export interface D1Cost {
  trips: number;
  read: number;
  written: number;
}

export interface Answer {
  status: number;
  body: string;
  cost: D1Cost;
  ms: number;
}

/** An account to send from. */
export interface BenchAccount {
  accountId: number;
  domain: string;
  liveKey: string;
}

/** The edge as it runs on one machine, with an account to send from and a node's own calls. */
export interface BenchEdge {
  edge: Edge;
  url: string;
  dataDir: string;
  domain: string;
  accountId: number;
  liveKey: string;
  operatorToken: string;
  nodeToken: string;
  /** Code of the dashboard's first set-up. */
  setupCode: string;
  /** Process id of its workerd. */
  pid: number;
  /** Where its workerd can be looked into. */
  inspectorPort: number;
  /** Makes a further account, with a verified domain and a key. @param home where it lives; the emptiest when left out */
  openAccount(domain: string, home?: number): Promise<BenchAccount>;
  /** Counts since it was started; only in the counting shell. */
  counts(): Promise<Counts>;
  post(path: string, token: string, body: unknown, headers?: Record<string, string>): Promise<Answer>;
  send(body: Record<string, unknown>, headers?: Record<string, string>): Promise<Answer>;
  /** Acts as a node. */
  hello(): Promise<void>;
  lease(
    max: number,
    headers?: Record<string, string>,
    busyDomains?: string[],
  ): Promise<Answer & { work: LeaseResponse }>;
  release(deliveries: LeaseResponse['deliveries']): Promise<void>;
  results(deliveries: LeaseResponse['deliveries']): Promise<Answer>;
  stop(): Promise<void>;
}

const agent = new Agent({ keepAlive: true, maxSockets: 256 });

/** What is put around the Worker's bundle: see `counting-worker.ts` and `bare-worker.ts`. */
type Shell = 'counting' | 'bare';

export async function startBenchEdge(
  options: { shell?: Shell; meter?: boolean; homes?: number } = {},
): Promise<BenchEdge> {
  const dataDir = await mkdtemp(join(tmpdir(), 'pennypost-bench-'));
  const secrets = newWorkerSecrets();
  const before = await workerdPids();
  const inspectorPort = await freePort();
  const edge = await startEdge({
    port: 0,
    host: '127.0.0.1',
    dataDir,
    inspectorPort,
    settings: { ...secrets, METER: options.meter === false ? '0' : '1', ALLOW_LOCAL_WEBHOOKS: '1' },
    log: (line) => process.stderr.write(`edge: ${line}\n`),
    ...(options.shell ? { around: inShell(options.shell) } : {}),
    ...(options.homes ? { homes: options.homes } : {}),
  });
  const pid = (await workerdPids()).find((one) => !before.includes(one));
  if (pid === undefined) throw new Error('workerd was not found among the processes');
  const post: BenchEdge['post'] = (path, token, body, headers = {}) =>
    call(new URL(path, edge.url), token, JSON.stringify(body), headers);
  const admin = async <T>(path: string, body: unknown): Promise<T> => {
    const answer = await post(`/admin/v1${path}`, secrets.OPERATOR_TOKEN, body);
    if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${answer.body}`);
    return JSON.parse(answer.body) as T;
  };
  const openAccount = async (domain: string, home?: number): Promise<BenchAccount> => {
    const { id } = await admin<{ id: number }>('/accounts', {
      name: domain,
      ...(home !== undefined && { home }),
    });
    await admin(`/accounts/${id}/domains`, { domain, verified: true });
    const { secret } = await admin<{ secret: string }>(`/accounts/${id}/credentials`, {});
    return { accountId: id, domain, liveKey: secret };
  };
  const account = await openAccount('bench.example', options.homes && 0);
  const node = { nodeId: 'bench', bootId: randomUUID() };
  const { token: nodeToken } = await admin<{ token: string }>('/nodes', { node_id: node.nodeId });
  const nodePost = (path: string, body: object, headers?: Record<string, string>) =>
    post(`/node/v1/${path}`, nodeToken, { ...node, ...body }, headers);
  return {
    edge,
    url: edge.url,
    dataDir,
    ...account,
    openAccount,
    operatorToken: secrets.OPERATOR_TOKEN,
    nodeToken,
    setupCode: setupCodeOf(secrets.AUTH_SECRET),
    pid,
    inspectorPort,
    counts: async () => (await (await fetch(`${edge.url}/bench/counts`)).json()) as Counts,
    post,
    send: async (body, headers) => expectStatus(await post('/v1/send', account.liveKey, body, headers), 202),
    hello: async () => {
      expectStatus(await nodePost('hello', { hostName: 'out.bench.example', version: 'bench' }), 200);
    },
    lease: async (max, headers, busyDomains = []) => {
      const answer = expectStatus(await nodePost('lease', { max, busyDomains }, headers), 200);
      return { ...answer, work: JSON.parse(answer.body) as LeaseResponse };
    },
    release: async (deliveries) => {
      const leases = deliveries.map(({ messageId, n, leaseId }) => ({ messageId, n, leaseId }));
      expectStatus(await nodePost('release', { leases }), 200);
    },
    results: async (deliveries) =>
      expectStatus(await nodePost('results', { results: deliveries.map(deliveredResult) }), 200),
    stop: async () => {
      await edge.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function expectStatus<T extends Answer>(answer: T, status: number): T {
  if (answer.status !== status) throw new Error(`the edge answered ${answer.status}: ${answer.body}`);
  return answer;
}

/** Bundles a shell with the Worker's own bundle inside. */
function inShell(shell: Shell): (worker: string) => Promise<string> {
  return async (worker) => {
    const outfile = join(dirname(worker), `${shell}.js`);
    await build({
      entryPoints: [new URL(`${shell}-worker.ts`, import.meta.url).pathname],
      bundle: true,
      format: 'esm',
      target: 'es2024',
      alias: { product: worker },
      external: ['node:*', 'cloudflare:*'],
      outfile,
    });
    return outfile;
  };
}

/** A POST of JSON over a kept connection; cheaper for the machine than `fetch`, which the ratios gain from. */
export function call(
  url: URL,
  token: string,
  body: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      {
        method: 'POST',
        agent,
        headers: {
          Authorization: `Bearer ${token}`,
          'Content-Type': 'application/json',
          'Content-Length': Buffer.byteLength(body),
          ...headers,
        },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () =>
          resolve({
            status: incoming.statusCode ?? 0,
            body: Buffer.concat(chunks).toString(),
            cost: costOf(String(incoming.headers['server-timing'] ?? '')),
            ms: performance.now() - started,
          }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function costOf(serverTiming: string): D1Cost {
  const [, trips, read, written] = /trips=(\d+) read=(\d+) written=(\d+)/.exec(serverTiming) ?? [];
  return { trips: Number(trips), read: Number(read), written: Number(written) };
}

/** What a node reports of a delivery by an ordinary MX. */
function deliveredResult({ messageId, n, leaseId, rcptTo }: LeaseResponse['deliveries'][number]) {
  const endedAtMs = Date.now();
  const host = `mx1.${rcptTo.split('@')[1]}`;
  return {
    messageId,
    n,
    leaseId,
    outcome: {
      type: 'delivered',
      startedAtMs: endedAtMs - 412,
      endedAtMs,
      session: {
        mx: { host, address: '192.0.2.25' },
        tls: { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', verdict: 'verified' },
        reused: false,
        steps: ['dns', 'connect', 'greeting', 'ehlo', 'tls', 'mail', 'rcpt', 'data', 'final'].map((name) => ({
          name,
          ms: 41.7,
        })),
        tried: [],
      },
      reply: { code: 250, status: '2.0.0', text: 'Ok: queued as 4Wq7Zt5c2yz9rPl' },
      dkim: ['pp2026a', 'pp2026b'],
    },
  };
}
