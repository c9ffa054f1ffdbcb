import { hexOf, octetsOfHex } from '#domain/hex.ts';
import { newestMac, verifyMac } from './keyed-mac.ts';

/**
 * Ids of leases say whose they are: `<mac>-<name>`, the MAC over node and name. So a report of a lease, however late it
 * comes, counts only from the node that had it.
 */
const macBytes = 8;
/** As ids were before they said whose they are: a UUID. */
const nameless = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The id of a lease that a node has named. */
export async function leaseIdOf(keys: readonly Uint8Array[], nodeId: string, name: string): Promise<string> {
  const mac = await (await newestMac(keys))(signedText(nodeId, name));
  return `${hexOf(mac.subarray(0, macBytes))}-${name}`;
}

/** Tells whether leases are a node's own; each id is looked at once. `unknown`: it is from before ids said that. */
export function leaseOwner(
  keys: readonly Uint8Array[],
  nodeId: string,
): (leaseId: string) => Promise<'own' | 'foreign' | 'unknown'> {
  const known = new Map<string, Promise<'own' | 'foreign' | 'unknown'>>();
  return (leaseId) => {
    const before = known.get(leaseId);
    const found = before ?? ownerOf(keys, nodeId, leaseId);
    known.set(leaseId, found);
    return found;
  };
}

async function ownerOf(keys: readonly Uint8Array[], nodeId: string, leaseId: string) {
  if (nameless.test(leaseId)) return 'unknown';
  const [, mac = '', name = ''] = /^([0-9a-f]{16})-(.+)$/.exec(leaseId) ?? [];
  const bytes = octetsOfHex(mac);
  if (bytes.length !== macBytes) return 'foreign';
  return (await verifyMac(keys, signedText(nodeId, name), bytes)) ? 'own' : 'foreign';
}

/** Return paths are signed by the same keys; they do not begin so. */
function signedText(nodeId: string, name: string): Uint8Array {
  return new TextEncoder().encode(`lease\0${nodeId}\0${name}`);
}
