import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { parseEnv } from '../../worker/env.ts';
import {
  decryptKey,
  encryptKey,
  sealedDkimKey,
  sealedWebhookSecret,
} from '../../worker/store/key-encryption.ts';
import { countOld, reencrypt, resealedAtOnce } from '../../worker/store/reencrypt.ts';
import { Internet } from './receiver.ts';
import { type Answer, bindings, call, migrate, newAccount, type TestAccount, testStore } from './support.ts';
import { newEndpoint } from './webhook-support.ts';

const old = parseEnv(env).encryptionKeys[0] as Uint8Array;
const fresh = new Uint8Array(32).fill(7);
let account: TestAccount;
let endpoint: Answer;

beforeAll(async () => {
  await migrate();
  account = await newAccount();
  endpoint = await newEndpoint(account, new Internet());
  await call('POST', `/v1/webhooks/${endpoint.id}/rotate`, account.live);
});

const keysOf = async (): Promise<{ selector: string; text: string }[]> =>
  (
    await bindings.DB.prepare(
      'SELECT selector, private_key_encrypted AS text FROM dkim_keys k JOIN domains d ON d.id = k.domain_id WHERE d.account_id = ?',
    )
      .bind(account.id)
      .all<{ selector: string; text: string }>()
  ).results;

/** Does the job to its end; gives how many steps it took. */
async function job(secrets: Uint8Array[]): Promise<number> {
  let steps = 0;
  for (let after: number | null = 0; after !== null; steps++)
    after = await reencrypt(testStore(), secrets, after);
  return steps;
}

const open = async (secrets: Uint8Array[]): Promise<string[]> =>
  await Promise.all(
    (await keysOf()).map(({ selector, text }) =>
      decryptKey(text, secrets, sealedDkimKey({ accountId: account.id, domain: account.domain, selector })),
    ),
  );

describe('a new first key of ENCRYPTION_KEYS', () => {
  it('seals everything anew, after which the old one may go', async () => {
    const before = await open([old]);
    expect(await countOld(testStore(), [fresh, old])).toBe(before.length + 2);
    await job([fresh, old]);
    expect(await countOld(testStore(), [fresh, old])).toBe(0);
    expect(await open([fresh])).toEqual(before);
    await expect(open([old])).rejects.toThrow('no encryption key with id');
    const row = await bindings.DB.prepare(
      'SELECT secret_encrypted AS own, previous_secret_encrypted AS previous FROM webhook_endpoints WHERE public_id = ?',
    )
      .bind(endpoint.id)
      .first<{ own: string; previous: string }>();
    const of = sealedWebhookSecret(endpoint.id);
    expect(await decryptKey(row?.own ?? '', [fresh], of)).toMatch(/^whsec_/);
    expect(await decryptKey(row?.previous ?? '', [fresh], of)).toBe(endpoint.secret);
    await job([old, fresh]);
  });

  it('binds what an older version sealed to its row', async () => {
    const [first] = await keysOf();
    const key = await crypto.subtle.importKey('raw', old, 'AES-GCM', false, ['encrypt']);
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const text = (bytes: ArrayBuffer | Uint8Array) =>
      btoa(String.fromCharCode(...new Uint8Array(bytes)))
        .replaceAll('+', '-')
        .replaceAll('/', '_')
        .replace(/=+$/, '');
    const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, key, new TextEncoder().encode('PEM'));
    const id = first?.text.split('.')[1];
    const set = (value: string) =>
      bindings.DB.prepare('UPDATE dkim_keys SET private_key_encrypted = ? WHERE private_key_encrypted = ?')
        .bind(value, first?.text ?? '')
        .run();
    await set(`v1.${id}.${text(iv)}.${text(sealed)}`);
    expect((await open([old]))[0]).toBe('PEM');
    await job([old]);
    expect((await keysOf())[0]?.text).toMatch(/^v2\./);
    expect((await open([old]))[0]).toBe('PEM');
  });

  it('goes on step by step, and past what does not open, which is logged', async () => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const { id: domainId } = (await bindings.DB.prepare('SELECT id FROM domains WHERE account_id = ?')
      .bind(account.id)
      .first<{ id: number }>()) ?? { id: 0 };
    const many = resealedAtOnce * 2;
    const rows = await Promise.all(
      Array.from({ length: many }, async (_, i) => {
        const selector = `many${i}`;
        const of = sealedDkimKey({ accountId: account.id, domain: account.domain, selector });
        const text = i === 3 ? 'v2.AAAAAAAA.AAAA.AAAA' : await encryptKey(`key ${i}`, [old], of);
        return bindings.DB.prepare(
          `INSERT INTO dkim_keys (domain_id, selector, algorithm, public_key, private_key_encrypted, status, created_at_ms)
            VALUES (?, ?, 'rsa-sha256', '', ?, 'pending', 0)`,
        ).bind(domainId, selector, text);
      }),
    );
    await bindings.DB.batch(rows);
    expect(await job([fresh, old])).toBeGreaterThan(2);
    expect(await countOld(testStore(), [fresh, old])).toBe(1);
    expect(logged.mock.calls.map(([line]) => String(line)).join()).toContain('many3');
    await bindings.DB.exec("UPDATE dkim_keys SET private_key_encrypted = '' WHERE selector = 'many3'");
    expect(await countOld(testStore(), [fresh, old])).toBe(0);
    vi.restoreAllMocks();
  });
});
