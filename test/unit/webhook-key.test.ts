import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatPublicKey, signByKey, webhookKeys } from '../../worker/tokens/webhook-key.ts';

type Check = (keys: string[], headers: Record<string, string>, body: string) => boolean;

/** The check of the guide, which asks `node:crypto`. */
async function guideCheck(): Promise<Check> {
  const guide = readFileSync(new URL('../../worker/docs/webhooks.md', import.meta.url), 'utf8');
  const blocks = [...guide.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code = '']) => code);
  const code = blocks.find((one) => one.includes('isSignedByKey')) ?? '';
  const { isSignedByKey } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
  return isSignedByKey as Check;
}

const secret = (fill: number) => new Uint8Array(32).fill(fill);
const id = '01a1fbd1-0b52-7e61-b2a4-6a1f0c9d8e77';

describe('a key of an endpoint', () => {
  it('signs what the check of the guide takes, and nothing else', async () => {
    const check = await guideCheck();
    const body = '{"a":"ü"}';
    const seconds = String(Math.floor(Date.now() / 1000));
    const keys = await webhookKeys([secret(1), secret(2)], id);
    const published = keys.map(formatPublicKey);
    const signed = new TextEncoder().encode(`msg_1.${seconds}.${body}`);
    const signatures = await Promise.all(keys.map((key) => signByKey(key, signed)));
    const headers = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': seconds,
      'webhook-signature': `v1,x ${signatures.join(' ')}`,
    };
    expect(check(published, headers, body)).toBe(true);
    // After a rotation who knows one of both still reads what both have signed.
    for (const one of published) expect(check([one], headers, body)).toBe(true);
    expect(check(published, headers, `${body} `)).toBe(false);
    expect(check(published, { ...headers, 'webhook-timestamp': '1' }, body)).toBe(false);
    const other = (await webhookKeys([secret(1)], '01a1fbd1-0b52-7e61-b2a4-6a1f0c9d8e78')).map(
      formatPublicKey,
    );
    expect(check(other, headers, body)).toBe(false);
  });

  it('is the same each time, and another for another secret or endpoint', async () => {
    const published = async (fill: number, of: string) =>
      (await webhookKeys([secret(fill)], of)).map(formatPublicKey)[0];
    expect(await published(1, id)).toBe(await published(1, id));
    expect(new Set([await published(1, id), await published(2, id), await published(1, 'x')]).size).toBe(3);
  });
});
