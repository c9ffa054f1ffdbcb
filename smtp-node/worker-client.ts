import { createReadStream, createWriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { z } from 'zod';
import type { RecipientPolicy } from '#domain/delivery/recipient-policy.ts';
import {
  type authorizeRequest,
  authorizeResponse,
  edgeTimeHeader,
  type helloRequest,
  helloResponse,
  type InboundDoor,
  inboundCheckResponse,
  inboundResponse,
  type LeaseResponse,
  type leaseRequest,
  leaseResponse,
  type ReceivedHead,
  receivedResponse,
  type releaseRequest,
  releaseResponse,
  type resultsRequest,
  resultsResponse,
  type SmtpRefusal,
  synchronousMs,
  type tlsPoliciesRequest,
  type tlsReportRequest,
} from '#domain/node-contract.ts';
import type { EdgeClock } from './edge-clock.ts';
import { type Answered, type Asked, EdgeHttp } from './edge-http.ts';
import { type OwnToken, ownToken } from './own-token.ts';

/** The edge did not answer, or not in a way that can be understood: try again later. */
export class EdgeAway extends Error {
  override readonly name = 'EdgeAway';
}

/** The edge answered no. */
export class EdgeRefusal extends Error {
  override readonly name = 'EdgeRefusal';
  readonly status: number;
  constructor(path: string, status: number, detail: string) {
    super(`the edge answered ${status} to ${path}: ${detail}`);
    this.status = status;
  }
}

/** Who asks: sent with every request that concerns leases. */
export interface NodeIdentity {
  nodeId: string;
  /** New at every start, so that the edge can tell a restarted node from a running one. */
  bootId: string;
}

export interface WorkerClientOptions extends NodeIdentity {
  /** Origin of the edge. */
  edgeUrl: string;
  /** The node's own, or the installation's, which is enough to ask for one of its own. */
  nodeToken: string;
  /** Where a token that was asked for is kept; left out: `nodeToken` is the node's own. */
  dataDirectory?: string;
  timeoutMs: number;
  /** Set by every answer. */
  clock?: Pick<EdgeClock, 'markMs' | 'set'>;
  /** Told after every request whether the edge could be reached. */
  onReach?: (reached: boolean) => void;
}

type Question = Omit<Asked, 'headers' | 'signal'> & Partial<Pick<Asked, 'headers'>>;

type WithoutIdentity<S extends z.ZodType> = Omit<z.input<S>, keyof NodeIdentity>;

/**
 * The edge as a node sees it (`#domain/node-contract.ts`). Every answer is parsed; every method throws
 * `EdgeAway` or `EdgeRefusal`. Nothing is tried twice here: that is the caller's to decide.
 */
export class WorkerClient {
  readonly #options: WorkerClientOptions;
  readonly #token: OwnToken;
  readonly #http = new EdgeHttp();

  constructor(options: WorkerClientOptions) {
    this.#options = options;
    const { nodeId, nodeToken, dataDirectory } = options;
    this.#token =
      dataDirectory === undefined
        ? { get: async () => nodeToken }
        : ownToken({ nodeId, nodeToken, dataDirectory }, (token) => this.#enrol(token));
  }

  /** The node's own token. */
  token(): Promise<string> {
    return this.#token.get();
  }

  /** Has the edge know a token as this node's. A refusal with status 409: only the operator can make one. */
  async #enrol(token: string): Promise<void> {
    const { nodeId, nodeToken } = this.#options;
    const body = JSON.stringify({ nodeId, token });
    const headers = { 'content-type': 'application/json' };
    const answer = await this.#askAs(nodeToken, 'enrol', { method: 'POST', headers, body });
    await answer.drop();
  }

  /** Says that this boot of the node has begun; leases of its older boots are released. */
  async hello(request: WithoutIdentity<typeof helloRequest>): Promise<z.infer<typeof helloResponse>> {
    const askedMarkMs = this.#options.clock?.markMs() ?? 0;
    const answer = await this.#post('hello', request, helloResponse);
    this.#options.clock?.set(answer.nowMs, askedMarkMs);
    return answer;
  }

  /** Takes work. A refusal with status 409 means that a newer boot of this node id is running. */
  lease(request: WithoutIdentity<typeof leaseRequest>): Promise<LeaseResponse> {
    return this.#post('lease', request, leaseResponse);
  }

  /** Reports outcomes; one verdict a result, in order. */
  async results(
    results: z.input<typeof resultsRequest>['results'],
  ): Promise<z.infer<typeof resultsResponse>['verdicts']> {
    const { verdicts } = await this.#post('results', { results }, resultsResponse);
    if (verdicts.length !== results.length) throw new EdgeAway('results: one verdict a result was expected');
    return verdicts;
  }

  /** Gives leases back untried. */
  async release(leases: z.input<typeof releaseRequest>['leases']): Promise<number> {
    return (await this.#post('release', { leases }, releaseResponse)).released;
  }

  /** Behind which door each envelope recipient of incoming mail is, in order. */
  async doors(addresses: readonly string[]): Promise<InboundDoor[]> {
    const { doors } = await this.#post('inbound/check', { addresses }, inboundCheckResponse);
    if (doors.length !== addresses.length)
      throw new EdgeAway('inbound/check: one answer an address was expected');
    return doors;
  }

  /** Asks whether a recipient is taken. @returns null when it is; else what the peer is to be told */
  async authorize(asked: WithoutIdentity<typeof authorizeRequest>): Promise<SmtpRefusal | null> {
    return (await this.#post('inbound/authorize', asked, authorizeResponse)).refusal;
  }

  /**
   * Hands over a mail for a domain that receives: its file, with the trace fields before it.
   * @returns null when it is durable there; else what the peer is to be told
   */
  async received(mail: { head: ReceivedHead; trace: string }, path: string): Promise<SmtpRefusal | null> {
    const { timeoutMs } = this.#options;
    const before = Buffer.from(`${JSON.stringify(mail.head)}\n${mail.trace}`);
    const length = before.length + (await stat(path)).size;
    const answer = await this.#ask(
      'received',
      {
        method: 'POST',
        headers: { 'content-type': 'application/octet-stream', 'content-length': String(length) },
        body: Readable.from(oneAfterTheOther(before, path)),
      },
      rawTimeoutFactor + synchronousMs / timeoutMs,
    );
    const parsed = receivedResponse.safeParse(await this.#reading(() => answer.json()));
    if (!parsed.success) throw new EdgeAway('received: the answer is not as agreed');
    return parsed.data.refusal;
  }

  /** Hands over a mail that came to return paths; it is durable there when this resolves. One verdict a recipient. */
  async inbound(mail: {
    mailFrom: string;
    rcptTo: readonly string[];
    raw: Uint8Array;
    signedAuthor: string | null;
  }): Promise<z.infer<typeof inboundResponse>['verdicts']> {
    const query = new URLSearchParams({ mail_from: mail.mailFrom });
    for (const recipient of mail.rcptTo) query.append('rcpt_to', recipient);
    if (mail.signedAuthor !== null) query.set('signed_author', mail.signedAuthor);
    const answer = await this.#ask(`inbound?${query}`, {
      method: 'POST',
      headers: { 'content-type': 'message/rfc822' },
      body: mail.raw,
    });
    const parsed = inboundResponse.safeParse(await this.#reading(() => answer.json()));
    if (!parsed.success || parsed.data.verdicts.length !== mail.rcptTo.length) {
      throw new EdgeAway('inbound: one verdict a recipient was expected');
    }
    return parsed.data.verdicts;
  }

  /** Has a report on TLS mailed. */
  tlsReport(report: z.input<typeof tlsReportRequest>): Promise<void> {
    return this.#tell('tls-report', report);
  }

  /** Tells what recipient domains ask of TLS. */
  tlsPolicies(policies: RecipientPolicy[]): Promise<void> {
    return this.#tell('tls-policies', { policies } satisfies z.input<typeof tlsPoliciesRequest>);
  }

  async #tell(path: string, body: unknown): Promise<void> {
    const answer = await this.#ask(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    await answer.drop();
  }

  /** The raw message, in memory. */
  async rawBytes(messageId: string): Promise<Buffer> {
    const answer = await this.#fetchRaw(messageId);
    return this.#reading(() => answer.bytes());
  }

  /** The raw message, streamed to a new file. Returns its size; leaves no file behind when it fails. */
  async rawFile(messageId: string, path: string): Promise<number> {
    const answer = await this.#fetchRaw(messageId);
    try {
      return await this.#reading(async () => {
        const file = createWriteStream(path, { flags: 'wx', mode: 0o600 });
        await pipeline(answer.stream(), file);
        return file.bytesWritten;
      });
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  }

  async #fetchRaw(messageId: string): Promise<Answered> {
    return this.#ask(`raw/${encodeURIComponent(messageId)}`, { method: 'GET' }, rawTimeoutFactor);
  }

  async #post<T>(path: string, body: object, schema: z.ZodType<T>): Promise<T> {
    const { nodeId, bootId } = this.#options;
    const answer = await this.#ask(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ nodeId, bootId, ...body }),
    });
    const parsed = schema.safeParse(await this.#reading(() => answer.json()));
    if (!parsed.success) throw new EdgeAway(`${path}: the answer is not as agreed: ${parsed.error.message}`);
    return parsed.data;
  }

  async #ask(path: string, asked: Question, timeoutFactor = 1): Promise<Answered> {
    return await this.#askAs(await this.#token.get(), path, asked, timeoutFactor);
  }

  async #askAs(token: string, path: string, asked: Question, timeoutFactor = 1): Promise<Answered> {
    const { edgeUrl, timeoutMs, clock } = this.#options;
    const askedMarkMs = clock?.markMs() ?? 0;
    const answer = await this.#reading(() =>
      this.#http.ask(`${edgeUrl}/node/v1/${path}`, {
        ...asked,
        headers: { ...asked.headers, authorization: `Bearer ${token}` },
        signal: AbortSignal.timeout(timeoutMs * timeoutFactor),
      }),
    );
    const { status } = answer;
    const edgeNowMs = Number(answer.header(edgeTimeHeader) ?? Number.NaN);
    if (Number.isSafeInteger(edgeNowMs)) clock?.set(edgeNowMs, askedMarkMs);
    if (status >= 200 && status < 300) return answer;
    const detail = (await this.#reading(() => answer.text())).slice(0, 300);
    // A redirection is not followed: it is no edge's, and the token is for the edge alone.
    const mayPass = status < 400 || status >= 500 || status === 408 || status === 429;
    if (mayPass) throw new EdgeAway(`the edge answered ${status} to ${path}: ${detail}`);
    throw new EdgeRefusal(path, status, detail);
  }

  /** Turns whatever the network throws into `EdgeAway`. */
  async #reading<T>(read: () => Promise<T>): Promise<T> {
    try {
      const value = await read();
      this.#options.onReach?.(true);
      return value;
    } catch (error) {
      this.#options.onReach?.(false);
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      throw new EdgeAway(cause instanceof Error ? cause.message : String(cause), { cause: error });
    }
  }
}

async function* oneAfterTheOther(before: Uint8Array, path: string): AsyncGenerator<Uint8Array> {
  yield before;
  yield* createReadStream(path);
}

/** 25 MiB on a slow line take longer than an answer in JSON. */
const rawTimeoutFactor = 4;
