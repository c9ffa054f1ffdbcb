import { connect as connectTls, type TLSSocket } from 'node:tls';

/** What a client of submission does, as often as it is told to. */
export interface LoadOptions {
  port: number;
  user: string;
  password: string;
  mailFrom: string;
  rcptTo: string;
  /** With CRLF line ends, no line that begins with a dot. */
  message: Buffer;
  /** Connections at once. */
  connections: number;
  /** Messages of one connection, from its handshake to QUIT. */
  messagesPerSession: number;
  /** Messages in all. */
  count: number;
}

/**
 * Submits messages over TLS with AUTH PLAIN, a reply awaited after each command as most client libraries do.
 * @returns how long it took, seconds
 * @throws Error with the first reply that is not what it should be
 */
export async function submitLoad(options: LoadOptions): Promise<number> {
  let left = options.count;
  const beganMs = performance.now();
  const client = async () => {
    while (left > 0) {
      const messages = Math.min(left, options.messagesPerSession);
      left -= messages;
      await session(options, messages);
    }
  };
  await Promise.all(Array.from({ length: options.connections }, client));
  return (performance.now() - beganMs) / 1000;
}

async function session(options: LoadOptions, messages: number): Promise<void> {
  const socket = connectTls({ port: options.port, host: '127.0.0.1', rejectUnauthorized: false });
  const say = dialogue(socket);
  const login = Buffer.from(`\0${options.user}\0${options.password}`).toString('base64');
  try {
    await say(null, 220);
    await say('EHLO client.bench.example\r\n', 250);
    await say(`AUTH PLAIN ${login}\r\n`, 235);
    for (let i = 0; i < messages; i++) {
      await say(`MAIL FROM:<${options.mailFrom}>\r\n`, 250);
      await say(`RCPT TO:<${options.rcptTo}>\r\n`, 250);
      await say('DATA\r\n', 354);
      await say(Buffer.concat([options.message, Buffer.from('.\r\n')]), 250);
    }
    await say('QUIT\r\n', 221);
  } finally {
    socket.destroy();
  }
}

/** Says a command, null: nothing, and waits for the reply, which must have this code. */
function dialogue(socket: TLSSocket): (said: string | Buffer | null, code: number) => Promise<void> {
  let text = '';
  let waiting: { code: number; resolve(): void; reject(error: Error): void } | null = null;
  const look = () => {
    const reply = waiting && /^(?:\d{3}-.*\r\n)*(\d{3})(?: .*)?\r\n/.exec(text);
    if (!waiting || !reply) return;
    text = text.slice(reply[0].length);
    const { code, resolve, reject } = waiting;
    waiting = null;
    if (Number(reply[1]) === code) resolve();
    else reject(new Error(`${code} was expected: ${reply[0]}`));
  };
  const fail = (error?: Error) => waiting?.reject(error ?? new Error('the server hung up'));
  socket.setNoDelay(true);
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    look();
  });
  socket.on('error', fail);
  socket.on('close', () => fail());
  return (said, code) =>
    new Promise((resolve, reject) => {
      waiting = { code, resolve, reject };
      if (said !== null) socket.write(said);
      look();
    });
}
