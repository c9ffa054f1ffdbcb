import type { Readable } from 'node:stream';
import type { SmtpReply, StepName } from '#domain/delivery/outcome.ts';
import { parseReplyLine, parseSmtpReply } from '#domain/failure/smtp-reply.ts';
import { errorCode, errorText, StepFailure } from './failures.ts';

/** A reply line may have 512 octets (RFC 5321 §4.5.3.1.5); peers send more, but not without end. */
const maxLineBytes = 8 * 1024;
const maxReplyLines = 256;

/** How the connection ended. */
interface End {
  message: string;
  kind: 'network' | 'protocol';
  code: string | null;
}

const lf = 0x0a;

/**
 * Reads replies off a socket, strictly: what is not a reply ends the reading as `protocol`, never as a reply.
 * Replies that had arrived before the connection broke are still given.
 */
export class ReplyReader {
  readonly #socket: Readable;
  #rest: Buffer = Buffer.alloc(0);
  #lines: string[] = [];
  #raw: string[] = [];
  readonly #replies: { reply: SmtpReply; raw: readonly string[] }[] = [];
  #end: End | null = null;
  #wake: (() => void)[] = [];

  constructor(socket: Readable) {
    this.#socket = socket;
    socket.on('data', this.#onData);
    socket.on('error', this.#onError);
    socket.on('end', this.#onClose);
    socket.on('close', this.#onClose);
  }

  /** The socket will say nothing more. */
  get ended(): boolean {
    return this.#end !== null;
  }

  /** Something is there to be read: a reply, part of one, or the end. */
  get disturbed(): boolean {
    return this.#replies.length > 0 || this.#end !== null || this.#rest.length > 0 || this.#lines.length > 0;
  }

  /** A complete reply waits to be read. */
  get hasReply(): boolean {
    return this.#replies.length > 0;
  }

  /** Resolves when a complete reply or the end is there. */
  async arrival(): Promise<void> {
    if (this.hasReply || this.ended) return;
    await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  /** The next reply; throws a StepFailure when there will be none, or none came in time. */
  async next(step: StepName, timeoutMs: number): Promise<SmtpReply> {
    return (await this.nextWithLines(step, timeoutMs)).reply;
  }

  /** The next reply and its lines without codes, as EHLO needs them. */
  async nextWithLines(
    step: StepName,
    timeoutMs: number,
  ): Promise<{ reply: SmtpReply; lines: readonly string[] }> {
    const inTime = this.hasReply || this.ended || (await this.#arrivesWithin(timeoutMs));
    const found = this.#replies.shift();
    if (found) return { reply: found.reply, lines: found.raw };
    if (!inTime) {
      const text = `no reply within ${timeoutMs / 1000} s`;
      throw new StepFailure(step, text, { code: 'ETIMEDOUT' });
    }
    const end = this.#end ?? { message: 'the connection is closed', kind: 'network', code: null };
    throw new StepFailure(step, end.message, { kind: end.kind, code: end.code });
  }

  #arrivesWithin(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms, false);
      this.#wake.push(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }

  /** Stops reading, so that TLS can take over the socket. */
  detach(): void {
    this.#socket.off('data', this.#onData);
    this.#socket.off('error', this.#onError);
    this.#socket.off('end', this.#onClose);
    this.#socket.off('close', this.#onClose);
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#end) return;
    let bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    for (let at = bytes.indexOf(lf); at >= 0; at = bytes.indexOf(lf)) {
      this.#onLine(bytes.subarray(0, at > 0 && bytes[at - 1] === 0x0d ? at - 1 : at));
      if (this.#end) return;
      bytes = bytes.subarray(at + 1);
    }
    this.#rest = bytes;
    if (bytes.length > maxLineBytes) this.#finish('the reply has a line without end', 'protocol', null);
  };

  #onLine(bytes: Buffer): void {
    const text = decode(bytes);
    const line = parseReplyLine(text);
    this.#lines.push(text);
    if (!line || this.#lines.length > maxReplyLines) {
      const said = JSON.stringify(text.slice(0, 200));
      this.#finish(line ? 'the reply has lines without end' : `not an SMTP reply: ${said}`, 'protocol', null);
      return;
    }
    this.#raw.push(line.text);
    if (!line.last) return;
    const reply = parseSmtpReply(this.#lines);
    const raw = this.#raw;
    this.#lines = [];
    this.#raw = [];
    if (!reply) {
      this.#finish('the lines of a reply have different codes', 'protocol', null);
      return;
    }
    this.#replies.push({ reply, raw });
    this.#wakeAll();
  }

  readonly #onError = (error: unknown): void => {
    this.#finish(errorText(error), 'network', errorCode(error));
  };

  readonly #onClose = (): void => {
    this.#finish('the peer closed the connection', 'network', 'ECONNRESET');
  };

  #finish(message: string, kind: End['kind'], code: string | null): void {
    this.#end ??= { message, kind, code };
    this.#wakeAll();
  }

  #wakeAll(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
}

/** UTF-8 where it is (RFC 6531 §3.7.4.1), else one character a byte. */
function decode(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  return text.includes('\ufffd') ? bytes.toString('latin1') : text;
}
