/// <reference path="./mailauth-spf.d.ts" />
import { spf } from 'mailauth/lib/spf/index.js';
import { type DnsType, type Lookup, recordsOf } from '#domain/dns.ts';
import { isSpf } from '#domain/spf.ts';
import {
  type Diagnosis,
  failed,
  fine,
  hostAddresses,
  type Patient,
  sameAddress,
  warning,
} from './diagnosis.ts';

/** `_spf` and the SPF of `bounces`: both must pass for every address of the node. */
export async function diagnoseSpf(patient: Patient): Promise<Diagnosis[]> {
  const addresses = await hostAddresses(patient);
  return [
    await passes(patient, `_spf.${patient.serviceDomain}`, addresses),
    await passes(patient, `bounces.${patient.serviceDomain}`, addresses),
  ];
}

async function passes(patient: Patient, domain: string, addresses: string[]): Promise<Diagnosis> {
  const check = `spf ${domain}`;
  const records = recordsOf(await patient.lookup(domain, 'TXT')).filter(isSpf);
  const terms = addresses.map((one) => `${one.includes(':') ? 'ip6' : 'ip4'}:${one}`);
  const include = `_spf.${patient.serviceDomain}`;
  const value = domain === include ? `v=spf1 ${terms.join(' ')} -all` : `v=spf1 include:${include} -all`;
  if (records.length !== 1) {
    const fix = `Publish one TXT record at ${domain}: ${value}`;
    return failed(check, `${domain} has ${records.length} SPF records.`, fix);
  }
  for (const ip of addresses) {
    const { status } = await spf({
      ip,
      helo: patient.config.hostName,
      sender: `postmaster@${probeDomain}`,
      resolver: probing(domain, resolverOf(patient.lookup)),
      strict: true,
    });
    if (status.result === 'pass') continue;
    const fix =
      domain === include
        ? `Add ${ip} to the record: ${value}`
        : `Set the TXT record at ${domain} to: ${value}`;
    return failed(check, `"${records[0]}" says ${status.result} of ${ip}.`, fix);
  }
  return fine(check, `${records[0]}`);
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

/** Where delayed bounces come back: the MX of `bounces` must lead to the nodes. */
export async function diagnoseBouncesMx(patient: Patient): Promise<Diagnosis[]> {
  const name = `bounces.${patient.serviceDomain}`;
  const check = 'bounces-mx';
  const fix = `Publish MX records at ${name} that name your nodes: 10 ${patient.config.hostName}`;
  const hosts = recordsOf(await patient.lookup(name, 'MX')).map((record) => record.split(' ')[1] ?? '');
  if (hosts.length === 0) return [failed(check, `${name} has no MX.`, fix)];
  const own = await hostAddresses(patient);
  const targets = await Promise.all(
    hosts.map(async (host) => ({ host, addresses: await hostAddresses(patient, host) })),
  );
  const dead = targets.find(({ addresses }) => addresses.length === 0);
  if (dead) return [failed(check, `${name} names ${dead.host}, which has no address.`, fix)];
  const here = targets.some(({ addresses }) =>
    addresses.some((one) => own.some((mine) => sameAddress(one, mine))),
  );
  return [
    here
      ? fine(check, `${name} leads to ${hosts.join(', ')}.`)
      : warning(
          check,
          `${name} leads to ${hosts.join(', ')}, not to this node.`,
          'That is right when other nodes take the bounces; otherwise add this one.',
        ),
  ];
}

/** The host that customers' MX records name; only those who receive need it. */
export async function diagnoseMx(patient: Patient): Promise<Diagnosis[]> {
  const name = `mx.${patient.serviceDomain}`;
  const addresses = await hostAddresses(patient, name);
  return [
    addresses.length > 0
      ? fine('mx', `${name} is ${addresses.join(', ')}.`)
      : warning(
          'mx',
          `${name} has no address.`,
          `Publish A (and AAAA) of ${name} with the addresses of the nodes that receive.`,
        ),
  ];
}
