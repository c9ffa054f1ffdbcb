import { env } from 'cloudflare:workers';
import { describe, expect, it, vi } from 'vitest';
import { parseEnv } from '../../worker/env.ts';
import {
  decryptKey as open,
  encryptKey as seal,
  sealedDkimKey,
  sealedWebhookSecret,
} from '../../worker/store/key-encryption.ts';
import { bearerSecret, equalSecrets, newSecret } from '../../worker/tokens/secret.ts';
import { request } from './support.ts';

const good = { ...(env as object) } as Record<string, unknown>;
const key = (fill: number) => btoa(String.fromCharCode(...new Uint8Array(32).fill(fill)));

describe('the configuration', () => {
  it('is read once and whole', () => {
    const source = { ...good, RETURN_PATH_KEYS: `${key(1)}, ${key(2)}`, METER: '1' };
    const parsed = parseEnv(source);
    expect(parsed.returnPathKeys).toEqual([new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]);
    expect(parsed).toMatchObject({ serviceDomain: 'mail.example.org', meter: true });
    expect(parseEnv(source)).toBe(parsed);
    expect(parseEnv({ ...good }).meter).toBe(false);
  });

  it('says everything that is missing at once, with the way to mend it and without any value', () => {
    expect(() => parseEnv({ NODE_TOKEN: 'short-secret', METER: 'loud-value' })).toThrow(/^configuration: /);
    let message = '';
    try {
      parseEnv({ NODE_TOKEN: 'short-secret', METER: 'loud-value' });
    } catch (error) {
      message = String(error);
    }
    for (const name of ['DB', 'RAW', 'DELIVERY', 'HUB'])
      expect(message).toContain(`binding ${name} is missing`);
    expect(message).toContain('SERVICE_DOMAIN');
    expect(message).toContain('set it with: npm run deploy -- --var METER=…');
    for (const secret of ['NODE_TOKEN', 'OPERATOR_TOKEN', 'RETURN_PATH_KEYS', 'ENCRYPTION_KEYS']) {
      expect(message).toMatch(new RegExp(`${secret} [^;]+; set it with: npm run deploy`));
    }
    expect(message).toContain('METER');
    expect(message).not.toMatch(/short-secret|loud-value/);
  });

  it.each([
    ['RETURN_PATH_KEYS', ''],
    ['RETURN_PATH_KEYS', 'not base64!'],
    ['RETURN_PATH_KEYS', btoa('too short')],
    ['ENCRYPTION_KEYS', `${key(1)},`],
    ['SERVICE_DOMAIN', 'Mail.Example.org'],
    ['SERVICE_DOMAIN', 'https://mail.example.org'],
    ['OPERATOR_TOKEN', 'x'.repeat(31)],
    ['METER', 'yes'],
    ['FEEDBACK_LOOPS', 'isp.example; fbl.example'],
    ['FEEDBACK_LOOPS', '@isp.example'],
  ])('is refused with %s=%j', (name, value) => {
    expect(() => parseEnv({ ...good, [name]: value })).toThrow(name);
  });

  it('that is wrong makes a 503 that tells the world nothing, and the log everything', async () => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const response = await request('/v1/emails', {}, { NODE_TOKEN: 'short-secret' });
    expect(response.status).toBe(503);
    expect(response.headers.get('Content-Type')).toBe('application/problem+json');
    expect(await response.text()).not.toMatch(/configuration|wrangler|NODE_TOKEN/);
    const logged = log.mock.calls.flat().join('\n');
    expect(logged).toContain('OPERATOR_TOKEN');
    expect(logged).not.toContain('short-secret');
    log.mockRestore();
  });
});

describe('a private key at rest', () => {
  const row = sealedDkimKey({ accountId: 1, domain: 'a.example', selector: 'pennypost' });
  const encryptKey = (plain: string, secrets: Uint8Array[]) => seal(plain, secrets, row);
  const decryptKey = (sealed: string, secrets: Uint8Array[]) => open(sealed, secrets, row);

  it('opens in its own row only, and for its own purpose', async () => {
    const sealed = await encryptKey(pem, [one]);
    for (const other of [
      sealedDkimKey({ accountId: 2, domain: 'a.example', selector: 'pennypost' }),
      sealedDkimKey({ accountId: 1, domain: 'b.example', selector: 'pennypost' }),
      sealedDkimKey({ accountId: 1, domain: 'a.example', selector: 'pennypost2' }),
      sealedWebhookSecret('1'),
    ])
      await expect(open(sealed, [one], other)).rejects.toThrow();
    await expect(decryptKey(sealed.replace(/^v2/, 'v1'), [one])).rejects.toThrow();
  });

  const [one, two, three] = [1, 2, 3].map((fill) => new Uint8Array(32).fill(fill)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const pem = '-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n';

  it('is opened by the secret that sealed it, and shows nothing of itself', async () => {
    const sealed = await encryptKey(pem, [one]);
    expect(sealed).toMatch(/^v2\.[\w-]+\.[\w-]+\.[\w-]+$/);
    expect(sealed).not.toContain('secret');
    expect(await decryptKey(sealed, [one])).toBe(pem);
    expect(await encryptKey(pem, [one])).not.toBe(sealed);
  });

  it('survives a rotation: the newest secret seals, all open', async () => {
    const old = await encryptKey(pem, [one]);
    const rotated = [two, one];
    expect(await decryptKey(old, rotated)).toBe(pem);
    const fresh = await encryptKey(pem, rotated);
    expect(await decryptKey(fresh, [two])).toBe(pem);
    await expect(decryptKey(old, [two, three])).rejects.toThrow(/no encryption key with id/);
  });

  it('that was changed is not opened', async () => {
    const sealed = await encryptKey(pem, [one]);
    for (let i = 0; i < sealed.length; i += 5) {
      const char = sealed[i] === 'A' ? 'B' : 'A';
      if (i === sealed.length - 1) continue; // its last bits may be unused
      await expect(decryptKey(sealed.slice(0, i) + char + sealed.slice(i + 1), [one])).rejects.toThrow();
    }
    for (const other of ['', 'v1', 'v1.a.b', 'v3.a.b.c'])
      await expect(decryptKey(other, [one])).rejects.toThrow();
  });
});

describe('a secret', () => {
  it('is made of 32 letters and digits, each equally likely, and never twice the same', () => {
    const secrets = Array.from({ length: 2000 }, () => newSecret('live', 0));
    expect(new Set(secrets).size).toBe(2000);
    for (const secret of secrets) expect(secret).toMatch(/^pp_live_[0-9A-Za-z]{32}$/);
    expect(new Set(secrets.flatMap((s) => [...s.slice(8)])).size).toBe(62);
  });

  it.each([
    ['Bearer pp_live_0123456789abcdefghij', 'pp_live_0123456789abcdefghij'],
    ['bearer   pp_test_0123456789abcdefghij ', 'pp_test_0123456789abcdefghij'],
    ['pp_live_0123456789abcdefghij', null],
    ['Basic cHA6eA==', null],
    ['Bearer pp_live_short', null],
    ['Bearer pp_live_0123456789abcdefghij x', null],
    ['', null],
  ])('is read from %j as %j', (field, secret) => {
    expect(bearerSecret(field)).toBe(secret);
  });

  it('equals itself alone', async () => {
    expect(await equalSecrets('a', 'a')).toBe(true);
    expect(await equalSecrets('a', 'b')).toBe(false);
    expect(await equalSecrets('', 'a')).toBe(false);
  });
});
