import { z } from 'zod';

/** Calls of an edge that may be away for a while: each is repeated until it is answered. */
export class EdgeClient {
  private readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  /** The parsed answer of a good status; throws any other. A call that is not answered, or with 5xx, is repeated. */
  async call<T>(
    schema: z.ZodType<T>,
    method: string,
    path: string,
    token: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<T> {
    for (;;) {
      const response = await fetch(this.url + path, {
        method,
        headers: {
          Authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(30_000),
      }).catch(() => null);
      const text = await response?.text().catch(() => null);
      if (response && typeof text === 'string' && response.status < 500) {
        if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
        return schema.parse(text === '' ? null : JSON.parse(text));
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

/** An account with a verified domain and a live key. */
export interface ClientAccount {
  domain: string;
  key: string;
}

export async function newClientAccount(edge: EdgeClient, operatorToken: string): Promise<ClientAccount> {
  const path = '/admin/v1/accounts';
  const { id } = await edge.call(z.object({ id: z.number() }), 'POST', path, operatorToken, { name: 'Shop' });
  const domain = `shop${id}.example`;
  await edge.call(z.unknown(), 'POST', `${path}/${id}/domains`, operatorToken, { domain, verified: true });
  const credential = z.object({ secret: z.string() });
  const { secret } = await edge.call(credential, 'POST', `${path}/${id}/credentials`, operatorToken, {});
  return { domain, key: secret };
}

/** Makes a webhook endpoint; gives its id and secret. */
export async function newClientEndpoint(
  edge: EdgeClient,
  account: ClientAccount,
  body: Record<string, unknown>,
): Promise<{ id: string; secret: string }> {
  const schema = z.object({ id: z.string(), secret: z.string() });
  return await edge.call(schema, 'POST', '/v1/webhooks', account.key, body);
}
