import type { DeliveryPointers } from '../env.ts';

type Pointer = DeliveryPointers['pointers'][number];

/** What work is announced through. */
export interface Channels {
  /** Wakes the nodes that listen. */
  wake(): Promise<unknown>;
  /** Its consumer wakes them too: at a later time, or when waking them at once has failed. */
  queue: Queue<DeliveryPointers>;
}

/** Longest delay of a queue message; what is due later waits for the sweep. */
const longestDelaySeconds = 12 * 3600;
const mostPointers = 500;
/** Retries within this time of each other share a queue message. */
const retrySlotMs = 5_000;
/** A wake that has not come back after this long has failed. */
const wakeTimeoutMs = 5_000;
/** A turn whose request has ended meanwhile is taken for dead after this long, so that it cannot hold up the next. */
const abandonAfterMs = wakeTimeoutMs + 1_000;
/** One request keeps the turn for so long; the platform ends its background work after thirty seconds. */
const longestTurnMs = 10_000;

/**
 * Announces work. Nodes are woken directly, since a queue message would cost three operations and an invocation only
 * to have its consumer do the same. An isolate has one wake under way: what is accepted meanwhile shares one further
 * wake, so the slower the hub answers, the fewer it is asked. Announcing may fail without harm: nodes ask by
 * themselves, and the sweep finds whatever is due.
 */
export class Announcer {
  private waiting: Pointer[] = [];
  private wakingSinceMs: number | null = null;
  private turn = 0;

  /**
   * Announces work that is due now.
   * @throws when neither a wake nor the queue took it
   */
  async announce(channels: Channels, pointers: readonly Pointer[]): Promise<void> {
    if (this.waiting.length < mostPointers) this.waiting.push(...pointers);
    if (this.wakingSinceMs !== null && Date.now() - this.wakingSinceMs < abandonAfterMs) return;
    this.turn += 1;
    const { turn } = this;
    const turnEndsMs = Date.now() + longestTurnMs;
    try {
      while (this.waiting.length > 0) {
        this.wakingSinceMs = Date.now();
        // The last wake of a turn is made while the next request may already begin its own.
        if (this.wakingSinceMs >= turnEndsMs) this.endTurn(turn);
        await wakeOrQueue(channels, this.waiting.splice(0));
        if (this.turn !== turn) return;
      }
    } finally {
      this.endTurn(turn);
    }
  }

  private endTurn(turn: number): void {
    if (this.turn !== turn) return;
    this.turn += 1;
    this.wakingSinceMs = null;
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

/** A wake is about all work that is due; on the queue, too, one message stands for all of it. */
async function wakeOrQueue({ wake, queue }: Channels, pointers: readonly Pointer[]): Promise<void> {
  try {
    await within(wakeTimeoutMs, wake());
  } catch (error) {
    console.warn(
      JSON.stringify({ level: 'warn', msg: 'nodes not woken; the queue will', error: String(error) }),
    );
    await queue.send({ pointers: pointers.slice(0, mostPointers) });
  }
}

/** What the work gives. @throws when it fails, or has given nothing within the time */
async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${ms} ms`)), ms);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
