import type { Diagnosis } from '#domain/dns/diagnosis.ts';
import type { Lookup } from '#domain/dns/dns.ts';
import type { ServiceSubject } from '#domain/dns/service-dns.ts';
import type { Config } from '../../config.ts';
import type { SendingAddress } from '../../outbound/sending-addresses.ts';

/** What the doctor looks at, and by what: every way to the outside is here, so that a test can stand in for it. */
export interface Patient {
  config: Config;
  /** What mail leaves from instead of the host name's addresses; empty: from those. */
  sendingAddresses: readonly SendingAddress[];
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

/** The service and this node as the checks of DNS see them. */
export function subjectOf({ config, sendingAddresses, serviceDomain, lookup }: Patient): ServiceSubject {
  const hostNames = [...new Set([config.hostName, ...sendingAddresses.map(({ name }) => name)])];
  return { serviceDomain, hostNames, nodes: 'this node', lookup };
}

/** Looks at the node one check after the other. */
export type Diagnose = (patient: Patient) => Diagnosis[] | Promise<Diagnosis[]>;
