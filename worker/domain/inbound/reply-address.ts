import { base32, unbase32 } from '../base32.ts';

/**
 * `reply+<token>` at the domain of a masked alias: what stands for somebody who wrote to it, so that its owner can answer.
 * The token names the alias and cannot be guessed; whom it stands for is kept (`reply_addresses`). Pure.
 *
 * Layout, 16 bytes in base32: 6 number of the alias, 10 that only we can make. Case does not count.
 */
export interface ReplyAddress {
  aliasId: number;
  token: string;
}

const prefix = 'reply+';
const numberBytes = 6;
const macBytes = 10;
const tokenPattern = /^[a-z2-7]{26}$/;

/** The longest time without a mail that a reply address stays good. */
export const replyHoldsMs = 400 * 86_400_000;
/** That it was used is noted once in this time. */
export const replyNotedMs = 30 * 86_400_000;

/** @param mac of the alias and the one who wrote; its first ten bytes count */
export function replyToken(aliasId: number, mac: Uint8Array): string {
  const number = Array.from(
    { length: numberBytes },
    (_, i) => Math.floor(aliasId / 256 ** (numberBytes - 1 - i)) % 256,
  );
  return base32(Uint8Array.from([...number, ...mac.subarray(0, macBytes)]));
}

export function replyLocalPart(token: string): string {
  return `${prefix}${token}`;
}

/** Null when a local part is not of this form. */
export function parseReplyAddress(localPart: string): ReplyAddress | null {
  const local = localPart.toLowerCase();
  const token = local.startsWith(prefix) ? local.slice(prefix.length) : '';
  const bytes = tokenPattern.test(token) ? unbase32(token) : null;
  if (!bytes) return null;
  const aliasId = bytes.subarray(0, numberBytes).reduce((number, byte) => number * 256 + byte, 0);
  return { aliasId, token };
}
