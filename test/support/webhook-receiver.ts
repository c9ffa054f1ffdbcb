import { createServer, type Server } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { z } from 'zod';

const bodySchema = z.union([
  z.object({ events: z.array(z.object({ id: z.string(), message_id: z.string() })) }),
  z.object({ id: z.string(), data: z.object({ message_id: z.string() }) }),
]);

/** One POST as it came. */
export interface Post {
  webhookId: string;
  events: { id: string; messageId: string }[];
  atMs: number;
}

/** The status to answer a POST with; null: never. */
type Decide = (post: Post) => number | null;

/** A webhook endpoint on loopback: verifies each POST and answers as it is told. */
export class WebhookReceiver {
  readonly url: string;
  /** Verifies what comes; set it when the endpoint has been made. */
  secret = '';
  /** Every POST, answered or not. */
  readonly posts: Post[] = [];
  /** Ids of the events of POSTs that were answered with 2xx. */
  readonly taken = new Set<string>();
  /** POSTs whose signature does not verify. */
  forged = 0;
  /** Told of each POST that is answered with 2xx, with its body as it was parsed. */
  onTaken: (post: Post, body: unknown) => void = () => undefined;
  private readonly server: Server;
  private readonly decide: Decide;

  private constructor(server: Server, port: number, decide: Decide) {
    this.server = server;
    this.decide = decide;
    this.url = `http://127.0.0.1:${port}/hook`;
  }

  static async start(decide: Decide): Promise<WebhookReceiver> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const receiver = new WebhookReceiver(server, address.port, decide);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('error', () => undefined); // the sender was killed
      request.on('end', () => {
        const status = receiver.take(request.headers, Buffer.concat(chunks).toString());
        if (status !== null) response.writeHead(status).end('seen');
      });
    });
    return receiver;
  }

  private take(headers: NodeJS.Dict<string | string[]>, text: string): number | null {
    const one = (name: string) => String(headers[name] ?? '');
    const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
    try {
      new Webhook(this.secret).verify(text, Object.fromEntries(names.map((name) => [name, one(name)])));
    } catch {
      this.forged += 1;
      return 400;
    }
    const parsed: unknown = JSON.parse(text);
    const body = bodySchema.parse(parsed);
    const entries =
      'events' in body
        ? body.events.map((entry) => ({ id: entry.id, messageId: entry.message_id }))
        : [{ id: body.id, messageId: body.data.message_id }];
    const post = { webhookId: one('webhook-id'), events: entries, atMs: performance.now() };
    this.posts.push(post);
    const status = this.decide(post);
    if (status !== null && status < 300) {
      for (const { id } of entries) this.taken.add(id);
      this.onTaken(post, parsed);
    }
    return status;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
