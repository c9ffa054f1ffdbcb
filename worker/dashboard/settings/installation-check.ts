import { type Diagnosis, unknown } from '#domain/dns/diagnosis.ts';
import { remembering } from '#domain/dns/dns.ts';
import { diagnoseInstallation, lateMs } from '#domain/dns/installation.ts';
import {
  diagnoseBouncesMx,
  diagnoseEmailRouting,
  diagnoseHelo,
  diagnoseHostAddresses,
  diagnoseMx,
  diagnosePtr,
  diagnoseReports,
  diagnoseSpf,
  type ServiceSubject,
} from '#domain/dns/service-dns.ts';
import { plainSpfResultOf } from '#domain/dns/spf-result.ts';
import { dohLookup } from '../../dns/doh.ts';
import type { Call } from '../../http/app.ts';
import { workerSettings } from '../../settings.ts';
import { readInstallation } from '../../store/installation.ts';
import { type NodeSeen, readQueues } from '../../store/overview.ts';
import { countOld } from '../../store/reencrypt.ts';
import { systemSender } from '../../system-mail/send.ts';

/** Host names that are looked up; each costs some ten subrequests. */
const mostHosts = 10;
const dnsTimeoutMs = 3_000;

/** Looks at everything of the installation that the edge can see. */
export async function checkInstallation(c: Call, nowMs: number): Promise<Diagnosis[]> {
  const env = c.get('env');
  const store = c.get('store');
  const [{ queues, nodes }, read, sender, old] = await Promise.all([
    readQueues(store, nowMs),
    readInstallation(store, nowMs),
    systemSender({ store, env }),
    countOld(store, env.encryptionKeys),
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
  });
  return [...own, ...(await checkDns(env, hostNamesOf(nodes, nowMs)))];
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
  ]);
  return found.flat();
}
