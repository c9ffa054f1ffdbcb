/**
 * Says of a host whether it may be called from here: only globally reachable unicast addresses are let through,
 * so that a webhook cannot be pointed at loopback, private, link-local or metadata addresses. The ranges are
 * those of the IANA special-purpose registries (RFC 6890) and of the clouds' metadata services. Pure.
 */

/** Prefixes of IPv4 that are refused. */
export const refusedIpv4 = [
  { prefix: '0.0.0.0/8', about: 'this network (RFC 791)' },
  { prefix: '10.0.0.0/8', about: 'private (RFC 1918)' },
  { prefix: '100.64.0.0/10', about: 'shared by a carrier (RFC 6598)' },
  { prefix: '127.0.0.0/8', about: 'loopback (RFC 1122)' },
  { prefix: '169.254.0.0/16', about: 'link-local, metadata of clouds (RFC 3927)' },
  { prefix: '168.63.129.16/32', about: 'metadata of a cloud' },
  { prefix: '172.16.0.0/12', about: 'private (RFC 1918)' },
  { prefix: '192.0.0.0/24', about: 'reserved (RFC 6890)' },
  { prefix: '192.0.2.0/24', about: 'documentation (RFC 5737)' },
  { prefix: '192.88.99.0/24', about: 'a 6to4 relay (RFC 7526)' },
  { prefix: '192.168.0.0/16', about: 'private (RFC 1918)' },
  { prefix: '198.18.0.0/15', about: 'for benchmarks (RFC 2544)' },
  { prefix: '198.51.100.0/24', about: 'documentation (RFC 5737)' },
  { prefix: '203.0.113.0/24', about: 'documentation (RFC 5737)' },
  { prefix: '224.0.0.0/4', about: 'multicast (RFC 5771)' },
  { prefix: '240.0.0.0/4', about: 'reserved or broadcast (RFC 1112)' },
] as const;

/**
 * Only this part of IPv6 is global unicast; outside of it are loopback, unspecified, mapped and compatible IPv4,
 * NAT64 (RFC 6052), unique local (RFC 4193, with the clouds' metadata), link-local and multicast.
 */
export const globalIpv6 = '2000::/3';

/** Prefixes inside the global part that are refused all the same. */
export const refusedIpv6 = [
  { prefix: '2001::/23', about: 'reserved, Teredo among it (RFC 2928, RFC 4380)' },
  { prefix: '2001:db8::/32', about: 'documentation (RFC 3849)' },
  { prefix: '2002::/16', about: '6to4, which carries any IPv4 address (RFC 3056)' },
  { prefix: '3fff::/20', about: 'documentation (RFC 9637)' },
] as const;

/** Names below which nothing public can live. */
export const refusedNames = [
  'localhost', // RFC 6761 §6.3
  'local', // RFC 6762
  'internal', // reserved by ICANN for private use; also metadata.google.internal
  'home.arpa', // RFC 8375
  'lan',
  'intranet',
  'corp',
  'home',
  'localdomain',
] as const;

/** An address as a number of 32 or 128 bits. */
export interface Address {
  bits: 32 | 128;
  value: bigint;
}

/**
 * What keeps a host of a URL from being called; null when nothing does. A name that passes must still be resolved
 * and each of its addresses be judged by `addressFault`.
 * @param host a name, an IPv4 address in any spelling that URL parsers take, or an IPv6 address in brackets
 */
export function hostFault(host: string): string | null {
  const address = parseHostAddress(host);
  if (address === 'invalid') return `${host} is not a valid host`;
  if (address !== null) return addressFault(address);
  const name = host.toLowerCase().replace(/\.$/, '');
  const labels = name.split('.');
  if (refusedNames.some((refused) => name === refused || name.endsWith(`.${refused}`)))
    return `${name} is a local name`;
  if (labels.length < 2) return `${name} is not a full domain name`;
  if (labels.some((label) => label === '' || label.length > 63) || name.length > 253)
    return `${name} is not a valid domain name`;
  return null;
}

/** What keeps an address from being called; null when it is globally reachable. */
export function addressFault(address: Address): string | null {
  if (address.bits === 32) {
    const refused = refusedIpv4.find(({ prefix }) => isIn(address, prefix));
    return refused ? `${formatAddress(address)} is ${refused.about}` : null;
  }
  if (!isIn(address, globalIpv6)) return `${formatAddress(address)} is not global unicast (RFC 4291)`;
  const refused = refusedIpv6.find(({ prefix }) => isIn(address, prefix));
  return refused ? `${formatAddress(address)} is ${refused.about}` : null;
}

/** True for the loopback host: `localhost`, names below it, 127.0.0.0/8 and ::1. */
export function isLoopbackHost(host: string): boolean {
  const address = parseHostAddress(host);
  if (address === 'invalid') return false;
  if (address === null) return /^(.+\.)?localhost\.?$/i.test(host);
  return address.bits === 32 ? isIn(address, '127.0.0.0/8') : address.value === 1n;
}

/** The address that a host of a URL writes; null for a name, `invalid` for what is neither. */
export function parseHostAddress(host: string): Address | null | 'invalid' {
  if (host === '') return 'invalid';
  if (host.startsWith('[')) {
    return host.endsWith(']') ? (parseIpv6(host.slice(1, -1)) ?? 'invalid') : 'invalid';
  }
  const parts = host.replace(/\.$/, '').split('.');
  // WHATWG URL, "ends in a number checker": such a host is an IPv4 address or nothing.
  const last = parts.at(-1) ?? '';
  if (!/^[0-9]+$/.test(last) && !/^0x[0-9a-f]*$/i.test(last)) return null;
  return parseIpv4Parts(parts) ?? 'invalid';
}

/** An address as DNS writes it: dotted decimal or RFC 4291 §2.2 text; null when it is none. */
export function parseAddress(text: string): Address | null {
  if (text.includes(':')) return parseIpv6(text);
  return /^(\d{1,3}\.){3}\d{1,3}$/.test(text) ? parseIpv4Parts(text.split('.')) : null;
}

/** WHATWG URL, "IPv4 parser": one to four parts, each decimal, octal (`0…`) or hexadecimal (`0x…`). */
function parseIpv4Parts(parts: string[]): Address | null {
  if (parts.length > 4) return null;
  const numbers = parts.map(parseNumber);
  let value = 0n;
  for (const [i, number] of numbers.entries()) {
    if (number === null) return null;
    const isLast = i === numbers.length - 1;
    // The last part fills all the bytes that are left.
    const bytes = BigInt(isLast ? 4 - i : 1);
    if (number >= 1n << (8n * bytes)) return null;
    value = (value << (8n * bytes)) | number;
  }
  return { bits: 32, value };
}

function parseNumber(text: string): bigint | null {
  if (/^0x[0-9a-f]*$/i.test(text)) return text.length === 2 ? 0n : BigInt(text);
  if (/^0[0-7]+$/.test(text)) return BigInt(`0o${text.slice(1)}`);
  return /^(0|[1-9][0-9]*)$/.test(text) ? BigInt(text) : null;
}

/** RFC 4291 §2.2, all three forms; no zone. */
function parseIpv6(text: string): Address | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const [head = '', tail] = halves;
  const first = groupsOf(head, tail === undefined);
  const second = tail === undefined ? [] : groupsOf(tail, true);
  if (first === null || second === null) return null;
  const missing = 8 - first.length - second.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return null;
  const groups = [...first, ...Array.from({ length: missing }, () => 0n), ...second];
  return { bits: 128, value: groups.reduce((value, group) => (value << 16n) | group, 0n) };
}

/** Groups of 16 bits; at the end of the address the last 32 bits may be dotted decimal. */
function groupsOf(text: string, atEnd: boolean): bigint[] | null {
  if (text === '') return [];
  const groups: bigint[] = [];
  const words = text.split(':');
  for (const [i, word] of words.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(word)) {
      groups.push(BigInt(`0x${word}`));
    } else if (atEnd && i === words.length - 1 && /^(\d{1,3}\.){3}\d{1,3}$/.test(word)) {
      const bytes = word.split('.').map(Number);
      if (bytes.some((byte) => byte > 255)) return null;
      const value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
      groups.push(value >> 16n, value & 0xffffn);
    } else return null;
  }
  return groups;
}

/** Whether an address is in a prefix, e.g. `192.0.2.0/24`; false for one of the other family. */
export function isIn(address: Address, prefix: string): boolean {
  const [network = '', length = ''] = prefix.split('/');
  const base = parseAddress(network);
  if (!base) throw new Error(`${prefix} is not a prefix`);
  const rest = BigInt(base.bits - Number(length));
  return base.bits === address.bits && base.value >> rest === address.value >> rest;
}

/** Dotted decimal, or eight groups of hexadecimal digits. */
export function formatAddress({ bits, value }: Address): string {
  const size = bits === 32 ? 8n : 16n;
  const count = bits === 32 ? 4 : 8;
  const parts = Array.from(
    { length: count },
    (_, i) => (value >> (size * BigInt(count - 1 - i))) & ((1n << size) - 1n),
  );
  return bits === 32 ? parts.join('.') : parts.map((part) => part.toString(16)).join(':');
}
