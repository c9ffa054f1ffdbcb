import { setTimeout as pause } from 'node:timers/promises';
import type { SubmissionPlace } from '#domain/node-contract.ts';
import { Backoff } from './backoff.ts';
import type { Log } from './log.ts';
import { EdgeRefusal, type WorkerClient } from './worker-client.ts';

const version = '0.1.0';

/**
 * Says hello until the edge answers.
 * @returns null, or why the edge does not take this node (wrong token, wrong address), which is final
 */
export async function sayHello(
  node: {
    client: Pick<WorkerClient, 'hello'>;
    hostName: string;
    submission: SubmissionPlace | null;
    /** Whether an earlier run has left a journal here. */
    journal: 'kept' | 'new';
    log: Log;
    /** Told which domain is the simulator's. */
    onSimulatorDomain: (domain: string | null) => void;
  },
  stopping: AbortSignal,
): Promise<string | null> {
  const backoff = new Backoff(500, 30_000);
  while (!stopping.aborted) {
    try {
      const { simulatorDomain } = await node.client.hello({
        hostName: node.hostName,
        version,
        submission: node.submission,
        journal: node.journal,
      });
      node.onSimulatorDomain(simulatorDomain);
      return null;
    } catch (error) {
      if (error instanceof EdgeRefusal) return error.message;
      const pauseMs = backoff.nextMs();
      node.log.warn({ err: error, pauseMs }, 'the edge cannot be reached; trying again');
      await pause(pauseMs, undefined, { signal: stopping }).catch(() => {});
    }
  }
  return null;
}
