import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { z } from 'zod';
import {
  type helloRequest,
  helloResponse,
  type LeaseResponse,
  type leaseRequest,
  leaseResponse,
  type releaseRequest,
  releaseResponse,
  type resultsRequest,
  resultsResponse,
} from '#domain/node-contract.ts';

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
  nodeToken: string;
  timeoutMs: number;
  /** Told after every request whether the edge could be reached. */
  onReach?: (reached: boolean) => void;
}

type WithoutIdentity<S extends z.ZodType> = Omit<z.input<S>, keyof NodeIdentity>;

/**
 * The edge as a node sees it (`#domain/node-contract.ts`). Every answer is parsed; every method throws
 * `EdgeAway` or `EdgeRefusal`. Nothing is tried twice here: that is the caller's to decide.
 */
export class WorkerClient {
  readonly #options: WorkerClientOptions;

  constructor(options: WorkerClientOptions) {
    this.#options = options;
  }

  /** Says that this boot of the node has begun; leases of its older boots are released. */
  hello(request: WithoutIdentity<typeof helloRequest>): Promise<z.infer<typeof helloResponse>> {
    return this.#post('hello', request, helloResponse);
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

  /** The raw message, in memory. */
  async rawBytes(messageId: string): Promise<Buffer> {
    const response = await this.#fetchRaw(messageId);
    return this.#reading(async () => Buffer.from(await response.arrayBuffer()));
  }

  /** The raw message, streamed to a new file. Returns its size; leaves no file behind when it fails. */
  async rawFile(messageId: string, path: string): Promise<number> {
    const response = await this.#fetchRaw(messageId);
    try {
      return await this.#reading(async () => {
        const file = createWriteStream(path, { flags: 'wx', mode: 0o600 });
        await pipeline(Readable.from(response.body ?? []), file);
        return file.bytesWritten;
      });
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  }

  async #fetchRaw(messageId: string): Promise<Response> {
    return this.#ask(`raw/${encodeURIComponent(messageId)}`, { method: 'GET' }, rawTimeoutFactor);
  }

  async #post<T>(path: string, body: object, answer: z.ZodType<T>): Promise<T> {
    const { nodeId, bootId } = this.#options;
    const response = await this.#ask(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ nodeId, bootId, ...body }),
    });
    const parsed = answer.safeParse(await this.#reading(() => response.json()));
    if (!parsed.success) throw new EdgeAway(`${path}: the answer is not as agreed: ${parsed.error.message}`);
    return parsed.data;
  }

  async #ask(path: string, init: RequestInit, timeoutFactor = 1): Promise<Response> {
    const { edgeUrl, nodeToken, timeoutMs } = this.#options;
    const response = await this.#reading(() =>
      fetch(`${edgeUrl}/node/v1/${path}`, {
        ...init,
        redirect: 'error',
        headers: { ...init.headers, authorization: `Bearer ${nodeToken}` },
        signal: AbortSignal.timeout(timeoutMs * timeoutFactor),
      }),
    );
    if (response.ok) return response;
    const detail = (await this.#reading(() => response.text())).slice(0, 300);
    if (response.status >= 500 || response.status === 408 || response.status === 429) {
      throw new EdgeAway(`the edge answered ${response.status} to ${path}: ${detail}`);
    }
    throw new EdgeRefusal(path, response.status, detail);
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

/** 25 MiB on a slow line take longer than an answer in JSON. */
const rawTimeoutFactor = 4;
