import { equalBytes } from '#domain/message/return-path.ts';

/** The runtime's own key type; workerd and Node name it differently. */
type HmacKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/** HMAC-SHA-256 with a key. */
export type Mac = (bytes: Uint8Array) => Promise<Uint8Array>;

/** A MAC with the newest of the keys; one import for many. */
export async function newestMac(keys: readonly Uint8Array[]): Promise<Mac> {
  const newest = keys[0];
  if (!newest) throw new Error('there is no return-path key');
  const key = await importKey(newest);
  return (bytes) => sign(key, bytes);
}

/** Whether any of the keys made a truncated MAC of these bytes. */
export async function verifyMac(
  keys: readonly Uint8Array[],
  bytes: Uint8Array,
  truncated: Uint8Array,
): Promise<boolean> {
  for (const secret of keys) {
    const expected = await sign(await importKey(secret), bytes);
    if (equalBytes(expected.subarray(0, truncated.length), truncated)) return true;
  }
  return false;
}

async function importKey(secret: Uint8Array): Promise<HmacKey> {
  return await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
}

async function sign(key: HmacKey, bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, bytes));
}
