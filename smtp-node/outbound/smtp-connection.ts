import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { SmtpReply, StepName } from '#domain/delivery/outcome.ts';
import { formatReply } from '#domain/failure/smtp-reply.ts';
import type { PeerTls } from '../tls-policy/policy.ts';
import { type Extensions, noExtensions, parseExtensions } from './extensions.ts';
import { errorCode, errorText, StepFailure, TlsFailure } from './failures.ts';
import type { MxTarget } from './mx-order.ts';
import { ReplyReader } from './reply-reader.ts';
import { startTls, type TlsVerdict } from './start-tls.ts';
import type { StepClock } from './step-clock.ts';
import type { Timeouts } from './timeouts.ts';

/**
 * Our side of one SMTP connection. nodemailer's `smtp-connection` was meant for this and cannot do it:
 * - it sends DATA by itself after RCPT (in the same packet where PIPELINING is offered), and the journal must be
 *   written between the two;
 * - it does not tell whether the final dot had left when a connection breaks, which is the difference between
 *   `deferred` and `maybeAccepted`;
 * - it has one inactivity timeout for all commands (RFC 5321 §4.5.3.2 has one each), and one error for the whole
 *   envelope instead of a reply and a time for each step;
 * - it says SMTPUTF8 only for non-ASCII addresses, not for non-ASCII header fields (RFC 6531 §3.4);
 * - after a 2yz to DATA it sends the message, though only 354 asks for it.
 */
export class SmtpConnection {
  readonly target: MxTarget;
  readonly tls: TlsVerdict | null;
  /** What its encryption is judged by. */
  readonly peer: PeerTls | null;
  readonly extensions: Extensions;
  /** Messages begun on this connection. */
  messages = 0;
  /** A transaction was begun and not ended: RSET comes before anything else (RFC 5321 §4.1.1.5). */
  inTransaction = false;
  /** True when STARTTLS had failed on an earlier connection and this one did without. */
  readonly fellBack: boolean;
  /** It is to carry no further message. */
  retired = false;
  readonly #socket: Socket;
  readonly #reader: ReplyReader;
  readonly #timeouts: Timeouts;

  constructor(init: {
    target: MxTarget;
    tls: TlsVerdict | null;
    peer: PeerTls | null;
    extensions: Extensions;
    fellBack: boolean;
    socket: Socket;
    reader: ReplyReader;
    timeouts: Timeouts;
  }) {
    this.target = init.target;
    this.tls = init.tls;
    this.peer = init.peer;
    this.extensions = init.extensions;
    this.fellBack = init.fellBack;
    this.#socket = init.socket;
    this.#reader = init.reader;
    this.#timeouts = init.timeouts;
  }

  /** Fit for a further message: nothing unread, and still open. An unasked-for 421 makes it unfit. */
  get usable(): boolean {
    return !this.#reader.disturbed && this.#socket.writable && !this.#socket.destroyed;
  }

  /** Sends commands; several together only to a peer with PIPELINING (RFC 2920 §3.1). */
  send(...commands: string[]): void {
    if (commands.some((command) => /[\r\n]/.test(command))) throw new Error('a command is one line');
    if (this.#socket.writable) this.#socket.write(`${commands.join('\r\n')}\r\n`);
  }

  /** The next reply. */
  reply(step: StepName, timeoutMs: number): Promise<SmtpReply> {
    return this.#reader.next(step, timeoutMs);
  }

  /** A reply came although nothing is asked, as when a peer refuses in the middle of the content. */
  get hasReply(): boolean {
    return this.#reader.hasReply;
  }

  /** Nothing more will be heard. */
  get ended(): boolean {
    return this.#reader.ended;
  }

  /**
   * Writes a block of the content.
   * @returns `handed` when the kernel has taken all of it; `interrupted` when the peer said something, or hung up,
   *   before; throws when neither happens in time
   */
  async write(block: Buffer): Promise<'handed' | 'interrupted'> {
    if (this.hasReply || this.ended || !this.#socket.writable) return 'interrupted';
    let timer: NodeJS.Timeout | undefined;
    const handed = new Promise<'handed' | 'interrupted'>((resolve) => {
      this.#socket.write(block, (error) => resolve(error ? 'interrupted' : 'handed'));
    });
    const timeout = new Promise<'timeout'>((resolve) => {
      timer = setTimeout(resolve, this.#timeouts.dataBlockMs, 'timeout');
    });
    const arrival = this.#reader.arrival().then(() => 'arrival' as const);
    const first = await Promise.race([handed, arrival, timeout]);
    clearTimeout(timer);
    if (first === 'timeout') {
      const text = `the peer took no data for ${this.#timeouts.dataBlockMs / 1000} s`;
      throw new StepFailure('data', text, { code: 'ETIMEDOUT' });
    }
    if (first !== 'arrival') return first;
    // The answer to a block can overtake the callback of the write that carried it; and when the connection has
    // ended without a callback, the kernel may have taken the block: what is not known to be refused is `handed`.
    return await Promise.race([handed, pause(this.hasReply ? 0 : 500).then(() => 'handed' as const)]);
  }

  /** Ends an unfinished transaction. False when the connection is not fit for another one. */
  async reset(): Promise<boolean> {
    if (!this.usable) return false;
    this.send('RSET');
    try {
      const reply = await this.#reader.next('mail', this.#timeouts.rsetMs);
      this.inTransaction = !isPositive(reply);
      return !this.inTransaction && this.usable;
    } catch {
      return false;
    }
  }

  /** Calls back once when the connection ends or the peer speaks unasked while it is idle. */
  watchIdle(onUnfit: () => void): void {
    void this.#reader.arrival().then(onUnfit);
  }

  /** QUIT (RFC 5321 §4.1.1.10), waiting shortly for the answer. */
  async quit(): Promise<void> {
    if (this.usable) {
      this.send('QUIT');
      await this.#reader.next('mail', this.#timeouts.quitMs).catch(() => undefined);
    }
    this.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

export interface OpenOptions {
  hostName: string;
  timeouts: Timeouts;
  /** Do not try STARTTLS: it failed, and did before. */
  plain: boolean;
  clock: StepClock;
  /** Opens the socket; a timeout is an error with the code ETIMEDOUT. */
  connect(target: MxTarget, timeoutMs: number): Promise<Socket>;
  /** Cuts the time of a step to what is left of the attempt's time before MAIL. */
  within(ms: number): number;
}

/** Connects, reads the greeting, says EHLO, and encrypts if the peer offers it. Throws StepFailure. */
export async function openConnection(target: MxTarget, options: OpenOptions): Promise<SmtpConnection> {
  const { clock, timeouts, within } = options;
  const socket = await clock.time('connect', () => connect(target, options));
  try {
    socket.setNoDelay(true);
    const reader = new ReplyReader(socket);
    const greeting = await clock.time('greeting', () => reader.next('greeting', within(timeouts.greetingMs)));
    // RFC 5321 §4.3.1: 220 or a refusal (421, 554; RFC 7504: 521).
    if (greeting.code !== 220) throw refused('greeting', target, greeting);
    const extensions = await clock.time('ehlo', () => sayHello(socket, reader, target, options));
    const common = { target, timeouts, fellBack: options.plain };
    if (!extensions.startTls || options.plain) {
      return new SmtpConnection({ ...common, tls: null, peer: null, extensions, socket, reader });
    }
    const encrypted = await clock.time('tls', () => encrypt(socket, reader, target, within(timeouts.tlsMs)));
    // RFC 3207 §4.2: what was said before the handshake is forgotten.
    const again = new ReplyReader(encrypted.socket);
    const secured = await clock.time('ehlo', () =>
      sayHello(encrypted.socket, again, target, options).catch(asTlsFailure),
    );
    return new SmtpConnection({
      ...common,
      tls: encrypted.verdict,
      peer: encrypted.peer,
      extensions: secured,
      socket: encrypted.socket,
      reader: again,
    });
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** 2yz: done. */
export function isPositive(reply: SmtpReply): boolean {
  return reply.code >= 200 && reply.code < 300;
}

export async function connect(target: MxTarget, options: OpenOptions): Promise<Socket> {
  try {
    return await options.connect(target, options.within(options.timeouts.connectMs));
  } catch (error) {
    const text = `no connection to ${target.host} [${target.address}]: ${errorText(error)}`;
    throw new StepFailure('connect', text, { code: errorCode(error) });
  }
}

export async function sayHello(
  socket: Socket,
  reader: ReplyReader,
  target: MxTarget,
  { hostName, timeouts, within }: OpenOptions,
): Promise<Extensions> {
  socket.write(`EHLO ${hostName}\r\n`);
  const { reply, lines } = await reader.nextWithLines('ehlo', within(timeouts.ehloMs));
  if (isPositive(reply)) return parseExtensions(lines);
  // RFC 5321 §3.2: a server that does not know EHLO is spoken to with HELO.
  if (![500, 501, 502, 504].includes(reply.code)) throw refused('ehlo', target, reply);
  socket.write(`HELO ${hostName}\r\n`);
  const second = await reader.next('ehlo', within(timeouts.ehloMs));
  if (!isPositive(second)) throw refused('ehlo', target, second);
  return noExtensions;
}

export async function encrypt(socket: Socket, reader: ReplyReader, target: MxTarget, timeoutMs: number) {
  socket.write('STARTTLS\r\n');
  const reply = await reader.next('tls', timeoutMs).catch(asTlsFailure);
  if (reply.code !== 220) throw new TlsFailure('tls', `STARTTLS refused: ${formatReply(reply)}`, { reply });
  // Plain text that follows the 220 may have been injected (RFC 3207 §6); nobody honest sends it. Whoever can do that
  // would like us to go on in clear, so this is no failed handshake.
  if (reader.disturbed) throw new StepFailure('tls', 'unencrypted text after STARTTLS', { kind: 'protocol' });
  reader.detach();
  return await startTls(socket, target.host, timeoutMs);
}

/** With TLS 1.3 a peer's alert can come after our side of the handshake is done, in place of its first reply. */
function asTlsFailure(error: unknown): never {
  if (error instanceof StepFailure && error.reply === null) {
    throw new TlsFailure('tls', `STARTTLS failed: ${error.message}`, { kind: error.kind, code: error.code });
  }
  throw error;
}

export function refused(step: StepName, target: MxTarget, reply: SmtpReply): StepFailure {
  return new StepFailure(step, `${target.host} refused us: ${formatReply(reply)}`, { reply });
}
