import type { DeliveryPointers } from '../env.ts';

type Pointer = DeliveryPointers['pointers'][number];

/** Longest delay of a queue message; what is due later waits for the sweep. */
const longestDelaySeconds = 12 * 3600;
const mostPointers = 500;
/** Retries within this time of each other share a queue message. */
const retrySlotMs = 5_000;
/** A send that has not come back after this long is taken for dead, so that it cannot hold up the next. */
const abandonAfterMs = 5_000;

/**
 * Announces work on the `delivery` queue. What is accepted while a queue send is under way goes along with the
 * next one, so under load one queue operation announces many messages. Announcing may fail without harm: the
 * sweep finds whatever is due.
 */
export class Announcer {
  private waiting: Pointer[] = [];
  private sendingSinceMs: number | null = null;

  /** Announces work that is due now. */
  async announce(queue: Queue<DeliveryPointers>, pointers: Pointer[]): Promise<void> {
    this.waiting.push(...pointers);
    if (this.sendingSinceMs !== null && Date.now() - this.sendingSinceMs < abandonAfterMs) return;
    try {
      while (this.waiting.length > 0) {
        this.sendingSinceMs = Date.now();
        await queue.send({ pointers: this.waiting.splice(0, mostPointers) });
      }
    } finally {
      this.sendingSinceMs = null;
    }
  }

  /** Announces work that will be due at a time; nothing when that is further away than the queue can wait. */
  async announceAt(
    queue: Queue<DeliveryPointers>,
    pointers: Pointer[],
    dueMs: number,
    nowMs: number,
  ): Promise<void> {
    const delaySeconds = Math.max(0, Math.ceil((dueMs - nowMs) / 1000));
    if (delaySeconds > longestDelaySeconds) return;
    await queue.send({ pointers }, { delaySeconds });
  }

  /** Announces retries, one queue message for those that are due at about the same time. */
  async announceRetries(
    queue: Queue<DeliveryPointers>,
    retries: (Pointer & { dueMs: number })[],
    nowMs: number,
  ): Promise<void> {
    const bySlot = Map.groupBy(retries, ({ dueMs }) => Math.ceil(dueMs / retrySlotMs) * retrySlotMs);
    for (const [dueMs, slot] of bySlot) {
      const pointers = slot
        .slice(0, mostPointers)
        .map(({ messageId, class: name }) => ({ messageId, class: name }));
      await this.announceAt(queue, pointers, dueMs, nowMs);
    }
  }
}
