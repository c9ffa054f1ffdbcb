import { homeOf } from '#domain/message/home.ts';
import type { Bindings, DeliveryPointers } from '../env.ts';

type Pointer = DeliveryPointers['pointers'][number];

/** Work that will be due at a time. */
type Later = Pointer & { dueMs: number };

/** What work is announced through. */
export interface Channels {
  /** Wakes the nodes that listen. */
  wake(homes: readonly number[]): Promise<unknown>;
  /** Its consumer wakes them too: at a later time, or when waking them at once has failed. */
  queue: Bindings['DELIVERY'];
}

/** Longest delay of a queue message; what is due later waits for the sweep. */
const longestDelaySeconds = 12 * 3600;
const mostPointers = 500;
/**
 * Retries share a queue message with those that are due at about the same time: within five seconds, or within a
 * sixteenth of the time until then where that is more. A pointer is a hint: nodes ask by themselves meanwhile.
 */
const leastSlotMs = 5_000;
const slotShare = 16;
/** `sendBatch` takes at most so many messages (Cloudflare Queues, limits). */
const mostMessages = 100;
/** A wake that has not come back after this long has failed. */
const wakeTimeoutMs = 5_000;
/** A turn whose request has ended meanwhile is taken for dead after this long, so that it cannot hold up the next. */
const abandonAfterMs = wakeTimeoutMs + 1_000;
/**
 * One request keeps the turn for so long, or for so many wakes: the platform ends its background work after thirty
 * seconds, and bounds what one invocation may ask for.
 */
const longestTurnMs = 10_000;
const mostWakes = 50;

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
      for (let wakes = 1; this.waiting.length > 0; wakes++) {
        this.wakingSinceMs = Date.now();
        // The last wake of a turn is made while the next request may already begin its own.
        if (this.wakingSinceMs >= turnEndsMs || wakes === mostWakes) this.endTurn(turn);
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

  /** Announces work that will be due at times, to the second; what is further away than the queue can wait, is not. */
  async announceAt(queue: Bindings['DELIVERY'], work: readonly Later[], nowMs: number): Promise<void> {
    const toTheSecond = (dueMs: number) => nowMs + 1000 * Math.ceil((dueMs - nowMs) / 1000);
    await sendLater(queue, work, toTheSecond, nowMs);
  }

  /** Announces retries, one queue message for those that are due at about the same time. */
  async announceRetries(
    queue: Bindings['DELIVERY'],
    retries: readonly Later[],
    nowMs: number,
  ): Promise<void> {
    await sendLater(queue, retries, (dueMs) => slotOf(dueMs, nowMs), nowMs);
  }
}

/** One call of the queue, with a message for each time that work shares. */
async function sendLater(
  queue: Bindings['DELIVERY'],
  work: readonly Later[],
  sharedTime: (dueMs: number) => number,
  nowMs: number,
): Promise<void> {
  const messages = [...Map.groupBy(work, ({ dueMs }) => sharedTime(dueMs))].flatMap(([dueMs, together]) => {
    const delaySeconds = delayOf(dueMs, nowMs);
    if (delaySeconds === null) return [];
    const pointers = together
      .slice(0, mostPointers)
      .map(({ messageId, class: name }) => ({ messageId, class: name }));
    return [{ body: { pointers }, delaySeconds }];
  });
  if (messages.length > 0) await queue.sendBatch(messages.slice(0, mostMessages));
}

/** Null when that is further away than the queue can wait. */
function delayOf(dueMs: number, nowMs: number): number | null {
  const delaySeconds = Math.max(0, Math.ceil((dueMs - nowMs) / 1000));
  return delaySeconds > longestDelaySeconds ? null : delaySeconds;
}

/** The end of the slot that a retry shares: slots double in length with the time until they begin. */
function slotOf(dueMs: number, nowMs: number): number {
  const share = Math.max(leastSlotMs, (dueMs - nowMs) / slotShare);
  const slotMs = leastSlotMs * 2 ** Math.floor(Math.log2(share / leastSlotMs));
  return Math.ceil(dueMs / slotMs) * slotMs;
}

/** A wake is about all work that is due; on the queue, too, one message stands for all of it. */
async function wakeOrQueue({ wake, queue }: Channels, pointers: readonly Pointer[]): Promise<void> {
  try {
    const homes = pointers.map(({ messageId }) => homeOf(messageId).shard);
    await within(wakeTimeoutMs, wake([...new Set(homes)]));
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
