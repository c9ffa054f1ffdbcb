import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import type { SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js';
import { QuotedPathConnection } from '../submission/quoted-path.ts';
import { answerCapture, type KeptMail } from './capture-http.ts';
import type { CapturedMessage } from './captured-message.ts';

export interface CaptureMx {
  smtpPort: number;
  /** `GET url`: all messages, JSON array; `GET url/<id>`: one of them raw. A browser gets pages of the same. */
  url: string;
  messages(): CapturedMessage[];
  stop(): Promise<void>;
}

/** Nobody is asked who they are here, so it is on this machine only, wherever the product listens. */
export const captureHost = '127.0.0.1';

/** Messages kept in memory; older ones make room. */
const mostMessages = 5_000;
const mostBytes = 200 * 1024 * 1024;

/**
 * An MX for one machine: takes every message by SMTP with STARTTLS and shows it by HTTP, so that a first
 * message can be looked at without touching the outside world.
 */
export async function startCaptureMx(options: {
  httpPort: number;
  tls: { key: string | Buffer; cert: string | Buffer };
}): Promise<CaptureMx> {
  const kept = new Map<string, KeptMail>();
  let keptBytes = 0;
  const keep = (message: CapturedMessage, raw: Buffer) => {
    kept.set(message.id, { message, raw });
    keptBytes += raw.length;
    for (const [id, oldest] of kept) {
      if (kept.size <= mostMessages && keptBytes <= mostBytes) break;
      kept.delete(id);
      keptBytes -= oldest.raw.length;
    }
  };
  const smtp = new CaptureServer({
    name: 'capture.pennypost.test',
    authOptional: true,
    disabledCommands: ['AUTH'],
    hideENHANCEDSTATUSCODES: false,
    size: 50 * 1024 * 1024,
    logger: false,
    ...options.tls,
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', done);
      stream.on('end', () => {
        const raw = Buffer.concat(chunks);
        const { mailFrom, rcptTo } = session.envelope;
        keep(
          {
            id: randomUUID(),
            mailFrom: mailFrom ? mailFrom.address : '',
            rcptTo: rcptTo.map((recipient) => recipient.address),
            subject: subjectOf(raw),
            at: new Date().toISOString(),
          },
          raw,
        );
        done(null, 'Captured');
      });
    },
  });
  smtp.server.on('connection', (socket) => socket.setNoDelay(true));
  smtp.on('error', () => undefined); // a peer that hangs up; the server goes on
  const http = createServer((request, response) => {
    answerCapture(request, response, kept).catch(() => response.destroy());
  });
  const smtpPort = await listen((ready) => smtp.listen(0, captureHost, ready), smtp.server);
  const httpPort = await listen((ready) => http.listen(options.httpPort, captureHost, ready), http);
  return {
    smtpPort,
    url: `http://${captureHost}:${httpPort}`,
    messages: () => [...kept.values()].map(({ message }) => message),
    stop: async () => {
      await new Promise<void>((resolve) => smtp.close(() => resolve()));
      http.closeAllConnections();
      await new Promise<void>((resolve) => http.close(() => resolve()));
    },
  };
}

class CaptureServer extends SMTPServer {
  override connect(socket: QuotedPathConnection['_socket'], options?: SMTPConnectionOptions | null): void {
    const connection = new QuotedPathConnection(this, socket, options);
    this.connections.add(connection);
    connection.on('error', (error) => this._onError(error));
    connection.init();
  }
}

/** The Subject field's value, unfolded. */
function subjectOf(raw: Buffer): string {
  const header = raw.toString('utf8', 0, Math.min(raw.length, 64 * 1024)).split(/\r?\n\r?\n/, 1)[0] ?? '';
  const field = /^subject:((?:.*)(?:\r?\n[ \t].*)*)/im.exec(header)?.[1] ?? '';
  return field.replace(/\r?\n(?=[ \t])/g, '').trim();
}

async function listen(
  open: (ready: () => void) => unknown,
  server: {
    once(event: 'error', listener: (error: Error) => void): unknown;
    address(): AddressInfo | string | null;
  },
): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    open(resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a server has no port');
  return address.port;
}
