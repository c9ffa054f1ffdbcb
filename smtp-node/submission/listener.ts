import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { SMTPServer, type SMTPServerOptions, type SMTPServerSession } from 'smtp-server';
import type { SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js';
import { SubmissionConnection } from './connection.ts';

/** What a listener gives to the handlers of its sessions. */
export interface ListenerHooks {
  /** Sessions whose message is in transfer, by id: they are let come to their end when the listener stops. */
  receiving: Set<string>;
  /** Says 421 and closes. */
  hangUp(session: SMTPServerSession, text: string): void;
}

/** One listening SMTP port of the node, for submission or for return paths. */
export class SmtpListener extends SMTPServer {
  readonly #receiving: Set<string>;

  /**
   * @param handlers makes what smtp-server asks in the course of a session
   * @param onFault told of connections that fail; they are the peer's trouble
   */
  constructor(
    options: SMTPServerOptions,
    handlers: (hooks: ListenerHooks) => Partial<SMTPServerOptions>,
    onFault: (error: Error) => void,
  ) {
    const receiving = new Set<string>();
    const hangUp = (session: SMTPServerSession, text: string) => this.#hangUp(session, text);
    super({ ...options, ...handlers({ receiving, hangUp }) });
    this.#receiving = receiving;
    this.on('error', onFault);
  }

  override connect(socket: SubmissionConnection['_socket'], options?: SMTPConnectionOptions | null): void {
    const connection = new SubmissionConnection(this, socket, options);
    this.connections.add(connection);
    connection.on('error', (error) => this._onError(error));
    connection.init();
  }

  /** Listens, and returns the port. */
  async open(port: number, address: string): Promise<number> {
    const listening = once(this.server, 'listening');
    this.listen(port, address || undefined);
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

  #hangUp(session: SMTPServerSession, text: string): void {
    for (const connection of this.connections) {
      if (connection.id === session.id) connection.send(421, text);
    }
  }
}
