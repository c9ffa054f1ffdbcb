import type { DkimKeyRow } from './domains.ts';
import { encryptKey, sealedDkimKey } from './key-encryption.ts';

type NewKey = Pick<
  DkimKeyRow,
  'selector' | 'algorithm' | 'publicKey' | 'privateKeyEncrypted' | 'status' | 'createdAtMs'
>;

/**
 * Makes the DKIM keys of a domain: RSA of 2048 bits and Ed25519 (RFC 8463), private halves encrypted.
 * @param suffix '' for the first pair, `2` and up after rotations
 */
export async function generateDkimKeys(
  secrets: readonly Uint8Array[],
  of: { accountId: number; domain: string; suffix: string; status: DkimKeyRow['status']; nowMs: number },
): Promise<NewKey[]> {
  const rsa = (await crypto.subtle.generateKey(
    {
      name: 'RSASSA-PKCS1-v1_5',
      modulusLength: 2048,
      publicExponent: new Uint8Array([1, 0, 1]),
      hash: 'SHA-256',
    },
    true,
    ['sign', 'verify'],
  )) as CryptoKeyPair;
  const ed25519 = (await crypto.subtle.generateKey({ name: 'Ed25519' }, true, [
    'sign',
    'verify',
  ])) as CryptoKeyPair;
  const common = { status: of.status, createdAtMs: of.nowMs };
  const sealed = async (key: CryptoKey, selector: string) =>
    await encryptKey(pem(await exported('pkcs8', key)), secrets, sealedDkimKey({ ...of, selector }));
  const [rsaSelector, edSelector] = [`pennypost${of.suffix}`, `pennypost${of.suffix}-ed`];
  return [
    {
      ...common,
      selector: rsaSelector,
      algorithm: 'rsa-sha256',
      publicKey: await exported('spki', rsa.publicKey), // RFC 6376 §3.6.1: SubjectPublicKeyInfo
      privateKeyEncrypted: await sealed(rsa.privateKey, rsaSelector),
    },
    {
      ...common,
      selector: edSelector,
      algorithm: 'ed25519-sha256',
      publicKey: await exported('raw', ed25519.publicKey), // RFC 8463 §4: the 32 bytes alone
      privateKeyEncrypted: await sealed(ed25519.privateKey, edSelector),
    },
  ];
}

async function exported(format: 'spki' | 'pkcs8' | 'raw', key: CryptoKey): Promise<string> {
  const bytes = new Uint8Array((await crypto.subtle.exportKey(format, key)) as ArrayBuffer);
  return btoa(String.fromCharCode(...bytes));
}

function pem(base64: string): string {
  return `-----BEGIN PRIVATE KEY-----\n${base64.match(/.{1,64}/g)?.join('\n') ?? ''}\n-----END PRIVATE KEY-----\n`;
}
