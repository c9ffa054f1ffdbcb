import { Webhook } from 'standardwebhooks';
import { vi } from 'vitest';
import type { Answer } from './support.ts';

/** A POST as it came to a receiver. */
export interface Received {
  url: string;
  headers: Record<string, string>;
  text: string;
  bytes: Uint8Array;
  /** Null when it is no JSON. */
  body: Answer;
  redirect: string;
}

function isJson(text: string): boolean {
  return text.startsWith('{');
}

type Handler = (received: Received) => Response | Promise<Response>;

/**
 * The internet as the Worker sees it in these tests: DNS over HTTPS answers from a table, receivers are functions
 * by host name. Whatever else is asked for fails.
 */
export class Internet {
  readonly names = new Map<string, string[] | 'servfail'>();
  readonly received: Received[] = [];
  readonly lookups: string[] = [];
  private readonly handlers = new Map<string, Handler>();

  constructor() {
    // Not a spy: senders of earlier tests may still be at work when the mocks are restored.
    vi.stubGlobal('fetch', async (input: RequestInfo, init?: RequestInit) => {
      const request = new Request(input, init);
      const url = new URL(request.url);
      if (url.port === '9') return this.answerDns(url);
      const handler = this.handlers.get(url.hostname);
      if (!handler) throw new TypeError(`no receiver at ${url.host}`);
      const bytes = await request.bytes();
      const text = new TextDecoder().decode(bytes);
      const received = {
        url: request.url,
        headers: Object.fromEntries(request.headers),
        text,
        bytes,
        body: isJson(text) ? (JSON.parse(text) as Answer) : null,
        redirect: request.redirect,
      };
      this.received.push(received);
      return await handler(received);
    });
  }

  /** A receiver at a name with a public address. */
  at(host: string, handler: Handler): string {
    this.names.set(host, ['198.41.0.4']);
    this.handlers.set(host, handler);
    return `https://${host}/hook`;
  }

  /** What came to a host. */
  to(host: string): Received[] {
    return this.received.filter(({ url }) => new URL(url).hostname === host);
  }

  private answerDns(url: URL): Response {
    const name = url.searchParams.get('name') ?? '';
    const type = url.searchParams.get('type') ?? '';
    this.lookups.push(`${name} ${type}`);
    const known = this.names.get(name);
    if (known === 'servfail') return Response.json({ Status: 2 });
    if (known === undefined) return Response.json({ Status: 3 });
    const wanted = known.filter((address) => address.includes(':') === (type === 'AAAA'));
    const number = type === 'AAAA' ? 28 : 1;
    return Response.json({
      Status: 0,
      Answer: wanted.map((data) => ({ name, type: number, TTL: 60, data })),
    });
  }
}

/** Verifies as a receiver would, with the npm package; throws when no signature fits. */
export function verify(secret: string, { headers, text }: Received): unknown {
  return new Webhook(secret).verify(text, headers);
}

export const ok = () => new Response('thank you');
