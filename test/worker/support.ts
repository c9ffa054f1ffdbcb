import {
  applyD1Migrations,
  createExecutionContext,
  type D1Migration,
  waitOnExecutionContext,
} from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { inject } from 'vitest';
import worker from '../../worker/index.ts';

declare module 'vitest' {
  interface ProvidedContext {
    migrations: D1Migration[];
  }
}

interface TestEnv {
  DB: D1Database;
  RAW: R2Bucket;
  HUB: DurableObjectNamespace;
  OPERATOR_TOKEN: string;
  NODE_TOKEN: string;
}

export const bindings = env as unknown as TestEnv;

/** Applies the migrations to this test file's own database. */
export async function migrate(): Promise<void> {
  await applyD1Migrations(bindings.DB, inject('migrations'));
}

/** A request straight to the Worker's own fetch; background work is waited for. */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const context = createExecutionContext();
  const response = await worker.fetch(new Request(`https://api.test${path}`, init), env, context);
  await waitOnExecutionContext(context);
  return response;
}

/** A JSON request with a bearer token; gives status, headers and the parsed answer. */
export async function call(
  method: string,
  path: string,
  token: string | null,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; headers: Headers; body: Answer }> {
  const response = await request(path, {
    method,
    headers: {
      ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) };
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

/** Acts as a node: hello, lease, results. */
export class TestNode {
  readonly nodeId: string;
  readonly bootId = crypto.randomUUID();

  constructor(nodeId = 'node-a') {
    this.nodeId = nodeId;
  }

  async post(path: string, body: Record<string, unknown>) {
    const { nodeId, bootId } = this;
    return await call('POST', `/node/v1/${path}`, bindings.NODE_TOKEN, { nodeId, bootId, ...body });
  }

  async hello(): Promise<this> {
    await this.post('hello', { hostName: 'out.example', version: 'test' });
    return this;
  }

  async lease(max = 100, excludeDomains: string[] = []): Promise<Answer> {
    return (await this.post('lease', { max, excludeDomains })).body;
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
