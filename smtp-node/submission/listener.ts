import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { SMTPServer, type SMTPServerOptions, type SMTPServerSession } from 'smtp-server';
import type { SMTPConnection, SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js';
import { Arrivals } from './arrivals.ts';
import { SubmissionConnection } from './connection.ts';
import { Patience } from './patience.ts';

/** What a listener gives to the handlers of its sessions. */
export interface ListenerHooks {
  /** Sessions whose message is in transfer, by id: they are let come to their end when the listener stops. */
  receiving: Set<string>;
  /** Says 421 and closes. */
  hangUp(session: SMTPServerSession, text: string): void;
  /** The session has begun a transaction that is wanted here: the time before it is over. */
  inTime(session: SMTPServerSession): void;
  /** The session has logged in: it also keeps its place when the port is full. */
  trust(session: SMTPServerSession): void;
}

/** What a port may hold, and for how long without a transaction. */
export interface ArrivalBounds {
  connectionsPerAddress: number;
  /** From the first octet, the TLS handshake included. */
  arrivalMs: number;
}

/** One listening SMTP port of the node, for submission or for return paths. */
export class SmtpListener extends SMTPServer {
  readonly #receiving: Set<string>;
  readonly #arrivals: Arrivals;
  readonly #patience = new Patience();

  /**
   * @param handlers makes what smtp-server asks in the course of a session
   * @param onFault told of connections that fail; they are the peer's trouble
   */
  constructor(
    options: SMTPServerOptions,
    bounds: ArrivalBounds,
    handlers: (hooks: ListenerHooks) => Partial<SMTPServerOptions>,
    onFault: (error: Error) => void,
  ) {
    const receiving = new Set<string>();
    const hangUp = (session: SMTPServerSession, text: string) => this.#hangUp(session, text);
    const inTime = (session: SMTPServerSession) => this.#arrivals.inTime(session);
    const trust = (session: SMTPServerSession) => this.#arrivals.trust(session);
    super({ ...options, ...handlers({ receiving, hangUp, inTime, trust }) });
    this.#receiving = receiving;
    this.#arrivals = new Arrivals({
      most: options.maxClients ?? Number.POSITIVE_INFINITY,
      mostPerAddress: bounds.connectionsPerAddress,
      withinMs: bounds.arrivalMs,
      end: (socket, text) => this.#end(socket, text),
      isBusy: (socket) => receiving.has(this.#connectionOf(socket)?.id ?? ''),
    });
    this.server.prependListener('connection', (socket: Socket) => this.#arrivals.arrive(socket));
    this.on('error', onFault);
  }

  override connect(socket: SubmissionConnection['_socket'], options?: SMTPConnectionOptions | null): void {
    const connection = new SubmissionConnection(this.#patience, this, socket, options);
    this.connections.add(connection);
    connection.on('error', (error) => this._onError(error));
    connection.init();
  }

  /**
   * Listens, and returns the port.
   * @param exclusive not shared with other workers of the node
   */
  async open(port: number, address: string, exclusive = false): Promise<number> {
    const listening = once(this.server, 'listening');
    this.listen({ port, exclusive, ...(address && { host: address }) });
    await listening;
    // a TCP listener has an address and a port
    const { port: bound } = this.server.address() as AddressInfo;
    return bound;
  }

  /** Lets messages in transfer come to their end, for at most `mostMs`, and closes everything. */
  async stop(mostMs: number): Promise<void> {
    const receiving = this.#receiving;
    const closed = new Promise<void>((resolve) => {
      this.options.closeTimeout = Math.max(mostMs, 1);
      this.close(resolve);
    });
    const hangUpIdle = () => {
      for (const connection of [...this.connections]) {
        if (!receiving.has(connection.id)) connection.send(421, '4.3.2 The server is shutting down');
      }
    };
    const endsAtMs = Date.now() + mostMs;
    while (receiving.size > 0 && Date.now() < endsAtMs) {
      hangUpIdle();
      await pause(20);
    }
    // now also those that were receiving: their reply is written, or their time is up
    for (const connection of [...this.connections]) connection.send(421, '4.3.2 The server is shutting down');
    await closed;
  }

  #connectionOf(socket: Socket): SMTPConnection | undefined {
    return [...this.connections].find(({ _socket }) => isSameEnd(_socket, socket));
  }

  /** Ends a connection, and frees its place at once. */
  #end(socket: Socket, text: string): void {
    const connection = this.#connectionOf(socket);
    if (!connection) {
      // Destroyed from below in the middle of its handshake, a TLS socket would crash Node.
      (this._pendingSockets.get(socket) ?? socket).destroy();
      return;
    }
    connection.send(421, text);
    this.connections.delete(connection);
  }

  #hangUp(session: SMTPServerSession, text: string): void {
    for (const connection of this.connections) {
      if (connection.id === session.id) connection.send(421, text);
    }
  }
}

/** A TLS socket has the far end of the socket below it. */
function isSameEnd(a: Socket, b: Socket): boolean {
  return a.remotePort === b.remotePort && a.remoteAddress === b.remoteAddress;
}
