import { isIP } from 'node:net';

export const mostWorkers = 64;
const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** Parsers by kind: the text's value, or a thrown `Error` that says what was expected. */
export const kinds = {
  text: (text: string) => text,
  secret(text: string) {
    if (text.length < 16) throw new Error('must have at least 16 characters');
    return text;
  },
  secrets: (text: string) => listOf(text).map((one) => kinds.secret(one)),
  workers: (text: string) => wholeNumber(text, 1, mostWorkers),
  url(text: string) {
    const url = URL.canParse(text) ? new URL(text) : null;
    if (!url || !/^https?:$/.test(url.protocol)) throw new Error('must be an http or https URL');
    return url.origin;
  },
  optionalUrl: (text: string) => (text === '' ? '' : kinds.url(text)),
  // RFC 5321 §2.3.5: a fully qualified name; a bare label is let through for local runs
  hostName(text: string) {
    const label = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';
    if (text.length > 253 || !new RegExp(`^${label}(\\.${label})*$`, 'i').test(text)) {
      throw new Error('must be a host name');
    }
    return text.toLowerCase();
  },
  boolean(text: string) {
    if (text !== 'true' && text !== 'false') throw new Error('must be true or false');
    return text === 'true';
  },
  positive: (text: string) => wholeNumber(text, 1, 1_000_000),
  port: (text: string) => wholeNumber(text, 0, 65_535),
  ports: (text: string) => (text === 'none' ? [] : listOf(text).map((one) => wholeNumber(one, 0, 65_535))),
  address(text: string) {
    if (text !== '' && isIP(text) === 0) throw new Error('must be an IP address');
    return text;
  },
  addresses(text: string) {
    const list = listOf(text);
    const wrong = list.find((one) => isIP(one.replace(/^\[(.*)\](:\d+)?$/, '$1')) === 0 && !isIpv4Port(one));
    if (wrong !== undefined) throw new Error(`${wrong} is not an IP address`);
    return list;
  },
  localAddresses(text: string) {
    const list = listOf(text);
    const found = { ipv4: list.find((one) => isIP(one) === 4), ipv6: list.find((one) => isIP(one) === 6) };
    if (list.length !== Object.values(found).filter(Boolean).length) {
      throw new Error('must be at most one IPv4 and one IPv6 address');
    }
    return found;
  },
  dnssec(text: string) {
    if (!['auto', 'trust', 'off'].includes(text) && !/^https:\/\/[^\s/]/.test(text))
      throw new Error('must be auto, trust, off or a URL with https');
    return text;
  },
  route(text: string) {
    if (text === '') return null;
    const [, host, port] = /^(.+):(\d+)$/.exec(text) ?? [];
    if (!host || !port) throw new Error('must be host:port');
    return { host: host.replace(/^\[(.*)\]$/, '$1'), port: wholeNumber(port, 1, 65_535) };
  },
  logLevel(text: string) {
    const found = logLevels.find((level) => level === text);
    if (!found) throw new Error(`must be one of ${logLevels.join(', ')}`);
    return found;
  },
};
export type ConfigKind = keyof typeof kinds;

function listOf(text: string): string[] {
  return text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}

function isIpv4Port(text: string): boolean {
  const [address, port] = text.split(':');
  return isIP(address ?? '') === 4 && port !== undefined && /^\d{1,5}$/.test(port);
}

function wholeNumber(text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) throw new Error(`must be a whole number from ${least} to ${most}`);
  return value;
}
