import type { ResolveRecords } from '../../smtp-node/outbound/mx.ts';

interface Records {
  MX?: { exchange: string; priority: number }[];
  A?: string[];
  AAAA?: string[];
}

/** DNS as a table. A name that it lacks is NXDOMAIN; `'SERVFAIL'` fails as a broken server does. */
export type Zone = Record<string, Records | 'SERVFAIL'>;

function dnsError(code: string): Error {
  return Object.assign(new Error(`query ${code}`), { code });
}

/** A resolver that answers as node:dns does: ENOTFOUND for no such name, ENODATA for no such record. */
export function resolverOf(zone: Zone, asked: string[] = []): ResolveRecords {
  return async (name, type) => {
    asked.push(`${name} ${type}`);
    const records = zone[name];
    if (records === undefined) throw dnsError('ENOTFOUND');
    if (records === 'SERVFAIL') throw dnsError('ESERVFAIL');
    const found = type === 'MX' ? records.MX : type === 'A' ? records.A : type === 'AAAA' ? records.AAAA : [];
    if (!found || found.length === 0) throw dnsError('ENODATA');
    return found;
  };
}

/** `example.test` with one MX, `mx.test`, at the address. */
export function oneMx(address: string): Zone {
  return {
    'example.test': { MX: [{ exchange: 'mx.test', priority: 10 }] },
    'mx.test': { A: [address] },
  };
}
