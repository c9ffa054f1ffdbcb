import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog } from '../../smtp-node/log.ts';
import { createMeters } from '../../smtp-node/metrics.ts';
import { type SubmissionOptions, startSubmission } from '../../smtp-node/submission/server.ts';
import { FakeEdge } from './fake-edge.ts';

export const silentLog = createLog({ level: 'silent', nodeId: 'test', bootId: 'test' });

/** A directory of its own for a test. */
export function freshDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'pennypost-'));
}

/** Submission on free loopback ports, in front of a fake edge; `using` stops both. */
export async function submissionAtEdge(more: Partial<SubmissionOptions> = {}) {
  const edge = await new FakeEdge().start();
  const submission = await startSubmission({
    edgeUrl: edge.url,
    edgeTimeoutMs: 10_000,
    hostName: 'mail.example.com',
    bindAddress: '127.0.0.1',
    ports: [0],
    tlsPorts: [0],
    tlsCertificateFile: '',
    tlsKeyFile: '',
    dataDirectory: await freshDirectory(),
    maxConnections: 100,
    connectionsPerAddress: 50,
    failedLogins: 100,
    loginMs: 60_000,
    idleMs: 60_000,
    dataMs: 60_000,
    log: silentLog,
    meters: createMeters(),
    ...more,
  });
  const [port = 0] = submission.ports;
  const [tlsPort = 0] = submission.tlsPorts;
  const close = async () => {
    await submission.stop(0);
    await edge.stop();
  };
  return { edge, submission, port, tlsPort, [Symbol.asyncDispose]: close };
}
