import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import type { SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js';
import { QuotedPathConnection } from '../submission/quoted-path.ts';

/** A message as the capture MX lists it. */
export interface CapturedMessage {
  id: string;
  mailFrom: string;
  rcptTo: string[];
  subject: string;
  /** RFC 3339. */
  at: string;
}

export interface CaptureMx {
  smtpPort: number;
  /** `GET url`: all messages, JSON array; `GET url/<id>`: one of them raw. */
  url: string;
  messages(): CapturedMessage[];
  stop(): Promise<void>;
}

/** Nobody is asked who they are here, so it is on this machine only, wherever the product listens. */
export const captureHost = '127.0.0.1';
/** A page of another site may have its name resolve to this machine; it cannot say one of these. */
const ownNames = /^(localhost|127\.0\.0\.1)(:\d+)?$/i;

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
  const kept = new Map<string, { message: CapturedMessage; raw: Buffer }>();
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
    const [, id = ''] = /^\/([^/?]*)/.exec(request.url ?? '/') ?? [];
    const one = kept.get(id);
    if (!ownNames.test(request.headers.host ?? '')) response.writeHead(421).end();
    else if (request.method !== 'GET') response.writeHead(405).end();
    else if (id === '') {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify([...kept.values()].map(({ message }) => message)));
    } else if (one) response.writeHead(200, { 'Content-Type': 'message/rfc822' }).end(one.raw);
    else
      response
        .writeHead(404, { 'Content-Type': 'application/json' })
        .end('{"error":"There is no such message."}');
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
