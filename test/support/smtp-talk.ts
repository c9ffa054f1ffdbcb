import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';

/** A hand-driven SMTP client: what is written is what is sent. */
export class SmtpTalk {
  #socket: Socket;
  #text = '';
  #closed = false;
  #changed = Promise.withResolvers<void>();

  /** Connects and reads the greeting. @param options.from the loopback address to connect from */
  static async open(port: number, options: { tls?: boolean; from?: string } = {}): Promise<SmtpTalk> {
    const { tls, from: localAddress } = options;
    const plain = connect({ port, host: '127.0.0.1', ...(localAddress ? { localAddress } : {}) });
    const talk = new SmtpTalk(tls ? connectTls({ socket: plain, rejectUnauthorized: false }) : plain);
    await talk.reply();
    return talk;
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  /** Writes bytes as they are. */
  write(data: string | Buffer): void {
    this.#socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
  }

  /** Writes a large body with regard for back-pressure; stops when the other side has closed. */
  async pour(chunk: Buffer, times: number): Promise<void> {
    for (let i = 0; i < times && !this.#closed; i++) {
      if (this.#socket.write(chunk)) continue;
      const settled = new AbortController();
      const room = ['drain', 'close'].map((event) => once(this.#socket, event, { signal: settled.signal }));
      await Promise.race(room);
      settled.abort();
      await Promise.allSettled(room);
    }
  }

  /** One whole reply, its lines joined by a line feed; `closed` when the connection ended before one. */
  async reply(): Promise<string> {
    for (;;) {
      const match = /^(?:\d{3}-.*\r\n)*\d{3}(?: .*)?\r\n/.exec(this.#text);
      if (match) {
        this.#text = this.#text.slice(match[0].length);
        return match[0].trimEnd().replaceAll('\r\n', '\n');
      }
      if (this.#closed) return 'closed';
      await this.#changed.promise;
    }
  }

  /** Sends a command line and reads its reply. */
  say(line: string): Promise<string> {
    this.write(`${line}\r\n`);
    return this.reply();
  }

  /** STARTTLS and the handshake; the connection is secure afterwards. */
  async startTls(): Promise<TLSSocket> {
    await this.say('STARTTLS');
    this.#socket.removeAllListeners();
    const secure = connectTls({ socket: this.#socket, rejectUnauthorized: false });
    await once(secure, 'secureConnect');
    this.#socket = secure;
    this.#listen();
    return secure;
  }

  /** EHLO, STARTTLS, EHLO, AUTH PLAIN. Returns the reply to AUTH. */
  async logIn(user = 'pennypost', secret = 'pp_test_secret'): Promise<string> {
    await this.say('EHLO client.example');
    if (!('encrypted' in this.#socket)) {
      await this.startTls();
      await this.say('EHLO client.example');
    }
    return this.say(`AUTH PLAIN ${Buffer.from(`\0${user}\0${secret}`).toString('base64')}`);
  }

  /** MAIL, RCPT and DATA. Returns the reply to DATA. */
  async beginMessage(): Promise<string> {
    await this.say('MAIL FROM:<a@example.com>');
    await this.say('RCPT TO:<b@example.net>');
    return this.say('DATA');
  }

  /** Breaks the connection off. */
  drop(): void {
    this.#socket.destroy();
  }

  #listen(): void {
    this.#socket.on('data', (data) => {
      this.#text += data.toString('latin1');
      this.#tell();
    });
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      this.#closed = true;
      this.#tell();
    });
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
