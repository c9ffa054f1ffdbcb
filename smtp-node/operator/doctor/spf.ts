/// <reference path="./mailauth-spf.d.ts" />
import { spf } from 'mailauth/lib/spf/index.js';
import type { DnsType, Lookup } from '#domain/dns/dns.ts';
import type { SpfResultOf } from '#domain/dns/service-dns.ts';
import type { Patient } from './diagnosis.ts';

/** SPF as receivers evaluate it, by mailauth. */
export function spfResultOf({ config, lookup }: Patient): SpfResultOf {
  return async (domain, ip) => {
    const { status } = await spf({
      ip,
      helo: config.hostName,
      sender: `postmaster@${probeDomain}`,
      resolver: probing(domain, resolverOf(lookup)),
      strict: true,
    });
    return status.result;
  };
}

/** No mail comes from a name such as `_spf`, so it is judged through the policy of one that includes it. */
const probeDomain = 'probe.pennypost.invalid';

function probing(domain: string, resolver: ReturnType<typeof resolverOf>): typeof resolver {
  return async (name, type) =>
    name === probeDomain && type === 'TXT' ? [[`v=spf1 redirect=${domain}`]] : await resolver(name, type);
}

/** A lookup in the manner of `node:dns`, as mailauth wants it. */
export function resolverOf(lookup: Lookup) {
  return async (name: string, type: string): Promise<unknown[]> => {
    const answer = await lookup(name, type as DnsType);
    if ('failure' in answer) {
      const codes: Record<string, string> = { nxdomain: 'ENOTFOUND', nodata: 'ENODATA' };
      const code = codes[answer.failure] ?? 'ESERVFAIL';
      throw Object.assign(new Error(`query ${code} ${name}`), { code });
    }
    if (type === 'TXT') return answer.records.map((record) => [record]);
    if (type !== 'MX') return answer.records;
    return answer.records.map((record) => {
      const [priority = '0', exchange = ''] = record.split(' ');
      return { priority: Number(priority), exchange };
    });
  };
}
