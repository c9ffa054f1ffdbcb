import type { InboundDoor } from '#domain/node-contract.ts';
import type { WorkerClient } from '../worker-client.ts';

/** How long an answer holds: an address may come to be, or a domain may go. */
const holdsMs: Record<InboundDoor['door'], number> = { received: 30_000, refused: 5_000, returned: 0 };
const mostKept = 10_000;

/**
 * Which door an address of incoming mail is behind, as the edge says. Answers are kept for seconds, so that a sender
 * with many mails to one address asks once; those about tokens are not, for each is asked for once.
 */
export class Doors {
  readonly #client: Pick<WorkerClient, 'doors'>;
  readonly #now: () => number;
  readonly #kept = new Map<string, { door: InboundDoor; untilMs: number }>();
  readonly #asked = new Map<string, Promise<InboundDoor>>();

  constructor(client: Pick<WorkerClient, 'doors'>, now: () => number = Date.now) {
    this.#client = client;
    this.#now = now;
  }

  /** @throws EdgeAway, EdgeRefusal */
  async of(address: string): Promise<InboundDoor> {
    const kept = this.#kept.get(address);
    if (kept && kept.untilMs > this.#now()) return kept.door;
    const asked = this.#asked.get(address) ?? this.#ask(address);
    this.#asked.set(address, asked);
    return await asked;
  }

  async #ask(address: string): Promise<InboundDoor> {
    try {
      const [door] = await this.#client.doors([address]);
      if (!door) throw new Error('one answer an address was expected');
      this.#kept.delete(address);
      if (holdsMs[door.door] > 0) {
        this.#kept.set(address, { door, untilMs: this.#now() + holdsMs[door.door] });
        const [oldest] = this.#kept.keys();
        if (oldest !== undefined && this.#kept.size > mostKept) this.#kept.delete(oldest);
      }
      return door;
    } finally {
      this.#asked.delete(address);
    }
  }
}
