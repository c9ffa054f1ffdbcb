import {
  chosenKinds,
  formatDeliveryId,
  hasFailedTooLong,
  isWanted,
  messageIdsOf,
  postTimeoutMs,
  receivedPointerOf,
  reduceTry,
  type TryResult,
  webhookBodies,
} from '#domain/webhook.ts';
import { formatHeaders } from '../received/format-headers.ts';
import { bodyOfReceived } from '../received/post-body.ts';
import type { Settings } from '../settings.ts';
import { readEvents } from '../store/events.ts';
import { errorText, type Store } from '../store/store.ts';
import {
  appendDeliveries,
  readEndpointWork,
  recordTries,
  type TriedDelivery,
  type WebhookDelivery,
} from '../store/webhook-deliveries.ts';
import { disableEndpoint, type Endpoint } from '../store/webhook-endpoints.ts';
import type { TargetGuard } from './guard.ts';
import { postWebhook } from './post.ts';
import { type Signing, signingOf } from './secrets.ts';

/**
 * POSTs to one endpoint at once. The platform lets an invocation wait for the answers of six connections; a POST
 * beyond that would spend its 15 seconds in a queue, and one is left for DNS and the database.
 */
const slots = 5;
/** Events that are read from the feed at once. */
const pageEvents = 200;
/** Due deliveries that are read at once. */
const pageDeliveries = 32;
/**
 * An endpoint with so many deliveries pending is behind: its further events wait in the feed, where they cost
 * nothing, instead of in rows.
 */
const mostPending = 500;
/** Tries that are not recorded yet; above this no further ones are begun. */
const mostUnrecorded = 64;
/**
 * A run begins nothing further, and the next alarm goes on, after so many requests to others, so many D1 statements,
 * or this time, whichever comes first: the platform bounds what one invocation may ask for and how long it may last
 * (an alarm: 15 minutes). What is under way then, and writing it down, stays below 400 of each.
 */
const requestsPerRun = 330;
const statementsPerRun = 300;
/** A POST, and two questions to DNS before it. */
const requestsPerPost = 3;
export const longestRunMs = 4 * 60_000;

/** A try that came to no POST. */
function notPosted(nowMs: number, error: string): TryResult {
  return {
    at: new Date(nowMs).toISOString(),
    durationMs: 0,
    status: null,
    answer: '',
    answerType: null,
    error,
    retryAfterMs: null,
  };
}

interface Queued {
  delivery: WebhookDelivery;
  messageIds: string[];
}

/** A run that is older has been cut off: its invocation has ended without a word. */
const deadAfterMs = longestRunMs + 60_000;

/** What a run works with. */
export interface RunDeps {
  store: Store;
  settings: Pick<Settings, 'encryptionKeys' | 'returnPathKeys'>;
  guard: TargetGuard;
  endpointId: number;
  /** Told of an endpoint that has just been disabled; must not throw. */
  onDisabled(endpoint: Endpoint, reason: string): Promise<void>;
}

/**
 * One run of an endpoint's sender: turns the events behind its cursor into deliveries and posts what is due, until
 * nothing is. A delivery waits while an earlier one of the same message is under way, so that events of one message
 * arrive in their order as long as they arrive at the first try.
 */
export class DeliveryRun {
  private readonly deps: RunDeps;
  private endpoint: Endpoint | null = null;
  private signing: Signing = { secrets: [], keys: [], svix: false, own: {} };
  private queue: Queued[] = [];
  private readonly inFlight = new Map<Queued, Promise<void>>();
  private unrecorded: TriedDelivery[] = [];
  private recording: Promise<void> | null = null;
  private failure: { error: unknown } | null = null;
  private exhausted = false;
  private throttled = false;
  private stale = false;
  private posts = 0;
  private readonly startedAtMs = Date.now();
  private readonly costBefore: Store['cost'];
  private nextDueMs: number | null = null;
  private timer: { dueMs: number; over: Promise<void> } | null = null;
  private wake: () => void = () => undefined;

  constructor(deps: RunDeps) {
    this.deps = deps;
    this.costBefore = { ...deps.store.cost };
  }

  /** When it is taken for dead, Unix ms. */
  get deadAtMs(): number {
    return this.startedAtMs + deadAfterMs;
  }

  isAlive(): boolean {
    return Date.now() < this.deadAtMs;
  }

  /** Nothing further is begun. */
  private isSpent(): boolean {
    const { cost } = this.deps.store;
    const trips = cost.roundTrips - this.costBefore.roundTrips;
    return (
      this.posts * requestsPerPost + trips >= requestsPerRun ||
      cost.statements - this.costBefore.statements >= statementsPerRun ||
      Date.now() - this.startedAtMs >= longestRunMs
    );
  }

  /** There may be more to do. */
  poke(): void {
    this.exhausted = false;
    this.wake();
  }

  /** The endpoint has changed: what has not begun is looked at anew. */
  reload(): void {
    this.stale = true;
    this.poke();
  }

  /** Works until nothing is due. Gives when there will be something, Unix ms; null when nothing is foreseen. */
  async work(): Promise<number | 'gone' | null> {
    for (;;) {
      if (this.failure) throw this.failure.error;
      // Made anew before looking at the state, so that no poke falls between.
      const woken = new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      const canPost = !this.isSpent();
      if (canPost && (this.stale || (!this.exhausted && this.queue.length < slots))) await this.refill();
      if (canPost) this.startPosts();
      if (this.inFlight.size === 0 && this.recording === null) {
        if (this.endpoint === null) return 'gone';
        if (!canPost) return Date.now();
        if (this.exhausted && this.queue.length === 0) return this.nextDueMs;
        continue;
      }
      const recorded = this.recording === null ? [] : [this.recording];
      await Promise.race([woken, ...recorded, ...this.inFlight.values(), ...this.untilDue()]);
    }
  }

  /** While POSTs are under way, a retry that falls due is not kept waiting for them. */
  private untilDue(): Promise<void>[] {
    const dueMs = this.nextDueMs;
    if (dueMs === null || !this.exhausted || dueMs > Date.now() + postTimeoutMs) return [];
    if (dueMs <= Date.now()) {
      // It fell due while this was read: the timer that was set for it has rung already and rings no more.
      this.dueAgain();
      return [Promise.resolve()];
    }
    if (this.timer?.dueMs !== dueMs) {
      const over = scheduler.wait(Math.max(0, dueMs - Date.now())).then(() => this.dueAgain());
      this.timer = { dueMs, over };
    }
    return [this.timer.over];
  }

  private dueAt(ms: number | null): void {
    if (ms !== null) this.nextDueMs = Math.min(ms, this.nextDueMs ?? ms);
  }

  private dueAgain(): void {
    if (this.nextDueMs === null || this.nextDueMs > Date.now()) return;
    this.nextDueMs = null;
    this.exhausted = false;
  }

  /** Reads what is due, and as long as there is room turns events into deliveries. */
  private async refill(): Promise<void> {
    const { store, settings, endpointId } = this.deps;
    const nowMs = Date.now();
    if (this.stale) this.queue = [];
    this.stale = false;
    // A poke that comes during the reading sets it to false again.
    this.exhausted = true;
    this.nextDueMs = null;
    const limit = pageDeliveries + this.queue.length + this.inFlight.size + this.unrecorded.length;
    // What is recorded while this is read may still look due in it.
    const posting = [...this.inFlight.keys(), ...this.unrecorded];
    const { endpoint, due, pending, nextDueMs } = await readEndpointWork(store, endpointId, limit, nowMs);
    this.endpoint = endpoint;
    // A retry that was recorded meanwhile is not in what was read.
    this.dueAt(nextDueMs);
    if (endpoint?.state !== 'active') {
      this.queue = [];
      this.nextDueMs = null;
      return;
    }
    this.signing = await signingOf(endpoint, settings, nowMs);
    const held = new Set(
      [...posting, ...this.queue, ...this.inFlight.keys(), ...this.unrecorded].map(
        ({ delivery }) => delivery.key,
      ),
    );
    const fresh = due.filter(({ key }) => !held.has(key));
    this.queue.push(...fresh.map((delivery) => ({ delivery, messageIds: messageIdsOf(delivery.body) })));
    this.throttled = pending >= mostPending;
    if (due.length === limit) this.exhausted = false;
    else if (!this.throttled) await this.readFeed(endpoint, nowMs);
  }

  /** A page of events becomes deliveries; the cursor moves with them in one transaction. */
  private async readFeed(endpoint: Endpoint, nowMs: number): Promise<void> {
    const { store } = this.deps;
    const cursor = { week: endpoint.cursorWeek, seq: endpoint.cursorSeq, taken: endpoint.cursorTaken };
    const page = await readEvents(store, endpoint.accountId, cursor, pageEvents, nowMs);
    const { next, more: behind } = page;
    const moved = next !== null && (['week', 'seq', 'taken'] as const).some((at) => next[at] !== cursor[at]);
    if (!moved) return;
    const kinds = chosenKinds(endpoint.format, endpoint.events);
    const chosen = page.events.filter((one) => kinds.has(one.event.kind) && isWanted(endpoint, one));
    const bodies = webhookBodies(endpoint.format, chosen);
    const appended = await appendDeliveries(
      store,
      endpoint,
      { bodies: bodies.map(({ text }) => text), cursor: next, behind },
      nowMs,
    );
    if (behind || appended === null) this.exhausted = false;
    appended?.forEach((delivery, i) => {
      this.queue.push({ delivery, messageIds: bodies[i]?.messageIds ?? [] });
    });
  }

  private startPosts(): void {
    const { endpoint } = this;
    if (endpoint?.state !== 'active') return;
    const busy = new Set([...this.inFlight.keys()].flatMap(({ messageIds }) => messageIds));
    this.queue = this.queue.filter((queued) => {
      const free = this.inFlight.size < slots && !this.isSpent() && this.unrecorded.length < mostUnrecorded;
      const blocked = !free || queued.messageIds.some((id) => busy.has(id));
      for (const id of queued.messageIds) busy.add(id);
      if (blocked) return true;
      this.posts += 1;
      this.inFlight.set(
        queued,
        this.tryOne(endpoint, queued.delivery).finally(() => this.inFlight.delete(queued)),
      );
      return false;
    });
  }

  /** The slot is free again after the answer; recording goes on beside the next POSTs. */
  private async tryOne(endpoint: Endpoint, delivery: WebhookDelivery): Promise<void> {
    const { retryAfterMs, answerType: _, ...made } = await this.post(endpoint, delivery);
    const result = { status: made.status, retryAfterMs };
    const next = reduceTry(result, delivery.attempts + 1, Date.now(), Math.random());
    this.unrecorded.push({ delivery, made, next });
    this.recording ??= this.writeRecords(endpoint);
  }

  /** A body that stands for a received mail is written anew each time. */
  private async post(endpoint: Endpoint, delivery: WebhookDelivery): Promise<TryResult> {
    const { store, settings, guard } = this.deps;
    const id = formatDeliveryId(delivery);
    const post = { url: endpoint.url, ...this.signing, id };
    const pointer = receivedPointerOf(delivery.body);
    const of = { deliveryId: id, attempt: delivery.tries.length + 1, secrets: this.signing.secrets };
    const nowMs = Date.now();
    if (!pointer) {
      const { body } = delivery;
      const headers = await formatHeaders(endpoint.format, body, of, nowMs);
      return await postWebhook({ ...post, body, headers }, guard);
    }
    try {
      const written = await bodyOfReceived(store, settings, endpoint, pointer, of, nowMs);
      return typeof written === 'string'
        ? notPosted(nowMs, written)
        : await postWebhook({ ...post, ...written }, guard);
    } catch (error) {
      // The mail is there, and could not be read now.
      return notPosted(nowMs, `not posted: ${errorText(error)}`.slice(0, 500));
    }
  }

  /** Tries that end while a write is under way share the next one. */
  private async writeRecords(endpoint: Endpoint): Promise<void> {
    try {
      while (this.unrecorded.length > 0) {
        const tried = [...this.unrecorded];
        const failingSinceMs = await recordTries(this.deps.store, tried, Date.now());
        this.unrecorded.splice(0, tried.length);
        for (const one of tried) await this.settle(endpoint, one);
        // What is under way beside it may have been answered with success.
        const isJudged = this.inFlight.size === 0 && this.unrecorded.length === 0;
        if (isJudged && hasFailedTooLong(failingSinceMs, Date.now()))
          await this.giveUp(endpoint, failingSinceMs);
      }
    } catch (error) {
      // Ends the run; what was posted and not recorded is posted again.
      this.failure = { error };
    } finally {
      this.recording = null;
    }
  }

  /** What a recorded try means for the run and for the endpoint. */
  private async settle(endpoint: Endpoint, { made, next }: TriedDelivery): Promise<void> {
    this.dueAt(next.dueMs);
    if (next.state !== 'pending' && this.throttled) this.exhausted = false;
    if (next.gone) await this.disable(endpoint, `The endpoint answered 410 Gone at ${made.at}.`);
  }

  /** What the database says of the last success counts, not what was known when the run began. */
  private async giveUp(endpoint: Endpoint, failingSinceMs: number | null): Promise<void> {
    const since = new Date(failingSinceMs ?? Date.now()).toISOString();
    await this.disable(endpoint, `No delivery has succeeded since ${since}.`);
  }

  /** Stops an endpoint; the operator reads it in the log, the owners are told. */
  private async disable(endpoint: Endpoint, reason: string): Promise<void> {
    const { id, accountId, publicId } = endpoint;
    if (!(await disableEndpoint(this.deps.store, { id, accountId }, reason))) return;
    console.warn(
      JSON.stringify({
        level: 'warn',
        msg: 'webhook endpoint disabled',
        accountId,
        endpoint: publicId,
        reason,
      }),
    );
    this.reload();
    await this.deps.onDisabled(endpoint, reason);
  }
}
