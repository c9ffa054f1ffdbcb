/**
 * Links of ours in a mail: the pixel, the links that are followed through us, the way to unsubscribe. Each holds a
 * token that names one delivery and cannot be forged: base32 of message id, recipient number and truncated HMAC. The
 * keys are those of return paths, so what the HMAC covers begins with the link's purpose: a token of one kind is
 * never a good one of another.
 *
 * Layout, 33 bytes: 16 message id, 1 recipient number, 16 HMAC-SHA-256 (128 bits: a link can be tried much faster
 * than an address).
 */

import { base32, unbase32 } from '../base32.ts';
import type { ScopeType } from '../suppression/scope.ts';
import { isAscii } from './address.ts';
import { formatUuid, isUuidV7, type MessageId } from './ids.ts';
import { deliveryBytes, signedBytes } from './return-path.ts';

/** What a link of ours is for, and where it is. */
export const linkPaths = { open: '/t/', click: '/c/', unsubscribe: '/u/' } as const;
export type LinkPurpose = keyof typeof linkPaths;

export const linkMacBytes = 16;
const tokenPattern = /^[a-z2-7]{53}$/;

/** Which delivery a link is about. */
export interface LinkToken {
  messageId: MessageId;
  n: number;
  mac: Uint8Array;
}

/**
 * The bytes that the HMAC of a link covers. A return path's are 17 and begin with a message id; these are more and
 * begin with a word.
 * @param target where a click leads, ASCII as every URL is, or in which scope a link unsubscribes; else empty
 * @returns null when the target is not ASCII, so that no two targets have the same bytes
 */
export function signedLink(
  purpose: LinkPurpose,
  { messageId, n }: { messageId: MessageId; n: number },
  target: string,
): Uint8Array | null {
  if (!isAscii(target)) return null;
  const ascii = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
  const parts = [ascii(`pennypost ${purpose}\0`), signedBytes(messageId, n), ascii(target)];
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The token of a link. `mac` is the full or truncated HMAC over `signedLink`. */
export function formatLinkToken({ messageId, n, mac }: LinkToken): string {
  const bytes = new Uint8Array(deliveryBytes + linkMacBytes);
  bytes.set(signedBytes(messageId, n));
  bytes.set(mac.subarray(0, linkMacBytes), deliveryBytes);
  return base32(bytes);
}

/** Reads a token. Null when it is not of the form; the HMAC is the caller's to verify. */
export function parseLinkToken(text: string): LinkToken | null {
  const bytes = tokenPattern.test(text) ? unbase32(text) : null;
  if (!bytes) return null;
  const messageId = formatUuid(bytes.subarray(0, 16));
  if (!isUuidV7(messageId)) return null;
  return { messageId, n: bytes[16] ?? 0, mac: bytes.subarray(deliveryBytes) };
}

/** What a sender asks of a message; undefined: what the account asks of all its mail. */
export interface TrackingWish {
  opens?: boolean;
  clicks?: boolean;
  unsubscribe?: boolean;
  /** What a link to unsubscribe is for; left out: the sending domain. Who names it wants the link. */
  unsubscribeScope?: ScopeType;
}

/** What has been put into a message. */
export interface Tracked {
  opens: boolean;
  clicks: boolean;
  unsubscribe: boolean;
}

export const untracked: Tracked = { opens: false, clicks: false, unsubscribe: false };

const bits = { opens: 1, clicks: 2, unsubscribe: 4 } as const;

/** As one number, which is how a message's row keeps it. */
export function trackedBits(tracked: Tracked): number {
  return (
    (tracked.opens ? bits.opens : 0) |
    (tracked.clicks ? bits.clicks : 0) |
    (tracked.unsubscribe ? bits.unsubscribe : 0)
  );
}

/** Reads the number of `trackedBits`. */
export function trackedOf(number: number): Tracked {
  return {
    opens: (number & bits.opens) !== 0,
    clicks: (number & bits.clicks) !== 0,
    unsubscribe: (number & bits.unsubscribe) !== 0,
  };
}
