import { Problem } from '#domain/problem.ts';
import type { Call } from '../api/app.ts';
import { sha256Hex } from '../intake/secret.ts';
import { ensureOwnKey } from '../store/auth.ts';

/** The name under which that key is listed. */
export const ownName = 'dashboard';

/**
 * The key with which the dashboard itself sends for an account (tests, sign-in links): derived from the Worker's
 * secret, so that nothing has to be kept, and listed and revocable like any other.
 * @throws Problem when the account has revoked it
 */
export async function ownKey(c: Call, accountId: number): Promise<string> {
  const mac = await hmac(c.get('env').authSecret, `key of account ${accountId}`);
  const secret = `pp_live_${Array.from(mac.subarray(0, 24), (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
  const usable = await ensureOwnKey(c.get('store'), {
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
