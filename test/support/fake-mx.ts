import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';

/**
 * An MX that misbehaves as it is told. What goes wrong within a transaction is scripted by the local part of the
 * recipient, for MAIL by that of the sender:
 * - `451-rcpt@`, `550-rcpt@`, `552-data@`, `554-dot@`, `421-mail@`, …: that code at that step;
 * - `554-early@`: that code in the middle of the content; `421-rcpt@` and other 421 close the connection;
 * - `drop-at-rcpt@`, `drop-in-data@`, `drop-after-dot@`: closes there; `hang-after-dot@`: says nothing there;
 * - `stall-in-data@`: stops reading after 354;
 * - `garbage-at-rcpt@`, `garbage-after-dot@`: answers something that is not SMTP;
 * - after a refused final dot the transaction stays open until RSET, as with Postfix: a MAIL before gets 503;
 * - `busy@`: a rate limit of one mailbox, 450 4.2.1;
 * - `multiline@`, `mixed@`: a reply of two lines, with equal and with different codes.
 * What goes wrong with a whole connection is scripted by `onConnection`.
 */
export type ConnectionFault =
  | 'slow-banner'
  | 'drop-before-banner'
  | '421-banner'
  | '554-banner'
  | '502-ehlo'
  | '550-ehlo'
  | 'refuse-tls'
  | 'bad-tls'
  | 'inject-tls'
  /** Closes after each message, without a word. */
  | 'drop-when-idle'
  /** Answers the second MAIL of a connection with 421. */
  | '421-second-mail'
  /** Answers the second MAIL of a connection with 503. */
  | '503-second-mail'
  /** Hangs up on the second MAIL of a connection. */
  | 'drop-second-mail';

export interface FakeMxOptions {
  /** Takes so many messages over a connection; then it says 452 at this step, and stays open. */
  session?: { most: number; step: 'mail' | 'rcpt' | 'data' };
  /** Lines of the EHLO reply. Default PIPELINING, 8BITMIME, SMTPUTF8, SIZE and, with `tls`, STARTTLS. */
  extensions?: readonly string[];
  /** Offers STARTTLS: `true` with a self-signed certificate for `mx.test`, or with the one that is given (PEM). */
  tls?: boolean | { key: string; cert: string };
  /** Loopback address to listen on. Default 127.0.0.1. */
  address?: string;
  port?: number;
  /** @param n number of the connection, from 1 */
  onConnection?: (n: number) => ConnectionFault | null;
  /** Awaited before the reply to the final dot. */
  beforeFinalReply?: () => Promise<void>;
}

export interface ReceivedMail {
  from: string;
  /** Parameters of MAIL, as said. */
  mailParameters: string;
  to: string;
  raw: Buffer;
  encrypted: boolean;
  /** Number of the connection it came over. */
  connection: number;
  /** Address that it came from. */
  peer: string;
}

export interface FakeMx {
  port: number;
  address: string;
  messages: ReceivedMail[];
  /** Every command line, in order of arrival, over all connections. */
  commands: string[];
  connections: number;
  openConnections: number;
  mostConnections: number;
  close(): Promise<void>;
}

const read = (name: string) => readFileSync(new URL(name, import.meta.url));
export const fakeMxCertificate = read('./fake-mx-cert.pem').toString();
const endOfData = Buffer.from('\r\n.\r\n');

export async function startFakeMx(options: FakeMxOptions = {}): Promise<FakeMx> {
  const sockets = new Set<Socket>();
  const server = createServer();
  const mx: FakeMx = {
    port: 0,
    address: options.address ?? '127.0.0.1',
    messages: [],
    commands: [],
    connections: 0,
    openConnections: 0,
    mostConnections: 0,
    close: () => stop(server, sockets),
  };
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    mx.connections++;
    mx.openConnections++;
    mx.mostConnections = Math.max(mx.mostConnections, mx.openConnections);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      mx.openConnections--;
    });
    new Conversation(socket, mx, options, mx.connections).begin();
  });
  server.listen(options.port ?? 0, mx.address);
  await once(server, 'listening');
  const address = server.address();
  if (address && typeof address === 'object') mx.port = address.port;
  return mx;
}

async function stop(server: Server, sockets: Set<Socket>): Promise<void> {
  for (const socket of sockets) socket.destroy();
  server.close();
  await once(server, 'close');
}

class Conversation {
  socket: Socket;
  readonly plain: Socket;
  readonly mx: FakeMx;
  readonly options: FakeMxOptions;
  readonly n: number;
  readonly fault: ConnectionFault | null;
  buffered: Buffer = Buffer.alloc(0);
  inData = false;
  mails = 0;
  taken = 0;
  inTransaction = false;
  from = '';
  mailParameters = '';
  to = '';

  constructor(socket: Socket, mx: FakeMx, options: FakeMxOptions, n: number) {
    this.socket = socket;
    this.plain = socket;
    this.mx = mx;
    this.options = options;
    this.n = n;
    this.fault = options.onConnection?.(n) ?? null;
  }

  begin(): void {
    if (this.fault === 'slow-banner') return;
    if (this.fault === 'drop-before-banner') {
      this.socket.destroy();
      return;
    }
    this.listen();
    if (this.fault === '421-banner') this.refuse('421 4.7.0 Too many connections, slow down');
    else if (this.fault === '554-banner') this.refuse('554 No SMTP service here');
    else this.say('220 mx.test ESMTP');
  }

  listen(): void {
    this.socket.on('data', (chunk: Buffer) => this.onData(chunk));
    this.socket.on('error', () => undefined);
  }

  say(...lines: string[]): void {
    if (this.socket.writable) this.socket.write(lines.map((line) => `${line}\r\n`).join(''));
  }

  refuse(line: string): void {
    this.socket.end(`${line}\r\n`);
  }

  onData(chunk: Buffer): void {
    this.buffered = Buffer.concat([this.buffered, chunk]);
    for (;;) {
      if (this.inData) {
        if (!this.onContent()) return;
        continue;
      }
      const at = this.buffered.indexOf('\r\n');
      if (at < 0) return;
      const line = this.buffered.subarray(0, at).toString();
      this.buffered = this.buffered.subarray(at + 2);
      this.mx.commands.push(line);
      this.onCommand(line);
    }
  }

  onCommand(line: string): void {
    const verb = line.split(' ', 1)[0]?.toUpperCase();
    if (verb === 'EHLO') this.onEhlo();
    else if (verb === 'HELO') this.say('250 mx.test');
    else if (verb === 'STARTTLS') this.onStartTls();
    else if (verb === 'MAIL') this.onMail(line);
    else if (verb === 'RCPT') this.onRcpt(line);
    else if (verb === 'DATA') this.onDataCommand();
    else if (verb === 'RSET') this.onRset();
    else if (verb === 'QUIT') this.refuse('221 2.0.0 Bye');
    else this.say('500 5.5.2 What?');
  }

  onEhlo(): void {
    if (this.fault === '502-ehlo') {
      this.say('502 5.5.1 Not implemented');
      return;
    }
    if (this.fault === '550-ehlo') {
      this.refuse('550 5.7.1 I do not like your name');
      return;
    }
    const offersTls = this.options.tls && !(this.socket instanceof TLSSocket);
    const extensions = [
      ...(this.options.extensions ?? ['PIPELINING', '8BITMIME', 'SMTPUTF8', 'SIZE 40000000']),
      ...(offersTls ? ['STARTTLS'] : []),
    ];
    const lines = ['mx.test greets you', ...extensions];
    this.say(...lines.map((line, i) => `250${i === lines.length - 1 ? ' ' : '-'}${line}`));
  }

  onStartTls(): void {
    if (this.fault === 'refuse-tls') {
      this.say('454 4.7.0 TLS not available');
      return;
    }
    this.plain.removeAllListeners('data');
    if (this.fault === 'bad-tls') {
      this.say('220 2.0.0 Go ahead');
      this.plain.once('data', () => this.plain.end('this is not TLS at all, sorry'));
      return;
    }
    this.say('220 2.0.0 Go ahead', ...(this.fault === 'inject-tls' ? ['250-mx.test', '250 SIZE 1'] : []));
    const { tls } = this.options;
    const secureContext = createSecureContext(
      typeof tls === 'object' ? tls : { key: read('./fake-mx-key.pem'), cert: fakeMxCertificate },
    );
    this.socket = new TLSSocket(this.plain, { isServer: true, secureContext });
    this.buffered = Buffer.alloc(0);
    this.listen();
  }

  /** Says that the session has had its share; true when it has. */
  isFull(step: 'mail' | 'rcpt' | 'data'): boolean {
    const { session } = this.options;
    const full = session?.step === step && this.taken >= session.most;
    if (full) this.say('452 4.4.5 Too many messages over this connection');
    return full;
  }

  onMail(line: string): void {
    const match = /^MAIL FROM:<(.*?)>(.*)$/i.exec(line);
    this.from = match?.[1] ?? '';
    this.mailParameters = match?.[2]?.trim() ?? '';
    this.to = '';
    this.mails++;
    if (this.mails > 1 && this.fault === '421-second-mail') {
      this.refuse('421 4.4.2 Too long');
      return;
    }
    if (this.mails > 1 && this.fault === 'drop-second-mail') {
      this.socket.destroy();
      return;
    }
    if (this.inTransaction || (this.mails > 1 && this.fault === '503-second-mail')) {
      this.say('503 5.5.1 Error: nested MAIL command');
      return;
    }
    if (this.isFull('mail')) return;
    this.inTransaction = this.answer(this.from, 'mail', '250 2.1.0 Sender ok');
  }

  onRcpt(line: string): void {
    const to = /^RCPT TO:<(.*)>$/i.exec(line)?.[1] ?? '';
    if (this.isFull('rcpt')) return;
    if (to.startsWith('drop-at-rcpt')) this.socket.destroy();
    else if (to.startsWith('busy')) this.say('450 4.2.1 This user receives mail at too high a rate');
    else if (to.startsWith('garbage-at-rcpt')) this.say('Segmentation fault');
    else if (to.startsWith('mixed')) this.say('250-2.1.5 one', '550 5.1.1 other');
    else if (this.answer(to, 'rcpt', '250 2.1.5 Recipient ok')) this.to = to;
  }

  onDataCommand(): void {
    if (this.to === '') {
      this.say('503 5.5.1 No recipient');
      return;
    }
    if (this.isFull('data')) return;
    this.inData = this.answer(this.to, 'data', '354 Go ahead');
    if (this.to.startsWith('stall-in-data')) this.plain.pause();
  }

  onRset(): void {
    this.to = '';
    this.inTransaction = false;
    this.say('250 2.0.0 Reset');
  }

  /** True when something was consumed and there may be more. */
  onContent(): boolean {
    if (this.to.startsWith('drop-in-data') && this.buffered.length > 0) {
      this.socket.destroy();
      return false;
    }
    if (this.answersEarly()) return false;
    // The content may begin with the final dot (an empty message).
    const content = Buffer.concat([Buffer.from('\r\n'), this.buffered]);
    const at = content.indexOf(endOfData);
    if (at < 0) return false;
    this.buffered = content.subarray(at + endOfData.length);
    this.inData = false;
    void this.onDot(unstuffed(content.subarray(2, at + 2)));
    return true;
  }

  answersEarly(): boolean {
    const early = /^(\d{3})-early/.exec(this.to)?.[1];
    if (!early || this.buffered.length === 0) return false;
    this.say(`${early} ${early[0]}.6.0 Stop right there`);
    this.plain.removeAllListeners('data');
    this.socket.removeAllListeners('data');
    this.socket.resume();
    return true;
  }

  async onDot(raw: Buffer): Promise<void> {
    const { from, mailParameters, to } = this;
    if (to.startsWith('drop-after-dot')) {
      this.socket.destroy();
      return;
    }
    if (to.startsWith('hang-after-dot')) return;
    if (to.startsWith('garbage-after-dot')) {
      this.say('Segmentation fault');
      return;
    }
    await this.options.beforeFinalReply?.();
    const refused = /^\d{3}-dot/.test(to);
    if (!refused) {
      this.inTransaction = false;
      this.taken++;
      const encrypted = this.socket instanceof TLSSocket;
      const peer = this.socket.remoteAddress ?? '';
      this.mx.messages.push({ from, mailParameters, to, raw, encrypted, connection: this.n, peer });
    }
    if (to.startsWith('multiline')) this.say('250-2.6.0 Accepted', '250 2.6.0 as 12345');
    else this.answer(to, 'dot', '250 2.0.0 Queued as 12345');
    if (this.fault === 'drop-when-idle') this.socket.end();
  }

  /** Says what the address scripts for the step, or that all is well. True when it was the latter. */
  answer(address: string, step: string, fine: string): boolean {
    const match = /^(\d{3})-([a-z]+)/.exec(address);
    const code = match?.[2] === step ? match[1] : undefined;
    if (!code) {
      this.say(fine);
      return true;
    }
    const line = `${code} ${code[0]}.7.0 Scripted at ${step}`;
    if (code === '421') this.refuse(line);
    else this.say(line);
    return false;
  }
}

function unstuffed(content: Buffer): Buffer {
  return Buffer.from(content.toString('latin1').replace(/^\.\./gm, '.'), 'latin1');
}
