import { hexOf } from '#domain/hex.ts';
import { firstHome } from '#domain/message/home.ts';

/** Secrets of credentials: made, recognised and hashed here. */

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** 32 base62 characters carry 190 bits. */
const secretLength = 32;
const secretPattern = /^pp_(live|test)_[0-9A-Za-z]{20,64}$/;
/** The home stands before the rest in two hex digits; without it, it is the first. */
const homedPattern = /^pp_(?:live|test)_([0-9a-f]{2})[0-9A-Za-z]{32}$/;

/** A new secret, `pp_live_…` or `pp_test_…`, which names the home of its account. */
export function newSecret(environment: 'live' | 'test', home: number): string {
  let text = '';
  while (text.length < secretLength) {
    for (const byte of crypto.getRandomValues(new Uint8Array(64))) {
      // 248 is the largest multiple of 62 below 256: larger bytes would favour the first letters.
      if (byte < 248 && text.length < secretLength) text += alphabet[byte % 62];
    }
  }
  return `pp_${environment}_${home === firstHome ? '' : home.toString(16).padStart(2, '0')}${text}`;
}

/** The home that a secret names: where its account was when the key was made. */
export function homeOfSecret(secret: string): number {
  const [, home] = homedPattern.exec(secret) ?? [];
  return home === undefined ? firstHome : Number.parseInt(home, 16);
}

/** The secret in an `Authorization: Bearer` field (RFC 6750 §2.1); null when there is none of our form. */
export function bearerSecret(authorization: string | null | undefined): string | null {
  const secret = bearerToken(authorization);
  return secret && secretPattern.test(secret) ? secret : null;
}

/** SHA-256, hex: what is stored of a secret, and what fingerprints are made of. */
export async function sha256Hex(data: string | Uint8Array): Promise<string> {
  const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
  return hexOf(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}

/** Compares two secrets by their hashes, so that time tells nothing about them. */
export async function equalSecrets(a: string, b: string): Promise<boolean> {
  return (await sha256Hex(a)) === (await sha256Hex(b));
}

/** The token in an `Authorization: Bearer` field, of any form; null when there is none. */
export function bearerToken(authorization: string | null | undefined): string | null {
  return /^Bearer +(\S{1,512})$/i.exec(authorization?.trim() ?? '')?.[1] ?? null;
}
