/** A browser without scripts: cookies, forms, redirects. Talks to whatever answers a Request. */
export class Browser {
  readonly #cookies = new Map<string, string>();
  readonly #fetch: (path: string, init: RequestInit) => Promise<Response>;
  readonly #origin: string;

  constructor(origin: string, fetch: (path: string, init: RequestInit) => Promise<Response>) {
    this.#origin = origin;
    this.#fetch = fetch;
  }

  get cookies(): ReadonlyMap<string, string> {
    return this.#cookies;
  }

  async get(path: string): Promise<Response> {
    return this.#keep(await this.#fetch(path, { headers: this.#headers(), redirect: 'manual' }));
  }

  async post(
    path: string,
    fields: Record<string, string | string[]> = {},
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const body = new URLSearchParams();
    for (const [name, value] of Object.entries(fields))
      for (const one of [value].flat()) body.append(name, one);
    return await this.#send(path, body.toString(), {
      'Content-Type': 'application/x-www-form-urlencoded',
      'Content-Length': String(body.toString().length),
      ...headers,
    });
  }

  /** Posts a form, and opens the page that it is answered with the way to. */
  async submit(path: string, fields: Record<string, string | string[]> = {}): Promise<Response> {
    const answer = await this.post(path, fields);
    const place = answer.headers.get('Location');
    return answer.status === 303 && place !== null ? await this.get(place.replace(/#.*$/, '')) : answer;
  }

  /** Posts a form with files (`multipart/form-data`). */
  async upload(path: string, fields: Record<string, string | File>): Promise<Response> {
    const data = new FormData();
    for (const [name, value] of Object.entries(fields)) {
      if (typeof value === 'string') data.append(name, value);
      else data.append(name, value, value.name);
    }
    const encoded = new Response(data);
    const body = await encoded.arrayBuffer();
    return await this.#send(path, body, {
      'Content-Type': encoded.headers.get('Content-Type') ?? '',
      'Content-Length': String(body.byteLength),
    });
  }

  async #send(path: string, body: string | ArrayBuffer, headers: Record<string, string>): Promise<Response> {
    return this.#keep(
      await this.#fetch(path, {
        method: 'POST',
        body,
        redirect: 'manual',
        headers: { ...this.#headers(), Origin: this.#origin, ...headers },
      }),
    );
  }

  #headers(): Record<string, string> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    return { Accept: 'text/html', ...(cookie === '' ? {} : { Cookie: cookie }) };
  }

  #keep(response: Response): Response {
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (value === '' || /max-age=0/i.test(cookie)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return response;
  }
}
