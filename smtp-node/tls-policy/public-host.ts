import { type LookupAddress, lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { addressFault, hostFault, parseAddress } from '#domain/dns/public-address.ts';

/**
 * Which hosts a node may call because a stranger's DNS names them: what is loopback, private or link-local for the node
 * (metadata of clouds among it) is not theirs to point at. Each address is judged as it is connected to, so that a name
 * that changes in between gains nothing.
 */

/** @throws Error when an address is not public */
export function requirePublic(name: string, addresses: readonly string[]): void {
  for (const text of addresses) {
    const address = parseAddress(text);
    const fault = address ? addressFault(address) : `${text} is not an address`;
    if (fault !== null) throw new Error(`${name} is at an address that is not public: ${fault}`);
  }
}

/** @throws Error when the host of a URL cannot be public, whatever it resolves to */
export function requirePublicHost(host: string): void {
  const fault = hostFault(host);
  if (fault !== null) throw new Error(fault);
}

/** The `lookup` of a connection, which fails for a name with an address that is not public. */
export const publicLookup: LookupFunction = (name, options, callback) => {
  lookup(name, { ...options, all: true }, (error, found: LookupAddress[]) => {
    if (error) return callback(error, []);
    try {
      requirePublic(
        name,
        found.map(({ address }) => address),
      );
    } catch (fault) {
      return callback(fault as NodeJS.ErrnoException, []);
    }
    const [first] = found;
    if (options.all || !first) return callback(null, found);
    return callback(null, first.address, first.family);
  });
};
