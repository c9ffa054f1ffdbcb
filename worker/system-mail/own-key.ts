import { Problem } from '#domain/problem.ts';
import { sha256Hex } from '../intake/secret.ts';
import type { Settings } from '../settings.ts';
import { ensureOwnKey } from '../store/auth.ts';
import type { Store } from '../store/store.ts';

/** The name under which that key is listed. */
export const ownName = 'dashboard';

/**
 * The key with which the installation itself sends for an account (tests, sign-in links): derived from the Worker's
 * secret, so that nothing has to be kept, and listed and revocable like any other.
 * @throws Problem when the account has revoked it
 */
export async function ownKey(
  { store, env }: { store: Store; env: Pick<Settings, 'authSecret'> },
  accountId: number,
): Promise<string> {
  const mac = await hmac(env.authSecret, `key of account ${accountId}`);
  const secret = `pp_live_${Array.from(mac.subarray(0, 24), (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
  const usable = await ensureOwnKey(store, {
    accountId,
    secretHash: await sha256Hex(secret),
    hint: secret.slice(-4),
    nowMs: Date.now(),
  });
  if (usable) return secret;
  throw new Problem(
    'unauthorized',
    'The key “Dashboard” of this account was revoked; send with another key.',
  );
}

/** HMAC-SHA-256. */
export async function hmac(secret: string, text: string): Promise<Uint8Array> {
  const bytes = (of: string) => new TextEncoder().encode(of);
  const key = await crypto.subtle.importKey('raw', bytes(secret), { name: 'HMAC', hash: 'SHA-256' }, false, [
    'sign',
  ]);
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, bytes(text)));
}
