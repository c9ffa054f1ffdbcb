import type { Socket } from 'node:net';
import { addressKey } from './address-limits.ts';

/** A connection from its first octet on, the TLS handshake included. */
interface Arrival {
  address: string;
  socket: Socket;
  timer: NodeJS.Timeout;
  /** It has shown who it is, so it keeps its place. */
  trusted: boolean;
}

const tooMany = '4.7.0 Too many connections from your address';

/** Which connection is meant, by its far end. */
export interface FarEnd {
  remoteAddress?: string | undefined;
  remotePort?: number | undefined;
}

export interface ArrivalOptions {
  /** Open connections of the port. */
  most: number;
  /** Open connections of one client address; beyond twice as many they are closed without a word. */
  mostPerAddress: number;
  /** So long a connection may take from its beginning until `inTime` is called for it. */
  withinMs: number;
  /** Ends a connection: its time is over, or it makes room. */
  end(socket: Socket, text: string): void;
  /** A connection in the middle of a message makes no room. */
  isBusy(socket: Socket): boolean;
}

/**
 * The connections of one port: each must show in a bounded time what it wants, and when all places are taken the
 * address that holds most of them gives one up, so that no few addresses can fill a port.
 */
export class Arrivals {
  readonly #options: ArrivalOptions;
  readonly #arrivals = new Map<string, Arrival>();

  constructor(options: ArrivalOptions) {
    this.#options = options;
  }

  /** Counts a connection until it closes. */
  arrive(socket: Socket): void {
    const key = keyOf(socket);
    const address = addressKey(plainAddress(socket.remoteAddress));
    const timer = setTimeout(
      () => this.#options.end(socket, '4.4.2 Too much time has passed without a transaction'),
      this.#options.withinMs,
    );
    timer.unref();
    this.#arrivals.set(key, { address, socket, timer, trusted: false });
    socket.once('close', () => {
      clearTimeout(timer);
      this.#arrivals.delete(key);
    });
    if (this.#countOf(address) > this.#options.mostPerAddress * 2)
      setImmediate(() => this.#options.end(socket, tooMany));
    else if (this.#arrivals.size > this.#options.most) this.#makeRoom(address);
  }

  /** The time before a transaction is over for this connection. */
  inTime(of: FarEnd): void {
    clearTimeout(this.#arrivals.get(keyOf(of))?.timer);
  }

  /** It logged in: it keeps its place. */
  trust(of: FarEnd): void {
    const arrival = this.#arrivals.get(keyOf(of));
    if (arrival) arrival.trusted = true;
    this.inTime(of);
  }

  /** The oldest connection of the address that has most makes room, unless the newcomer's has as many. */
  #makeRoom(newcomer: string): void {
    const counts = new Map<string, Arrival[]>();
    for (const arrival of this.#arrivals.values()) {
      if (arrival.trusted || this.#options.isBusy(arrival.socket)) continue;
      const same = counts.get(arrival.address);
      if (same) same.push(arrival);
      else counts.set(arrival.address, [arrival]);
    }
    const [crowd] = [...counts.values()].sort((a, b) => b.length - a.length);
    const [oldest] = crowd ?? [];
    if (!crowd || !oldest || crowd.length <= this.#countOf(newcomer)) return;
    this.#options.end(oldest.socket, tooMany);
  }

  #countOf(address: string): number {
    let count = 0;
    for (const arrival of this.#arrivals.values()) if (arrival.address === address) count += 1;
    return count;
  }
}

function keyOf({ remoteAddress, remotePort }: FarEnd): string {
  return `${plainAddress(remoteAddress)}|${remotePort}`;
}

/** Without the prefix of IPv4-mapped addresses (RFC 4291 §2.5.5.2). */
function plainAddress(address: string | undefined): string {
  return (address ?? '').toLowerCase().replace(/^::ffff:(?=\d+\.)/, '');
}
