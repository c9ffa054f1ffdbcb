/** Text that opens with a passphrase only: scrypt (RFC 7914) makes the key, AES-256-GCM seals. */
import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto';
import { z } from 'zod';

const base64 = z.string().regex(/^[A-Za-z0-9+/]+=*$/);
const sealedText = z.object({
  scrypt: z.object({ N: z.number().int(), r: z.number().int(), p: z.number().int(), salt: base64 }),
  'aes-256-gcm': z.object({ iv: base64, tag: base64, data: base64 }),
});

/** A guess takes 128 MiB and some tenths of a second. */
const cost = { N: 2 ** 17, r: 8, p: 1 };
const largestCost = { N: 2 ** 20, r: 16, p: 4 };
const maxmem = 1024 ** 3 * 3;

/** Seals a text; gives JSON. */
export function seal(text: string, passphrase: string): string {
  const salt = randomBytes(16);
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', scryptSync(passphrase, salt, 32, { ...cost, maxmem }), iv);
  const data = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return JSON.stringify(
    {
      scrypt: { ...cost, salt: salt.toString('base64') },
      'aes-256-gcm': {
        iv: iv.toString('base64'),
        tag: cipher.getAuthTag().toString('base64'),
        data: data.toString('base64'),
      },
    } satisfies z.infer<typeof sealedText>,
    null,
    2,
  );
}

/** Opens what `seal` gave; null: it is another passphrase's, or was changed. */
export function open(json: string, passphrase: string): string | null {
  try {
    const { scrypt, 'aes-256-gcm': gcm } = sealedText.parse(JSON.parse(json));
    const { N, r, p } = scrypt;
    if (N > largestCost.N || r > largestCost.r || p > largestCost.p) return null;
    const key = scryptSync(passphrase, Buffer.from(scrypt.salt, 'base64'), 32, { N, r, p, maxmem });
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(gcm.iv, 'base64'), {
      authTagLength: 16,
    });
    decipher.setAuthTag(Buffer.from(gcm.tag, 'base64'));
    return Buffer.concat([decipher.update(Buffer.from(gcm.data, 'base64')), decipher.final()]).toString(
      'utf8',
    );
  } catch {
    return null;
  }
}
