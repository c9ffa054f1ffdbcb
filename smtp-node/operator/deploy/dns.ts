/** The DNS records of the service domain: published where the zone is in the account, printed otherwise. */
import { z } from 'zod';
import { addressesOf } from '#domain/dns/diagnosis.ts';
import { formatDkimRecord } from '#domain/dns/dkim-record.ts';
import { quoteTxt } from '#domain/dns/dns.ts';
import { parseAddress } from '#domain/dns/public-address.ts';
import { planChecks, spfInclude } from '#domain/dns/record-check.ts';
import { isSpf, mergedSpf } from '#domain/dns/spf.ts';
import { sandboxDomain } from '#domain/message/sandbox.ts';
import { reportHost, reportPermission, reportToken } from '#domain/reports/report-address.ts';
import { systemLookup } from '../../dns-lookup.ts';
import { DeployError } from './cloudflare.ts';
import { query } from './installation.ts';
import { askPerson, type Session } from './session.ts';
import { findZone } from './zone.ts';

interface DnsRecord {
  type: 'A' | 'AAAA' | 'CNAME' | 'MX' | 'TXT';
  name: string;
  /** The data; of an MX without its preference, which is 10. */
  content: string;
}

export interface DnsOf {
  databaseId: string;
  serviceDomain: string;
  /** `HOST` or `HOST=ADDRESS,…`; none: nodes that have said hello. */
  nodes: readonly string[];
  yes: boolean;
}

/** Shows the records and publishes those that are missing; none that is there is changed. @throws DeployError */
export async function publishDns(session: Session, of: DnsOf): Promise<void> {
  const wanted = await wantedRecords(session, of);
  const zone = await findZone(session, of.serviceDomain);
  if (zone === null) {
    console.log(
      `\nThe zone of ${of.serviceDomain} is not in this account. Publish these records where it is:\n${snippet(wanted)}`,
    );
    return;
  }
  const there = await session.api.ask(
    z.array(z.object({ type: z.string(), name: z.string(), content: z.string() })),
    `/zones/${zone.id}/dns_records?per_page=50000`,
  );
  const routed = there.some(
    ({ type, name, content }) =>
      type === 'MX' && name === `bounces.${of.serviceDomain}` && content.endsWith('.mx.cloudflare.net'),
  );
  const isThere = (one: DnsRecord) =>
    there.some(
      (known) =>
        known.type === one.type && known.name === one.name && plain(known.content) === plain(one.content),
    );
  // What Email Routing takes, the nodes cannot take as well.
  const missing = wanted.filter(
    (one) =>
      !isThere(one) &&
      !(routed && one.type === 'MX' && one.name === `bounces.${of.serviceDomain}`) &&
      !hasPolicy(one, there),
  );
  const blocked = (one: DnsRecord) =>
    there.find(({ type, name, content }) => name === one.name && excludes(one, type, content));
  const held = missing.filter((one) => blocked(one) !== undefined);
  const added = missing.filter((one) => blocked(one) === undefined);
  for (const one of held) {
    const known = blocked(one);
    const told = isSpf(plain(known?.content ?? '')) ? merged(plain(known?.content ?? ''), one, of) : one;
    console.log(
      `\n${one.name} has ${known?.type} ${known?.content}, which is left alone. Make of it:\n${snippet([told])}`,
    );
  }
  if (added.length === 0) {
    console.log(`\nDNS of ${of.serviceDomain}: nothing to add in the zone ${zone.name}.`);
    return;
  }
  console.log(`\nTo be added to the zone ${zone.name}:\n${snippet(added)}`);
  if (!of.yes && !/^y/i.test(await askPerson('Publish them? [y/N] ', '--yes'))) return;
  for (const { type, name, content } of added)
    await session.api.ask(z.unknown(), `/zones/${zone.id}/dns_records`, 'POST', {
      type,
      name,
      content: type === 'TXT' ? quoteTxt(content) : content,
      ttl: 3600,
      ...(type === 'MX' ? { priority: 10 } : {}),
      ...(type === 'A' || type === 'AAAA' || type === 'CNAME' ? { proxied: false } : {}),
    });
  console.log(`Published: ${added.length}.`);
}

/** A record that is there and must be changed by hand, since two of it would be wrong. */
function excludes(one: DnsRecord, type: string, content: string): boolean {
  if (type === 'CNAME' || one.type === 'CNAME') return true;
  if (one.type !== 'TXT' || type !== 'TXT') return false;
  const kind = /^v=(spf1|DMARC1|DKIM1)\b/i.exec(plain(one.content))?.[1]?.toLowerCase();
  return kind !== undefined && plain(content).toLowerCase().startsWith(`v=${kind}`);
}

/** A DMARC policy is the domain's own choice: any will do. */
function hasPolicy(one: DnsRecord, there: readonly { name: string; content: string }[]): boolean {
  const isDmarc = (content: string) => /^v=DMARC1\b/i.test(plain(content));
  return isDmarc(one.content) && there.some(({ name, content }) => name === one.name && isDmarc(content));
}

/** One SPF record of what is there and what we need. */
function merged(there: string, one: DnsRecord, { serviceDomain }: DnsOf): DnsRecord {
  const include = spfInclude(serviceDomain);
  return one.name === include ? one : { ...one, content: mergedSpf([there], include) };
}

/** TXT as it is meant: Cloudflare gives it in strings. */
function plain(content: string): string {
  return content.startsWith('"')
    ? content.replace(/^"|"$/g, '').replace(/"\s*"/g, '')
    : content.replace(/\.$/, '');
}

function snippet(records: readonly DnsRecord[]): string {
  return records
    .map(({ type, name, content }) => {
      const data = {
        TXT: quoteTxt(content),
        MX: `10 ${content}.`,
        CNAME: `${content}.`,
        A: content,
        AAAA: content,
      };
      return `${name}. 3600 IN ${type} ${data[type]}`;
    })
    .join('\n');
}

async function wantedRecords(session: Session, of: DnsOf): Promise<DnsRecord[]> {
  const { serviceDomain } = of;
  const nodes = await nodesOf(session, of);
  const permission = reportPermission(serviceDomain);
  const addresses = [...new Set(nodes.flatMap((node) => node.addresses))];
  const terms = addresses.map((one) => `${isV6(one) ? 'ip6' : 'ip4'}:${one}`);
  return [
    { type: 'TXT', name: spfInclude(serviceDomain), content: ['v=spf1', ...terms, '-all'].join(' ') },
    ...nodes.map(({ host }) => ({ type: 'MX', name: `bounces.${serviceDomain}`, content: host }) as const),
    ...nodes.map(({ host }) => ({ type: 'MX', name: reportHost(serviceDomain), content: host }) as const),
    { type: 'TXT', name: permission.name, content: permission.value },
    {
      type: 'TXT',
      name: `bounces.${serviceDomain}`,
      content: `v=spf1 include:${spfInclude(serviceDomain)} -all`,
    },
    ...addresses.map(
      (content) => ({ type: isV6(content) ? 'AAAA' : 'A', name: `mx.${serviceDomain}`, content }) as const,
    ),
    ...(await sandboxRecords(session, of)),
    ...(await ownDomainRecords(session, of)),
  ];
}

const isV6 = (address: string) => address.includes(':');

async function nodesOf(session: Session, of: DnsOf): Promise<{ host: string; addresses: string[] }[]> {
  const seen = z.object({ host_name: z.string() });
  const rows =
    of.nodes.length > 0
      ? null
      : await query({ ...session, ...of }, seen, "SELECT host_name FROM nodes WHERE node_id NOT LIKE '@%'");
  const given = rows === null ? of.nodes : [...new Set(rows.map((row) => row.host_name))];
  if (given.length === 0)
    throw new DeployError(
      'No node has said hello yet: name them, --node HOST or --node HOST=ADDRESS,ADDRESS.',
    );
  const lookup = systemLookup({ dnsServers: [], timeoutMs: 5_000 });
  return await Promise.all(
    given.map(async (text) => {
      const [host = '', list] = text.split('=');
      const addresses = list === undefined ? await addressesOf(lookup, host) : list.split(',');
      const wrong = addresses.find((one) => parseAddress(one) === null);
      if (wrong !== undefined || addresses.length === 0)
        throw new DeployError(
          `The node ${host} has ${wrong === undefined ? 'no address' : `the address ${wrong}, which is none`}: give --node ${host}=ADDRESS,ADDRESS.`,
        );
      return { host, addresses };
    }),
  );
}

const keyRow = z
  .object({
    selector: z.string(),
    algorithm: z.enum(['rsa-sha256', 'ed25519-sha256']),
    public_key: z.string(),
  })
  .transform(({ selector, algorithm, public_key: publicKey }) => ({ selector, algorithm, publicKey }));
const domainRow = z.object({
  id: z.number(),
  verification_token: z.string(),
  return_path_label: z.string(),
  link_label: z.string().nullable(),
});

/** The DKIM keys that a domain signs with, or is going to; null: there is no such domain. */
async function keysOf(session: Session, of: DnsOf, domainId: number) {
  const keys = await query(
    { ...session, ...of },
    keyRow,
    `SELECT selector, algorithm, public_key FROM dkim_keys WHERE domain_id = ${domainId} AND status <> 'retired' ORDER BY id`,
  );
  return keys ?? [];
}

/** The keys of the sandbox, which new accounts send from before they have a domain: made with the first owner. */
async function sandboxRecords(session: Session, of: DnsOf): Promise<DnsRecord[]> {
  const name = sandboxDomain(of.serviceDomain);
  const [domain] =
    (await query(
      { ...session, ...of },
      z.object({ id: z.number() }),
      `SELECT id FROM domains WHERE account_id = 0 AND name = '${name}'`,
    )) ?? [];
  if (!domain) {
    console.log(
      `\n${name} has no DKIM key yet: it is made when the first owner sets the dashboard up. Run this again then.`,
    );
    return [];
  }
  return (await keysOf(session, of, domain.id)).map((key) => ({
    type: 'TXT',
    name: `${key.selector}._domainkey.${name}`,
    content: formatDkimRecord(key),
  }));
}

/** DKIM, DMARC and whatever else the service domain needs to send itself, once it was added as a domain of an account. */
async function ownDomainRecords(session: Session, of: DnsOf): Promise<DnsRecord[]> {
  const rows = await query(
    { ...session, ...of },
    domainRow,
    `SELECT id, verification_token, return_path_label, link_label FROM domains
     WHERE name = '${of.serviceDomain}' AND account_id > 0 ORDER BY id LIMIT 1`,
  );
  const first = rows?.[0];
  const keys = first ? await keysOf(session, of, first.id) : [];
  if (!first || keys.length === 0) {
    console.log(
      `\n${of.serviceDomain} is no domain of an account yet, so there is no DKIM key to publish for it: add it (POST /admin/v1/accounts/1/domains), and run this again.`,
    );
    return [{ type: 'TXT', name: `_dmarc.${of.serviceDomain}`, content: 'v=DMARC1; p=quarantine' }];
  }
  const planned = planChecks({
    name: of.serviceDomain,
    type: 'outbound',
    token: first.verification_token,
    returnPathLabel: first.return_path_label,
    linkLabel: first.link_label,
    serviceDomain: of.serviceDomain,
    reportToken: reportToken({ id: first.id, verificationToken: first.verification_token }),
    keys,
  });
  return planned
    .filter(({ check }) => !check.isExample)
    .map(({ wanted: { type, name, value } }) => ({ type, name, content: value }));
}
