/**
 * The token in a return path (VERP): base32 of delivery id and truncated HMAC, so `b-<token>@host` tells which
 * delivery an answer is about and cannot be forged. Local parts are at most 64 octets (RFC 5321 §4.5.3.1.1) and
 * relays may change their case, so the alphabet is the case-insensitive one of RFC 4648 §6 in lower case.
 *
 * Layout, 27 bytes: 16 message id, 1 recipient number, 10 HMAC-SHA-256 (80 bits) over those 17 bytes.
 */
import { base32, unbase32 } from '../base32.ts';
import { formatUuid, isUuidV7, type MessageId, uuidToBytes } from './ids.ts';

/** Message id and recipient number: what names a delivery. */
export const deliveryBytes = 17;
export const macBytes = 10;
const tokenPattern = /^b-([a-z2-7]{44})$/;

export interface ReturnPathToken {
  messageId: MessageId;
  n: number;
  /** What the HMAC is computed over. */
  signed: Uint8Array;
  mac: Uint8Array;
}

/** The bytes that the HMAC of a delivery's token covers. */
export function signedBytes(messageId: MessageId, n: number): Uint8Array {
  const bytes = new Uint8Array(deliveryBytes);
  bytes.set(uuidToBytes(messageId));
  bytes[16] = n;
  return bytes;
}

/** `b-<token>`, the local part of the return path. `mac` is the full or truncated HMAC over `signedBytes`. */
export function formatReturnPath(messageId: MessageId, n: number, mac: Uint8Array): string {
  const bytes = new Uint8Array(deliveryBytes + macBytes);
  bytes.set(signedBytes(messageId, n));
  bytes.set(mac.subarray(0, macBytes), deliveryBytes);
  return `b-${base32(bytes)}`;
}

/**
 * Reads a local part. Null when it is not of the token's form; the HMAC is the caller's to verify.
 */
export function parseReturnPath(localPart: string): ReturnPathToken | null {
  const match = tokenPattern.exec(localPart.toLowerCase());
  const bytes = match?.[1] ? unbase32(match[1]) : null;
  if (!bytes) return null;
  const messageId = formatUuid(bytes.subarray(0, 16));
  const n = bytes[16] ?? 0;
  if (!isUuidV7(messageId)) return null;
  return { messageId, n, signed: bytes.subarray(0, deliveryBytes), mac: bytes.subarray(deliveryBytes) };
}

/** True for a local part that was meant to be a token, whether it is a good one or not. */
export function looksLikeToken(localPart: string): boolean {
  return tokenPattern.test(localPart.toLowerCase());
}

/** Compares without telling by its time where the difference is. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}
