import {
  equalBytes,
  formatReturnPath,
  macBytes,
  parseReturnPath,
  type ReturnPathToken,
  signedBytes,
} from '#domain/return-path.ts';

/** The runtime's own key type; workerd and Node name it differently. */
type HmacKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/** Makes return paths; one key import for many. */
export interface ReturnPathSigner {
  /** `b-<token>@host` for one delivery. */
  addressOf(messageId: string, n: number, host: string): Promise<string>;
}

/** A signer with the newest of the keys. */
export async function returnPathSigner(keys: readonly Uint8Array[]): Promise<ReturnPathSigner> {
  const newest = keys[0];
  if (!newest) throw new Error('there is no return-path key');
  const key = await importKey(newest);
  return {
    addressOf: async (messageId, n, host) =>
      `${formatReturnPath(messageId, n, await mac(key, signedBytes(messageId, n)))}@${host}`,
  };
}

/** The delivery that a local part speaks for; null when it is no token or none of the keys made it. */
export async function verifyReturnPath(
  localPart: string,
  keys: readonly Uint8Array[],
): Promise<ReturnPathToken | null> {
  const token = parseReturnPath(localPart);
  if (!token) return null;
  for (const secret of keys) {
    const expected = await mac(await importKey(secret), token.signed);
    if (equalBytes(expected.subarray(0, macBytes), token.mac)) return token;
  }
  return null;
}

async function importKey(secret: Uint8Array): Promise<HmacKey> {
  return await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
}

async function mac(key: HmacKey, bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, bytes));
}
