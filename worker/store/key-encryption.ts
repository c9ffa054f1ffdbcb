/**
 * Private keys at rest: AES-256-GCM under a secret of the Worker. The text is `v1.<key id>.<iv>.<ciphertext>`,
 * base64url; the key id (first bytes of the secret's SHA-256) says which of several secrets opens it, so that
 * the secret itself can be rotated: the newest encrypts, all decrypt.
 */
export async function encryptKey(plain: string, secrets: readonly Uint8Array[]): Promise<string> {
  const secret = secrets[0];
  if (!secret) throw new Error('there is no encryption key');
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const sealed = await crypto.subtle.encrypt(
    { name: 'AES-GCM', iv },
    await importSecret(secret),
    new TextEncoder().encode(plain),
  );
  return ['v1', await keyId(secret), base64url(iv), base64url(new Uint8Array(sealed))].join('.');
}

/** The plain text; throws when no secret fits or the text was changed. */
export async function decryptKey(sealed: string, secrets: readonly Uint8Array[]): Promise<string> {
  const [version, id, iv, ciphertext] = sealed.split('.');
  if (version !== 'v1' || !id || !iv || !ciphertext)
    throw new Error('a stored key is not of the form v1.id.iv.text');
  for (const secret of secrets) {
    if ((await keyId(secret)) !== id) continue;
    const plain = await crypto.subtle.decrypt(
      { name: 'AES-GCM', iv: fromBase64url(iv) },
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
