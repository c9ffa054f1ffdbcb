/**
 * The one-time code of the first set-up. It is not stored: both halves derive it from the secret, and it is good
 * only as long as the installation has no user.
 */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'; // Crockford's base32: no I, L, O, U to be misread

/** The text whose HMAC-SHA-256 under `AUTH_SECRET` is the code. */
export const setupCodeText = 'pennypost set-up code';

/** `XXXX-XXXX-XXXX`, 60 bits, from the HMAC of `setupCodeText`. */
export function formatSetupCode(mac: Uint8Array): string {
  const letters = Array.from(mac.subarray(0, 12), (byte) => alphabet[byte & 31]).join('');
  return letters.replace(/(.{4})(?=.)/g, '$1-');
}

/** The code as it is compared: what a person may have typed, without dashes, spaces and case. */
export function normalSetupCode(typed: string): string {
  return typed
    .toUpperCase()
    .replaceAll(/[^0-9A-Z]/g, '')
    .replaceAll('O', '0')
    .replaceAll(/[IL]/g, '1');
}
