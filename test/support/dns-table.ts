import type { DnsAnswer, DnsFailure, DnsType, Lookup } from '#domain/dns/dns.ts';

/** Records of a name by type; `'servfail'` and the like: every question about it fails so. */
export type DnsEntry = Partial<Record<DnsType, string[]>> | DnsFailure;
/** DNS as a table. A name that it lacks is NXDOMAIN. */
export type DnsTable = Record<string, DnsEntry>;

/** A lookup that answers from a table and follows its CNAME records. `asked` collects the questions. */
export function lookupIn(table: DnsTable, asked: string[] = []): Lookup {
  return async (name, type) => {
    asked.push(`${name} ${type}`);
    return answerFrom(table, name, type, []);
  };
}

function answerFrom(table: DnsTable, name: string, type: DnsType, chain: string[]): DnsAnswer {
  const entry = Object.hasOwn(table, name) ? table[name] : undefined;
  if (entry === undefined) return { failure: 'nxdomain', chain };
  if (typeof entry === 'string') return { failure: entry, chain };
  const [alias] = entry.CNAME ?? [];
  if (alias !== undefined && chain.length < 8) {
    if (type === 'CNAME') return { records: [alias], chain: [alias] };
    return answerFrom(table, alias, type, [...chain, alias]);
  }
  const records = entry[type] ?? [];
  return records.length > 0 ? { records, chain } : { failure: 'nodata', chain };
}
