import { Resolver } from 'node:dns/promises';
import {
  canonicalName,
  type DnsAnswer,
  type DnsFailure,
  type DnsType,
  type Lookup,
} from '#domain/dns/dns.ts';

export interface LookupOptions {
  /** DNS servers, each with an optional port; empty: those of the system. */
  dnsServers: readonly string[];
  /** Longest wait for one server. */
  timeoutMs?: number;
  tries?: number;
}

const mostCnames = 8;

/** Asks through this machine's own resolver. */
export function systemLookup(options: LookupOptions): Lookup {
  const resolver = new Resolver({ timeout: options.timeoutMs ?? 2_000, tries: options.tries ?? 2 });
  if (options.dnsServers.length > 0) resolver.setServers(options.dnsServers);
  return async (asked, type): Promise<DnsAnswer> => {
    const name = canonicalName(asked);
    const [chain, found] = await Promise.all([cnameChain(resolver, name), ask(resolver, name, type)]);
    return typeof found === 'string' ? { failure: found, chain } : { records: found, chain };
  };
}

/** The CNAME records from a name on: `node:dns` follows them without telling. */
async function cnameChain(resolver: Resolver, name: string): Promise<string[]> {
  const chain: string[] = [];
  while (chain.length < mostCnames) {
    const [target] = await resolver.resolveCname(chain.at(-1) ?? name).catch((): string[] => []);
    if (target === undefined) break;
    chain.push(canonicalName(target));
  }
  return chain;
}

async function ask(resolver: Resolver, name: string, type: DnsType): Promise<string[] | DnsFailure> {
  try {
    return await resolve(resolver, name, type);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    return failures[code] ?? 'servfail';
  }
}

/** Codes of `node:dns`; whatever else is a failure of the way. */
const failures: Readonly<Record<string, DnsFailure>> = {
  ENOTFOUND: 'nxdomain',
  ENODATA: 'nodata',
  EREFUSED: 'refused',
  ETIMEOUT: 'timeout',
  ECONNREFUSED: 'unreachable',
  EBADRESP: 'malformed',
};

async function resolve(resolver: Resolver, name: string, type: DnsType): Promise<string[]> {
  switch (type) {
    case 'MX':
      return (await resolver.resolveMx(name)).map(
        (mx) => `${mx.priority} ${canonicalName(mx.exchange || '.')}`,
      );
    case 'TXT':
      return (await resolver.resolveTxt(name)).map((strings) => strings.join(''));
    case 'SOA': {
      const { nsname, hostmaster, serial, refresh, retry, expire, minttl } = await resolver.resolveSoa(name);
      return [[nsname, hostmaster, serial, refresh, retry, expire, minttl].join(' ')];
    }
    case 'A':
      return await resolver.resolve4(name);
    case 'AAAA':
      return (await resolver.resolve6(name)).map((address) => address.toLowerCase());
    case 'CNAME':
      return (await resolver.resolveCname(name)).map(canonicalName);
    case 'NS':
      return (await resolver.resolveNs(name)).map(canonicalName);
    case 'PTR':
      return (await resolver.resolvePtr(name)).map(canonicalName);
  }
}
