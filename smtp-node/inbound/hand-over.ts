import { setTimeout as pause } from 'node:timers/promises';
import type { SmtpRefusal } from '#domain/node-contract.ts';
import { Backoff } from '../backoff.ts';
import type { Log } from '../log.ts';
import { EdgeAway, type WorkerClient } from '../worker-client.ts';
import type { ReceivedSpool, SpooledMail } from './spool.ts';

/** Mails that are handed over later at once. */
const atOnce = 4;

/** Brings what was received to the edge: at once, or, while the edge is away, from this machine's disk. */
export class HandOver {
  readonly #client: Pick<WorkerClient, 'received'>;
  readonly #spool: ReceivedSpool;
  readonly #log: Log;
  readonly #backoff: Backoff;
  readonly #stop = new AbortController();
  #queue: { mail: SpooledMail; heard: boolean }[];
  #working: Promise<void> | null = null;

  constructor(options: {
    client: Pick<WorkerClient, 'received'>;
    spool: ReceivedSpool;
    log: Log;
    /** Between tries while the edge is away. Default: from a second to a minute. */
    backoff?: Backoff;
  }) {
    this.#client = options.client;
    this.#spool = options.spool;
    this.#log = options.log;
    this.#backoff = options.backoff ?? new Backoff(1_000, 60_000);
    this.#queue = options.spool.left.map((mail) => ({ mail, heard: false }));
    this.#work();
  }

  /**
   * Hands a mail over while its client waits.
   * @returns null when the edge has it
   * @throws EdgeAway when nobody knows whether it has; EdgeRefusal when it has not
   */
  now(mail: SpooledMail): Promise<SmtpRefusal | null> {
    return this.#client.received(mail, this.#spool.pathOf(mail.head.id));
  }

  /**
   * Hands a mail over that counts and whose client waits no longer, as soon as that can be.
   * @param heard the client was told that it is taken
   */
  later(mail: SpooledMail, heard: boolean): void {
    this.#queue.push({ mail, heard });
    this.#work();
  }

  /** Begins nothing further; what is left stays on disk. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#working;
  }

  #work(): void {
    if (this.#working || this.#stop.signal.aborted || this.#queue.length === 0) return;
    this.#working = this.#run().finally(() => {
      this.#working = null;
      this.#work();
    });
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0 && !this.#stop.signal.aborted) {
      const some = this.#queue.splice(0, atOnce);
      const ends = await Promise.all(some.map(({ mail, heard }) => this.#one(mail, heard)));
      const left = some.filter((_, i) => !ends[i]);
      this.#queue.unshift(...left);
      if (left.length === 0) this.#backoff.reset();
      else await pause(this.#backoff.nextMs(), undefined, { signal: this.#stop.signal }).catch(() => {});
    }
  }

  /** True when nothing is left to do for it. */
  async #one(mail: SpooledMail, heard: boolean): Promise<boolean> {
    const { id } = mail.head;
    try {
      const refusal = await this.now(mail);
      if (refusal)
        this.#log.error({ receivedId: id, refusal }, 'a mail that was taken is not wanted any more');
      else this.#log.info({ receivedId: id }, 'received mail handed over later');
      await this.#spool.done(mail, heard);
      return true;
    } catch (error) {
      const how = error instanceof EdgeAway ? 'the edge is away' : 'the edge does not take it';
      this.#log.warn({ err: error, receivedId: id }, `${how}; received mail waits on disk`);
      return false;
    }
  }
}
