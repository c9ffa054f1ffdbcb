/** The edge alone over HTTP, with an account that may send: for tests of clients. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import PostalMime, { type Email } from 'postal-mime';
import { z } from 'zod';
import { homeOf } from '#domain/message/home.ts';
import { type Edge, startEdge } from '../../smtp-node/standalone/edge.ts';
import { newWorkerSecrets } from '../../smtp-node/standalone/secrets.ts';
import { textOf } from '../../worker/store/row-body.ts';
import { EdgeNode } from './edge-node.ts';

export interface EdgeFixture {
  url: string;
  domain: string;
  username: string;
  liveKey: string;
  testKey: string;
  accountId: number;
  operatorToken: string;
  /** A node that delivers and receives when it is told to. */
  node(): Promise<EdgeNode>;
  /** An operator's call; gives the answer's JSON. */
  operator(method: string, path: string, body?: unknown): Promise<unknown>;
  /** An API call with the live key. */
  get(path: string): Promise<unknown>;
  post(path: string, body: unknown): Promise<unknown>;
  /** The raw message, latin1, as nodes get it. */
  rawOf(messageId: string): Promise<string>;
  /** The raw message as an independent parser reads it. */
  mailOf(messageId: string): Promise<Email>;
  stop(): Promise<void>;
}

const domain = 'client.example';

export async function startEdgeFixture({ sendsItself = false } = {}): Promise<EdgeFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'pennypost-edge-'));
  const secrets = newWorkerSecrets();
  const edge: Edge = await startEdge({
    port: 0,
    host: '127.0.0.1',
    dataDir: folder,
    settings: { ...secrets, SERVICE_DOMAIN: 'pennypost.test', ALLOW_LOCAL_WEBHOOKS: '1' },
    log: () => {},
    sendsItself,
  });
  const ask = async (token: string, method: string, path: string, body?: unknown): Promise<Response> =>
    await fetch(edge.url + path, {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const operator = async (method: string, path: string, body?: unknown): Promise<unknown> =>
    await (await ask(secrets.OPERATOR_TOKEN, method, `/admin/v1${path}`, body)).json();
  const { id } = z.object({ id: z.number() }).parse(await operator('POST', '/accounts', { name: 'Client' }));
  await operator('POST', `/accounts/${id}/domains`, { domain, verified: true });
  const key = async (environment: string) =>
    z
      .object({ username: z.string(), secret: z.string() })
      .parse(await operator('POST', `/accounts/${id}/credentials`, { username: 'c0ffee', environment }));
  const [live, test] = [await key('live'), await key('test')];
  const rawBytes = async (messageId: string) => {
    const { week } = homeOf(messageId);
    const place = await edge.database
      .prepare(`SELECT body_day, body_id FROM deliveries_${week} WHERE message_id = ? LIMIT 1`)
      .bind(messageId)
      .first<{ body_day: string; body_id: number }>();
    const body = await edge.database
      .prepare(
        `SELECT iif(gzip >= 2, hex(raw), raw) AS raw, gzip FROM bodies_${place?.body_day} WHERE id = ?`,
      )
      .bind(place?.body_id)
      .first<{ raw: string; gzip: number | null }>();
    if (!body) throw new Error(`there is no small raw message ${messageId}`);
    return Buffer.from(textOf(body), 'latin1');
  };
  return {
    url: edge.url,
    domain,
    username: live.username,
    liveKey: live.secret,
    testKey: test.secret,
    accountId: id,
    operatorToken: secrets.OPERATOR_TOKEN,
    node: () => EdgeNode.start(edge.url, secrets.OPERATOR_TOKEN),
    operator,
    get: async (path) => await (await ask(live.secret, 'GET', path)).json(),
    post: async (path, body) => await (await ask(live.secret, 'POST', path, body)).json(),
    rawOf: async (messageId) => (await rawBytes(messageId)).toString('latin1'),
    mailOf: async (messageId) => await PostalMime.parse(await rawBytes(messageId)),
    stop: async () => {
      await edge.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
