import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';

/** What a first start makes so that there is something to send with, and to write to. */
const schema = z.object({
  accountId: z.number(),
  domain: z.string(),
  username: z.string(),
  liveKey: z.string(),
  testKey: z.string(),
  /** Receives; null: not made yet. */
  inboundDomain: z.string().nullable().default(null),
  /** Its addresses are aliases; null: not made yet. */
  aliasDomain: z.string().nullable().default(null),
});
export type Demo = z.infer<typeof schema> & { inboundDomain: string; aliasDomain: string };
/** Before accounts stood in the file, the demo's was the first. */
const keptSchema = z.preprocess(
  (value) => (typeof value === 'object' && value !== null ? { accountId: 1, ...value } : value),
  schema,
);

export const demoDomain = 'demo.pennypost.test';
const inboundDomain = `inbound.${demoDomain}`;
export const aliasDomain = `alias.${demoDomain}`;
/** The alias that is there, and whom its mail is sent on to. */
export const alias = { address: 'hello', forward_to: ['you@example.net'] };

/**
 * The demo account: domains that send and receive, one with an alias, a live and a test key. Made by operator calls on first start and kept
 * in a file, since a key's secret is shown only once.
 */
export async function keptDemo(path: string, edge: { url: string; operatorToken: string }): Promise<Demo> {
  const post = async (route: string, body: unknown, key?: string): Promise<unknown> => {
    const response = await fetch(`${edge.url}${key === undefined ? '/admin' : ''}/v1${route}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${key ?? edge.operatorToken}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    // What is there already was made by a start that was cut off.
    if (!response.ok && response.status !== 409)
      throw new Error(`making the demo account: POST ${route}: ${await response.text()}`);
    return await response.json();
  };
  const kept = existsSync(path)
    ? keptSchema.parse(JSON.parse(await readFile(path, 'utf8')))
    : await newDemo(post);
  const demo: Demo = { ...kept, inboundDomain, aliasDomain };
  const account = `/accounts/${kept.accountId}`;
  if (kept.inboundDomain === null) {
    await post(`${account}/domains`, { domain: inboundDomain, type: 'inbound', verified: true });
  }
  if (kept.aliasDomain === null) {
    await post(`${account}/domains`, { domain: aliasDomain, type: 'alias', verified: true });
    for (const address of alias.forward_to) await post(`${account}/destinations`, { address });
    await post('/aliases', { domain: aliasDomain, ...alias }, kept.liveKey);
  }
  if (kept.inboundDomain === null || kept.aliasDomain === null) {
    await writeFile(path, `${JSON.stringify(demo, null, 2)}\n`, { mode: 0o600 });
  }
  return demo;
}

async function newDemo(
  post: (route: string, body: unknown) => Promise<unknown>,
): Promise<z.infer<typeof schema>> {
  const { id } = z.object({ id: z.number() }).parse(await post('/accounts', { name: 'Demo', home: 0 }));
  const credential = z.object({ username: z.string(), secret: z.string() });
  const live = credential.parse(
    await post(`/accounts/${id}/credentials`, { name: 'demo', environment: 'live' }),
  );
  const test = credential.parse(
    await post(`/accounts/${id}/credentials`, { name: 'demo', environment: 'test' }),
  );
  await post(`/accounts/${id}/domains`, { domain: demoDomain, verified: true });
  return {
    accountId: id,
    domain: demoDomain,
    username: live.username,
    liveKey: live.secret,
    testKey: test.secret,
    inboundDomain: null,
    aliasDomain: null,
  };
}
