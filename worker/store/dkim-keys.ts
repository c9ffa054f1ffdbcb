import type { DelegatedName } from '#domain/dns/delegated-dkim.ts';
import { nextGeneration, selectorsOf } from '#domain/dns/dkim-selector.ts';
import { hexOf } from '#domain/hex.ts';
import type { DkimKeyRow } from './domains.ts';
import { encryptKey, sealedDkimKey } from './key-encryption.ts';

type NewKey = Pick<
  DkimKeyRow,
  'selector' | 'algorithm' | 'publicKey' | 'privateKeyEncrypted' | 'status' | 'createdAtMs'
> & { target?: string };

interface KeyOwner {
  accountId: number;
  domain: string;
}

const rsaKeys = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };

/**
 * Makes the next pair of DKIM keys of a domain: RSA of 2048 bits and Ed25519 (RFC 8463), private halves encrypted.
 * @param of.stem what their selectors begin with
 * @param of.known the keys that the domain has or had; new ones are younger than all of them
 */
export async function generateDkimKeys(
  secrets: readonly Uint8Array[],
  of: KeyOwner & {
    stem: string;
    known?: readonly { selector: string; createdAtMs: number }[];
    status: DkimKeyRow['status'];
    nowMs: number;
  },
): Promise<NewKey[]> {
  const rsa = await newRsaPair();
  const ed25519 = (await crypto.subtle.generateKey({ name: 'Ed25519' }, true, [
    'sign',
    'verify',
  ])) as CryptoKeyPair;
  const { known = [] } = of;
  const generation = nextGeneration(
    of.stem,
    known.map(({ selector }) => selector),
  );
  const selectors = selectorsOf(of.stem, generation);
  const common = { status: of.status, createdAtMs: youngest(known, of.nowMs) };
  return [
    {
      ...common,
      selector: selectors.rsa,
      algorithm: 'rsa-sha256',
      publicKey: await exported('spki', rsa.publicKey), // RFC 6376 §3.6.1: SubjectPublicKeyInfo
      privateKeyEncrypted: await sealed(secrets, of, selectors.rsa, rsa.privateKey),
    },
    {
      ...common,
      selector: selectors.ed25519,
      algorithm: 'ed25519-sha256',
      publicKey: await exported('raw', ed25519.publicKey), // RFC 8463 §4: the 32 bytes alone
      privateKeyEncrypted: await sealed(secrets, of, selectors.ed25519, ed25519.privateKey),
    },
  ];
}

async function newRsaPair(): Promise<CryptoKeyPair> {
  return (await crypto.subtle.generateKey(
    { ...rsaKeys, modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
    true,
    ['sign', 'verify'],
  )) as CryptoKeyPair;
}

/** Makes pending keys, RSA of 2048 bits, for selectors that are delegated. */
export async function generateDelegatedKeys(
  secrets: readonly Uint8Array[],
  of: KeyOwner & {
    names: readonly DelegatedName[];
    known: readonly { createdAtMs: number }[];
    nowMs: number;
  },
): Promise<(NewKey & DelegatedName)[]> {
  const firstMs = youngest(of.known, of.nowMs);
  return await Promise.all(
    of.names.map(async ({ selector, target }, i) => {
      const pair = await newRsaPair();
      return {
        selector,
        target,
        algorithm: 'rsa-sha256' as const,
        publicKey: await exported('spki', pair.publicKey),
        privateKeyEncrypted: await sealed(secrets, of, selector, pair.privateKey),
        status: 'pending' as const,
        createdAtMs: firstMs + i,
      };
    }),
  );
}

/** Keys are told apart by age (`domain/dns/domain-state.ts`): the time, or just after the newest. */
function youngest(known: readonly { createdAtMs: number }[], nowMs: number): number {
  return Math.max(nowMs, ...known.map(({ createdAtMs }) => createdAtMs + 1));
}

/** RFC 8301 §3.2: verifiers take no less. More than 4096 bits need a record that many resolvers cut. */
const rsaBits = { fewest: 1024, most: 4096 };

/**
 * Takes a private key that was made elsewhere, as PEM: RSA in PKCS #8 or PKCS #1 (RFC 8017), Ed25519 in PKCS #8
 * (RFC 8410). Its public half is computed from it, and a signature is made and verified.
 * @returns the pending key, or a sentence that says what is wrong and the fix
 */
export async function importDkimKey(
  secrets: readonly Uint8Array[],
  of: KeyOwner & {
    selector: string;
    pem: string;
    known: readonly { createdAtMs: number }[];
    nowMs: number;
  },
): Promise<NewKey | string> {
  const der = pkcs8Of(of.pem);
  if (typeof der === 'string') return der;
  const pair = has(der, oids.rsa)
    ? await rsaPair(der)
    : has(der, oids.ed25519)
      ? await ed25519Pair(der)
      : null;
  if (pair === null)
    return 'is no private key that is whole, of RSA or Ed25519; make one with: openssl genrsa 2048';
  if (typeof pair === 'string') return pair;
  return {
    selector: of.selector,
    algorithm: pair.algorithm,
    publicKey: await exported(pair.algorithm === 'rsa-sha256' ? 'spki' : 'raw', pair.publicKey),
    privateKeyEncrypted: await sealed(secrets, of, of.selector, pair.privateKey),
    status: 'pending',
    createdAtMs: youngest(of.known, of.nowMs),
  };
}

/** What names the algorithm in the head of a PKCS #8 key (RFC 8017 §A.1, RFC 8410 §3). */
const oids = { rsa: '06092a864886f70d010101', ed25519: '06032b6570' };

function has(der: Uint8Array, oid: string): boolean {
  return hexOf(der.subarray(0, 40)).includes(oid);
}

/** PKCS #8 of what stands in the first PEM block (RFC 7468), or what is wrong. */
function pkcs8Of(pem: string): Uint8Array<ArrayBuffer> | string {
  const [, label = '', base64 = ''] =
    /-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END \1-----/.exec(pem) ?? [];
  if (label === 'ENCRYPTED PRIVATE KEY' || /^\s*Proc-Type:.*ENCRYPTED/m.test(base64))
    return 'is encrypted with a passphrase; take that off: openssl pkey -in key.pem -out plain.pem';
  if (label !== 'PRIVATE KEY' && label !== 'RSA PRIVATE KEY')
    return `must be a private key as PEM, from "-----BEGIN PRIVATE KEY-----" on${label === '' ? '' : `; this is "${label.slice(0, 40)}"`}`;
  try {
    const der = Uint8Array.from(atob(base64.replace(/\s+/g, '')), (char) => char.charCodeAt(0));
    return label === 'PRIVATE KEY' ? der : wrapped(der);
  } catch {
    return 'is cut or changed: what stands between its first and last line is not base64';
  }
}

/** The algorithm identifier rsaEncryption with NULL, behind the version 0 (RFC 5208 §5). */
const rsaHead = [0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
const rsaTail = [0x01, 0x05, 0x00];

/** A PKCS #1 key as PKCS #8. */
function wrapped(pkcs1: Uint8Array): Uint8Array<ArrayBuffer> {
  return tlv(0x30, Uint8Array.from([...rsaHead, ...rsaTail, ...tlv(0x04, pkcs1)]));
}

/** A DER value of at most 65,535 bytes (X.690 §8.1). */
function tlv(tag: number, value: Uint8Array): Uint8Array<ArrayBuffer> {
  const { length } = value;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Uint8Array.from([tag, ...size, ...value]);
}

interface ImportedPair {
  algorithm: NewKey['algorithm'];
  privateKey: CryptoKey;
  publicKey: CryptoKey;
}

/** Null: it is none. */
async function rsaPair(der: Uint8Array<ArrayBuffer>): Promise<ImportedPair | string | null> {
  const pair = await pairOf(der, rsaKeys, ({ kty, n, e }) => ({ kty, n, e }) as JsonWebKey);
  if (pair === null) return null;
  const { n = '' } = (await crypto.subtle.exportKey('jwk', pair.publicKey)) as JsonWebKey;
  const bits = bitsOf(n);
  if (bits < rsaBits.fewest || bits > rsaBits.most)
    return `has ${bits} bits; RSA keys have ${rsaBits.fewest} to ${rsaBits.most}, and 2048 are advised (RFC 8301)`;
  return (await signs(rsaKeys.name, pair)) ? { algorithm: 'rsa-sha256', ...pair } : null;
}

async function ed25519Pair(der: Uint8Array<ArrayBuffer>): Promise<ImportedPair | null> {
  const pair = await pairOf(der, { name: 'Ed25519' }, ({ kty, crv, x }) => ({ kty, crv, x }) as JsonWebKey);
  return pair && (await signs('Ed25519', pair)) ? { algorithm: 'ed25519-sha256', ...pair } : null;
}

async function pairOf(
  der: Uint8Array<ArrayBuffer>,
  algorithm: { name: string; hash?: string },
  publicOf: (jwk: JsonWebKey) => JsonWebKey,
): Promise<{ privateKey: CryptoKey; publicKey: CryptoKey } | null> {
  try {
    const privateKey = await crypto.subtle.importKey('pkcs8', der, algorithm, true, ['sign']);
    const jwk = (await crypto.subtle.exportKey('jwk', privateKey)) as JsonWebKey;
    const publicKey = await crypto.subtle.importKey('jwk', publicOf(jwk), algorithm, true, ['verify']);
    return { privateKey, publicKey };
  } catch {
    return null; // of another algorithm, or damaged
  }
}

async function signs(
  algorithm: string,
  { privateKey, publicKey }: { privateKey: CryptoKey; publicKey: CryptoKey },
): Promise<boolean> {
  const text = new TextEncoder().encode('pennypost');
  const signature = await crypto.subtle.sign(algorithm, privateKey, text);
  return await crypto.subtle.verify(algorithm, publicKey, signature, text);
}

/** The length of a number that a JWK holds (RFC 7518 §6.3.1.1). */
function bitsOf(base64url: string): number {
  const bytes = atob(base64url.replaceAll('-', '+').replaceAll('_', '/'));
  const lead = bytes.charCodeAt(0);
  return bytes.length === 0 ? 0 : (bytes.length - 1) * 8 + (32 - Math.clz32(lead));
}

async function sealed(
  secrets: readonly Uint8Array[],
  { accountId, domain }: KeyOwner,
  selector: string,
  key: CryptoKey,
): Promise<string> {
  const text = pem(await exported('pkcs8', key));
  return await encryptKey(text, secrets, sealedDkimKey({ accountId, domain, selector }));
}

async function exported(format: 'spki' | 'pkcs8' | 'raw', key: CryptoKey): Promise<string> {
  const bytes = new Uint8Array((await crypto.subtle.exportKey(format, key)) as ArrayBuffer);
  return btoa(String.fromCharCode(...bytes));
}

function pem(base64: string): string {
  return `-----BEGIN PRIVATE KEY-----\n${base64.match(/.{1,64}/g)?.join('\n') ?? ''}\n-----END PRIVATE KEY-----\n`;
}
