import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { type WebSocket, WebSocketServer } from 'ws';
import type { z } from 'zod';
import {
  type DkimKey,
  type InboundDoor,
  type LeasedDelivery,
  type LeaseResponse,
  leaseRequest,
  type ReceivedHead,
  type Result,
  receivedHead,
} from '#domain/node-contract.ts';

/** A request that came in. */
export interface Asked {
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  body: Buffer;
  json: unknown;
}

/** What is answered: `drop` closes the connection without an answer. */
export type Answer = { status: number; body?: unknown; headers?: Record<string, string> } | 'drop';

/**
 * An edge that plays a script: what a path answers is set by a test, and what came in is kept. Without a
 * script it is friendly: it takes results and releases, leases what is in `queue`, and accepts mail.
 */
export class FakeEdge {
  readonly asked: Asked[] = [];
  readonly results: Result[] = [];
  /** Mail accepted over the public API: committed only when the body came to its end. */
  readonly accepted: { query: URLSearchParams; headers: IncomingMessage['headers']; raw: Buffer }[] = [];
  /** Requests to `send/raw` that broke off. */
  brokenOff = 0;
  /** Mail that was handed in for return paths. */
  readonly returned: { mailFrom: string; rcptTo: string[]; raw: string; signedAuthor: string | undefined }[] =
    [];
  /** Return paths that take mail. */
  readonly known = new Set<string>();
  /** Other addresses and what is behind them. */
  readonly doors = new Map<string, InboundDoor>();
  /** Mail that was handed over for domains that receive: of each id the last. */
  readonly received = new Map<string, { head: ReceivedHead; raw: string }>();
  simulatorDomain: string | null = null;
  readonly queue: LeasedDelivery[] = [];
  /** DKIM keys by signing domain. */
  readonly keys: Record<string, DkimKey[]> = { 'example.com': [] };
  readonly raws = new Map<string, Buffer>();
  readonly released: string[] = [];
  readonly secrets = new Map<string, string>([['pp_test_secret', 'robot']]);
  /** Answers by path, without the `/node/v1/` or `/v1/` before it; tried before the friendly ones. */
  readonly script = new Map<string, (asked: Asked) => Answer | null | Promise<Answer | null>>();
  wakes = 0;
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #listeners = new Set<() => void>();
  #port = 0;

  constructor() {
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => {
        this.brokenOff += 1;
        response.destroy();
        this.#tell();
      });
    });
    this.#server.on('upgrade', (request, socket, head) => {
      this.#sockets.handleUpgrade(request, socket, head, (ws) => {
        this.wakes += 1;
        this.#sockets.emit('connection', ws, request);
        this.#tell();
      });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Listens, on the same port as before when it was stopped. */
  async start(): Promise<this> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (typeof address === 'object' && address) this.#port = address.port;
    return this;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /** Says `wake` to every node. */
  wake(): void {
    for (const socket of this.#sockets.clients) socket.send('wake');
  }

  /** The open wake sockets. */
  get sockets(): Set<WebSocket> {
    return this.#sockets.clients;
  }

  /** The paths that were asked for, in order. */
  paths(): string[] {
    return this.asked.map((one) => one.path);
  }

  /** Resolves once `holds` is true; looked at after every request. */
  async until(holds: (edge: this) => boolean): Promise<void> {
    while (!holds(this)) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#listeners.add(resolve);
      await promise;
      this.#listeners.delete(resolve);
    }
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const path = url.pathname.replace(/^\/(node\/)?v1\//, '');
    const early = this.script.get(`early ${path}`);
    const asked: Asked = {
      path,
      query: url.searchParams,
      headers: request.headers,
      body: Buffer.alloc(0),
      json: null,
    };
    if (early) return this.#answer(response, (await early(asked)) ?? { status: 500 });
    asked.body = await buffer(request);
    if (request.headers['content-type'] === 'application/json')
      asked.json = JSON.parse(asked.body.toString());
    this.asked.push(asked);
    const answer = (await this.script.get(path)?.(asked)) ?? this.#friendly(asked);
    this.#answer(response, answer);
    this.#tell();
  }

  #answer(response: ServerResponse, answer: Answer): void {
    if (answer === 'drop') {
      response.destroy();
      return;
    }
    const body = Buffer.isBuffer(answer.body) ? answer.body : JSON.stringify(answer.body ?? {});
    const type = answer.status >= 400 ? 'application/problem+json' : 'application/json';
    response.writeHead(answer.status, { 'content-type': type, ...answer.headers }).end(body);
  }

  #friendly(asked: Asked): Answer {
    const body = asked.json as Record<string, unknown>;
    switch (asked.path) {
      case 'hello':
        return { status: 200, body: { nowMs: Date.now(), simulatorDomain: this.simulatorDomain } };
      case 'inbound/check': {
        const addresses = body.addresses as string[];
        return { status: 200, body: { doors: addresses.map((address) => this.#doorOf(address)) } };
      }
      case 'inbound/authorize':
        return { status: 200, body: { refusal: null } };
      case 'inbound': {
        const rcptTo = asked.query.getAll('rcpt_to');
        const mailFrom = asked.query.get('mail_from') ?? '?';
        const signedAuthor = asked.query.get('signed_author') ?? undefined;
        this.returned.push({ mailFrom, rcptTo, raw: asked.body.toString('latin1'), signedAuthor });
        return { status: 200, body: { verdicts: rcptTo.map(() => 'taken') } };
      }
      case 'received': {
        const end = asked.body.indexOf(10);
        const head = receivedHead.parse(JSON.parse(asked.body.subarray(0, end).toString()));
        this.received.set(head.id, { head, raw: asked.body.subarray(end + 1).toString('latin1') });
        return { status: 200, body: { refusal: null } };
      }
      case 'enrol':
        return { status: 204, body: null };
      case 'lease':
        return {
          status: 200,
          body: this.#lease(leaseRequest.parse(body)),
        };
      case 'results': {
        const results = body.results as Result[];
        this.results.push(...results);
        return { status: 200, body: { verdicts: results.map(() => 'recorded') } };
      }
      case 'release': {
        const leases = body.leases as { leaseId: string }[];
        this.released.push(...leases.map((lease) => lease.leaseId));
        return { status: 200, body: { released: leases.length } };
      }
      case 'credential': {
        const username = this.secrets.get(String(asked.headers.authorization).replace('Bearer ', ''));
        return username
          ? { status: 200, body: { username, scopes: ['send'] } }
          : problem(401, 'unauthorized');
      }
      case 'send/raw': {
        this.accepted.push({ query: asked.query, headers: asked.headers, raw: asked.body });
        const id = `00000000-0000-7000-8000-${String(this.accepted.length).padStart(12, '0')}`;
        return { status: 202, body: { message_id: id, status: 'queued' } };
      }
      default: {
        const raw = this.raws.get(asked.path.replace('raw/', ''));
        return raw
          ? { status: 200, body: raw, headers: { 'content-type': 'message/rfc822' } }
          : problem(404, 'not_found');
      }
    }
  }

  #doorOf(address: string): InboundDoor {
    if (this.known.has(address)) return { door: 'returned' };
    const refused = { door: 'refused', reply: '550 5.1.1', text: 'There is no such address here' } as const;
    return this.doors.get(address) ?? refused;
  }

  /** As the edge does it, `more` says only that as many were given as had been asked for. */
  #lease(request: z.output<typeof leaseRequest>): LeaseResponse {
    const { max, otherMax, digestMax, excludeDomains, busyDomains } = request;
    const isUnwanted = ({ rcptTo, class: mailClass }: LeasedDelivery) => {
      const domain = rcptTo.replace(/.*@/, '');
      return excludeDomains.includes(domain) || (mailClass !== 'priority' && busyDomains.includes(domain));
    };
    const queue = this.queue.filter((one) => !isUnwanted(one));
    const digests = queue.filter((delivery) => delivery.class === 'digest').slice(0, digestMax);
    const wanted = queue.filter((one) => one.class !== 'digest' || digests.includes(one));
    const others = wanted.filter((one) => one.class !== 'priority').slice(0, otherMax);
    const allowed = wanted.filter((one) => one.class === 'priority' || others.includes(one));
    const deliveries = allowed.slice(0, max);
    for (const delivery of deliveries) this.queue.splice(this.queue.indexOf(delivery), 1);
    return {
      deliveries,
      keys: this.keys,
      relays: [],
      more: allowed.length > max || wanted.length > allowed.length,
      place: null,
    };
  }
}

/** A problem answer (RFC 9457). */
export function problem(status: number, code: string, detail = `because of ${code}`): Answer {
  return { status, body: { type: 'about:blank', title: code, status, detail, code, error: detail } };
}

/** A leased delivery of a small message. */
export function leased(i: number, more: Partial<LeasedDelivery> = {}): LeasedDelivery {
  return {
    messageId: `0199a000-0000-7000-8000-${String(i).padStart(12, '0')}`,
    n: 0,
    leaseId: `lease-${i}`,
    leaseUntilMs: Date.now() + 3_600_000,
    class: 'standard',
    attempt: 1,
    mailFrom: 'b-token@bounce.example.com',
    rcptTo: `user${i}@example.net`,
    signingDomain: 'example.com',
    sizeBytes: 30,
    smtputf8: false,
    eightBit: false,
    raw: 'Subject: x\r\n\r\nhello\r\n',
    ...more,
  };
}
