import { setTimeout as pause } from 'node:timers/promises';
import type { Result } from '#domain/node-contract.ts';
import type { Backoff } from '../backoff.ts';
import type { Log } from '../log.ts';
import { EdgeRefusal, type WorkerClient } from '../worker-client.ts';
import type { Journal } from './journal.ts';

export interface ReporterOptions {
  client: Pick<WorkerClient, 'results'>;
  journal: Pick<Journal, 'reported'>;
  log: Log;
  backoff: Backoff;
  /** How long results that do not fill a batch wait for others, milliseconds. Default 20. */
  gatherMs?: number;
  /** The same where nobody waits for any of them. Default 250. */
  patientMs?: number;
  /** Results sent at once. Default 100: a hundred bounces are some two hundred statements of the edge. */
  batchSize?: number;
}

/**
 * Tells the edge what came out: in small batches, one at a time, for as long as it takes. What is reported is
 * marked in the journal; what is not waits there, also across a restart.
 */
export class Reporter {
  readonly #options: ReporterOptions;
  readonly #queue: Result[] = [];
  /** Ends the patience with what is in the queue. */
  #hurry = Promise.withResolvers<void>();
  readonly #stopped = new AbortController();
  #sending: Promise<void> | null = null;
  readonly #refusal = Promise.withResolvers<string>();
  /** Resolves, with why, when the edge does not know this node. It is asked again all the same: what waits is kept. */
  readonly refused: Promise<string> = this.#refusal.promise;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /**
   * Takes a result that is in the journal already.
   * @param isPatient nobody waits for it: it may go with others that come a little later
   */
  add(result: Result, isPatient = false): void {
    this.#queue.push(result);
    if (!isPatient || this.#queue.length >= this.#batchSize) this.#hurry.resolve();
    this.#sending ??= this.#send();
  }

  /** Resolves when nothing waits any more, or when the reporter was stopped. */
  async idle(): Promise<void> {
    this.#hurry.resolve();
    while (this.#sending) await this.#sending;
  }

  /** Stops trying; what waits stays in the journal. */
  stop(): void {
    this.#stopped.abort();
    this.#hurry.resolve();
  }

  async #send(): Promise<void> {
    while (this.#queue.length > 0 && !this.#stopped.signal.aborted) {
      await this.#gather();
      const batch = this.#queue.slice(0, this.#batchSize);
      if (batch.length === this.#queue.length) this.#hurry = Promise.withResolvers();
      if (await this.#sendBatch(batch)) this.#queue.splice(0, batch.length);
      else await this.#pause(this.#options.backoff.nextMs());
    }
    this.#sending = null;
  }

  async #gather(): Promise<void> {
    const { gatherMs = 20, patientMs = 250 } = this.#options;
    const enough = setTimeout(() => this.#hurry.resolve(), patientMs);
    await this.#hurry.promise;
    clearTimeout(enough);
    if (this.#queue.length < this.#batchSize) await this.#pause(gatherMs);
  }

  get #batchSize(): number {
    return this.#options.batchSize ?? 100;
  }

  /** True when the batch need not be sent again. */
  async #sendBatch(batch: Result[]): Promise<boolean> {
    const { client, journal, log, backoff } = this.#options;
    try {
      const verdicts = await client.results(batch);
      backoff.reset();
      for (const [i, result] of batch.entries()) {
        if (verdicts[i] === 'stale') {
          const { messageId, n, leaseId, outcome } = result;
          log.warn({ messageId, n, leaseId, outcome: outcome.type }, 'the lease was over; result dropped');
        }
        journal.reported(result);
      }
      return true;
    } catch (error) {
      if (!isUnreadable(error)) {
        log.warn({ err: error, waiting: this.#queue.length }, 'the edge took no results; trying again');
        if (isUnknownNode(error)) this.#refusal.resolve(error.message);
        return false;
      }
      return this.#setApart(batch, error);
    }
  }

  /** The edge cannot read something in this batch: finds which result it is, so that it holds up no other. */
  async #setApart(batch: Result[], error: unknown): Promise<boolean> {
    const [only, ...others] = batch;
    if (!only) return true;
    if (others.length === 0) {
      // it stays in the journal and is sent again at the next start
      const { messageId, n, leaseId, outcome } = only;
      this.#options.log.error({ messageId, n, leaseId, outcome, err: error }, 'the edge refused a result');
      return true;
    }
    for (const [done, result] of batch.entries()) {
      if (await this.#sendBatch([result])) continue;
      this.#queue.splice(0, done);
      return false;
    }
    return true;
  }

  async #pause(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.#stopped.signal }).catch(() => {});
  }
}

/** The edge refuses who asks: a token that it does not know, or an address that is no edge's. */
function isUnknownNode(error: unknown): error is EdgeRefusal {
  return error instanceof EdgeRefusal && [401, 403, 404].includes(error.status);
}

/** A fault of the request itself; refusals of who asks (401, 403) and of when (409) may pass. */
function isUnreadable(error: unknown): boolean {
  return error instanceof EdgeRefusal && [400, 413, 422].includes(error.status);
}
