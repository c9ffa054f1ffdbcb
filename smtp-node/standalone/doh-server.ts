import { once } from 'node:events';
import { createServer } from 'node:http';
import {
  canonicalName,
  type DnsAnswer,
  type DnsFailure,
  type DnsType,
  dnsTypes,
  type Lookup,
  quoteTxt,
} from '#domain/dns/dns.ts';

export interface DohServer {
  /** What the edge's `DOH_URL` is set to. */
  url: string;
  stop(): Promise<void>;
}

/**
 * DNS over HTTPS for one machine: a loopback endpoint that answers the JSON form by a lookup, such as that of the
 * machine's own resolver, so that a local edge sees the DNS that the machine sees.
 */
export async function startDohServer(lookup: Lookup): Promise<DohServer> {
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const name = canonicalName(searchParams.get('name') ?? '');
    const type = typeOf(searchParams.get('type') ?? '');
    if (request.method !== 'GET' || type === null || name === '' || name.length > 253) {
      response.writeHead(400).end();
      return;
    }
    lookup(name, type).then(
      (answer) => {
        response.writeHead(200, { 'Content-Type': 'application/dns-json' });
        response.end(JSON.stringify(jsonForm(name, type, answer)));
      },
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

/** RCODE (RFC 1035 §4.1.1) of each failure. */
const rcodes: Readonly<Record<DnsFailure, number>> = {
  nodata: 0,
  servfail: 2,
  timeout: 2,
  unreachable: 2,
  malformed: 2,
  nxdomain: 3,
  refused: 5,
};

/** The answer in the JSON form, the CNAME records on the way among its records. */
function jsonForm(name: string, type: DnsType, answer: DnsAnswer) {
  const owners = [name, ...answer.chain];
  const rr = (i: number, of: DnsType, data: string) => ({
    name: owners[i] ?? name,
    type: dnsTypes[of],
    data,
  });
  const aliases = answer.chain.map((target, i) => rr(i, 'CNAME', target));
  const records = 'records' in answer && type !== 'CNAME' ? answer.records : [];
  return {
    Status: 'failure' in answer ? rcodes[answer.failure] : 0,
    Answer: [
      ...aliases,
      ...records.map((text) => rr(answer.chain.length, type, type === 'TXT' ? quoteTxt(text) : text)),
    ],
  };
}
