/**
 * Private keys and secrets at rest: AES-256-GCM under a secret of the Worker. The text is `v2.<key id>.<iv>.<ciphertext>`,
 * base64url; the key id (first bytes of the secret's SHA-256) says which of several secrets opens it, so that the secret
 * itself can be rotated: the newest encrypts, all decrypt. What it is, and of which row, is authenticated with it, so
 * that a text which somebody has moved to another row does not open there. `v1` had no such binding; cron seals it anew.
 */
export interface Sealed {
  /** `cookie`: no table, but what a browser keeps for a moment. */
  table: 'dkim_keys' | 'webhook_endpoints' | 'transports' | 'cookie';
  /** What names the row, and stays so for as long as it is there. */
  row: readonly (string | number)[];
  purpose: 'private key' | 'signing secret' | 'own fields' | 'login' | 'shown once';
}

/** What is bound to the private key of a DKIM key. */
export function sealedDkimKey(of: { accountId: number; domain: string; selector: string }): Sealed {
  return { table: 'dkim_keys', row: [of.accountId, of.domain, of.selector], purpose: 'private key' };
}

/** What is bound to a secret of a webhook endpoint, the current one and the one before alike. */
export function sealedWebhookSecret(publicId: string): Sealed {
  return { table: 'webhook_endpoints', row: [publicId], purpose: 'signing secret' };
}

/** What is bound to a webhook endpoint's own header fields and password. */
export function sealedOwnFields(publicId: string): Sealed {
  return { table: 'webhook_endpoints', row: [publicId], purpose: 'own fields' };
}

/** What is bound to the secret by which a node signs in to a relay. */
export function sealedTransport(name: string): Sealed {
  return { table: 'transports', row: [name], purpose: 'login' };
}

function bound({ table, row, purpose }: Sealed): Uint8Array {
  return new TextEncoder().encode(JSON.stringify([table, ...row, purpose]));
}

export async function encryptKey(plain: string, secrets: readonly Uint8Array[], of: Sealed): Promise<string> {
  const secret = secrets[0];
  if (!secret) throw new Error('there is no encryption key');
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const sealed = await crypto.subtle.encrypt(
    { name: 'AES-GCM', iv, additionalData: bound(of) },
    await importSecret(secret),
    new TextEncoder().encode(plain),
  );
  return `${await sealedPrefix(secrets)}${base64url(iv)}.${base64url(new Uint8Array(sealed))}`;
}

/** How a text begins that needs no secret but the newest. */
export async function sealedPrefix(secrets: readonly Uint8Array[]): Promise<string> {
  const secret = secrets[0];
  if (!secret) throw new Error('there is no encryption key');
  return `v2.${await keyId(secret)}.`;
}

/** The plain text; throws when no secret fits, or the text was changed or is another row's. */
export async function decryptKey(
  sealed: string,
  secrets: readonly Uint8Array[],
  of: Sealed,
): Promise<string> {
  const [version, id, iv, ciphertext] = sealed.split('.');
  if ((version !== 'v1' && version !== 'v2') || !id || !iv || !ciphertext)
    throw new Error('a stored key is not of the form v2.id.iv.text');
  for (const secret of secrets) {
    if ((await keyId(secret)) !== id) continue;
    const algorithm = { name: 'AES-GCM', iv: fromBase64url(iv) };
    const plain = await crypto.subtle.decrypt(
      version === 'v1' ? algorithm : { ...algorithm, additionalData: bound(of) },
      await importSecret(secret),
      fromBase64url(ciphertext),
    );
    return new TextDecoder().decode(plain);
  }
  throw new Error(
    `no encryption key with id ${id}; keep old keys in ENCRYPTION_KEYS until everything is re-encrypted`,
  );
}

async function importSecret(secret: Uint8Array): Promise<CryptoKey> {
  return await crypto.subtle.importKey('raw', secret, 'AES-GCM', false, ['encrypt', 'decrypt']);
}

async function keyId(secret: Uint8Array): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', secret)).subarray(0, 6));
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replace(/\+/g, '-')
    .replace(/\//g, '_')
    .replace(/=+$/, '');
}

function fromBase64url(text: string): Uint8Array {
  return Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
}
