import type { Lookup } from '#domain/dns.ts';
import type { Config } from '../../config.ts';

/** What the doctor says about one thing. `unknown`: it could not be looked at. */
export interface Diagnosis {
  check: string;
  status: 'ok' | 'warning' | 'failed' | 'unknown';
  /** What was seen, a sentence. */
  observed: string;
  /** What to do about it; null when nothing is. */
  fix: string | null;
}

/** What the doctor looks at, and by what: every way to the outside is here, so that a test can stand in for it. */
export interface Patient {
  config: Config;
  serviceDomain: string;
  /** Names and hosts that are asked, see `doctor.ts`. */
  probes: Probes;
  lookup: Lookup;
  fetch: typeof fetch;
  /** Opens a connection and reads the first line that the peer says. */
  greet: (target: { host: string; port: number; localAddress: string | undefined }) => Promise<Greeting>;
  /** Addresses of this machine's interfaces. */
  localAddresses: readonly string[];
  readFile: (path: string) => Promise<string>;
  nowMs: () => number;
}

export type Greeting = { line: string; localAddress: string } | { error: string };

export interface Probes {
  /** A domain whose MX is spoken to on port 25. */
  mxDomain: string;
  outboundPort: number;
  /** A name that does not exist. */
  absentName: string;
  /** A name whose DNSSEC signatures are broken on purpose, and one whose are right. */
  brokenDnssecName: string;
  goodDnssecName: string;
  dnsbls: readonly string[];
}

export const fine = (check: string, observed: string): Diagnosis => ({
  check,
  status: 'ok',
  observed,
  fix: null,
});
export const warning = (check: string, observed: string, fix: string): Diagnosis => ({
  check,
  status: 'warning',
  observed,
  fix,
});
export const failed = (check: string, observed: string, fix: string): Diagnosis => ({
  check,
  status: 'failed',
  observed,
  fix,
});
export const unknown = (check: string, observed: string, fix: string): Diagnosis => ({
  check,
  status: 'unknown',
  observed,
  fix,
});

/** The addresses that the node's host name has. */
export async function hostAddresses({ config, lookup }: Patient, name = config.hostName): Promise<string[]> {
  const answers = await Promise.all([lookup(name, 'A'), lookup(name, 'AAAA')]);
  return answers.flatMap((answer) => ('records' in answer ? answer.records : []));
}

/** The name under which an address is looked up backwards (RFC 1035 §3.5, RFC 3596 §2.5), without its suffix. */
export function reversed(address: string): string {
  if (!address.includes(':')) return address.split('.').reverse().join('.');
  const [head = '', tail = ''] = address.split('::');
  const groups = (side: string) => side.split(':').filter(Boolean);
  const [left, right] = [groups(head), groups(tail)];
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0');
  const nibbles = [...left, ...zeros, ...right].flatMap((group) => [...group.padStart(4, '0')]);
  return nibbles.reverse().join('.');
}

/** The same address in one spelling. */
export function sameAddress(a: string, b: string): boolean {
  return a === b || reversed(a) === reversed(b);
}
