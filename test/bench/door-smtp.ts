import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { startSmtpSink } from '../support/smtp-sink.ts';
import { type BenchEdge, startBenchEdge } from './bench-edge.ts';
import { startBenchNode } from './bench-node.ts';
import { cpuMs, memoryMiB } from './processes.ts';

/** A client of submission that never logs in. */
interface HostileSession {
  name: string;
  /** What it says after the greeting. */
  says: string | Buffer;
  tls?: true;
}

const kibibyte = 1024;
const quietMs = 400;
const setUpMs = 20_000;
const mostMs = 7_000;
const auth = (secret: string) =>
  `EHLO x\r\nAUTH PLAIN ${Buffer.from(`\0pennypost\0${secret}`).toString('base64')}\r\n`;

const hostileSessions: readonly HostileSession[] = [
  { name: 'SMTP: silent', says: '' },
  { name: 'SMTP: half a command line', says: 'EHLO x' },
  { name: 'SMTP: a command line of 512 KiB', says: Buffer.alloc(512 * kibibyte, 'x') },
  { name: 'SMTP: unknown commands', says: 'XYZZY\r\n'.repeat(2000) },
  { name: 'SMTP: commands in a wrong order', says: 'RCPT TO:<a@b.test>\r\nDATA\r\n'.repeat(1000) },
  { name: 'SMTP: EHLO again and again', says: 'EHLO x\r\n'.repeat(1000) },
  { name: 'SMTP: MAIL without AUTH', says: 'EHLO x\r\nMAIL FROM:<a@victim.example>\r\nDATA\r\n' },
  { name: 'SMTP: AUTH in clear', says: auth('pp_live_0123456789abcdefghijABCDEFGHIJ01') },
  { name: 'SMTP: octets that are no TLS', says: `EHLO x\r\nSTARTTLS\r\n${'\0'.repeat(64 * kibibyte)}` },
  { name: 'SMTP: TLS and no more', says: '', tls: true },
  { name: 'SMTP: AUTH with no key', says: auth('x'.repeat(9000)), tls: true },
  {
    name: 'SMTP: AUTH with an unknown key',
    says: auth('pp_live_0123456789abcdefghijABCDEFGHIJ01'),
    tls: true,
  },
];

export interface SessionPrice {
  name: string;
  rows: number;
  cpuMs: number;
  kibibytes: number;
}

/**
 * What a session costs the node that does not log in, of so many that are open at once: CPU, the handshake included, and
 * resident memory, what is kept of its octets included.
 */
export async function sessionPrices({
  atOnce,
  rounds,
}: {
  atOnce: number;
  rounds: number;
}): Promise<SessionPrice[]> {
  const bench = await startBenchEdge({ shell: 'counting' });
  const sink = await startSmtpSink(() => {});
  const node = await startBenchNode(bench, sink.port, {
    PENNYPOST_SUBMISSION_TLS_PORTS: '0',
    // A login that failed often is answered late, and its connection counts until then.
    PENNYPOST_SUBMISSION_CONNECTIONS_PER_ADDRESS: String(atOnce * 100),
    PENNYPOST_SUBMISSION_MAX_CONNECTIONS: String(atOnce * 100),
  });
  try {
    const prices: SessionPrice[] = [];
    const [port = 0] = node.submissionPorts;
    for (const session of [...hostileSessions.slice(0, 1), ...hostileSessions]) {
      const price = { name: session.name, rows: Infinity, cpuMs: Infinity, kibibytes: Infinity };
      for (let round = 0; round <= rounds; round++) {
        const { resident } = await memoryMiB(node.pid);
        await writeFile(`/proc/${node.pid}/clear_refs`, '5'); // the peak counts from here on (proc_pid_clear_refs(5))
        const rows = await rowsOf(bench);
        const used = await cpuMs(node.pid);
        const sockets = await Promise.all(Array.from({ length: atOnce }, () => open(port, session))).catch(
          (cause: unknown) => {
            throw new Error(session.name, { cause });
          },
        );
        price.cpuMs = Math.min(price.cpuMs, ((await cpuMs(node.pid)) - used) / atOnce);
        const { peak } = await memoryMiB(node.pid);
        const after = await rowsOf(bench);
        price.rows = Math.min(price.rows, (after - rows) / atOnce);
        price.kibibytes = Math.min(
          price.kibibytes,
          Math.max(0, ((peak - resident) * 1024) / atOnce - session.says.length / 1024),
        );
        for (const socket of sockets) socket.destroy();
        await pause(200);
      }
      prices.push(price);
    }
    return prices.slice(1);
  } finally {
    await node.stop();
    await sink.stop();
    await bench.stop();
  }
}

/** Rows read and written since the edge began; the node's own questions are among them, a few a second. */
async function rowsOf(bench: BenchEdge): Promise<number> {
  const { d1RowsRead, d1RowsWritten } = await bench.counts();
  return d1RowsRead + d1RowsWritten;
}

/**
 * Connects, says what the session says, and waits until the node has been silent for a while, or has hung up.
 * @throws Error when the node does not get as far as that within `setUpMs`
 */
async function open(port: number, { says, tls }: HostileSession): Promise<Socket> {
  const signal = AbortSignal.timeout(setUpMs);
  const plain = connect(port, '127.0.0.1').on('error', () => {});
  await once(plain, 'data', { signal });
  let socket: Socket = plain;
  if (tls) {
    plain.write('EHLO x\r\n');
    await replied(plain, /^250 /m, signal);
    plain.write('STARTTLS\r\n');
    await replied(plain, /^220 /m, signal);
    socket = connectTls({ socket: plain, rejectUnauthorized: false }).on('error', () => {});
    await once(socket, 'secureConnect', { signal });
  }
  let heardAt = Date.now();
  const endsAt = heardAt + mostMs;
  socket.on('data', () => {
    heardAt = Date.now();
  });
  socket.write(says);
  while (!socket.destroyed && Date.now() < Math.min(endsAt, heardAt + quietMs)) await pause(50);
  return socket;
}

/** Waits for the end of a reply. */
async function replied(socket: Socket, end: RegExp, signal: AbortSignal): Promise<void> {
  for (let text = ''; !end.test(text); ) text += (await once(socket, 'data', { signal }))[0];
}
