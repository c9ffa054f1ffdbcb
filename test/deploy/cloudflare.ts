/**
 * Cloudflare's API as far as a deployment asks it, on loopback: an account with databases (SQLite), buckets, queues, one
 * Worker and zones. Every call is kept; any can be refused, before or after it was carried out.
 */
import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';

export interface Call {
  method: string;
  /** Without query. */
  path: string;
  query: URLSearchParams;
  body: Buffer;
  /** The form of a multipart body, or an empty one. */
  form: FormData;
}

/** A call as it is compared: ids are left out. */
export const nameOf = ({ method, path }: Pick<Call, 'method' | 'path'>) =>
  `${method} ${path.replace(/[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}/g, ':id')}`;

export interface Binding {
  type: string;
  name: string;
  text?: string;
  [more: string]: unknown;
}

/** The Worker as it is, or would be. */
export interface WorkerVersion {
  id: string;
  bindings: Binding[];
  secrets: Record<string, string>;
  schedules: string[];
  subdomain: { enabled: boolean; previews_enabled: boolean };
  migrationTag: string | null;
}

interface Queue {
  queue_id: string;
  queue_name: string;
  consumers: { consumer_id: string; type: string; script: string; settings?: unknown }[];
}

export interface ZoneRecord {
  type: string;
  name: string;
  content: string;
}

export interface FakeZone {
  id: string;
  name: string;
  records: ZoneRecord[];
  routing: { enabled: boolean; hosts: string[] };
  catchAll: { enabled: boolean; actions: { type: string; value?: string[] }[] };
  fallbackOrigin: string | null;
  routes: { id: string; pattern: string; script?: string }[];
}

/** A refusal: the status and the number and words of the platform. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: number;

  constructor(status: number, code: number, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const newId = () => randomUUID().replaceAll('-', '');
const noWorker = () => new Refusal(404, 10007, 'This Worker does not exist on your account.');

export class FakeCloudflare {
  readonly accounts = [{ id: newId(), name: 'Shop' }];
  token = 'token-of-the-operator-0123456789';
  readonly calls: Call[] = [];
  /** Calls that nothing here answers. */
  readonly unknown: string[] = [];
  /** Throws to refuse a call before it is carried out. */
  before: (call: Call) => void = () => undefined;
  /** Throws to refuse a call whose effect stays. */
  after: (call: Call) => void = () => undefined;

  readonly databases = new Map<string, { name: string; db: DatabaseSync }>();
  readonly buckets = new Map<string, { key: string; size: number }[]>();
  readonly queues: Queue[] = [];
  readonly zones: FakeZone[] = [];
  customDomains: { hostname: string; service: string; zone_id: string }[] = [];
  routes: { pattern: string; zone_name: string }[] = [];
  workersDevName: string | null = 'shop';
  r2IsOn = true;
  /** The version that runs. */
  worker: WorkerVersion | null = null;
  /** Versions that were uploaded, and may never have run. */
  readonly versions: WorkerVersion[] = [];
  readonly #imports = new Map<string, string>();
  #server: Server | null = null;
  #url = '';

  get account(): string {
    return this.accounts[0]?.id ?? '';
  }

  get url(): string {
    return this.#url;
  }

  /** Variables of the Worker. */
  get vars(): Record<string, string> {
    const texts = (this.worker?.bindings ?? []).filter(({ type }) => type === 'plain_text');
    return Object.fromEntries(texts.map(({ name, text }) => [name, text ?? '']));
  }

  setVar(name: string, text: string): void {
    const bindings = this.worker?.bindings ?? [];
    const known = bindings.find((one) => one.name === name);
    if (known) known.text = text;
    else bindings.push({ type: 'plain_text', name, text });
  }

  get database(): DatabaseSync | null {
    return [...this.databases.values()].find(({ name }) => name === 'pennypost')?.db ?? null;
  }

  addDatabase(name: string, db = new DatabaseSync(':memory:')): string {
    const id = randomUUID();
    this.databases.set(id, { name, db });
    return id;
  }

  addQueue(name: string, consumer?: string): Queue {
    const queue: Queue = { queue_id: newId(), queue_name: name, consumers: [] };
    if (consumer !== undefined)
      queue.consumers.push({ consumer_id: newId(), type: 'worker', script: consumer });
    this.queues.push(queue);
    return queue;
  }

  addZone(name: string, records: ZoneRecord[] = []): FakeZone {
    const zone: FakeZone = {
      id: newId(),
      name,
      records,
      routing: { enabled: false, hosts: [] },
      catchAll: { enabled: false, actions: [{ type: 'drop' }] },
      fallbackOrigin: null,
      routes: [],
    };
    this.zones.push(zone);
    return zone;
  }

  async start(): Promise<void> {
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        response.statusCode = 500;
        response.end(String(error));
      });
    });
    this.#server.listen(0, '127.0.0.1');
    await new Promise((resolve) => this.#server?.once('listening', resolve));
    this.#url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
    for (const { db } of this.databases.values()) db.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.#url);
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    const type = request.headers['content-type'] ?? '';
    const form = type.startsWith('multipart/')
      ? await new Response(body, { headers: { 'Content-Type': type } }).formData()
      : new FormData();
    const call: Call = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      body,
      form,
    };
    const answer = (status: number, value: unknown) => {
      response.statusCode = status;
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify(value));
    };
    // What a signed URL leads to is no call of the API.
    if (call.path.startsWith('/signed/')) {
      if (call.method === 'PUT') {
        this.#imports.set(call.path, body.toString());
        response.setHeader('ETag', `"${createHash('md5').update(body).digest('hex')}"`);
        response.end();
      } else response.end(this.#imports.get(call.path) ?? '');
      return;
    }
    this.calls.push(call);
    try {
      if (request.headers.authorization !== `Bearer ${this.token}`)
        throw new Refusal(400, 9109, 'Invalid access token');
      this.before(call);
      const { result, info } = this.#carryOut(call);
      this.after(call);
      answer(200, { success: true, errors: [], messages: [], result, result_info: info });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { status, code, message } = error;
      answer(status, { success: false, errors: [{ code, message }], messages: [], result: null });
    }
  }

  #carryOut(call: Call): { result: unknown; info?: unknown } {
    const path = call.path.replace(`/accounts/${this.account}`, '/account');
    for (const [method, pattern, act] of routes) {
      const match = method === call.method ? pattern.exec(path) : null;
      if (!match) continue;
      const result = act(this, call, match.slice(1).map(decodeURIComponent));
      if (result instanceof Listing) return { result: result.items, info: result.info };
      return { result };
    }
    this.unknown.push(nameOf(call));
    throw new Refusal(404, 7003, `No route for ${nameOf(call)}`);
  }

  /** Keeps a text where a signed URL leads. */
  keepSigned(name: string, text: string): string {
    this.#imports.set(`/signed/${name}`, text);
    return `${this.#url}/signed/${name}`;
  }

  signed(name: string): string {
    return this.#imports.get(`/signed/${name}`) ?? '';
  }
}

/** A result with what a listing says of itself. */
class Listing {
  readonly items: unknown[];
  readonly info: unknown;

  constructor(items: unknown[], info?: unknown) {
    this.items = items;
    this.info = info ?? {
      page: 1,
      per_page: 100,
      count: items.length,
      total_count: items.length,
      total_pages: 1,
    };
  }
}

type Act = (fake: FakeCloudflare, call: Call, groups: string[]) => unknown;
const json = (call: Call): Record<string, unknown> => JSON.parse(call.body.toString() || '{}');

const routes: [method: string, path: RegExp, act: Act][] = [
  ['GET', /^\/user$/, () => ({ id: newId(), email: 'operator@shop.example' })],
  ['GET', /^\/user\/tokens\/verify$/, () => ({ id: newId(), status: 'active' })],
  ['GET', /^\/accounts$/, (fake) => new Listing(fake.accounts)],
  [
    'GET',
    /^\/memberships$/,
    (fake) => new Listing(fake.accounts.map((account) => ({ id: newId(), account }))),
  ],
  [
    'GET',
    /^\/account\/d1\/database$/,
    (fake, { query }) => {
      const all = [...fake.databases].map(([uuid, { name }]) => ({ uuid, name }));
      return new Listing(all.filter(({ name }) => name.includes(query.get('name') ?? '')));
    },
  ],
  [
    'POST',
    /^\/account\/d1\/database$/,
    (fake, call) => {
      const name = String(json(call).name);
      if ([...fake.databases.values()].some((one) => one.name === name))
        throw new Refusal(400, 7502, `A database with the name ${name} already exists`);
      return { uuid: fake.addDatabase(name), name };
    },
  ],
  [
    'GET',
    /^\/account\/d1\/database\/([^/]+)$/,
    (fake, _, [id = '']) => {
      const found = [...fake.databases].find(([uuid, { name }]) => uuid === id || name === id);
      if (!found) throw new Refusal(404, 7404, `The database ${id} could not be found`);
      return { uuid: found[0], name: found[1].name, version: 'production', file_size: 0, num_tables: 0 };
    },
  ],
  [
    'POST',
    /^\/account\/d1\/database\/([^/]+)\/(query|raw)$/,
    (fake, call, [id = '']) => runSql(databaseOf(fake, id), json(call) as unknown as Statement),
  ],
  [
    'POST',
    /^\/account\/d1\/database\/([^/]+)\/export$/,
    (fake, _, [id = '']) => {
      const name = `${newId()}.sql`;
      return {
        success: true,
        type: 'export',
        status: 'complete',
        at_bookmark: 'bookmark',
        messages: [],
        result: { filename: name, signed_url: fake.keepSigned(name, dumpOf(databaseOf(fake, id))) },
      };
    },
  ],
  [
    'POST',
    /^\/account\/d1\/database\/([^/]+)\/import$/,
    (fake, call, [id = '']) => {
      const { action, filename, etag } = json(call);
      if (action === 'init') {
        const name = `${String(etag)}.sql`;
        return { success: true, filename: name, upload_url: fake.keepSigned(name, ''), type: 'import' };
      }
      const done = {
        success: true,
        type: 'import',
        status: 'complete',
        messages: [],
        at_bookmark: 'bookmark',
      };
      const result = {
        final_bookmark: 'bookmark',
        meta: { duration: 1, size_after: 1, rows_read: 0, rows_written: 0 },
      };
      if (action === 'ingest') {
        const db = databaseOf(fake, id);
        db.exec('BEGIN');
        db.exec(fake.signed(String(filename)));
        db.exec('COMMIT');
      }
      return { ...done, result: { ...result, num_queries: 1 } };
    },
  ],
  [
    'GET',
    /^\/account\/r2\/buckets\/([^/]+)$/,
    (fake, _, [name = '']) => {
      r2(fake);
      if (!fake.buckets.has(name)) throw new Refusal(404, 10006, 'The specified bucket does not exist.');
      return { name };
    },
  ],
  [
    'POST',
    /^\/account\/r2\/buckets$/,
    (fake, call) => {
      r2(fake);
      const name = String(json(call).name);
      if (fake.buckets.has(name))
        throw new Refusal(409, 10004, 'The bucket you tried to create already exists');
      fake.buckets.set(name, []);
      return { name };
    },
  ],
  [
    'GET',
    /^\/account\/r2\/buckets\/([^/]+)\/objects$/,
    (fake, { query }, [name = '']) => {
      const objects = fake.buckets.get(name) ?? [];
      const from = Number(query.get('cursor') ?? 0);
      const to = from + Number(query.get('per_page') ?? 20);
      return new Listing(objects.slice(from, to), { cursor: to < objects.length ? String(to) : '' });
    },
  ],
  [
    'GET',
    /^\/account\/queues$/,
    (fake, { query }) => {
      const wanted = query.getAll('name');
      return new Listing(fake.queues.filter((one) => wanted.length === 0 || wanted.includes(one.queue_name)));
    },
  ],
  [
    'POST',
    /^\/account\/queues$/,
    (fake, call) => {
      const name = String(json(call).queue_name);
      if (fake.queues.some((one) => one.queue_name === name))
        throw new Refusal(409, 11009, `Queue name '${name}' is already taken.`);
      return fake.addQueue(name);
    },
  ],
  [
    'POST',
    /^\/account\/queues\/([^/]+)\/consumers$/,
    (fake, call, [id = '']) => {
      const { script_name: script, settings } = json(call);
      const queue = queueOf(fake, id);
      if (queue.consumers.length > 0) throw new Refusal(409, 11004, 'Queue already has a consumer.');
      queue.consumers.push({ consumer_id: newId(), type: 'worker', script: String(script), settings });
      return {};
    },
  ],
  [
    'PUT',
    /^\/account\/queues\/([^/]+)\/consumers\/([^/]+)$/,
    (fake, call, [id = '', consumer = '']) => {
      const found = queueOf(fake, id).consumers.find((one) => one.consumer_id === consumer);
      if (!found) throw new Refusal(404, 11001, 'No such consumer.');
      found.settings = json(call).settings;
      return {};
    },
  ],
  [
    'DELETE',
    /^\/account\/queues\/([^/]+)\/consumers\/([^/]+)$/,
    (fake, _, [id = '', consumer = '']) => {
      const queue = queueOf(fake, id);
      queue.consumers = queue.consumers.filter((one) => one.consumer_id !== consumer);
      return {};
    },
  ],
  [
    'GET',
    /^\/account\/workers\/subdomain$/,
    (fake) => {
      if (fake.workersDevName === null) throw new Refusal(404, 10007, 'No workers.dev subdomain.');
      return { subdomain: fake.workersDevName };
    },
  ],
  [
    'GET',
    /^\/account\/workers\/scripts\/pennypost\/settings$/,
    (fake) => {
      const worker = workerOf(fake);
      return {
        bindings: [...worker.bindings, ...secretBindings(worker.secrets)],
        migration_tag: worker.migrationTag,
      };
    },
  ],
  [
    'GET',
    /^\/account\/workers\/scripts\/pennypost\/secrets$/,
    (fake) => secretBindings(workerOf(fake).secrets),
  ],
  ['GET', /^\/account\/workers\/scripts\/pennypost\/subdomain$/, (fake) => workerOf(fake).subdomain],
  [
    'POST',
    /^\/account\/workers\/scripts\/pennypost\/subdomain$/,
    (fake, call) => {
      const { enabled, previews_enabled: previews } = json(call);
      workerOf(fake).subdomain = { enabled: enabled === true, previews_enabled: previews === true };
      return workerOf(fake).subdomain;
    },
  ],
  [
    'PUT',
    /^\/account\/workers\/scripts\/pennypost\/schedules$/,
    (fake, call) => {
      workerOf(fake).schedules = (JSON.parse(call.body.toString()) as { cron: string }[]).map(
        ({ cron }) => cron,
      );
      return {};
    },
  ],
  [
    'PUT',
    /^\/account\/workers\/scripts\/pennypost$/,
    (fake, call) => {
      const version = upload(fake, call);
      fake.worker = version;
      return uploaded(version);
    },
  ],
  [
    'POST',
    /^\/account\/workers\/scripts\/pennypost\/versions$/,
    (fake, call) => {
      workerOf(fake);
      const version = upload(fake, call);
      fake.versions.push(version);
      return uploaded(version);
    },
  ],
  [
    'GET',
    /^\/account\/workers\/scripts\/pennypost\/deployments$/,
    (fake) => ({
      deployments: [
        {
          id: randomUUID(),
          source: 'api',
          strategy: 'percentage',
          author_email: 'operator@shop.example',
          created_on: new Date().toISOString(),
          annotations: {},
          versions: [{ version_id: workerOf(fake).id, percentage: 100 }],
        },
      ],
    }),
  ],
  [
    'POST',
    /^\/account\/workers\/scripts\/pennypost\/deployments$/,
    (fake, call) => {
      const [chosen] = json(call).versions as { version_id: string }[];
      const version = fake.versions.find(({ id }) => id === chosen?.version_id);
      if (!version) throw new Refusal(400, 10228, 'No such version.');
      const { subdomain, schedules } = workerOf(fake);
      fake.worker = { ...version, subdomain, schedules };
      return {};
    },
  ],
  ['PATCH', /^\/account\/workers\/scripts\/pennypost\/script-settings$/, (_, call) => json(call)],
  [
    'GET',
    /^\/account\/workers\/workers\/pennypost$/,
    (fake) => {
      const { enabled, previews_enabled: previews } = workerOf(fake).subdomain;
      const url = `https://pennypost.${fake.workersDevName}.workers.dev`;
      return { id: 'pennypost', name: 'pennypost', subdomain: { enabled, previews_enabled: previews, url } };
    },
  ],
  [
    'GET',
    /^\/account\/workers\/services\/pennypost$/,
    (fake) => ({
      id: 'pennypost',
      default_environment: {
        environment: 'production',
        script: {
          id: 'pennypost',
          last_deployed_from: 'wrangler',
          migration_tag: workerOf(fake).migrationTag,
        },
      },
    }),
  ],
  [
    'GET',
    /^\/account\/workers\/services\/pennypost\/environments\/production\/routes$/,
    (fake) => {
      workerOf(fake);
      return fake.routes;
    },
  ],
  [
    'GET',
    /^\/account\/workers\/domains$/,
    (fake, { query }) =>
      fake.customDomains.filter(
        ({ hostname, service }) =>
          [null, service].includes(query.get('service')) && [null, hostname].includes(query.get('hostname')),
      ),
  ],
  [
    'PUT',
    /^\/account\/workers\/domains$/,
    (fake, call) => {
      const { hostname, service, zone_id: zone } = json(call) as Record<string, string>;
      if (fake.zones.some(({ records }) => records.some(({ name }) => name === hostname)))
        throw new Refusal(409, 100117, `Hostname '${hostname}' already has externally managed DNS records`);
      fake.customDomains = fake.customDomains.filter((one) => one.hostname !== hostname);
      fake.customDomains.push({ hostname: hostname ?? '', service: service ?? '', zone_id: zone ?? '' });
      return {};
    },
  ],
  [
    'GET',
    /^\/zones$/,
    (fake, { query }) =>
      new Listing(
        fake.zones.filter(({ name }) => name === query.get('name')).map(({ id, name }) => ({ id, name })),
      ),
  ],
  [
    'GET',
    /^\/zones\/([^/]+)\/dns_records$/,
    (fake, { query }, [id = '']) =>
      new Listing(
        zoneOf(fake, id).records.filter(
          ({ type, name }) =>
            [null, type].includes(query.get('type')) && [null, name].includes(query.get('name')),
        ),
      ),
  ],
  [
    'POST',
    /^\/zones\/([^/]+)\/dns_records$/,
    (fake, call, [id = '']) => {
      const record = json(call) as unknown as ZoneRecord;
      zoneOf(fake, id).records.push(record);
      return record;
    },
  ],
  [
    'GET',
    /^\/zones\/([^/]+)\/custom_hostnames\/fallback_origin$/,
    (fake, _, [id = '']) => {
      const { fallbackOrigin: origin } = zoneOf(fake, id);
      // Recorded in cloudflare/cf-terraforming, testdata/cloudflare-v5/cloudflare_custom_hostname_fallback_origin.yaml.
      if (origin === null) throw new Refusal(404, 1551, 'Resource not found.');
      return { origin, status: 'active' };
    },
  ],
  [
    'PUT',
    /^\/zones\/([^/]+)\/custom_hostnames\/fallback_origin$/,
    (fake, call, [id = '']) => {
      const origin = String(json(call).origin);
      zoneOf(fake, id).fallbackOrigin = origin;
      return { origin, status: 'initializing' };
    },
  ],
  ['GET', /^\/zones\/([^/]+)\/workers\/routes$/, (fake, _, [id = '']) => zoneOf(fake, id).routes],
  [
    'POST',
    /^\/zones\/([^/]+)\/workers\/routes$/,
    (fake, call, [id = '']) => {
      const { pattern, script } = json(call) as { pattern: string; script?: string };
      const { routes: there } = zoneOf(fake, id);
      if (there.some((one) => one.pattern === pattern))
        throw new Refusal(409, 10020, 'A route with the same pattern already exists.');
      const made = { id: newId(), pattern, ...(script === undefined ? {} : { script }) };
      there.push(made);
      return { id: made.id };
    },
  ],
  ['GET', /^\/zones\/([^/]+)\/email\/routing$/, (fake, _, [id = '']) => zoneOf(fake, id).routing],
  [
    'POST',
    /^\/zones\/([^/]+)\/email\/routing\/enable$/,
    (fake, _, [id = '']) => {
      zoneOf(fake, id).routing.enabled = true;
      return {};
    },
  ],
  [
    'POST',
    /^\/zones\/([^/]+)\/email\/routing\/dns$/,
    (fake, call, [id = '']) => {
      const { routing, records } = zoneOf(fake, id);
      if (!routing.enabled) throw new Refusal(400, 2008, 'Email Routing is not enabled for this zone');
      const name = String(json(call).name);
      if (routing.hosts.includes(name)) return {};
      routing.hosts.push(name);
      for (const content of ['route1.mx.cloudflare.net', 'route2.mx.cloudflare.net'])
        records.push({ type: 'MX', name, content });
      records.push({ type: 'TXT', name, content: '"v=spf1 include:_spf.mx.cloudflare.net ~all"' });
      return {};
    },
  ],
  [
    'GET',
    /^\/zones\/([^/]+)\/email\/routing\/rules\/catch_all$/,
    (fake, _, [id = '']) => zoneOf(fake, id).catchAll,
  ],
  [
    'PUT',
    /^\/zones\/([^/]+)\/email\/routing\/rules\/catch_all$/,
    (fake, call, [id = '']) => {
      zoneOf(fake, id).catchAll = json(call) as unknown as FakeZone['catchAll'];
      return {};
    },
  ],
];

function workerOf(fake: FakeCloudflare) {
  if (fake.worker === null) throw noWorker();
  return fake.worker;
}

function zoneOf(fake: FakeCloudflare, id: string): FakeZone {
  const zone = fake.zones.find((one) => one.id === id);
  if (!zone) throw new Refusal(404, 7003, 'Could not route to the zone.');
  return zone;
}

function queueOf(fake: FakeCloudflare, id: string): Queue {
  const queue = fake.queues.find((one) => one.queue_id === id);
  if (!queue) throw new Refusal(404, 11000, 'Queue does not exist.');
  return queue;
}

function databaseOf(fake: FakeCloudflare, id: string): DatabaseSync {
  const found = fake.databases.get(id);
  if (!found) throw new Refusal(404, 7404, `The database ${id} could not be found`);
  return found.db;
}

function r2(fake: FakeCloudflare): void {
  if (!fake.r2IsOn) throw new Refusal(403, 10042, 'Please enable R2 through the Cloudflare Dashboard.');
}

function secretBindings(secrets: Record<string, string>): Binding[] {
  return Object.keys(secrets).map((name) => ({ type: 'secret_text', name }));
}

/** A new version: what it names is there, what it keeps stays, and all else goes. */
function upload(fake: FakeCloudflare, call: Call): WorkerVersion {
  const metadata = JSON.parse(String(call.form.get('metadata'))) as {
    bindings: Binding[];
    keep_bindings?: string[];
    migrations?: { new_tag?: string };
  };
  const kept = new Set(metadata.keep_bindings ?? []);
  const before = fake.worker;
  const own = metadata.bindings
    .filter(({ type }) => type !== 'secret_text')
    .map((one) => {
      const known = before?.bindings.find(({ name }) => name === one.name);
      if (one.type !== 'inherit') return one;
      if (!known) throw new Refusal(400, 10056, `There is no binding ${one.name} to inherit.`);
      return known;
    });
  const queue = own.find(
    ({ type, queue_name: name }) => type === 'queue' && !fake.queues.some((one) => one.queue_name === name),
  );
  if (queue) throw new Refusal(400, 100100, `Queue ${String(queue.queue_name)} does not exist.`);
  const named = new Set(metadata.bindings.map(({ name }) => name));
  const stays = (before?.bindings ?? []).filter(({ type, name }) => kept.has(type) && !named.has(name));
  const set = metadata.bindings.filter(({ type }) => type === 'secret_text');
  return {
    id: randomUUID(),
    bindings: [...own, ...stays],
    secrets: {
      ...(kept.has('secret_text') ? before?.secrets : {}),
      ...Object.fromEntries(set.map(({ name, text }) => [name, text ?? ''])),
    },
    schedules: before?.schedules ?? [],
    subdomain: before?.subdomain ?? { enabled: false, previews_enabled: false },
    migrationTag: metadata.migrations?.new_tag ?? before?.migrationTag ?? null,
  };
}

function uploaded({ id }: WorkerVersion) {
  const script = { etag: newId() };
  return { id, deployment_id: id, startup_time_ms: 1, resources: { script }, entry_point: 'index.js' };
}

interface Statement {
  sql?: string;
  params?: SQLOutputValue[];
  batch?: Statement[];
}

/** The results of one statement or several, as D1 tells them. */
function runSql(db: DatabaseSync, { sql = '', params = [], batch }: Statement): unknown[] {
  if (batch) return batch.flatMap((one) => runSql(db, one));
  try {
    if (!/;\s*\S/.test(sql)) {
      const results = db.prepare(sql).all(...params);
      return [{ success: true, results, meta: { duration: 0, changes: 0 } }];
    }
    // Several statements are carried out together or not at all.
    db.exec('BEGIN');
    try {
      db.exec(sql);
      db.exec('COMMIT');
    } catch (error) {
      db.exec('ROLLBACK');
      throw error;
    }
    return [{ success: true, results: [], meta: { duration: 0, changes: 0 } }];
  } catch (error) {
    throw new Refusal(400, 7500, `${error instanceof Error ? error.message : error}: SQLITE_ERROR`);
  }
}

/** A database as SQL, in the manner of D1's export. */
export function dumpOf(db: DatabaseSync): string {
  const things = db
    .prepare("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'")
    .all() as { type: string; name: string; sql: string }[];
  const tables = things.filter(({ type }) => type === 'table');
  const rows = tables.flatMap(({ name }) => {
    const columns = (db.prepare(`PRAGMA table_info("${name}")`).all() as { name: string }[]).map(
      (one) => one.name,
    );
    const values = columns.map((column) => `quote("${column}")`).join(` || ',' || `);
    const list = columns.map((column) => `"${column}"`).join(',');
    const all = db.prepare(`SELECT ${values} AS row FROM "${name}"`).all() as { row: string }[];
    return all.map(({ row }) => `INSERT INTO "${name}" (${list}) VALUES(${row});`);
  });
  const others = things.filter(({ type }) => type !== 'table').map(({ sql }) => `${sql};`);
  return [
    'PRAGMA defer_foreign_keys=TRUE;',
    ...tables.map(({ sql }) => `${sql};`),
    ...rows,
    ...others,
    '',
  ].join('\n');
}
