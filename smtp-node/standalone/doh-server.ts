import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { canonicalName, type DnsType, dnsTypes, quoteTxt } from '#domain/dns.ts';

export interface DohServer {
  /** What the edge's `DOH_URL` is set to. */
  url: string;
  stop(): Promise<void>;
}

export interface DohServerOptions {
  /** DNS servers, each with an optional port; empty: those of the system. */
  dnsServers: readonly string[];
  /** Longest wait for one server. */
  timeoutMs?: number;
  tries?: number;
}

interface Rr {
  name: string;
  type: number;
  data: string;
}

const mostCnames = 8;

/**
 * DNS over HTTPS for one machine: a loopback endpoint that answers the JSON form through this machine's own
 * resolver, so that a local edge sees the DNS that the machine sees.
 */
export async function startDohServer(options: DohServerOptions): Promise<DohServer> {
  const resolver = new Resolver({ timeout: options.timeoutMs ?? 2_000, tries: options.tries ?? 2 });
  if (options.dnsServers.length > 0) resolver.setServers(options.dnsServers);
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const name = canonicalName(searchParams.get('name') ?? '');
    const type = typeOf(searchParams.get('type') ?? '');
    if (request.method !== 'GET' || type === null || name === '' || name.length > 253) {
      response.writeHead(400).end();
      return;
    }
    answer(resolver, name, type).then(
      (body) => response.writeHead(200, { 'Content-Type': 'application/dns-json' }).end(JSON.stringify(body)),
      () => response.writeHead(500).end(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a server has no port');
  return {
    url: `http://127.0.0.1:${address.port}/dns-query`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function typeOf(text: string): DnsType | null {
  const names = Object.keys(dnsTypes) as DnsType[];
  return names.find((name) => name === text.toUpperCase() || String(dnsTypes[name]) === text) ?? null;
}

/** The answer in the JSON form: RCODE (RFC 1035 §4.1.1) and records, the CNAME records on the way among them. */
async function answer(
  resolver: Resolver,
  name: string,
  type: DnsType,
): Promise<{ Status: number; Answer: Rr[] }> {
  const [aliases, found] = await Promise.all([cnames(resolver, name), ask(resolver, name, type)]);
  if (type === 'CNAME') return { Status: found.status, Answer: aliases };
  const owner = aliases.at(-1)?.data ?? name;
  const records = found.records.map((data) => ({ name: owner, type: dnsTypes[type], data }));
  return { Status: found.status, Answer: [...aliases, ...records] };
}

/** The CNAME records from a name on: `node:dns` follows them without telling. */
async function cnames(resolver: Resolver, name: string): Promise<Rr[]> {
  const found: Rr[] = [];
  let owner = name;
  while (found.length < mostCnames) {
    const [target] = await resolver.resolveCname(owner).catch((): string[] => []);
    if (target === undefined) return found;
    found.push({ name: owner, type: dnsTypes.CNAME, data: canonicalName(target) });
    owner = canonicalName(target);
  }
  return found;
}

async function ask(
  resolver: Resolver,
  name: string,
  type: DnsType,
): Promise<{ status: number; records: string[] }> {
  try {
    return { status: 0, records: await resolve(resolver, name, type) };
  } catch (error) {
    return { status: rcode(error), records: [] };
  }
}

async function resolve(resolver: Resolver, name: string, type: DnsType): Promise<string[]> {
  switch (type) {
    case 'MX':
      return (await resolver.resolveMx(name)).map(
        ({ priority, exchange }) => `${priority} ${exchange || '.'}`,
      );
    case 'TXT':
      return (await resolver.resolveTxt(name)).map((strings) => quoteTxt(strings.join('')));
    case 'SOA': {
      const { nsname, hostmaster, serial, refresh, retry, expire, minttl } = await resolver.resolveSoa(name);
      return [[nsname, hostmaster, serial, refresh, retry, expire, minttl].join(' ')];
    }
    case 'A':
      return await resolver.resolve4(name);
    case 'AAAA':
      return await resolver.resolve6(name);
    case 'CNAME':
      return await resolver.resolveCname(name);
    case 'NS':
      return await resolver.resolveNs(name);
    case 'PTR':
      return await resolver.resolvePtr(name);
  }
}

/** NXDOMAIN is 3, an empty answer 0, a refusal 5; whatever else is a failure of the way, 2. */
function rcode(error: unknown): number {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return code === 'ENOTFOUND' ? 3 : code === 'ENODATA' ? 0 : code === 'EREFUSED' ? 5 : 2;
}
