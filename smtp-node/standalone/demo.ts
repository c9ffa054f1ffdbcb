import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';

/** What a first start makes so that there is something to send with. */
const schema = z.object({
  domain: z.string(),
  username: z.string(),
  liveKey: z.string(),
  testKey: z.string(),
});
export type Demo = z.infer<typeof schema>;

const demoDomain = 'demo.pennypost.test';

/**
 * The demo account: a verified domain, a live and a test key. Made by operator calls on first start and kept in
 * a file, since a key's secret is shown only once.
 */
export async function keptDemo(path: string, edge: { url: string; operatorToken: string }): Promise<Demo> {
  if (existsSync(path)) return schema.parse(JSON.parse(await readFile(path, 'utf8')));
  const post = async (route: string, body: unknown): Promise<unknown> => {
    const response = await fetch(`${edge.url}/admin/v1${route}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${edge.operatorToken}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`making the demo account: POST ${route}: ${await response.text()}`);
    return await response.json();
  };
  const { id } = z.object({ id: z.number() }).parse(await post('/accounts', { name: 'Demo' }));
  const credential = z.object({ username: z.string(), secret: z.string() });
  const live = credential.parse(
    await post(`/accounts/${id}/credentials`, { name: 'demo', environment: 'live' }),
  );
  const test = credential.parse(
    await post(`/accounts/${id}/credentials`, { name: 'demo', environment: 'test' }),
  );
  await post(`/accounts/${id}/domains`, { domain: demoDomain, verified: true });
  const demo = { domain: demoDomain, username: live.username, liveKey: live.secret, testKey: test.secret };
  await writeFile(path, `${JSON.stringify(demo, null, 2)}\n`, { mode: 0o600 });
  return demo;
}
