import { Writable } from 'node:stream';
import { z } from 'zod';
import { type Place, parsePlace } from '#domain/delivery/lease-choice.ts';
import type { Courier } from '../../smtp-node/outbound/courier.ts';
import type { Program } from './bundle.ts';
import type { Clock } from './clock.ts';
import { Disk } from './disk.ts';
import { type Answer, type Edge, NoAnswer, origin } from './edge.ts';
import type { History } from './history.ts';
import type { MxModel } from './mx.ts';
import type { Random } from './random.ts';
import type { Host } from './sandbox.ts';
import type { Weather } from './weather.ts';

/** No other timer of a node has this length, so that its polls are known. */
const pollSeconds = 29;

interface RunningNode {
  ready: Promise<void>;
  ended: Promise<{ reason: string; text?: string }>;
  stop(): Promise<void>;
}

interface NodeExports {
  parseConfig(env: Record<string, string>): unknown;
  startNode(config: unknown, deps: object): Promise<RunningNode>;
}

const leaseAnswer = z.object({
  deliveries: z.array(
    z.object({ messageId: z.string(), n: z.number(), leaseId: z.string(), class: z.string() }),
  ),
});
const leaseQuestion = z.object({
  max: z.number(),
  excludeDomains: z.array(z.string()),
  bootId: z.string(),
  place: z.string().nullish(),
  fence: z.number(),
});

const releaseQuestion = z.object({ leases: z.array(z.object({ messageId: z.string(), n: z.number() })) });

/** A lease as a node has asked for it. */
export interface LeaseAsked {
  node: SimulatedNode;
  bootId: string;
  askedMs: number;
  max: number;
  excluded: readonly string[];
  /** Where it goes on, behind what leases before it have looked at. */
  place: Place;
  /** Asked before and not answered: it may give what was chosen then. */
  isAgain: boolean;
  /** Null: it was not answered. */
  given: { messageId: string; n: number; leaseId: string; class: string }[] | null;
  answer: Answer | null;
}

export interface NodeDeps {
  clock: Clock;
  random: Random;
  weather: Weather;
  history: History;
  edge: Edge;
  mx: MxModel;
  program: Program;
  /** How long a poll waits: longer while nothing is due. */
  pollMs(ms: number): number;
  onLease(asked: LeaseAsked): void;
  /** Leases come back untried, though the node does not stop. */
  /** It begins to tell, or has told, what became of leases of these messages. */
  onReport(messageIds: readonly string[], state: 'begun' | 'ended'): void;
  onGivenBack(node: SimulatedNode, leases: readonly { messageId: string; n: number }[]): void;
  /** Told of a loop that never ends; throws. */
  spins: (stack: string) => never;
  /** An answer of the edge that is its own fault. */
  onAnswer(what: string, answer: Answer): void;
}

/** One machine with an SMTP node: its disk outlives the node, whose every await may be its last. */
export class SimulatedNode {
  readonly id: string;
  readonly disk: Disk;
  readonly #deps: NodeDeps;
  readonly #slots: number;
  #generation = 0;
  #running: RunningNode | null = null;
  /** How far its clock is ahead, milliseconds. */
  skewMs = 0;
  /** Its own, as the operator made it. */
  token = '';
  /** The leases that it has been given in this life. */
  leases = new Set<string>();
  /** When the edge has last answered it. */
  answeredMs = 0;
  leased = 0;
  /** When it has given deliveries back untried in this life. */
  givenBack = new Map<string, number[]>();
  #stopping = false;
  /** Why it has ended by itself; null while it runs. */
  ended: { reason: string; text: string; atMs: number } | null = null;

  constructor(id: string, slots: number, deps: NodeDeps) {
    this.id = id;
    this.#slots = slots;
    this.#deps = deps;
    this.disk = new Disk({ ...deps, name: id, random: deps.random.fork(`disk ${id}`) });
  }

  get generation(): number {
    return this.#generation;
  }

  get isUp(): boolean {
    return this.#running !== null && this.ended === null;
  }

  /** The process begins; what it leaves behind when it fails to is as after a kill. */
  start(): void {
    const { clock, random, history, edge, mx, program } = this.#deps;
    this.#generation += 1;
    const own = this.#generation;
    const alive = () => this.#generation === own;
    this.ended = null;
    this.leases = new Set();
    this.givenBack = new Map();
    this.#stopping = false;
    const name = `${this.id}#${own}`;
    history.add(`node ${name} starts`);
    const log = logOf((level, text) => alive() && history.add(`${name} ${level} ${text}`));
    const host: Host = {
      name,
      clock,
      random: random.fork(name),
      skewMs: () => this.skewMs,
      alive,
      timerMs: (ms) => (ms === pollSeconds * 1000 ? this.#deps.pollMs(ms) : ms),
      fetch: (input, init) => this.#ask(String(input), init ?? {}, alive),
      log: (level, text) => history.add(`${name} ${level} ${text}`),
      spins: this.#deps.spins,
      modules: {
        ...this.#files(alive),
        'simulated-node': {
          openWake: (onWake: () => void) => {
            edge.sockets.set(this.id, () => alive() && onWake());
            return () => edge.sockets.delete(this.id);
          },
        },
      },
    };
    const exports = program.start<NodeExports>(host);
    const config = exports.parseConfig({
      PENNYPOST_EDGE_URL: origin,
      PENNYPOST_NODE_TOKEN: this.token,
      PENNYPOST_HOST_NAME: `${this.id}.sim.example`,
      PENNYPOST_NODE_ID: this.id,
      PENNYPOST_DATA_DIR: `/data/${this.id}`,
      PENNYPOST_SLOTS: String(this.#slots),
      PENNYPOST_POLL_SECONDS: String(pollSeconds),
    });
    const createCourier = (options: { now?: () => number }): Courier =>
      mx.courier({
        alive,
        now: options.now ?? (() => Math.floor(clock.nowMs)),
        fileOf: (path) => this.disk.bytesOf(path),
      });
    const end = (reason: string, text: string) => {
      if (!alive()) return;
      history.add(`node ${name} ended: ${reason} ${text}`);
      this.ended = { reason, text, atMs: clock.nowMs };
    };
    exports
      .startNode(config, { log, createCourier })
      .then((running) => {
        if (!alive()) return;
        this.#running = running;
        void running.ended.then(({ reason, text = '' }) => end(reason, text));
      })
      .catch((error: unknown) => end('failed', String(error)));
  }

  /** SIGKILL: none of its awaits ever ends. */
  kill(): void {
    this.#deps.history.add(`node ${this.id}#${this.#generation} is killed`);
    this.#generation += 1;
    this.#running = null;
    this.#deps.edge.sockets.delete(this.id);
    this.disk.crash();
  }

  /** SIGTERM: it has its time to stop. */
  async stop(): Promise<void> {
    const own = this.#generation;
    this.#stopping = true;
    await Promise.race([this.#running?.stop(), this.#deps.clock.sleep(40_000)]);
    if (this.#generation === own) this.kill();
  }

  /** Moves its clock, as an administrator or a guest that was asleep does. */
  jump(ms: number): void {
    this.#deps.history.add(`node ${this.id}: its clock jumps by ${ms} ms`);
    this.skewMs = ms;
  }

  async #ask(url: string, init: RequestInit, alive: () => boolean): Promise<Response> {
    const { edge, clock } = this.#deps;
    const path = url.slice(origin.length);
    const isLease = path === '/node/v1/lease';
    const question = isLease ? leaseQuestion.parse(JSON.parse(String(init.body))) : null;
    const askedMs = clock.nowMs;
    if (path === '/node/v1/release' && alive() && !this.#stopping && this.disk.fault === null)
      this.#deps.onGivenBack(this, releaseQuestion.parse(JSON.parse(String(init.body))).leases);
    const told = (answer: Answer | null) => {
      if (!question || !alive()) return;
      const given =
        answer?.status === 200 ? leaseAnswer.parse(JSON.parse(answer.bytes.toString())).deliveries : null;
      for (const { messageId, n, leaseId } of given ?? []) this.leases.add(`${messageId} ${n} ${leaseId}`);
      this.leased += given?.length ?? 0;
      this.#deps.onLease({
        node: this,
        bootId: question.bootId,
        askedMs,
        max: question.max,
        excluded: question.excludeDomains,
        place: parsePlace(question.place ?? null),
        isAgain: question.fence > 0,
        given,
        answer,
      });
    };
    const reports = path === '/node/v1/results' || path === '/node/v1/release';
    const reported = reports
      ? [...String(init.body).matchAll(/"messageId":"([^"]+)"/g)].map(([, id = '']) => id)
      : [];
    this.#deps.onReport(reported, 'begun');
    try {
      const answer = await edge.fetch({
        method: init.method ?? 'GET',
        path,
        headers: init.headers as Record<string, string>,
        body: init.body === null ? undefined : (init.body as string | Uint8Array | undefined),
        signal: init.signal,
      });
      if (!alive()) return await new Promise<never>(() => undefined);
      this.#deps.onAnswer(`${init.method} ${path}`, answer);
      if (answer.status < 500) this.answeredMs = clock.nowMs;
      told(answer);
      return new Response(new Uint8Array(answer.bytes), { status: answer.status, headers: answer.headers });
    } catch (error) {
      if (!alive()) return await new Promise<never>(() => undefined);
      told(null);
      if (error instanceof NoAnswer) throw new TypeError('fetch failed', { cause: new Error(error.message) });
      throw error;
    } finally {
      this.#deps.onReport(reported, 'ended');
    }
  }

  #files(alive: () => boolean): Record<string, unknown> {
    const modules = this.disk.modules(alive);
    const { disk } = this;
    const createWriteStream = (path: string) => {
      const chunks: Buffer[] = [];
      const stream = new Writable({
        write(chunk: Buffer, _, done) {
          chunks.push(chunk);
          done();
        },
        final(done) {
          try {
            disk.spool(path, Buffer.concat(chunks));
            done();
          } catch (error) {
            done(error instanceof Error ? error : new Error(String(error)));
          }
        },
      });
      Object.defineProperty(stream, 'bytesWritten', {
        get: () => chunks.reduce((sum, chunk) => sum + chunk.length, 0),
      });
      return stream;
    };
    return { ...modules, 'node:fs': { ...(modules['node:fs'] as object), createWriteStream } };
  }
}

/** As much of a pino logger as a node uses. */
function logOf(write: (level: string, text: string) => void): object {
  const at = (level: string) => (first: unknown, text?: string) => {
    const about = typeof first === 'string' ? '' : ` ${JSON.stringify(first, errorsAsText)}`;
    write(level, `${text ?? String(first)}${about}`.slice(0, 600));
  };
  const log: Record<string, unknown> = Object.fromEntries(
    ['info', 'warn', 'error', 'fatal'].map((level) => [level, at(level)]),
  );
  log.debug = () => undefined;
  log.trace = () => undefined;
  log.child = () => log;
  return log;
}

function errorsAsText(_: string, value: unknown): unknown {
  return value instanceof Error ? `${value.name}: ${value.message}` : value;
}
