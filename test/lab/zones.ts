/** Zone texts. Pure: tables in, text out. */
import {
  type DnsRecord,
  domains,
  type HostName,
  hostNames,
  hosts,
  lameDomains,
  signedZones,
} from './hosts.ts';

const TTL_SECONDS = 5;
const nameServer = `${hosts.dns.fqdn}.`;

/** The master file (RFC 1035 §5) of a zone. TXT values are quoted and cut into strings of 255 bytes here. */
export function zoneText(zone: string, serial: number, records: DnsRecord[]): string {
  const origin = zone === '.' ? '.' : `${zone}.`;
  const host = `hostmaster.${hosts.dns.fqdn}.`;
  return [
    `$ORIGIN ${origin}`,
    `$TTL ${TTL_SECONDS}`,
    `@ SOA ${nameServer} ${host} ${serial} 60 60 600 ${TTL_SECONDS}`,
    `@ NS ${nameServer}`,
    ...records.map(
      ({ name, ttlSeconds, type, value }) =>
        `${name} ${ttlSeconds ?? TTL_SECONDS} IN ${type} ${type === 'TXT' ? txtStrings(value) : value}`,
    ),
    '',
  ].join('\n');
}

function txtStrings(value: string): string {
  const bytes = Buffer.from(value);
  const strings: string[] = [];
  for (let start = 0; start === 0 || start < bytes.length; start += 255) {
    strings.push(
      `"${bytes
        .subarray(start, start + 255)
        .toString('latin1')
        .replace(/["\\]/g, '\\$&')}"`,
    );
  }
  return strings.join(' ');
}

/** The zones that the lab starts with: hosts, destinations, the reverse zones and the root. */
export function firstZones(): Map<string, DnsRecord[]> {
  const zones = new Map<string, DnsRecord[]>();
  const add = (zone: string, ...records: DnsRecord[]) =>
    zones.set(zone, [...(zones.get(zone) ?? []), ...records]);

  // The root makes every name that is not in the lab an honest NXDOMAIN instead of a refusal.
  add('.', ...lameDomains.map((name): DnsRecord => ({ name, type: 'NS', value: 'gone.lab.test.' })));
  for (const [domain, records] of Object.entries(domains)) add(domain, ...records);
  for (const zone of signedZones) add(zone);
  for (const name of hostNames) addHost(name, add);
  return zones;
}

function addHost(host: HostName, add: (zone: string, ...records: DnsRecord[]) => void): void {
  const { fqdn, ipv4, ipv6 } = hosts[host];
  const [name = fqdn, ...zone] = fqdn.split('.');
  const zoneName = zone.join('.');
  if (ipv4) {
    add(zoneName, { name, type: 'A', value: ipv4 });
    const [a, b, c, d] = ipv4.split('.');
    add(`${c}.${b}.${a}.in-addr.arpa`, { name: `${d}`, type: 'PTR', value: `${fqdn}.` });
  }
  if (ipv6) {
    add(zoneName, { name, type: 'AAAA', value: ipv6 });
    const nibbles = ipv6Nibbles(ipv6).reverse();
    add(`${nibbles.slice(16).join('.')}.ip6.arpa`, {
      name: nibbles.slice(0, 16).join('.'),
      type: 'PTR',
      value: `${fqdn}.`,
    });
  }
}

function ipv6Nibbles(address: string): string[] {
  const [head = '', tail = ''] = address.split('::');
  const left = head.split(':').filter(Boolean);
  const right = tail.split(':').filter(Boolean);
  const middle = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...middle, ...right].flatMap((group) => [...group.padStart(4, '0')]);
}
