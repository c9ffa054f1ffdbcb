import type { EventPointers } from '../env.ts';

/** Most accounts that one queue message names. */
const mostAccounts = 500;
/** A send that has not come back after this long is taken for dead, so that it cannot hold up the next. */
const abandonAfterMs = 5_000;
/** One request sends so often for others too: the platform bounds what one invocation may ask for. */
const mostSends = 50;

/**
 * Announces on the `webhook` queue that accounts have new events. What comes while a send is under way goes along
 * with the next one, and an account that is waiting already is not named twice. Losing it does no harm: the feed is
 * in D1, and the sweep finds endpoints that are behind.
 */
export class EventAnnouncer {
  private waiting = new Set<number>();
  private sendingSinceMs: number | null = null;

  /** @param accountIds accounts with active webhook endpoints */
  async announce(queue: Queue<EventPointers>, accountIds: Iterable<number>): Promise<void> {
    for (const id of accountIds) this.waiting.add(id);
    if (this.sendingSinceMs !== null && Date.now() - this.sendingSinceMs < abandonAfterMs) return;
    try {
      for (let sends = 1; this.waiting.size > 0 && sends <= mostSends; sends++) {
        // The last one is sent while the next request may already begin its own.
        this.sendingSinceMs = sends < mostSends ? Date.now() : null;
        const named = [...this.waiting].slice(0, mostAccounts);
        for (const id of named) this.waiting.delete(id);
        await queue.send({ accountIds: named });
      }
    } catch (error) {
      console.warn(
        JSON.stringify({ level: 'warn', msg: 'events not announced; the sweep will', error: String(error) }),
      );
    } finally {
      this.sendingSinceMs = null;
    }
  }
}
