/**
 * Custom hostnames of a zone (Cloudflare for SaaS), as the API answers. Shapes and statuses are those of
 * `src/resources/custom-hostnames/custom-hostnames.ts` in cloudflare/cloudflare-typescript, the envelope of a list is
 * as recorded in cloudflare/cf-terraforming, `testdata/cloudflare-v5/cloudflare_custom_hostname.yaml`, and the words
 * of errors are of the pages "Error codes" and "Troubleshooting" of Cloudflare for SaaS.
 */

interface Standing {
  status: string;
  ssl: string;
  verificationErrors?: string[];
  validationErrors?: string[];
}

const beginning: Standing = { status: 'pending', ssl: 'initializing' };

export class FakeHostnames {
  readonly #zone: string;
  readonly #token: string;
  readonly #there = new Map<string, { id: string; standing: Standing }>();
  /** What was asked, e.g. `POST links.shop.example`, GETs left out. */
  readonly changes: string[] = [];
  /** Every call is refused so; null: none is. */
  refusal: { code: number; message: string } | null = null;

  constructor(of: { zone: string; token: string }) {
    this.#zone = of.zone;
    this.#token = of.token;
  }

  get hosts(): string[] {
    return [...this.#there.keys()];
  }

  /** What the authority and the edge came to. */
  settle(host: string, standing: Standing): void {
    const known = this.#there.get(host);
    if (!known) throw new Error(`${host} is no custom hostname`);
    known.standing = standing;
  }

  /** The answer to a call of the API; throws at one that there is not. */
  answer(url: URL, init: RequestInit = {}): Response {
    const base = `/client/v4/zones/${this.#zone}/custom_hostnames`;
    const { method = 'GET' } = init;
    const [, id] = new RegExp(`^${base}/([^/]+)$`).exec(url.pathname) ?? [];
    if (url.pathname !== base && id === undefined) throw new Error(`there is no ${method} ${url.pathname}`);
    if (new Headers(init.headers).get('Authorization') !== `Bearer ${this.#token}`)
      return refused(403, { code: 9109, message: 'Invalid access token' });
    if (this.refusal) return refused(403, this.refusal);
    const body = init.body === undefined ? {} : (JSON.parse(String(init.body)) as Record<string, unknown>);
    if (id === undefined) return method === 'POST' ? this.#make(body) : this.#list(url);
    return this.#change(id, method, body);
  }

  #list(url: URL): Response {
    const host = url.searchParams.get('hostname') ?? '';
    const known = this.#there.get(host);
    const result = known ? [shown(host, known)] : [];
    const count = result.length;
    const info = { page: 1, per_page: 20, count, total_count: count, total_pages: count };
    return Response.json({ result, result_info: info, success: true, errors: [], messages: [] });
  }

  #make({ hostname, ssl }: Record<string, unknown>): Response {
    const host = String(hostname);
    if (JSON.stringify(ssl) !== JSON.stringify({ method: 'http', type: 'dv' }))
      return refused(400, { code: 1407, message: 'Invalid custom hostname.' });
    if (this.#there.has(host))
      return refused(409, { code: 1406, message: 'Duplicate custom hostname found.' });
    const made = { id: crypto.randomUUID(), standing: beginning };
    this.#there.set(host, made);
    this.changes.push(`POST ${host}`);
    return found(shown(host, made));
  }

  #change(id: string, method: string, body: Record<string, unknown>): Response {
    const [host, known] = [...this.#there].find(([, one]) => one.id === id) ?? [];
    if (host === undefined || known === undefined)
      return refused(404, { code: 1436, message: 'The custom hostname was not found.' });
    this.changes.push(method === 'PATCH' ? `PATCH ${host} ${JSON.stringify(body.ssl)}` : `${method} ${host}`);
    if (method === 'DELETE') {
      this.#there.delete(host);
      return found({ id });
    }
    return found(shown(host, known));
  }
}

function shown(host: string, { id, standing }: { id: string; standing: Standing }) {
  const { status, ssl, verificationErrors, validationErrors } = standing;
  return {
    id,
    hostname: host,
    ssl: {
      id: '3c2b7e4f-7f04-4b6e-9d0f-4a1d2c5b8e90',
      type: 'dv',
      method: 'http',
      status: ssl,
      settings: { min_tls_version: '1.0' },
      bundle_method: 'ubiquitous',
      wildcard: false,
      certificate_authority: 'google',
      ...(validationErrors ? { validation_errors: validationErrors.map((message) => ({ message })) } : {}),
    },
    status,
    ...(verificationErrors ? { verification_errors: verificationErrors } : {}),
    ownership_verification: {
      type: 'txt',
      name: `_cf-custom-hostname.${host}`,
      value: 'ac4a9a9d-5469-44cb-9d76-cea7541c9ff8',
    },
    ownership_verification_http: {
      http_url: `http://${host}/.well-known/cf-custom-hostname-challenge/fabdf93c-a4ce-4075-9f3f-c553a5f93bed`,
      http_body: 'ac4a9a9d-5469-44cb-9d76-cea7541c9ff8',
    },
    created_at: '2026-11-20T10:00:00.143257Z',
  };
}

function found(result: unknown): Response {
  return Response.json({ result, success: true, errors: [], messages: [] });
}

function refused(status: number, error: { code: number; message: string }): Response {
  return Response.json({ success: false, errors: [error], messages: [], result: null }, { status });
}
