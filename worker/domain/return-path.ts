/**
 * The token in a return path (VERP): base32 of delivery id and truncated HMAC, so `b-<token>@host` tells which
 * delivery an answer is about and cannot be forged. Local parts are at most 64 octets (RFC 5321 §4.5.3.1.1) and
 * relays may change their case, so the alphabet is the case-insensitive one of RFC 4648 §6 in lower case.
 *
 * Layout, 27 bytes: 16 message id, 1 recipient number, 10 HMAC-SHA-256 (80 bits) over those 17 bytes.
 */
import { formatUuid, isUuidV7, type MessageId, uuidToBytes } from './ids.ts';

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
const idBytes = 17;
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
  const bytes = new Uint8Array(idBytes);
  bytes.set(uuidToBytes(messageId));
  bytes[16] = n;
  return bytes;
}

/** `b-<token>`, the local part of the return path. `mac` is the full or truncated HMAC over `signedBytes`. */
export function formatReturnPath(messageId: MessageId, n: number, mac: Uint8Array): string {
  const bytes = new Uint8Array(idBytes + macBytes);
  bytes.set(signedBytes(messageId, n));
  bytes.set(mac.subarray(0, macBytes), idBytes);
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
  return { messageId, n, signed: bytes.subarray(0, idBytes), mac: bytes.subarray(idBytes) };
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

function base32(bytes: Uint8Array): string {
  let text = '';
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[(buffer >> bits) & 31];
    }
    buffer &= (1 << bits) - 1;
  }
  return bits > 0 ? text + alphabet[(buffer << (5 - bits)) & 31] : text;
}

/** Null when the unused last bits are not zero: one token has one spelling (RFC 4648 §3.5). */
function unbase32(text: string): Uint8Array | null {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8));
  let buffer = 0;
  let bits = 0;
  let length = 0;
  for (const char of text) {
    buffer = (buffer << 5) | alphabet.indexOf(char);
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[length++] = (buffer >> bits) & 255;
    }
    buffer &= (1 << bits) - 1;
  }
  return buffer === 0 ? bytes : null;
}
