import { once } from 'node:events';
import { type Agent, type ClientRequest, Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { z } from 'zod';
import type { IntakeAnswer } from './intake-answer.ts';
import { KeptCredentials } from './kept-credentials.ts';
import { SmtpFault } from './smtp-fault.ts';

const credentialSchema = z.object({ username: z.string().min(1), scopes: z.array(z.string()) });
const suspendedSchema = z.object({ code: z.literal('account_suspended'), detail: z.string().min(1) });
export type Credential = z.infer<typeof credentialSchema>;

/** MAIL and RCPT of a submitted message (RFC 5321 §3.3). */
export interface Envelope {
  /** Empty for the null sender. */
  mailFrom: string;
  rcptTo: readonly string[];
  /** The client said SMTPUTF8 (RFC 6531 §3.4). */
  smtpUtf8: boolean;
  /** The client said REQUIRETLS (RFC 8689 §2). */
  requireTls: boolean;
}

/** An idle connection is dropped before the edge drops it, so that no message is sent into a closed one. */
const idleConnectionMs = 4_000;
const mostAnswerChars = 64 * 1024;

/** The public API of the edge, as the submission ports use it: with the client's own key. */
export class EdgeIntake {
  readonly #edgeUrl: string;
  readonly #hostName: string;
  readonly #timeoutMs: number;
  readonly #agent: Agent;
  readonly #credentials = new KeptCredentials((secret) => this.#askCredential(secret));

  /** @param options.hostName the node's, for the trace field that the edge writes */
  constructor(options: { edgeUrl: string; hostName: string; timeoutMs: number }) {
    this.#edgeUrl = options.edgeUrl;
    this.#hostName = options.hostName;
    this.#timeoutMs = options.timeoutMs;
    const AgentOfScheme = options.edgeUrl.startsWith('https:') ? HttpsAgent : HttpAgent;
    this.#agent = new AgentOfScheme({ keepAlive: true, timeout: idleConnectionMs });
  }

  /**
   * The credential of a secret, as it was in the last minute; null when there is none, or when it may not be used.
   * @throws SmtpFault 535 with the reason when the account is suspended; 454 when the edge does not say (RFC 4954
   *   §4.7.3)
   */
  credential(secret: string): Promise<Credential | null> {
    return this.#credentials.of(secret);
  }

  async #askCredential(secret: string): Promise<Credential | null> {
    try {
      const response = await fetch(`${this.#edgeUrl}/v1/credential`, {
        headers: { authorization: `Bearer ${secret}` },
        redirect: 'error',
        signal: AbortSignal.timeout(this.#timeoutMs),
      });
      const body: unknown = await response.json();
      if (response.status === 200) return credentialSchema.parse(body);
      const suspended = suspendedSchema.safeParse(body);
      if (suspended.success) throw new SmtpFault('535 5.7.8', suspended.data.detail);
      if (response.status === 401 || response.status === 403) return null;
    } catch (error) {
      if (error instanceof SmtpFault) throw error;
      // falls through: nothing was learnt about the secret
    }
    throw new SmtpFault('454 4.7.0', 'Temporary authentication failure; try again later');
  }

  /** Begins to hand over a message whose octets follow. */
  upload(secret: string, envelope: Envelope): Upload {
    const url = new URL(`${this.#edgeUrl}/v1/send/raw`);
    url.searchParams.set('mail_from', envelope.mailFrom);
    for (const recipient of envelope.rcptTo) url.searchParams.append('rcpt_to', recipient);
    if (envelope.requireTls) url.searchParams.set('require_tls', 'true');
    if (envelope.smtpUtf8) url.searchParams.set('smtputf8', 'true');
    const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const headers = {
      authorization: `Bearer ${secret}`,
      'content-type': 'message/rfc822',
      'x-pennypost-source': 'smtp',
      'x-pennypost-received-by': this.#hostName,
    };
    const begin = (length: number | null) =>
      request(url, {
        method: 'POST',
        agent: this.#agent,
        headers: length === null ? headers : { ...headers, 'content-length': length },
      });
    const upload = new Upload(begin, this.#timeoutMs);
    void upload.answer.then((answer) => {
      if (answer?.status === 401 || answer?.status === 403) this.#credentials.forget(secret);
    });
    return upload;
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** A message that is no larger goes in one piece when it is complete. */
const onePieceBytes = 64 * 1024;

/**
 * One message on its way to the edge. It is committed there only when the body came to its end, so `abort`
 * leaves nothing behind. It is never sent twice: that is the client's to decide.
 */
export class Upload {
  /** What the edge answered, null when it did not; may come before the body is at its end. Never rejects. */
  readonly answer: Promise<IntakeAnswer | null>;
  readonly #begin: (length: number | null) => ClientRequest;
  readonly #timeoutMs: number;
  readonly #answered = Promise.withResolvers<IntakeAnswer | null>();
  /** What is kept until there is a request. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #request: ClientRequest | null = null;
  #over = false;
  #timer: NodeJS.Timeout | undefined;

  /** @param begin opens the request, for a body of so many octets; null: nobody knows how many */
  constructor(begin: (length: number | null) => ClientRequest, timeoutMs: number) {
    this.#begin = begin;
    this.#timeoutMs = timeoutMs;
    this.answer = this.#answered.promise;
  }

  /** Sends a chunk; resolves when there is room for another. Chunks after an answer are dropped. */
  async write(chunk: Buffer): Promise<void> {
    if (this.#over) return;
    if (this.#request) return await this.#send(this.#request, chunk);
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes <= onePieceBytes) return;
    const request = this.#open(null);
    request.flushHeaders();
    await this.#send(request, Buffer.concat(this.#held.splice(0)));
  }

  async #send(request: ClientRequest, chunk: Buffer): Promise<void> {
    if (request.write(chunk)) return;
    this.#abortLater();
    await Promise.race([once(request, 'drain').catch(() => {}), this.answer]);
    clearTimeout(this.#timer);
  }

  /** The body is complete: the edge may commit it. */
  async end(): Promise<IntakeAnswer | null> {
    if (this.#over) {
      const early = await this.answer;
      return early && early.status >= 400 ? early : null;
    }
    this.#abortLater();
    if (this.#request) this.#request.end();
    else this.#open(this.#heldBytes).end(Buffer.concat(this.#held.splice(0)));
    return this.answer;
  }

  /** Breaks the request off. */
  abort(): void {
    if (this.#request) this.#request.destroy();
    else this.#settle(null);
  }

  #open(length: number | null): ClientRequest {
    const request = this.#begin(length);
    this.#request = request;
    void answerOf(request).then((answer) => {
      this.#settle(answer);
      // an answer that came early is a refusal: the rest of the body is nobody's
      if (!request.writableEnded) request.destroy();
    });
    return request;
  }

  #settle(answer: IntakeAnswer | null): void {
    this.#over = true;
    this.#held = [];
    clearTimeout(this.#timer);
    this.#answered.resolve(answer);
  }

  #abortLater(): void {
    this.#timer = setTimeout(() => this.abort(), this.#timeoutMs);
  }
}

async function answerOf(request: ClientRequest): Promise<IntakeAnswer | null> {
  return new Promise((resolve) => {
    // an error without an answer, or after half of one
    request.on('error', () => resolve(null));
    request.on('close', () => resolve(null));
    request.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text.slice(0, mostAnswerChars - body.length);
      });
      response.on('error', () => resolve(null));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
  });
}
