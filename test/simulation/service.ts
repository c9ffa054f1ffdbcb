import type { Program } from './bundle.ts';
import { Clock } from './clock.ts';
import type { Engine } from './database.ts';
import { type Answer, type Asked, Edge, NoAnswer, settings } from './edge.ts';
import { History, Violation } from './history.ts';
import type { Invocation } from './invocation.ts';
import { Ledger } from './ledger.ts';
import { MxModel } from './mx.ts';
import { type LeaseAsked, SimulatedNode } from './node.ts';
import { Random } from './random.ts';
import { type Receiver, Receivers } from './receivers.ts';
import { Weather } from './weather.ts';

/** A message that was accepted: what its sender was promised. */
export interface Sent {
  messageId: string;
  account: Account;
  domain: string;
  recipients: readonly string[];
  class: string;
  acceptedMs: number;
  firstDueMs: number;
  test: boolean;
}

export interface FeedEvent {
  id: string;
  kind: string;
  type: string | null;
  at: string;
  message_id: string;
  recipient: string;
  details: Record<string, unknown>;
  metadata: Record<string, string>;
}

export interface Endpoint {
  id: string;
  receiver: Receiver;
  format: 'event' | 'cloudmailin';
  sinceMs: number;
  /** How many events of the feed there were when it was made. */
  since: number;
  /** Its owner has disabled it or deleted it since. */
  touched: boolean;
}

/** A customer, and what it knows. */
export interface Account {
  id: number;
  key: string;
  testKey: string;
  domains: string[];
  suspended: boolean;
  sent: Sent[];
  endpoints: Endpoint[];
  /** All events that were read, in their order. */
  feed: FeedEvent[];
  feedIds: Set<string>;
  cursor: string;
  /** Cursors that were handed out, with the number of events before each. */
  cursors: { cursor: string; index: number }[];
  /** Since when it is not suspended. */
  activeSinceMs: number;
  /** A reader is under way. */
  reading: boolean;
}

/** Links that were found in a mail that an MX took. */
export interface MailLinks {
  messageId: string;
  recipient: string;
  account: Account;
  opens: string[];
  clicks: string[];
  unsubscribe: string[];
}

export interface ServiceOptions {
  seed: string;
  startMs: number;
  /** The databases of the homes, control first; it has the bucket too. */
  homes: readonly Engine[];
  programs: { worker: Program; node: Program };
  nodeSlots: number;
  stopWhen: (failure: Violation) => boolean;
  onFailure?: (violation: Violation) => void;
}

/** The whole service in one run: edge, nodes, MX, receivers and customers, under one clock and one source of chance. */
export class Service {
  readonly random: Random;
  readonly clock: Clock;
  readonly history: History;
  readonly weather: Weather;
  readonly homes: readonly Engine[];
  readonly ledger: Ledger;
  readonly edge: Edge;
  readonly mx: MxModel;
  readonly receivers: Receivers;
  readonly nodes: SimulatedNode[] = [];
  readonly accounts: Account[] = [];
  readonly byMessage = new Map<string, Sent>();
  readonly links: MailLinks[] = [];
  /** What the operator was told of the size of the database. */
  readonly sizes: { atMs: number; bytes: number }[] = [];
  readonly startMs: number;
  /** When a DSN about a delivery was taken. */
  readonly returned = new Map<string, number>();
  readonly failures: Violation[] = [];
  readonly figures = {
    operations: 0,
    statements: 0,
    subrequests: 0,
    answerBytes: 0,
    queueMessages: 0,
    alarmMs: 0,
    idleRows: 0,
    searchRows: 0,
    databaseBytes: 0,
    doubled: 0,
    told: 0,
    leased: 0,
    events: 0,
    webhookPosts: 0,
    maxOf: { statements: '', subrequests: '' },
  };
  /** Until when a message was reported on last: what that frees while a lease is chosen is not in it. */
  readonly reportedMs = new Map<string, number>();
  /** Invariants watch what happens; set by whoever checks. */
  onInvocation: (invocation: Invocation) => void = () => undefined;
  onLease: (asked: LeaseAsked) => void = () => undefined;
  onGivenBack: (node: SimulatedNode, leases: readonly { messageId: string; n: number }[]) => void = () =>
    undefined;
  onWrongToken: (node: SimulatedNode) => void = () => undefined;
  readonly #options: ServiceOptions;
  #livelyUntilMs = 0;
  #stirredMs = 0;
  #nextTickMs = 0;

  constructor(options: ServiceOptions) {
    this.#options = options;
    this.startMs = options.startMs;
    this.random = new Random(options.seed);
    this.clock = new Clock(options.startMs);
    this.history = new History(this.clock);
    this.homes = options.homes;
    this.weather = new Weather(this.clock, this.random.fork('weather'), 0.0008);
    const { clock, history, weather, homes } = this;
    this.clock.onError = (error) => this.fail(error);
    this.mx = new MxModel({ clock, history, random: this.random.fork('mx') });
    this.receivers = new Receivers({ clock, history, weather, random: this.random.fork('hooks') });
    this.ledger = new Ledger(homes);
    this.edge = new Edge({
      deps: { clock, weather, history, homes, onDrop: (home, tables) => this.ledger.close(home, tables) },
      program: options.programs.worker,
      random: this.random.fork('edge'),
      outside: (url, init) => this.receivers.outside(url, init),
      done: (invocation) => this.onInvocation(invocation),
      spins: (stack) => this.spins(stack),
    });
    this.#scheduleTick();
  }

  /** A promise was broken, or the simulation itself. */
  fail(error: unknown): void {
    const violation =
      error instanceof Violation
        ? error
        : new Violation('crash', error instanceof Error ? (error.stack ?? String(error)) : String(error));
    const same = (one: Violation) =>
      one.invariant === violation.invariant && titleOf(one) === titleOf(violation);
    if (this.failures.some(same)) return;
    this.history.note(`VIOLATION ${violation.invariant}: ${violation.message}`);
    this.failures.push(violation);
    this.#options.onFailure?.(violation);
  }

  /** A loop of the product never ends. */
  spins(stack: string): never {
    const where = stack.split('\n').slice(1, 7).join('\n');
    this.fail(new Violation('7 spins', `a loop goes round without end and lets nothing else run\n${where}`));
    throw new Error('spins');
  }

  get over(): boolean {
    return this.failures.some((failure) => failure.invariant === 'crash' || this.#options.stopWhen(failure));
  }

  addNode(): SimulatedNode {
    const { clock, weather, history, edge, mx } = this;
    const node = new SimulatedNode(`node-${this.nodes.length + 1}`, this.#options.nodeSlots, {
      clock,
      weather,
      history,
      edge,
      mx,
      random: this.random.fork('nodes'),
      program: this.#options.programs.node,
      pollMs: (ms) => (this.isFresh ? ms : this.isLively ? 4 * ms : 3_600_000),
      onLease: (asked) => this.onLease(asked),
      onGivenBack: (of, leases) => this.onGivenBack(of, leases),
      onReport: (messageIds, state) => {
        const atMs = state === 'begun' ? Number.POSITIVE_INFINITY : this.clock.nowMs;
        for (const id of messageIds) this.reportedMs.set(id, atMs);
      },
      spins: (stack) => this.spins(stack),
      onAnswer: (what, answer) => this.judge(what, answer),
    });
    this.nodes.push(node);
    return node;
  }

  // --- the pace of cron and polls

  /** Something happens: cron ticks every minute for a while, and nodes poll. */
  stir(forMs = 12 * 60_000): void {
    this.#stirredMs = this.clock.nowMs;
    this.#livelyUntilMs = Math.max(this.#livelyUntilMs, this.clock.nowMs + forMs);
    if (this.#nextTickMs > this.clock.nowMs + 60_000) this.#scheduleTick();
  }

  /** Something has just happened. */
  get isFresh(): boolean {
    return this.clock.nowMs < this.#stirredMs + 6 * 60_000;
  }

  get isLively(): boolean {
    return this.clock.nowMs < this.#livelyUntilMs;
  }

  #tickTurn = 0;
  #scheduleTick(): void {
    this.#tickTurn += 1;
    const turn = this.#tickTurn;
    const minuteMs = 60_000;
    const nowMs = this.clock.nowMs;
    const nextMinute = (Math.floor(nowMs / minuteMs) + 1) * minuteMs;
    const hourMs = 60 * minuteMs;
    const nextHour = (Math.floor(nowMs / hourMs) + 1) * hourMs;
    // While nothing goes on, most ticks are left out: an hour in four has one.
    const lively = this.isFresh ? nextMinute : Math.min(nextHour, nextMinute + 9 * minuteMs);
    const idle = nextHour + (this.random.chance(0.25) ? 0 : this.random.between(1, 5) * hourMs);
    this.#nextTickMs = this.isLively ? lively : idle;
    this.clock.at(this.#nextTickMs, () => {
      if (this.#tickTurn !== turn) return;
      this.#scheduleTick();
      const fate = this.weather.isCalm ? 'usual' : this.random.weighted({ usual: 96, skipped: 3, twice: 1 });
      if (fate !== 'usual') this.weather.note(`cron ${fate}`);
      if (fate !== 'skipped') void this.edge.tick();
      if (fate === 'twice') void this.edge.tick();
    });
  }

  // --- clients

  activeSinceMs(accountId: number): number {
    return this.accounts.find(({ id }) => id === accountId)?.activeSinceMs ?? 0;
  }

  /** An API call of a customer or the operator; what is the edge's own fault is told of. @throws NoAnswer */
  async call(
    method: string,
    path: string,
    token: string,
    body?: unknown,
    more: Partial<Asked> = {},
  ): Promise<Answer> {
    const answer = await this.edge.fetch({
      method,
      path,
      headers: {
        Authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...more.headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(more.goneAfterMs === undefined ? {} : { goneAfterMs: more.goneAfterMs }),
    });
    if (answer.cost.what === 'away') throw new NoAnswer('the edge is away');
    this.judge(`${method} ${path}`, answer);
    return answer;
  }

  /** The same, again and again until it is answered with less than 500. */
  async insist(method: string, path: string, token: string, body?: unknown): Promise<Answer> {
    for (;;) {
      try {
        const answer = await this.call(method, path, token, body);
        if (answer.status < 500) return answer;
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
      }
      await this.clock.sleep(20_000);
    }
  }

  operator(method: string, path: string, body?: unknown): Promise<Answer> {
    return this.insist(method, `/admin/v1${path}`, settings.OPERATOR_TOKEN, body);
  }

  /** A 5xx of an invocation that no fault has struck is a fault of the product. */
  judge(what: string, answer: Answer): void {
    if (answer.status < 500 || answer.cost.what === 'away' || answer.cost.faults > 0) return;
    // While an account moves to another home, for a moment.
    if (answer.status === 503 && this.homes.length > 1 && answer.bytes.includes('is being moved')) return;
    const place = what.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, ':id').replace(/\?.*/, '');
    const logged = this.history.about(['error'], 3).map((line) => line.slice(0, 700));
    this.fail(
      new Violation(
        '4 reads',
        `${place} answers ${answer.status} though nothing is wrong: ${answer.bytes.toString().slice(0, 300)}\n${logged.join('\n')}`,
        [what],
      ),
    );
  }
}

/** What two failures of one kind have in common. */
export function titleOf({ message }: Violation): string {
  return (message.split('\n')[0] ?? '')
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, ':id')
    .replace(/\d+/g, '#')
    .slice(0, 120);
}

export function jsonOf<T>(answer: Answer): T {
  return JSON.parse(answer.bytes.toString()) as T;
}
