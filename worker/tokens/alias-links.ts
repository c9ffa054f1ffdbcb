import { base32, unbase32 } from '#domain/base32.ts';
import { newestMac, verifyMac } from './keyed-mac.ts';
import { originOf } from './mail-links.ts';

/** Where the link in a mail leads that was sent on: it switches the alias off. */
export const switchOffPath = '/alias/off/';

const numberBytes = 6;
const macBytes = 16;
/** 22 bytes. */
const tokenPattern = /^[a-z2-7]{36}$/;

/** The link that switches an alias off; whoever gets its mail has it. @param origin where this Worker is reached */
export async function switchOffUrl(
  env: { returnPathKeys: readonly Uint8Array[]; publicUrl: string },
  origin: string,
  aliasId: number,
): Promise<string> {
  const mac = (await (await newestMac(env.returnPathKeys))(signed(aliasId))).subarray(0, macBytes);
  const token = base32(Uint8Array.from([...numberOf(aliasId), ...mac]));
  return `${env.publicUrl || originOf(origin)}${switchOffPath}${token}`;
}

/** The alias that a link switches off; null when none of the keys made it. */
export async function verifySwitchOff(keys: readonly Uint8Array[], token: string): Promise<number | null> {
  const bytes = tokenPattern.test(token) ? unbase32(token) : null;
  if (!bytes) return null;
  const aliasId = bytes.subarray(0, numberBytes).reduce((number, byte) => number * 256 + byte, 0);
  return (await verifyMac(keys, signed(aliasId), bytes.subarray(numberBytes))) ? aliasId : null;
}

/** The purpose stands in front, so that no other token made with these keys is one of these. */
function signed(aliasId: number): Uint8Array {
  return new TextEncoder().encode(`alias off ${aliasId}`);
}

function numberOf(aliasId: number): number[] {
  return Array.from(
    { length: numberBytes },
    (_, i) => Math.floor(aliasId / 256 ** (numberBytes - 1 - i)) % 256,
  );
}
