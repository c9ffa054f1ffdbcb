import { createServer, type Socket } from 'node:net';

/** A message as the sink takes it. */
export interface SunkMessage {
  mailFrom: string;
  rcptTo: string[];
  /** The first 16 KiB, latin1: the header and a little more. */
  head: string;
  /** As sent, before dots are unstuffed, without the final one. */
  bytes: number;
  /** Monotonic clock (`performance.now`) when the final dot had arrived. */
  at: number;
}

export interface SmtpSink {
  port: number;
  stop(): Promise<void>;
}

const headBytes = 16 * 1024;
const end = Buffer.from('\r\n.\r\n');

/** How a sink meets a connection; nothing: it greets. */
export type Meeting = 'silent' | 'hang up' | { replyDelayMs: number } | undefined;

/**
 * A fast MX that takes every message and only counts it: no TLS, nothing kept but what `take` keeps.
 * @param take called before `250` is said to the final dot; gives how long that reply is kept back, milliseconds
 * @param options.host the address on which it listens, default 127.0.0.1
 * @param options.meet told the address of the sink that was connected to
 */
export async function startSmtpSink(
  take: (message: SunkMessage) => number | undefined,
  { host = '127.0.0.1', meet }: { host?: string; meet?: (address: string) => Meeting } = {},
): Promise<SmtpSink> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    const meeting = meet?.(socket.localAddress ?? '');
    if (meeting === 'hang up') socket.destroy();
    else if (meeting === 'silent') socket.resume();
    else converse(socket, take, meeting?.replyDelayMs ?? 0);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the sink has no port');
  return {
    port: address.port,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function converse(
  socket: Socket,
  take: (message: SunkMessage) => number | undefined,
  replyDelayMs: number,
): void {
  const say = (text: string, delayMs = replyDelayMs) => {
    if (delayMs > 0) setTimeout(() => socket.write(text), delayMs);
    else socket.write(text);
  };
  let waiting: Buffer = Buffer.alloc(0);
  let mailFrom = '';
  let rcptTo: string[] = [];
  let data: { head: Buffer[]; bytes: number } | null = null;
  say('220 sink.test ESMTP\r\n');
  socket.on('data', (chunk: Buffer) => {
    waiting = waiting.length === 0 ? chunk : Buffer.concat([waiting, chunk]);
    while (waiting.length > 0) if (!(data ? content() : command())) return;
  });

  /** Takes message content; true when the final dot was in it. */
  function content(): boolean {
    if (!data) return true;
    // The line end before the final dot belongs to the content; the command's own stands in for an empty one.
    const at = waiting.indexOf(end);
    const own = at >= 0 ? at + 2 : Math.max(0, waiting.length - (end.length - 1));
    if (data.bytes < headBytes) data.head.push(Buffer.from(waiting.subarray(0, own)));
    data.bytes += own;
    if (at < 0) {
      waiting = waiting.subarray(own);
      return false;
    }
    waiting = waiting.subarray(at + end.length);
    const head = Buffer.concat(data.head).toString('latin1', 0, headBytes);
    const delayMs = take({ mailFrom, rcptTo, head, bytes: data.bytes, at: performance.now() });
    data = null;
    say('250 2.0.0 Ok\r\n', delayMs || replyDelayMs);
    return true;
  }

  /** Answers one command; false when its line is not complete. */
  function command(): boolean {
    const at = waiting.indexOf('\r\n');
    if (at < 0) return false;
    const line = waiting.toString('latin1', 0, at);
    waiting = waiting.subarray(at + 2);
    const verb = line.slice(0, 4).toUpperCase();
    const path = () => /<(.*?)>/.exec(line)?.[1] ?? '';
    if (verb === 'EHLO') {
      say(
        '250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250 SIZE 104857600\r\n',
      );
    } else if (verb === 'MAIL') {
      mailFrom = path();
      rcptTo = [];
      say('250 2.1.0 Ok\r\n');
    } else if (verb === 'RCPT') {
      rcptTo.push(path());
      say('250 2.1.5 Ok\r\n');
    } else if (verb === 'DATA') {
      data = { head: [], bytes: 0 };
      say('354 End data with <CR><LF>.<CR><LF>\r\n');
    } else if (verb === 'QUIT') {
      socket.end('221 2.0.0 Bye\r\n');
    } else {
      say('250 2.0.0 Ok\r\n');
    }
    return true;
  }
}
