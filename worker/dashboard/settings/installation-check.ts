import { faultOfTransport } from '#domain/delivery/transport-health.ts';
import { diagnoseDelegatedKeys } from '#domain/dns/delegated-check.ts';
import { type Diagnosis, fine, unknown, warning } from '#domain/dns/diagnosis.ts';
import { formatDkimRecord } from '#domain/dns/dkim-record.ts';
import { recordsOf, remembering } from '#domain/dns/dns.ts';
import { diagnoseInstallation, lateMs } from '#domain/dns/installation.ts';
import {
  diagnoseBouncesMx,
  diagnoseEmailRouting,
  diagnoseHelo,
  diagnoseHostAddresses,
  diagnoseLinkHosts,
  diagnoseMx,
  diagnosePtr,
  diagnoseReports,
  diagnoseSpf,
  type ServiceSubject,
} from '#domain/dns/service-dns.ts';
import { plainSpfResultOf } from '#domain/dns/spf-result.ts';
import { sandboxDomain } from '#domain/message/sandbox.ts';
import { dohLookup } from '../../dns/doh.ts';
import { zoneOf } from '../../dns/zone-api.ts';
import type { Call } from '../../http/app.ts';
import { workerSettings } from '../../settings.ts';
import { findDomain, listDkimKeys, newestDelegatedKeys } from '../../store/domains.ts';
import { readInstallation } from '../../store/installation.ts';
import { type NodeSeen, readQueues } from '../../store/overview.ts';
import { countOld } from '../../store/reencrypt.ts';
import { workerTransportOf } from '../../store/routing.ts';
import { everyHome } from '../../store/store.ts';
import { systemAccountId } from '../../store/system-mail.ts';
import { readTransports } from '../../store/transports.ts';
import { systemSender } from '../../system-mail/send.ts';

/** Host names that are looked up; each costs some ten subrequests. */
const mostHosts = 10;
/** Records of delegated keys that are looked up. */
const mostKeys = 20;
const dnsTimeoutMs = 3_000;

/** Looks at everything of the installation that the edge can see. */
export async function checkInstallation(c: Call, nowMs: number): Promise<Diagnosis[]> {
  const env = c.get('env');
  const store = c.get('store').first;
  const [{ queues, nodes }, read, sender, old, { transports, rules }] = await Promise.all([
    readQueues(store, nowMs),
    readInstallation(store, nowMs),
    systemSender({ store, env }),
    countOld(store, env.encryptionKeys),
    readTransports(store, nowMs),
  ]);
  const own = diagnoseInstallation({
    ...read,
    nowMs,
    queues,
    nodes,
    mailFault: 'fault' in sender ? sender.fault : null,
    encryption: { keys: env.encryptionKeys.length, old },
    allowLocalWebhooks: env.allowLocalWebhooks,
    settings: workerSettings.length,
    workerTransport: workerTransportOf(transports, rules, env.bindings.EMAIL !== undefined, nowMs),
    relays: transports.map((one) => ({ name: one.name, fault: faultOfTransport(one) })),
  });
  if (isReserved(env.serviceDomain)) {
    const observed = `${env.serviceDomain} is kept for tests (RFC 6761): no DNS knows it, so nothing was looked up.`;
    // What is allowed for development is what this is for.
    const meant = own.filter(({ check, status }) => check !== 'local-webhooks' || status !== 'warning');
    return [...meant, fine('service-domain', observed)];
  }
  const dns = await Promise.all([
    checkDns(env, hostNamesOf(nodes, nowMs)),
    checkDelegated(c),
    checkSandbox(c),
  ]);
  return [...own, ...dns.flat()];
}

/** What the installation publishes for domains that delegate DKIM: the newest keys of each home, so many in all. */
async function checkDelegated(c: Call): Promise<Diagnosis[]> {
  const env = c.get('env');
  const homes = everyHome(c.get('store'));
  const each = Math.ceil(mostKeys / homes.length);
  const keys = await Promise.all(homes.map((home) => newestDelegatedKeys(home, each)));
  const lookup = dohLookup(env.dohUrl, { timeoutMs: dnsTimeoutMs });
  return await diagnoseDelegatedKeys(keys.flat().slice(0, mostKeys), {
    lookup,
    byHand: zoneOf(env) === null,
  });
}

/** Names that are nobody's, as `npm start` has one. */
function isReserved(domain: string): boolean {
  return /(^|\.)(test|localhost|invalid)$/.test(domain);
}

/** Mail from the sandbox passes by SPF; with this record its signature can be verified too. */
async function checkSandbox(c: Call): Promise<Diagnosis[]> {
  const { serviceDomain, dohUrl } = c.get('env');
  const store = c.get('store').first;
  const domain = await findDomain(store, systemAccountId, sandboxDomain(serviceDomain));
  const keys = domain ? await listDkimKeys(store, domain.id) : [];
  const key = keys.find(({ algorithm, status }) => algorithm === 'rsa-sha256' && status === 'active');
  if (!domain || !key) return [];
  const name = `${key.selector}._domainkey.${domain.name}`;
  const answer = await dohLookup(dohUrl, { timeoutMs: dnsTimeoutMs })(name, 'TXT');
  const found = recordsOf(answer).some((text) => text.replace(/\s/g, '').includes(`p=${key.publicKey}`));
  if (found) return [fine('sandbox', `${name} has the key that signs mail from the sandbox.`)];
  return [
    warning(
      'sandbox',
      `${name} has not the key that signs mail from the sandbox: what members are sent from there passes by SPF only.`,
      `Publish TXT ${name}: ${formatDkimRecord(key)}`,
    ),
  ];
}

/** Host names of the nodes that are here, or of all when none is. */
function hostNamesOf(nodes: readonly NodeSeen[], nowMs: number): string[] {
  const here = nodes.filter(({ lastSeenAtMs }) => nowMs - lastSeenAtMs <= lateMs.node);
  const names = (here.length > 0 ? here : nodes).map(({ hostName }) => hostName);
  return [...new Set(names)].slice(0, mostHosts);
}

async function checkDns(
  { serviceDomain, dohUrl }: { serviceDomain: string; dohUrl: string },
  hostNames: string[],
): Promise<Diagnosis[]> {
  const lookup = remembering(dohLookup(dohUrl, { timeoutMs: dnsTimeoutMs }));
  const subject: ServiceSubject = { serviceDomain, hostNames, nodes: 'a node that was seen', lookup };
  const resolver = await lookup(serviceDomain, 'NS');
  if ('failure' in resolver && (resolver.failure === 'unreachable' || resolver.failure === 'malformed')) {
    const observed = `${new URL(dohUrl).host} does not answer (${resolver.failure}), so DNS was not looked at.`;
    return [unknown('resolver', observed, 'Set DOH_URL to a DNS over HTTPS endpoint in the JSON form.')];
  }
  const found = await Promise.all([
    diagnoseHelo(subject),
    diagnoseHostAddresses(subject),
    diagnosePtr(subject),
    diagnoseSpf(subject, plainSpfResultOf(lookup)),
    diagnoseBouncesMx(subject),
    diagnoseEmailRouting(subject),
    diagnoseMx(subject),
    diagnoseReports(subject),
    diagnoseLinkHosts(subject),
  ]);
  return found.flat();
}
