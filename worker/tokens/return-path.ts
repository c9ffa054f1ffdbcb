import {
  formatReturnPath,
  parseReturnPath,
  type ReturnPathToken,
  signedBytes,
} from '#domain/message/return-path.ts';
import { newestMac, verifyMac } from './keyed-mac.ts';

/** Makes return paths; one key import for many. */
export interface ReturnPathSigner {
  /** `b-<token>@host` for one delivery. */
  addressOf(messageId: string, n: number, host: string): Promise<string>;
}

/** A signer with the newest of the keys. */
export async function returnPathSigner(keys: readonly Uint8Array[]): Promise<ReturnPathSigner> {
  const mac = await newestMac(keys);
  return {
    addressOf: async (messageId, n, host) =>
      `${formatReturnPath(messageId, n, await mac(signedBytes(messageId, n)))}@${host}`,
  };
}

/** The delivery that a local part speaks for; null when it is no token or none of the keys made it. */
export async function verifyReturnPath(
  localPart: string,
  keys: readonly Uint8Array[],
): Promise<ReturnPathToken | null> {
  const token = parseReturnPath(localPart);
  return token && (await verifyMac(keys, token.signed, token.mac)) ? token : null;
}
