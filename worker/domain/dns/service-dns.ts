import { reportHost, reportPermission } from '../reports/report-address.ts';
import {
  addressesOf,
  type Diagnosis,
  failed,
  fine,
  reversed,
  sameAddress,
  unknown,
  warning,
} from './diagnosis.ts';
import { isDmarc } from './dmarc.ts';
import { type DnsAnswer, type DnsType, type Lookup, provesAbsence, recordsOf } from './dns.ts';
import { linkHostTarget } from './link-host.ts';
import { parseAddress } from './public-address.ts';
import { isSpf } from './spf.ts';

/** The DNS of the service domain and of its nodes: what the doctor and the edge both look at, in the same words. */
export interface ServiceSubject {
  serviceDomain: string;
  /** Host names of the nodes that are looked at. */
  hostNames: readonly string[];
  /** What they are called in a sentence, e.g. `this node`. */
  nodes: string;
  lookup: Lookup;
}

/** What SPF says of an address under a domain's own record, e.g. `pass`; null: it cannot be told here. */
export type SpfResultOf = (domain: string, address: string) => Promise<string | null>;

const again = 'Try again; look at the resolver if it stays so.';

/** A question whose failure proves nothing is a diagnosis of its own. */
async function ask(
  { lookup }: ServiceSubject,
  check: string,
  name: string,
  type: DnsType,
): Promise<{ answer: DnsAnswer; away: Diagnosis | null }> {
  const answer = await lookup(name, type);
  const away =
    'failure' in answer && !provesAbsence(answer)
      ? unknown(check, `${name} could not be looked up (${type}: ${answer.failure}).`, again)
      : null;
  return { answer, away };
}

async function ownAddresses({ lookup, hostNames }: ServiceSubject): Promise<string[]> {
  return (await Promise.all(hostNames.map((name) => addressesOf(lookup, name)))).flat();
}

/** The name in EHLO must be a full one (RFC 5321 §4.1.1.1). */
export function diagnoseHelo({ hostNames }: ServiceSubject): Diagnosis[] {
  return hostNames.map((hostName) => {
    const full = hostName.includes('.') && !/\.(local|localdomain|internal|lan)$/.test(hostName);
    return full && parseAddress(hostName) === null
      ? fine('helo-name', `EHLO ${hostName}.`)
      : failed(
          'helo-name',
          `EHLO ${hostName} is no public name.`,
          'Set PENNYPOST_HOST_NAME to a full public host name.',
        );
  });
}

/** A and AAAA of each host name. */
export async function diagnoseHostAddresses(subject: ServiceSubject): Promise<Diagnosis[]> {
  const check = 'host-addresses';
  return await Promise.all(
    subject.hostNames.map(async (hostName) => {
      const [v4, v6] = await Promise.all([
        ask(subject, check, hostName, 'A'),
        ask(subject, check, hostName, 'AAAA'),
      ]);
      const addresses = [...recordsOf(v4.answer), ...recordsOf(v6.answer)];
      if (addresses.length > 0) return fine(check, `${hostName} is ${addresses.join(', ')}.`);
      return (
        v4.away ??
        v6.away ??
        failed(
          check,
          `${hostName} has no address.`,
          `Publish A (and AAAA) of ${hostName} with this node's addresses.`,
        )
      );
    }),
  );
}

/** Reverse names, confirmed forwards: large receivers refuse addresses without them. */
export async function diagnosePtr(subject: ServiceSubject): Promise<Diagnosis[]> {
  const found = await Promise.all(
    subject.hostNames.map(async (hostName) => {
      const addresses = await addressesOf(subject.lookup, hostName);
      return await Promise.all(addresses.map((address) => ptrOf(subject, hostName, address)));
    }),
  );
  return found.flat();
}

async function ptrOf(subject: ServiceSubject, hostName: string, address: string): Promise<Diagnosis> {
  const check = `ptr ${address}`;
  const suffix = address.includes(':') ? 'ip6.arpa' : 'in-addr.arpa';
  const { answer, away } = await ask(subject, check, `${reversed(address)}.${suffix}`, 'PTR');
  if (away) return away;
  const names = recordsOf(answer);
  const fix = `Have the PTR of ${address} set to ${hostName} (where the address was rented).`;
  if (names.length === 0) {
    const why = 'failure' in answer ? answer.failure : 'none';
    return failed(check, `${address} has no PTR (${why}).`, fix);
  }
  if (names.includes(hostName)) return fine(check, `${address} is ${hostName}, and back.`);
  const confirmed = await Promise.all(
    names.map(async (name) =>
      (await addressesOf(subject.lookup, name)).some((one) => sameAddress(one, address)),
    ),
  );
  return confirmed.some(Boolean)
    ? warning(check, `${address} is ${names.join(', ')}, not ${hostName}.`, fix)
    : failed(check, `${address} is ${names.join(', ')}, which does not lead back to it.`, fix);
}

/** `_spf` and the SPF of `bounces`: both must pass for every address of the nodes. */
export async function diagnoseSpf(subject: ServiceSubject, resultOf: SpfResultOf): Promise<Diagnosis[]> {
  const addresses = await ownAddresses(subject);
  return [
    await passes(subject, `_spf.${subject.serviceDomain}`, addresses, resultOf),
    await passes(subject, `bounces.${subject.serviceDomain}`, addresses, resultOf),
  ];
}

async function passes(
  subject: ServiceSubject,
  domain: string,
  addresses: readonly string[],
  resultOf: SpfResultOf,
): Promise<Diagnosis> {
  const check = `spf ${domain}`;
  const { answer, away } = await ask(subject, check, domain, 'TXT');
  if (away) return away;
  const records = recordsOf(answer).filter(isSpf);
  const terms = addresses.map((one) => `${one.includes(':') ? 'ip6' : 'ip4'}:${one}`);
  const include = `_spf.${subject.serviceDomain}`;
  if (addresses.length === 0 && (domain === include || records.length === 1))
    return unknown(
      check,
      `No address of ${subject.nodes} is known, so it cannot be told whom it must name.`,
      'Publish A (and AAAA) of the host names of your nodes first.',
    );
  const value =
    domain === include ? ['v=spf1', ...terms, '-all'].join(' ') : `v=spf1 include:${include} -all`;
  if (records.length !== 1) {
    const fix = `Publish one TXT record at ${domain}: ${value}`;
    return failed(check, `${domain} has ${records.length} SPF records.`, fix);
  }
  for (const ip of addresses) {
    const result = await resultOf(domain, ip);
    if (result === 'pass') continue;
    if (result === null)
      return unknown(
        check,
        `"${records[0]}" has terms that only a node can judge.`,
        'Ask the doctor on a node: npm run doctor.',
      );
    const fix =
      domain === include
        ? `Add ${ip} to the record: ${value}`
        : `Set the TXT record at ${domain} to: ${value}`;
    return failed(check, `"${records[0]}" says ${result} of ${ip}.`, fix);
  }
  return fine(check, `${records[0]}`);
}

/** Where delayed bounces come back: the MX of `bounces` must lead to the nodes. */
export async function diagnoseBouncesMx(subject: ServiceSubject): Promise<Diagnosis[]> {
  const name = `bounces.${subject.serviceDomain}`;
  const check = 'bounces-mx';
  const wanted = subject.hostNames.map((hostName) => `10 ${hostName}`).join(', ');
  const fix = `Publish MX records at ${name} that name your nodes${wanted === '' ? '' : `: ${wanted}`}`;
  const { answer, away } = await ask(subject, check, name, 'MX');
  if (away) return [away];
  const hosts = recordsOf(answer).map((record) => record.split(' ')[1] ?? '');
  if (hosts.length === 0) return [failed(check, `${name} has no MX.`, fix)];
  if (hosts.every(isEmailRouting)) {
    const observed = `${name} leads to Email Routing, which takes no mail for return paths below the domains of customers.`;
    return [warning(check, observed, fix)];
  }
  const own = await ownAddresses(subject);
  const targets = await Promise.all(
    hosts.map(async (host) => ({ host, addresses: await addressesOf(subject.lookup, host) })),
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
          `${name} leads to ${hosts.join(', ')}, not to ${subject.nodes}.`,
          'That is right when other nodes take the bounces; otherwise add this one.',
        ),
  ];
}

/** MX hosts of Cloudflare's Email Routing. */
const isEmailRouting = (host: string) => host.replace(/\.$/, '').endsWith('.mx.cloudflare.net');

/** Whether mail for `bounces` comes to the Worker's `email()`, past the nodes. */
export async function diagnoseEmailRouting(subject: ServiceSubject): Promise<Diagnosis[]> {
  const name = `bounces.${subject.serviceDomain}`;
  const check = 'email-routing';
  const { answer, away } = await ask(subject, check, name, 'MX');
  if (away) return [away];
  const open = recordsOf(answer).some((record) => isEmailRouting(record.split(' ')[1] ?? ''));
  return [
    fine(
      check,
      open
        ? `Email Routing is used: mail for ${name} comes to the Worker by it.`
        : `Email Routing is not used: mail for ${name} comes by the nodes (npm run deploy -- --email-routing sets it up).`,
    ),
  ];
}

/** The host that customers' MX records name; only those who receive need it. */
export async function diagnoseMx(subject: ServiceSubject): Promise<Diagnosis[]> {
  const name = `mx.${subject.serviceDomain}`;
  const addresses = await addressesOf(subject.lookup, name);
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

/** Whether domains may have hosts of their own for links: the name that those lead to. Nothing else needs it. */
export async function diagnoseLinkHosts({ serviceDomain, lookup }: ServiceSubject): Promise<Diagnosis[]> {
  const name = linkHostTarget(serviceDomain);
  const addresses = await addressesOf(lookup, name);
  return [
    fine(
      'link-hosts',
      addresses.length > 0
        ? `${name} is ${addresses.join(', ')}: domains may have names of their own for links.`
        : `${name} has no address: links of all domains lead to the dashboard's host (npm run deploy -- --link-hosts sets up names of their own).`,
    ),
  ];
}

/** Where DMARC and TLS reports about customers' domains come: the MX of `reports`, and the word that it may be named. */
export async function diagnoseReports(subject: ServiceSubject): Promise<Diagnosis[]> {
  const check = 'reports';
  const host = reportHost(subject.serviceDomain);
  const permission = reportPermission(subject.serviceDomain);
  // A wildcard is seen through a name that it covers (RFC 4592).
  const asked = permission.name.replace('*', 'example.com');
  const [mx, txt] = await Promise.all([ask(subject, check, host, 'MX'), ask(subject, check, asked, 'TXT')]);
  const away = mx.away ?? txt.away;
  if (away) return [away];
  const hosts = recordsOf(mx.answer).map((record) => record.split(' ')[1] ?? '');
  if (hosts.length === 0) {
    const nodes = subject.hostNames.map((hostName) => `10 ${hostName}`).join(', ');
    const fix = `Publish MX records at ${host} that name your nodes${nodes === '' ? '' : `: ${nodes}`}`;
    return [warning(check, `${host} has no MX, so that no reports about domains come.`, fix)];
  }
  if (!recordsOf(txt.answer).some(isDmarc)) {
    const observed = `Nothing says that ${host} takes DMARC reports of other domains (RFC 9990), so that none are sent there.`;
    return [warning(check, observed, `Publish the TXT record ${permission.name}: ${permission.value}`)];
  }
  return [fine(check, `${host} leads to ${hosts.join(', ')} and may be named in DMARC records.`)];
}
