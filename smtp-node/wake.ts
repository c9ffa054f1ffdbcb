import { WebSocket } from 'ws';
import { Backoff } from './backoff.ts';
import type { Log } from './log.ts';

export interface WakeOptions {
  /** Origin of the edge. */
  edgeUrl: string;
  /** The node's own token; it may have to be asked for. */
  token(): Promise<string>;
  log: Log;
  /** There may be work. Also called after every connect, since a wake may have been missed. */
  onWake: () => void;
  /** Default 30 s. A dead connection is noticed after two of them. */
  pingMs?: number;
  /** Longest pause between connects. Default 30 s. */
  mostPauseMs?: number;
}

/** The WebSocket over which the edge says that there may be work; it is opened again whenever it breaks. */
export class Wake {
  readonly #options: WakeOptions;
  readonly #backoff: Backoff;
  #socket: WebSocket | null = null;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: WakeOptions) {
    this.#options = options;
    this.#backoff = new Backoff(250, options.mostPauseMs ?? 30_000);
  }

  open(): void {
    void this.#options.token().then(
      (token) => this.#closed || this.#connect(token),
      (error: unknown) => this.#again({ err: error }),
    );
  }

  #connect(token: string): void {
    const { edgeUrl, log, onWake } = this.#options;
    const socket = new WebSocket(`${edgeUrl.replace(/^http/, 'ws')}/node/v1/wake`, {
      headers: { authorization: `Bearer ${token}` },
      handshakeTimeout: 15_000,
      maxPayload: 64 * 1024,
      followRedirects: false,
    });
    this.#socket = socket;
    socket.on('open', () => {
      this.#backoff.reset();
      this.#keepAlive(socket);
      onWake();
    });
    socket.on('message', (data) => {
      if (String(data) === 'wake') onWake();
    });
    socket.on('error', (error) => log.debug({ err: error }, 'wake connection failed'));
    socket.on('close', (code) => {
      clearTimeout(this.#timer);
      this.#again({ code });
    });
  }

  #again(why: object): void {
    if (this.#closed) return;
    const pauseMs = this.#backoff.nextMs();
    this.#options.log.debug({ ...why, pauseMs }, 'wake connection closed');
    this.#timer = setTimeout(() => this.open(), pauseMs);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.terminate();
  }

  /** RFC 6455 §5.5.2: a ping that is not answered until the next one means that the connection is dead. */
  #keepAlive(socket: WebSocket): void {
    let answered = true;
    socket.on('pong', () => {
      answered = true;
    });
    const ping = () => {
      if (!answered) return socket.terminate();
      answered = false;
      socket.ping();
      this.#timer = setTimeout(ping, this.#options.pingMs ?? 30_000);
    };
    ping();
  }
}
