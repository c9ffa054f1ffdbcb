import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** What happens to the next upload of a raw message; afterwards all is well again. */
export type Cut =
  /** The connection breaks in the middle of the body. */
  | 'in the body'
  /** The edge gets the whole request, and its answer is lost. */
  | 'before the answer';

/** A TCP proxy in front of the edge, whose wire can be cut. */
export class CutProxy {
  readonly url: string;
  /** Resolves when the wire has been cut. */
  cut = Promise.withResolvers<void>();
  #next: Cut | null = null;
  readonly #close: () => Promise<void>;

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url;
    this.#close = close;
  }

  /** @param target asked at each connection, so that the edge may move */
  static async start(target: () => string): Promise<CutProxy> {
    const sockets = new Set<Socket>();
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
    const proxy = new CutProxy(`http://127.0.0.1:${address.port}`, async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    });
    server.on('connection', (client) => {
      const { hostname, port } = new URL(target());
      const edge = connect(Number(port), hostname);
      for (const socket of [client, edge]) {
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket));
        socket.on('error', () => {});
      }
      proxy.#join(client, edge);
    });
    return proxy;
  }

  /** Cuts the next upload. */
  cutNext(how: Cut): void {
    this.#next = how;
    this.cut = Promise.withResolvers();
  }

  async stop(): Promise<void> {
    await this.#close();
  }

  #join(client: Socket, edge: Socket): void {
    let doomed: Cut | null = null;
    const cut = () => {
      client.destroy();
      edge.destroy();
      this.cut.resolve();
    };
    client.on('data', (chunk: Buffer) => {
      // the headers are flushed before the body, in a packet of their own
      if (this.#next && chunk.includes('POST /v1/send/raw')) {
        doomed = this.#next;
        this.#next = null;
      } else if (doomed === 'in the body') return cut();
      edge.write(chunk);
    });
    edge.on('data', (chunk: Buffer) => (doomed ? cut() : client.write(chunk)));
    client.on('close', () => edge.destroy());
    edge.on('close', () => client.destroy());
  }
}
