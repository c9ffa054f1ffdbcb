/** One name that takes mail for a domain, with its addresses in the order the resolver gave them. */
export interface MxHost {
  host: string;
  preference: number;
  ipv4: readonly string[];
  ipv6: readonly string[];
}

/** One address to connect to. */
export interface MxTarget {
  host: string;
  address: string;
}

/**
 * The addresses in the order in which they are tried: lowest preference first, random among hosts of equal
 * preference to spread the load (RFC 5321 §5.1), each address once.
 *
 * A host's addresses keep the resolver's order within their family (RFC 5321 §5.1: "MUST try them in the order
 * presented"); the families alternate, so that one broken family costs one attempt, not all. IPv4 begins:
 * large receivers ask more of IPv6 senders (PTR, SPF or DKIM on every message), so it is the likelier to work.
 * @param random from 0 (inclusive) to 1
 */
export function orderTargets(hosts: readonly MxHost[], random: () => number): MxTarget[] {
  const shuffled = shuffle(hosts, random).sort((a, b) => a.preference - b.preference);
  const seen = new Set<string>();
  const targets: MxTarget[] = [];
  for (const { host, ipv4, ipv6 } of shuffled) {
    for (const address of interleave(ipv4, ipv6)) {
      if (seen.has(address)) continue;
      seen.add(address);
      targets.push({ host, address });
    }
  }
  return targets;
}

/** Fisher and Yates: every order is equally likely. The sort above is stable, so it keeps it among equals. */
function shuffle<T>(list: readonly T[], random: () => number): T[] {
  const rest = [...list];
  const result: T[] = [];
  while (rest.length > 0) result.push(...rest.splice(Math.floor(random() * rest.length), 1));
  return result;
}

function interleave<T>(a: readonly T[], b: readonly T[]): T[] {
  const result: T[] = [];
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    result.push(...a.slice(i, i + 1), ...b.slice(i, i + 1));
  }
  return result;
}
