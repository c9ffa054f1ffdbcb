/**
 * `npm run doctor`: what the setup of a node lacks, each with the fix. The exit code is 1 when anything failed.
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { parseArgs } from 'node:util';
import { type Diagnosis, failed } from '#domain/dns/diagnosis.ts';
import { remembering } from '#domain/dns/dns.ts';
import {
  diagnoseBouncesMx,
  diagnoseEmailRouting,
  diagnoseHelo,
  diagnoseLinkHosts,
  diagnoseMx,
  diagnosePtr,
  diagnoseReports,
  diagnoseSpf,
  type ServiceSubject,
} from '#domain/dns/service-dns.ts';
import { ConfigError, parseConfig } from '../config.ts';
import { systemLookup } from '../dns-lookup.ts';
import { readAddresses } from '../node-options.ts';
import { type Diagnose, type Greeting, type Patient, type Probes, subjectOf } from './doctor/diagnosis.ts';
import {
  askHealth,
  diagnoseCertificate,
  diagnoseDatabase,
  diagnoseEdge,
  diagnoseResolver,
} from './doctor/machine.ts';
import { diagnoseAddresses, diagnoseBlocklists, diagnosePort25 } from './doctor/network.ts';
import { spfResultOf } from './doctor/spf.ts';

const usage = `npm run doctor -- [options]    (settings of the node come from the environment, see worker/docs/settings.md)
  --json                     print the findings as JSON
  --service-domain D         the operator's own domain (default: what the edge says)
  --mx-domain D              the domain whose MX is spoken to on port 25 (gmail.com)
  --dnsbl LIST,LIST          DNS blocklists to ask; "none": no list
  --absent-name NAME         a name that does not exist
  --broken-dnssec-name NAME  a name whose DNSSEC signatures are broken (dnssec-failed.org)
  --good-dnssec-name NAME    a name whose DNSSEC signatures are right (internetsociety.org)`;

/** A check of the service's DNS that the edge makes as well. */
const shared =
  (diagnose: (subject: ServiceSubject) => Diagnosis[] | Promise<Diagnosis[]>): Diagnose =>
  (patient) =>
    diagnose(subjectOf(patient));

/** In the order in which they are told. */
const diagnoses: readonly { about: string; diagnose: Diagnose }[] = [
  { about: 'resolver', diagnose: diagnoseResolver },
  { about: 'edge', diagnose: diagnoseEdge },
  { about: 'database-size', diagnose: diagnoseDatabase },
  { about: 'port-25', diagnose: diagnosePort25 },
  { about: 'helo-name', diagnose: shared(diagnoseHelo) },
  { about: 'host-addresses', diagnose: diagnoseAddresses },
  { about: 'ptr', diagnose: shared(diagnosePtr) },
  { about: 'spf', diagnose: (patient) => diagnoseSpf(subjectOf(patient), spfResultOf(patient)) },
  { about: 'bounces-mx', diagnose: shared(diagnoseBouncesMx) },
  { about: 'email-routing', diagnose: shared(diagnoseEmailRouting) },
  { about: 'mx', diagnose: shared(diagnoseMx) },
  { about: 'reports', diagnose: shared(diagnoseReports) },
  { about: 'link-hosts', diagnose: shared(diagnoseLinkHosts) },
  { about: 'certificate', diagnose: diagnoseCertificate },
  { about: 'blocklists', diagnose: diagnoseBlocklists },
];

/** Looks at everything; what cannot be looked at is a finding too. */
export async function examine(patient: Patient): Promise<Diagnosis[]> {
  const found = await Promise.all(
    diagnoses.map(async ({ about, diagnose }) => {
      try {
        return await diagnose(patient);
      } catch (error) {
        return [failed(about, `It could not be looked at: ${String(error)}`, 'Report this as a bug.')];
      }
    }),
  );
  return found.flat();
}

async function main(): Promise<number> {
  const { values: flags } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      'service-domain': { type: 'string' },
      'mx-domain': { type: 'string', default: 'gmail.com' },
      dnsbl: { type: 'string', default: 'zen.spamhaus.org,bl.spamcop.net,b.barracudacentral.org' },
      'absent-name': { type: 'string', default: `pennypost-${randomBytes(6).toString('hex')}.com` },
      'broken-dnssec-name': { type: 'string', default: 'dnssec-failed.org' },
      'good-dnssec-name': { type: 'string', default: 'internetsociety.org' },
    },
  });
  if (flags.help) {
    console.log(usage);
    return 0;
  }
  const config = parseConfig(process.env);
  const probes: Probes = {
    mxDomain: flags['mx-domain'],
    outboundPort: config.outboundPort,
    absentName: flags['absent-name'],
    brokenDnssecName: flags['broken-dnssec-name'],
    goodDnssecName: flags['good-dnssec-name'],
    dnsbls: flags.dnsbl === 'none' ? [] : flags.dnsbl.split(',').map((list) => list.trim()),
  };
  const parent = config.hostName.split('.').slice(1).join('.');
  const found = await examine({
    config,
    sendingAddresses: (await readAddresses(config)) ?? [],
    probes,
    serviceDomain:
      flags['service-domain'] ?? (await askHealth(config.edgeUrl, fetch))?.service_domain ?? parent,
    lookup: remembering(systemLookup({ dnsServers: config.dnsServers, timeoutMs: 3_000 })),
    fetch,
    greet,
    localAddresses: Object.values(networkInterfaces()).flatMap((list) =>
      (list ?? []).map((one) => one.address),
    ),
    readFile: (path) => readFile(path, 'utf8'),
    nowMs: Date.now,
  });
  console.log(flags.json ? JSON.stringify({ ok: isWell(found), findings: found }, null, 2) : toldOf(found));
  return isWell(found) ? 0 : 1;
}

function isWell(found: readonly Diagnosis[]): boolean {
  return found.every(({ status }) => status !== 'failed');
}

function toldOf(found: readonly Diagnosis[]): string {
  const marks = { ok: 'ok     ', warning: 'warning', failed: 'FAILED ', unknown: 'unknown' };
  const lines = found.map(({ check, status, observed, fix }) =>
    [`${marks[status]}  ${check}: ${observed}`, ...(fix === null ? [] : [`         -> ${fix}`])].join('\n'),
  );
  const count = (status: Diagnosis['status']) => found.filter((one) => one.status === status).length;
  const sum = `${count('ok')} ok, ${count('warning')} warnings, ${count('failed')} failed, ${count('unknown')} unknown`;
  return [...lines, '', sum].join('\n');
}

/** Connects, waits for the first line, and leaves politely. */
export function greet(target: {
  host: string;
  port: number;
  localAddress: string | undefined;
}): Promise<Greeting> {
  return new Promise((resolve) => {
    const socket = connect({ ...target, timeout: 15_000 });
    let text = '';
    const end = (greeting: Greeting) => {
      socket.end('QUIT\r\n');
      socket.destroySoon();
      resolve(greeting);
    };
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      text += chunk;
      const [line, ...more] = text.split(/\r?\n/);
      if (more.length > 0 || text.length > 1000) {
        end({ line: (line ?? '').slice(0, 200), localAddress: socket.localAddress ?? '' });
      }
    });
    socket.on('timeout', () => end({ error: 'no answer within 15 s' }));
    socket.on('error', (error) => end({ error: error.message }));
    socket.on('close', () => end({ error: 'the connection was closed without a word' }));
  });
}

if (import.meta.main) {
  main().then(
    (code) => process.exit(code),
    (error: unknown) => {
      console.error(error instanceof ConfigError ? error.message : error);
      process.exit(1);
    },
  );
}
