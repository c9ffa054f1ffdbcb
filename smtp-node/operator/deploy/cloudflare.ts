/** Cloudflare's API (v4), as much of it as wrangler does not do without a terminal. */
import { z } from 'zod';

/** Where wrangler and these scripts ask. */
export const apiBaseUrl = process.env.CLOUDFLARE_API_BASE_URL ?? 'https://api.cloudflare.com/client/v4';

/** An operator's fault or the platform's: its message is one sentence that says what to do. */
export class DeployError extends Error {}

/** A call that was refused. */
export class RefusedError extends DeployError {
  readonly status: number;
  /** The platform's own number of what is wrong; 0: it gave none. */
  readonly code: number;

  constructor(message: string, status: number, code: number) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** What a token needs, by the path that is asked. The first that fits. */
const permissions: readonly [path: RegExp, permission: string][] = [
  [/\/d1\//, 'Account > D1 > Edit'],
  [/\/r2\//, 'Account > Workers R2 Storage > Edit'],
  [/\/queues/, 'Account > Queues > Edit'],
  [/\/email\/routing/, 'Zone > Email Routing Rules > Edit and Zone > Zone Settings > Edit'],
  [/\/dns_records/, 'Zone > DNS > Edit'],
  [/\/custom_hostnames/, 'Zone > SSL and Certificates > Edit'],
  [/^\/zones\/[^/]+\/workers\/routes/, 'Zone > Workers Routes > Edit'],
  [/^\/zones/, 'Zone > Zone > Read'],
  [/\/workers\//, 'Account > Workers Scripts > Edit'],
  [/^\/accounts/, 'Account > Account Settings > Read'],
];

/** All that a deployment without `--dns`, `--email-routing` and `--link-hosts` needs. */
export const neededPermissions = permissions
  .filter(([, permission]) => permission.startsWith('Account'))
  .map(([, permission]) => permission);

const notAllowed = new Set([9109, 10000]);
const r2IsOff = 10042;

/** One sentence about a refused call. */
export function refusal(path: string, status: number, code: number, said: string): string {
  const account = /^\/accounts\/([^/]+)/.exec(path)?.[1] ?? '';
  if (code === r2IsOff)
    return `R2 is not enabled in this account: enable it once at https://dash.cloudflare.com/${account}/r2/overview, then run this again.`;
  if (status === 401 || status === 403 || notAllowed.has(code)) {
    const permission = permissions.find(([pattern]) => pattern.test(path))?.[1] ?? 'for it';
    return `The token may not ask ${path}: give it the permission ${permission} at https://dash.cloudflare.com/profile/api-tokens (or run npx wrangler login), then run this again.`;
  }
  return `Cloudflare refused ${path}: ${said} [${code || status}]. Run this again; what is done already stays done.`;
}

const answer = z.object({
  success: z.boolean(),
  result: z.unknown(),
  errors: z.array(z.object({ code: z.number(), message: z.string() })).nullish(),
  result_info: z.object({ cursor: z.string().nullish() }).nullish(),
});

export class Cloudflare {
  readonly #token: string;

  constructor(token: string) {
    this.#token = token;
  }

  /** Gives the result. @throws RefusedError */
  async ask<T extends z.ZodType>(
    schema: T,
    path: string,
    method: 'GET' | 'POST' | 'PUT' | 'DELETE' = 'GET',
    body?: unknown,
  ): Promise<z.output<T>> {
    return schema.parse((await this.#call(path, method, body)).result);
  }

  /** As `ask`; null where there is nothing (404). */
  async find<T extends z.ZodType>(schema: T, path: string): Promise<z.output<T> | null> {
    try {
      return await this.ask(schema, path);
    } catch (error) {
      if (error instanceof RefusedError && error.status === 404) return null;
      throw error;
    }
  }

  /** A listing that goes on by cursor. */
  async *list<T extends z.ZodType>(item: T, path: string): AsyncGenerator<z.output<T>> {
    let cursor = '';
    do {
      const more = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const { result, result_info: info } = await this.#call(`${path}${more}`, 'GET');
      yield* z.array(item).parse(result);
      cursor = info?.cursor ?? '';
    } while (cursor !== '');
  }

  async #call(path: string, method: string, body?: unknown): Promise<z.output<typeof answer>> {
    let response: Response;
    try {
      response = await fetch(`${apiBaseUrl}${path}`, {
        method,
        headers: { Authorization: `Bearer ${this.#token}`, 'Content-Type': 'application/json' },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(60_000),
      });
    } catch (error) {
      const why = error instanceof Error ? (error.cause ?? error) : error;
      throw new DeployError(
        `Cloudflare did not answer ${path} (${why instanceof Error ? why.message : String(why)}): run this again; what is done already stays done.`,
      );
    }
    const read = answer.safeParse(await response.json().catch(() => null));
    if (read.success && response.ok && read.data.success) return read.data;
    const first = read.data?.errors?.[0];
    const bare = path.replace(/\?.*/s, '');
    const code = first?.code ?? 0;
    throw new RefusedError(
      refusal(bare, response.status, code, first?.message ?? `status ${response.status}`),
      response.status,
      code,
    );
  }
}
