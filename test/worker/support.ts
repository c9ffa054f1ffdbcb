import {
  applyD1Migrations,
  createExecutionContext,
  type D1Migration,
  waitOnExecutionContext,
} from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import PostalMime, { type Email } from 'postal-mime';
import { inject } from 'vitest';
import { homeOf } from '#domain/message/home.ts';
import { newestRows } from '#domain/message/row-form.ts';
import worker from '../../worker/index.ts';
import { readBody } from '../../worker/store/raw.ts';
import { openStore, type Store } from '../../worker/store/store.ts';

declare module 'vitest' {
  interface ProvidedContext {
    migrations: D1Migration[];
  }
}

interface TestEnv {
  DB: D1Database;
  [home: `DB_${number}`]: D1Database;
  RAW: R2Bucket;
  HUB: DurableObjectNamespace;
  OPERATOR_TOKEN: string;
  NODE_TOKEN: string;
}

export const bindings = env as unknown as TestEnv;

/** The environment as a test may change it; every answer tells what it cost at D1. */
export const meteredEnv: Record<string, unknown> = { ...(env as object), METER: '1' };

/** The store as the Worker opens it. */
export function testStore(): Store {
  return openStore({ bindings, writesRows: newestRows });
}

/** Applies the migrations to this test file's own databases. */
export async function migrate(): Promise<void> {
  const databases = Object.entries(bindings).filter(([name]) => /^DB(_\d+)?$/.test(name));
  for (const [, database] of databases) await applyD1Migrations(database as D1Database, inject('migrations'));
}

let sources = 0;

/** A request straight to the Worker's own fetch; background work is waited for. */
export async function request(
  path: string,
  init: RequestInit = {},
  environment: Record<string, unknown> = meteredEnv,
  answered: () => void = () => {},
): Promise<Response> {
  const context = createExecutionContext();
  const asked = new Request(`https://api.test${path}`, init);
  // Each comes from somewhere else, unless a test says otherwise: what limits sources is the matter of few.
  if (!asked.headers.has('CF-Connecting-IP')) {
    sources += 1;
    asked.headers.set(
      'CF-Connecting-IP',
      `2001:db8:${(sources >> 16).toString(16)}:${(sources & 0xffff).toString(16)}::1`,
    );
  }
  const response = await worker.fetch(asked, environment, context);
  answered();
  await waitOnExecutionContext(context);
  return response;
}

/** The environment, counting the statements of every call of the database. */
export function counted() {
  const cost = { statements: 0, trips: 0 };
  const add = (statements: number) => {
    cost.statements += statements;
    cost.trips += 1;
  };
  const inner = Symbol('inner');
  const wrap = (statement: D1PreparedStatement): D1PreparedStatement =>
    new Proxy(statement, {
      get(target, name) {
        if (name === inner) return target;
        const value = Reflect.get(target, name);
        if (name === 'bind') return (...values: unknown[]) => wrap(target.bind(...values));
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          add(1);
          return value.apply(target, args);
        };
      },
    });
  const db = new Proxy(bindings.DB, {
    get(target, name) {
      if (name === 'prepare') return (query: string) => wrap(target.prepare(query));
      if (name === 'batch')
        return (statements: D1PreparedStatement[]) => {
          add(statements.length);
          return target.batch(statements.map((one) => Reflect.get(one, inner) as D1PreparedStatement));
        };
      return Reflect.get(target, name);
    },
  });
  return { cost, environment: { ...(env as object), DB: db } };
}

/** A JSON request with a bearer token; gives status, headers and the parsed answer. */
export async function call(
  method: string,
  path: string,
  token: string | null,
  body?: unknown,
  headers: Record<string, string> = {},
  environment: Record<string, unknown> = meteredEnv,
): Promise<{ status: number; headers: Headers; body: Answer }> {
  const response = await request(
    path,
    {
      method,
      headers: {
        ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    },
    environment,
  );
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) };
}

/** What an answer cost at D1. */
export function costOf(answer: { headers: Headers }): { trips: number; read: number; written: number } {
  const timing = answer.headers.get('Server-Timing') ?? '';
  const number = (name: string) => Number(new RegExp(`${name}=(\\d+)`).exec(timing)?.[1]);
  return { trips: number('trips'), read: number('read'), written: number('written') };
}

/** An answer of the API as a test looks into it. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes
export type Answer = any;

export interface TestAccount {
  id: number;
  domain: string;
  live: string;
  test: string;
}

let accounts = 0;

/** Another key of an account. */
export async function newKey(account: TestAccount, body: Record<string, unknown> = {}): Promise<Answer> {
  return (await call('POST', `/admin/v1/accounts/${account.id}/credentials`, bindings.OPERATOR_TOKEN, body))
    .body;
}

/** An account with a verified domain, a live and a test key. */
export async function newAccount(): Promise<TestAccount> {
  const operator = bindings.OPERATOR_TOKEN;
  accounts += 1;
  const { body: account } = await call('POST', '/admin/v1/accounts', operator, {
    name: `account ${accounts}`,
  });
  const domain = `sender${account.id}.example`;
  await call('POST', `/admin/v1/accounts/${account.id}/domains`, operator, { domain, verified: true });
  const key = async (environment: string) =>
    (await call('POST', `/admin/v1/accounts/${account.id}/credentials`, operator, { environment })).body
      .secret;
  return { id: account.id, domain, live: await key('live'), test: await key('test') };
}

/** A send body that is good for the account. */
export function mail(account: TestAccount, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    from: `Shop <shop@${account.domain}>`,
    to: ['user@example.net'],
    subject: 'Your receipt',
    text_body: 'Thank you.',
    ...more,
  };
}

/** The raw message as a node gets it, latin1 text. */
export async function rawOf(messageId: string): Promise<string> {
  const { shard, week } = homeOf(messageId);
  const database = shard === 0 ? bindings.DB : bindings[`DB_${shard}`];
  const place = await database
    ?.prepare(
      `SELECT body_day AS bodyDay, body_id AS bodyId FROM deliveries_${week} WHERE message_id = ? LIMIT 1`,
    )
    .bind(messageId)
    .first<{ bodyDay: string; bodyId: number | null }>();
  const body = place ? await readBody(testStore().at(shard), { messageId, ...place }, Date.now()) : null;
  if (body === null) throw new Error(`there is no raw message ${messageId}`);
  return typeof body === 'string' ? body : latin1(new Uint8Array(await new Response(body).arrayBuffer()));
}

const nodeTokens = new Map<string, Promise<string>>();
/** A token of a node, which the operator has made. */
export function nodeToken(nodeId = 'node-a'): Promise<string> {
  const made =
    nodeTokens.get(nodeId) ??
    call('POST', '/admin/v1/nodes', bindings.OPERATOR_TOKEN, { node_id: nodeId }).then(
      ({ body }) => body.token as string,
    );
  nodeTokens.set(nodeId, made);
  return made;
}

/** Lines of letters and digits that no compression makes smaller by much. */
export function incompressible(characters: number): string {
  const bytes = new Uint8Array(Math.ceil(characters / 2));
  for (let at = 0; at < bytes.length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  const digits = Array.from(bytes, (byte) => (byte % 36).toString(36) + ((byte >> 3) % 32).toString(32)).join(
    '',
  );
  return digits.slice(0, characters).replaceAll(/.{75}/g, '$&\n');
}

/** One character a byte. */
export function latin1(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return text;
}

/** Latin1 text as bytes. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** The raw message of an id, read by an independent parser. */
export async function parsedMail(messageId: string): Promise<Email> {
  return await PostalMime.parse(bytesOf(await rawOf(messageId)));
}

/** `POST /v1/send/raw`; text is sent as latin1. */
export async function sendRaw(
  key: string | null,
  message: string | Uint8Array,
  query: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; headers: Headers; body: Answer }> {
  const response = await request(`/v1/send/raw?${query}`, {
    method: 'POST',
    headers: {
      ...(key === null ? {} : { Authorization: `Bearer ${key}` }),
      'Content-Type': 'message/rfc822',
      ...headers,
    },
    body: typeof message === 'string' ? bytesOf(message) : message,
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

/** A suppression of an account, put where the intake looks. */
export async function suppress(
  account: TestAccount,
  address: string,
  more: { scope?: string; reason?: string; expiresAtMs?: number } = {},
): Promise<void> {
  const { scope = '', reason = 'hard_bounce', expiresAtMs = null } = more;
  await bindings.DB.prepare(
    `INSERT INTO suppressions (account_id, address, scope_domain, reason, source, created_at_ms, expires_at_ms)
      VALUES (?, ?, ?, ?, 'test', ?, ?)`,
  )
    .bind(account.id, address, scope, reason, Date.UTC(2026, 0, 1), expiresAtMs)
    .run();
}

/** Every event of an account, read page by page. */
export async function allEvents(key: string, limit = 100): Promise<Answer[]> {
  const events: Answer[] = [];
  for (let after = ''; ; ) {
    const { body } = await call('GET', `/v1/events?limit=${limit}&after=${after}`, key);
    events.push(...body.data);
    if (!body.has_more) return events;
    after = body.next;
  }
}

/** Acts as a node: hello, lease, results. */
export class TestNode {
  readonly nodeId: string;
  readonly bootId: string;
  readonly environment: Record<string, unknown>;

  constructor(nodeId = 'node-a', environment = meteredEnv, bootId: string = crypto.randomUUID()) {
    this.nodeId = nodeId;
    this.environment = environment;
    this.bootId = bootId;
  }

  async post(path: string, body: Record<string, unknown>) {
    const { nodeId, bootId, environment } = this;
    const said = { nodeId, bootId, ...body };
    return await call('POST', `/node/v1/${path}`, await nodeToken(nodeId), said, {}, environment);
  }

  async hello(): Promise<this> {
    await this.post('hello', { hostName: 'out.example', version: 'test' });
    return this;
  }

  /** Asks until something is given or all is looked at, as a node does. */
  async lease(max = 100, excludeDomains: string[] = []): Promise<Answer> {
    for (let place: string | null = null; ; ) {
      const { body }: Answer = await this.post('lease', { max, excludeDomains, place });
      if (!body.more || body.deliveries?.length !== 0) return body;
      place = body.place;
    }
  }
}

const session = {
  mx: { host: 'mx.example.net', address: '192.0.2.1' },
  tls: null,
  reused: false,
  steps: [],
  tried: [],
};

/** A result of a leased delivery. */
export function result(delivery: Answer, outcome: Record<string, unknown>): Record<string, unknown> {
  const { messageId, n, leaseId } = delivery;
  const now = Date.now();
  return { messageId, n, leaseId, outcome: { startedAtMs: now - 100, endedAtMs: now, session, ...outcome } };
}

export const delivered = {
  type: 'delivered',
  reply: { code: 250, status: '2.0.0', text: 'Ok' },
  dkim: ['pennypost'],
};
export const deferred = {
  type: 'deferred',
  failure: {
    reply: { code: 451, status: '4.7.1', text: 'Later' },
    status: null,
    class: 'greylisted',
    text: '451 4.7.1 Later',
    step: 'rcpt',
    code: null,
  },
};
export const bounced = {
  type: 'bounced',
  failure: {
    reply: { code: 550, status: '5.1.1', text: 'No such user' },
    status: null,
    class: 'bad_mailbox',
    text: '550 5.1.1 No such user',
    step: 'rcpt',
    code: null,
  },
};
export const maybeAccepted = {
  type: 'maybeAccepted',
  failure: {
    reply: null,
    status: null,
    class: 'network',
    text: 'the connection was lost after the final dot',
    step: 'final',
    code: 'ECONNRESET',
  },
};
