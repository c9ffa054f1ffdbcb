import { createServer, type Server } from 'node:http';

/** What was posted, as it came. */
export interface HookPost {
  headers: NodeJS.Dict<string | string[]>;
  text: string;
}

/** A receiver of webhooks on loopback that takes whatever comes. */
export class Hook {
  readonly url: string;
  readonly posts: HookPost[] = [];
  readonly #server: Server;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.url = `http://127.0.0.1:${port}/hook`;
  }

  static async start(): Promise<Hook> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const hook = new Hook(server, address.port);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        hook.posts.push({ headers: request.headers, text: Buffer.concat(chunks).toString() });
        response.end('seen');
      });
    });
    return hook;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
