import { hexOf, octetsOfHex } from '#domain/hex.ts';
import { newestMac, verifyMac } from './keyed-mac.ts';

const macBytes = 16;

/** Where a relay's events are posted to: whoever does not know it cannot have learned it from its name. */
export async function feedPath(keys: readonly Uint8Array[], transport: string): Promise<string> {
  const mac = (await (await newestMac(keys))(signed(transport))).subarray(0, macBytes);
  return `/feeds/${transport}/${hexOf(mac)}`;
}

/** Whether a path of that transport was made by `feedPath`, with any of the keys. */
export async function isFeedPath(
  keys: readonly Uint8Array[],
  transport: string,
  mac: string,
): Promise<boolean> {
  if (!/^[0-9a-f]{32}$/.test(mac)) return false;
  return await verifyMac(keys, signed(transport), octetsOfHex(mac));
}

/** The purpose stands in front, so that no other token made with these keys is one of these. */
function signed(transport: string): Uint8Array {
  return new TextEncoder().encode(`feed ${transport}`);
}
