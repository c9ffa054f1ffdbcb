import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DkimKey } from '#domain/node-contract.ts';
import { nodeTokenOf } from '#domain/node-token.ts';
import { selfSigned } from '../../smtp-node/submission/self-signed.ts';
import type { NodeProcess } from '../support/node-process.ts';
import { type BenchHaraka, startBenchHaraka } from './bench-haraka.ts';
import { startBenchNode, startProfiledNode } from './bench-node.ts';
import { type BenchPostfix, startBenchPostfix } from './bench-postfix.ts';
import type { Shares } from './cpu-profile.ts';
import { type RecordedEdge, type Recording, recordEdge, startRecordedEdge } from './recorded-edge.ts';
import { type LoadOptions, submitLoad } from './smtp-load.ts';

/** The same for both, so that neither wins by opening more of them. */
export const connections = 10;
const [user, password] = ['pennypost', 'pp_live_0123456789abcdefghijABCDEFGHIJ01'];
const [hostName, domain] = ['out.bench.example', 'bench.example'];

type Load = Pick<LoadOptions, 'connections' | 'messagesPerSession' | 'count'>;

export interface NodeSide extends Pick<NodeProcess, 'pid'> {
  edge: RecordedEdge;
  submit(load: Load): Promise<number>;
  /** What the main thread did, when it was profiled. */
  stop(): Promise<Shares | null>;
}

export interface PostfixSide extends BenchPostfix {
  submit(load: Load): Promise<number>;
}

export interface HarakaSide extends BenchHaraka {
  submit(load: Load): Promise<number>;
}

/** Makes a node, a Postfix or a Haraka that show the same certificate, know the same login, sign alike, and get the same mail. */
export interface SideBySide {
  recording: Recording;
  node(options: {
    sinkPort: number;
    keys?: readonly DkimKey[];
    relay?: boolean;
    profiled?: boolean;
    env?: Record<string, string>;
  }): Promise<NodeSide>;
  postfix(options: { sinkPort: number | null; keys: readonly DkimKey[] }): Promise<PostfixSide>;
  haraka(): Promise<HarakaSide>;
  close(): Promise<void>;
}

export async function sideBySide(): Promise<SideBySide> {
  const recording = await recordEdge();
  const folder = await mkdtemp(join(tmpdir(), 'pennypost-bench-tls-'));
  const pair = selfSigned(hostName, Date.now());
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  await writeFile(files.cert, pair.cert);
  await writeFile(files.key, pair.key, { mode: 0o600 });
  const message = Buffer.from(recording.delivery.raw ?? '', 'latin1');
  const mail = { user, password, message, mailFrom: `shop@${domain}`, rcptTo: 'user@example.net' };
  return {
    recording,
    node: async ({ sinkPort, keys, relay, profiled, env = {} }) => {
      const edge = await startRecordedEdge(recording, { ...(keys && { keys }), ...(relay && { relay }) });
      const node = await (profiled ? startProfiledNode : startBenchNode)(
        { url: edge.url, nodeToken: nodeTokenOf('n'.repeat(43)) },
        sinkPort,
        {
          PENNYPOST_CONNECTIONS_PER_HOST: String(connections),
          PENNYPOST_SUBMISSION_PORTS: 'none',
          PENNYPOST_SUBMISSION_TLS_PORTS: '0',
          PENNYPOST_TLS_CERT_FILE: files.cert,
          PENNYPOST_TLS_KEY_FILE: files.key,
          ...env,
        },
      );
      const [port = 0] = node.submissionTlsPorts;
      return {
        pid: node.pid,
        edge,
        submit: (load) => submitLoad({ ...mail, ...load, port }),
        stop: async () => {
          const shares = await node.stop();
          await edge.stop();
          return shares ?? null;
        },
      };
    },
    postfix: async ({ sinkPort, keys }) => {
      const login = { user, password };
      const postfix = await startBenchPostfix({ ...pair, ...login, sinkPort, keys, connections, domain });
      return { ...postfix, submit: (load) => submitLoad({ ...mail, ...load, port: postfix.port }) };
    },
    haraka: async () => {
      const haraka = await startBenchHaraka({ ...pair, user, password });
      return { ...haraka, submit: (load) => submitLoad({ ...mail, ...load, port: haraka.port }) };
    },
    close: () => rm(folder, { recursive: true }),
  };
}
