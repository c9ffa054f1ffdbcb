import { setTimeout as pause } from 'node:timers/promises';
import type { SubmissionPlace } from '#domain/node-contract.ts';
import { Backoff } from './backoff.ts';
import type { Log } from './log.ts';
import { EdgeRefusal, type WorkerClient } from './worker-client.ts';

const version = '0.1.0';

/** The edge's clock, as far as it is known: leases end by it. */
export class EdgeClock {
  #aheadMs = 0;

  nowMs(): number {
    return Date.now() + this.#aheadMs;
  }

  /** @param askedAtMs when the edge was asked: it looked at its clock halfway between then and now */
  set(edgeNowMs: number, askedAtMs: number): void {
    this.#aheadMs = Math.round(edgeNowMs - (askedAtMs + Date.now()) / 2);
  }
}

/**
 * Says hello until the edge answers, and sets the clock by it.
 * @returns null, or why the edge does not take this node (wrong token, wrong address), which is final
 */
export async function sayHello(
  node: {
    client: Pick<WorkerClient, 'hello'>;
    hostName: string;
    submission: SubmissionPlace | null;
    clock: EdgeClock;
    log: Log;
    /** Told which domain is the simulator's. */
    onSimulatorDomain: (domain: string | null) => void;
  },
  stopping: AbortSignal,
): Promise<string | null> {
  const backoff = new Backoff(500, 30_000);
  while (!stopping.aborted) {
    const askedAtMs = Date.now();
    try {
      const { nowMs, simulatorDomain } = await node.client.hello({
        hostName: node.hostName,
        version,
        submission: node.submission,
      });
      node.clock.set(nowMs, askedAtMs);
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
