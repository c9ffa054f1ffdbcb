import type { Patience } from './patience.ts';
import { QuotedPathConnection } from './quoted-path.ts';

/** Begins a text that has its own enhanced status code (RFC 2034 §3). */
const ownStatus = /^[245]\.\d{1,3}\.\d{1,3} /;
/** What is said after DATA is part of the public contract, to the letter: it has no enhanced code. */
const queuedAs = 'Thanks! Queued as: ';

/** Commands that carry no mail, answered between two messages; as many as Postfix takes (smtpd_junk_command_limit). */
const mostIdleCommands = 100;
const mailCommand = /^(MAIL|RCPT|DATA|AUTH|STARTTLS)\b/i;

/** The answer to an accepted message. */
export function queuedText(messageId: string): string {
  return queuedAs + messageId;
}

/** A client's connection: greeting, replies and the bounds on command lines that smtp-server has no option for. */
export class SubmissionConnection extends QuotedPathConnection {
  readonly #patience: Patience;
  #greeted = false;
  #line: NodeJS.Timeout | undefined;
  /** When the last reply was written: the client's turn began then. */
  #repliedAtMs = Date.now();
  /** Such commands since the last message. */
  #idleCommands = 0;

  constructor(patience: Patience, ...of: ConstructorParameters<typeof QuotedPathConnection>) {
    super(...of);
    this.#patience = patience;
  }

  /** smtp-server greets a tenth of a second later; who is known to wait need not. */
  override init(): void {
    super.init();
    if (!this.#patience.has(this.remoteAddress)) return;
    // What came with the connection is read between the two, and is still too early.
    setImmediate(() => setImmediate(() => this.#greet()));
  }

  /** Called by smtp-server when that time is over. */
  override connectionReady(next?: () => void): void {
    if (this.#greeted || this._closing || this._closed) return;
    this.#patience.waited(this.remoteAddress);
    this.#greet(next);
  }

  #greet(next?: () => void): void {
    if (this.#greeted || this._closing || this._closed) return;
    this.#greeted = true;
    super.connectionReady(next);
  }

  /** RFC 5321 §4.5.3.2.7: a command line must be complete in this time, however slowly its octets come. */
  override _onCommand(command: Buffer, callback?: () => void): void {
    clearTimeout(this.#line);
    if (!this._ready) this.#patience.talkedEarly(this.remoteAddress);
    const name = mailCommand.exec(command.toString('latin1', 0, 9))?.[1]?.toUpperCase();
    if (name === 'DATA') this.#idleCommands = 0;
    else if (name === undefined) this.#idleCommands += 1;
    if (this.#idleCommands > mostIdleCommands) {
      this.send(421, '4.7.0 Too many commands without a message');
      return;
    }
    super._onCommand(command, () => {
      this.#awaitCommand(this.#commandMs);
      callback?.();
    });
  }

  get #commandMs(): number {
    return this._server.options.socketTimeout ?? 60_000;
  }

  #awaitCommand(inMs: number): void {
    clearTimeout(this.#line);
    if (this._closed) return;
    this.#line = setTimeout(() => {
      // a message has a bound of its own
      const leftMs = this._dataStream ? this.#commandMs : this.#repliedAtMs + this.#commandMs - Date.now();
      if (leftMs > 0) this.#awaitCommand(leftMs);
      else this.send(421, '4.4.2 The command took too long');
    }, inMs);
    this.#line.unref();
  }

  override _onClose(): void {
    clearTimeout(this.#line);
    super._onClose();
  }

  override send(code: number, data?: string | string[] | null, context?: string | false): void {
    this.#repliedAtMs = Date.now();
    if (Array.isArray(data)) {
      // RFC 3207 §4.2, RFC 4954 §4: AUTH is offered only where a password may be sent
      const offered = this.secure ? data : data.filter((line) => !/^AUTH( |$)/.test(line));
      super.send(code, offered, context);
    } else {
      const complete = typeof data === 'string' && (ownStatus.test(data) || data.startsWith(queuedAs));
      super.send(code, data, complete ? false : context);
    }
  }

  /** RFC 5321 §3.5.3: a list is nobody's to see. */
  handler_EXPN(_command: Buffer, callback: () => void): void {
    this.send(502, '5.5.1 EXPN is not offered');
    callback();
  }
}
