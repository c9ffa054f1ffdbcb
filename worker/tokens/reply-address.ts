import { base32 } from '#domain/base32.ts';
import { replyToken } from '#domain/inbound/reply-address.ts';
import { newestMac } from './keyed-mac.ts';

/**
 * The token that stands for somebody who writes to a masked alias: the same for the same, whatever the case of the
 * address, as long as the newest key is the same one.
 */
export async function replyTokenOf(
  keys: readonly Uint8Array[],
  aliasId: number,
  address: string,
): Promise<string> {
  const mac = await newestMac(keys);
  return replyToken(aliasId, await mac(bytesOf(`alias reply ${aliasId} ${address.toLowerCase()}`)));
}

const markBytes = 10;

/** What a mail has in it that has passed a masked alias, so that it is known when it comes back. */
export async function aliasMark(keys: readonly Uint8Array[], aliasId: number): Promise<string> {
  const mac = await newestMac(keys);
  return base32((await mac(bytesOf(`alias passed ${aliasId}`))).subarray(0, markBytes));
}

/** The purpose stands in front, so that no other token made with these keys is one of these. */
function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
