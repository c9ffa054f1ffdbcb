import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { toldOfAddresses } from '#domain/delivery/sending-address.ts';
import type { DkimKey, LeasedDelivery } from '#domain/node-contract.ts';
import type { Backoff } from '../backoff.ts';
import { EdgeRefusal, type WorkerClient } from '../worker-client.ts';
import { type CarryContext, carry } from './carry.ts';
import type { Courier } from './courier.ts';
import { DigestPace } from './digest-pace.ts';
import type { Journal } from './journal.ts';
import { type Room, Slots } from './slots.ts';

export interface LeaseLoopOptions
  extends Omit<CarryContext, 'courier' | 'stopped' | 'whenStopped' | 'superseded' | 'crowded'> {
  client: Pick<WorkerClient, 'lease' | 'release'>;
  courier: Pick<Courier, 'deliver' | 'useRelays' | 'throttledDomains' | 'busyDomains' | 'sendingAddresses'>;
  journal: Pick<Journal, 'sending' | 'outcome' | 'attemptOf' | 'unreported' | 'writable'>;
  /** Pauses while the edge is away. */
  backoff: Backoff;
  /** Deliveries in flight at once, those that wait for a peer left out. */
  slots: number;
  /** How often work is asked for without being woken. */
  pollMs: number;
  /** Outcomes that may wait for the edge before no more work is taken. */
  maxUnreported: number;
}

/** Most deliveries and excluded domains of one request (`#domain/node-contract.ts`). */
const mostLeases = 500;
const mostExcludedDomains = 50;
/** How long a place in the queue is kept: what was passed by may be wanted again (leases that ended, accounts resumed). */
const placeKeptMs = 5 * 60_000;

type GivenBack = Parameters<WorkerClient['release']>[0][number];
type LeaseAsk = Omit<Parameters<WorkerClient['lease']>[0], 'sequence' | 'fence'>;

/**
 * Asks for work as there is room for it, and has it attempted. It asks when it is woken, when a slot is freed
 * while more is due, and every few seconds in any case. Digests are asked for by the handful.
 */
export class LeaseLoop {
  readonly #options: LeaseLoopOptions;
  readonly #context: CarryContext;
  /** What is in flight, by message and recipient: never twice at once, however often a lease is answered. */
  readonly #running = new Map<string, { leaseId: string; done: Promise<void> }>();
  readonly #slots: Slots;
  readonly #pace: DigestPace;
  readonly #stopped = new AbortController();
  /** One for each delivery under way: a listener of the signal costs more to add and to leave out. */
  readonly #stopCallbacks = new Set<() => void>();
  #superseded = false;
  /** More is due than was taken: ask again when a slot is freed. */
  #more = false;
  /** Domains that the last lease did not want: ask again when one of them is served again. */
  #unwanted: string[] = [];
  /** As many digests run as may, or none were asked for: there may be more, asked for when enough of them are done. */
  #digestsFull = false;
  #asking = false;
  /** Leases of urgent mail are under way. */
  #urgent: Promise<void> | null = null;
  /** There has been a wake since the last of them began. */
  #wokenAgain = false;
  #poked = false;
  /** How far the queue has been looked at, as the edge said; null: it is to be looked at from its beginning. */
  #place: { text: string; untilMs: number } | null = null;
  /**
   * Leases that were asked for and not answered, with the number of the last request: asked for again by their names, since the
   * edge may have given them, while the request before takes nothing from then on.
   */
  readonly #unanswered = new Map<'all' | 'urgent', { ask: LeaseAsk; sequence: number }>();
  #requests = 0;
  /** Requests up to this number take nothing any more, whatever they ask for. */
  #fence = 0;
  #endRest: () => void = () => {};
  #untried: GivenBack[] = [];

  constructor(options: LeaseLoopOptions) {
    this.#options = options;
    this.#slots = new Slots(options.slots);
    this.#pace = new DigestPace(options.slots, () => {
      if (this.#digestsWanted) this.#poke();
    });
    this.#context = {
      ...options,
      stopped: this.#stopped.signal,
      whenStopped: (callback) => {
        this.#stopCallbacks.add(callback);
        return () => this.#stopCallbacks.delete(callback);
      },
      superseded: () => this.#superseded,
      crowded: () => this.#slots.areCrowded,
    };
  }

  /** Deliveries in flight. */
  get running(): number {
    return this.#running.size;
  }

  /**
   * The edge says that there is new work. While the node is busy with digests, what is more urgent is asked for at
   * once and by itself: it waits neither for a lease that is under way nor for the digests that a lease carries.
   */
  wake(): void {
    this.#wokenAgain = true;
    const isBusy = this.#digestsFull || this.#slots.working('digest') > 0;
    if (!isBusy && !this.#asking) this.#poke();
    else this.#urgent ??= this.#takeUrgent();
  }

  /** There may be work. */
  #poke(): void {
    this.#poked = true;
    this.#endRest();
  }

  /** Takes no more work and gives back what has not come to DATA; the rest goes on. */
  stop(): void {
    this.#stopped.abort();
    for (const callback of this.#stopCallbacks) callback();
    this.#poke();
  }

  /** Resolves when nothing is in flight. */
  async idle(): Promise<void> {
    // What it still brings is given back.
    await this.#urgent;
    while (this.#running.size > 0) await Promise.all([...this.#running.values()].map(({ done }) => done));
  }

  /**
   * Runs until it is stopped.
   * @returns `superseded` when a newer boot of the same node id has said hello
   */
  async run(): Promise<'stopped' | 'superseded'> {
    while (!this.#stopped.signal.aborted) {
      const again = await this.#take();
      if (this.#superseded) return 'superseded';
      if (!again) await this.#rest(this.#options.pollMs);
    }
    return 'stopped';
  }

  /** How many deliveries may be begun now. */
  async #room(): Promise<Room> {
    const { journal, maxUnreported } = this.#options;
    if (journal.unreported >= maxUnreported || !(await journal.writable())) return { all: 0, other: 0 };
    const { room } = this.#slots;
    this.#more ||= this.#slots.areFull || room.other === 0;
    return room;
  }

  /** Leases what there is room for and begins it. True when it should be asked again at once. */
  async #take(): Promise<boolean> {
    const { backoff, log } = this.#options;
    const room = await this.#room();
    if (room.all === 0) return false;
    this.#poked = false;
    this.#asking = true;
    try {
      const { urgent } = this.#slots;
      // What the edge may have given to a lease whose answer was lost is asked for first, or it would stand leased to nobody.
      if (this.#urgent === null && this.#unanswered.has('urgent')) {
        const few = Math.min(room.all, urgent);
        await this.#lease('urgent', { all: few, other: Math.min(few, room.other) }, 0);
        backoff.reset();
        return true;
      }
      const { isOpen } = this.#pace;
      const digestMax = isOpen ? Math.max(0, this.#pace.most - this.#slots.working('digest')) : 0;
      // Beside digests, some room is left for what is more urgent and comes while this lease is under way.
      const leaves = this.#slots.working('digest') > 0 && room.all > urgent ? urgent : 0;
      const all = room.all - leaves;
      const { more, count, digests, passed } = await this.#lease(
        'all',
        { all, other: Math.min(all, room.other) },
        digestMax,
      );
      backoff.reset();
      if (digests > 0) this.#pace.given();
      // Where there was room for priority alone, nothing else was looked at.
      this.#more = more || room.other === 0;
      this.#digestsFull = !isOpen || this.#slots.working('digest') >= this.#pace.most;
      // `more` with nothing given and nothing passed by must not become a busy loop
      return more && (count === 0 ? passed : this.#slots.worthAsking);
    } catch (error) {
      if (error instanceof EdgeRefusal && error.status === 409) {
        this.#superseded = true;
        return false;
      }
      const pauseMs = backoff.nextMs();
      log.warn({ err: error, pauseMs }, 'no work could be leased; trying again');
      await pause(pauseMs, undefined, { signal: this.#stopped.signal }).catch(() => {});
      return true;
    } finally {
      this.#asking = false;
    }
  }

  /** Leases a little of what is more urgent than digests, beside whatever else is under way. Never rejects. */
  async #takeUrgent(): Promise<void> {
    try {
      for (;;) {
        const room = await this.#room();
        const all = Math.min(room.all, this.#slots.urgent);
        if (all === 0 || this.#stopped.signal.aborted) break;
        this.#wokenAgain = false;
        const { more, count, passed } = await this.#lease(
          'urgent',
          { all, other: Math.min(all, room.other) },
          0,
        );
        this.#more ||= more;
        // A look that only passed by what is held goes on where it stopped.
        const isBehind = more && count === 0 && passed;
        if (!this.#wokenAgain && !isBehind) break;
      }
      // There was no room beside the lease under way, or the wake may have been about a digest.
      if (this.#wokenAgain || !this.#digestsFull) this.#poke();
    } catch (error) {
      this.#options.log.debug({ err: error }, 'urgent work could not be leased; the next lease will tell');
      this.#poke();
    } finally {
      this.#urgent = null;
    }
  }

  /**
   * Asks the edge for as many deliveries as there is room for, of which `digestMax` digests, and begins those that it
   * gives.
   * `passed`: the queue has been looked at further than before.
   */
  async #lease(
    kind: 'all' | 'urgent',
    room: Room,
    digestMax: number,
  ): Promise<{ more: boolean; count: number; digests: number; passed: boolean }> {
    const { client, meters } = this.#options;
    const before = this.#unanswered.get(kind);
    const ask = before?.ask ?? this.#newAsk(room, digestMax);
    this.#requests += 1;
    const sequence = this.#requests;
    const fence = before?.sequence ?? 0;
    this.#fence = Math.max(this.#fence, fence);
    this.#unwanted = [...(ask.excludeDomains ?? []), ...(ask.busyDomains ?? [])];
    this.#unanswered.set(kind, { ask, sequence });
    const answered = this.#slots.ask(room);
    const { deliveries, keys, relays, more, place } = await client
      .lease({ ...ask, sequence, fence })
      .finally(answered);
    if (this.#unanswered.get(kind)?.sequence === sequence) this.#unanswered.delete(kind);
    // What a request has passed by that was fenced off meanwhile, it may not have taken: it is looked at again at once.
    const isFenced = sequence <= this.#fence;
    const passed = place !== null && place !== ask.place;
    if (place !== null && !isFenced) {
      this.#place = { text: place, untilMs: this.#place?.untilMs ?? Date.now() + placeKeptMs };
    }
    meters.leased.inc(deliveries.length);
    this.#options.courier.useRelays(relays);
    for (const delivery of deliveries) {
      this.#begin(delivery, keys[delivery.keyRing ?? delivery.signingDomain] ?? []);
    }
    const digests = deliveries.filter((one) => one.class === 'digest').length;
    return { more: more || isFenced, count: deliveries.length, digests, passed: passed || isFenced };
  }

  #newAsk(room: Room, digestMax: number): LeaseAsk {
    const { courier } = this.#options;
    if (this.#servedAgain() || (this.#place !== null && this.#place.untilMs <= Date.now()))
      this.#place = null;
    const sendingAddresses = toldOfAddresses(courier.sendingAddresses());
    return {
      leaseId: randomUUID(),
      max: Math.min(room.all, mostLeases),
      otherMax: Math.min(room.other, mostLeases),
      digestMax: Math.min(digestMax, mostLeases),
      domainMax: Math.min(mostLeases, Math.ceil(this.#options.slots / 4)),
      excludeDomains: courier.throttledDomains().slice(0, mostExcludedDomains),
      busyDomains: courier.busyDomains().slice(0, mostExcludedDomains),
      ...(sendingAddresses.length > 0 && { sendingAddresses }),
      place: this.#place?.text ?? null,
    };
  }

  /** Digests are asked for again when a third of them is done: a lease for each would only keep both sides busy. */
  get #digestsWanted(): boolean {
    const { isOpen, most } = this.#pace;
    return this.#digestsFull && isOpen && this.#slots.working('digest') * 3 <= most * 2;
  }

  /** More is asked for when a quarter of the slots is free, for the same reason. */
  get #moreWanted(): boolean {
    return this.#more && this.#slots.worthAsking;
  }

  #begin(delivery: LeasedDelivery, keys: readonly DkimKey[]): void {
    const { messageId, n, leaseId } = delivery;
    const key = `${messageId} ${n}`;
    const underWay = this.#running.get(key);
    if (underWay) {
      // Two requests of one name may both be answered; a lease after it is given back, since only one may go on.
      if (underWay.leaseId !== leaseId) void this.#giveBack({ messageId, n, leaseId });
      return;
    }
    if (delivery.class === 'priority') this.#pace.urgentBegan();
    const hold = this.#slots.begin(delivery.class, () => {
      // The edge was not asked for more digests than fit, so it could not say that there are more.
      if (this.#moreWanted || this.#digestsWanted || this.#servedAgain()) this.#poke();
    });
    const done = this.#carry(delivery, keys, hold.waits).finally(() => {
      this.#running.delete(key);
      hold.end();
    });
    this.#running.set(key, { leaseId, done });
  }

  /** True when the MX of a domain that was left out has worked off what waited for it. */
  #servedAgain(): boolean {
    if (this.#unwanted.length === 0) return false;
    const { courier } = this.#options;
    const still = new Set([...courier.throttledDomains(), ...courier.busyDomains()]);
    return this.#unwanted.some((domain) => !still.has(domain));
  }

  /** Never rejects. */
  async #carry(
    delivery: LeasedDelivery,
    keys: readonly DkimKey[],
    onWaiting: (waiting: boolean) => void,
  ): Promise<void> {
    const { messageId, n, leaseId } = delivery;
    try {
      const carried = await carry(delivery, keys, this.#context, onWaiting);
      if (carried === 'tried') return;
      onWaiting(true);
      const why = carried === 'untried' ? {} : { waitsFor: carried.untriedBy };
      await this.#giveBack({ messageId, n, leaseId, ...why });
    } catch (error) {
      this.#options.log.error(
        { messageId, n, leaseId, err: error },
        'an attempt failed in a way it must not',
      );
    }
  }

  /** Never rejects. */
  async #giveBack(lease: GivenBack): Promise<void> {
    this.#untried.push(lease);
    // leases that are given back in the same turn go in one request
    await Promise.resolve();
    await this.#release();
  }

  async #release(): Promise<void> {
    const leases = this.#untried;
    this.#untried = [];
    if (leases.length === 0) return;
    this.#options.meters.released.inc(leases.length);
    // What is given back stands before the place.
    this.#place = null;
    try {
      await this.#options.client.release(leases);
    } catch (error) {
      this.#options.log.warn({ err: error, leases: leases.length }, 'leases not given back; they will end');
    }
    // what is given back is due again at once: do not take it again at once
    await pause(1000, undefined, { signal: this.#stopped.signal }).catch(() => {});
  }

  async #rest(ms: number): Promise<void> {
    if (this.#poked || this.#stopped.signal.aborted) {
      this.#poked = false;
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#endRest = resolve;
    await promise;
    clearTimeout(timer);
    this.#endRest = () => {};
    this.#poked = false;
  }
}
