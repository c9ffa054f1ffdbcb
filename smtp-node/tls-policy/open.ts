import { Resolver } from 'node:dns/promises';
import { join } from 'node:path';
import type { RecipientPolicy } from '#domain/delivery/recipient-policy.ts';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import { lookUpBy, StsPolicies } from './mta-sts.ts';
import { noTlsPolicies, type TlsPolicies, tlsPoliciesOf } from './policy.ts';
import { postReport } from './post-report.ts';
import { type ReportWays, tellResults } from './report.ts';
import { TlsCounts } from './results.ts';
import { createSecureResolver, secureSourceOf } from './secure-resolver.ts';
import { SeenPolicies } from './seen.ts';

const refreshMs = 3_600_000;
const saveMs = 60_000;

/** What a node knows of receivers' wishes, and keeps fresh. */
export interface OpenTlsPolicies {
  policies: TlsPolicies;
  close(): Promise<void>;
}

/** The policies of a node, as its configuration has them; behind a route to one host nobody is asked. */
export async function openTlsPolicies(
  config: Pick<
    Config,
    | 'allowLocalMx'
    | 'dataDirectory'
    | 'dnsServers'
    | 'dnssec'
    | 'hostName'
    | 'nodeId'
    | 'outboundPort'
    | 'outboundRoute'
  >,
  {
    now,
    log,
    mailReport,
    tellPolicies,
  }: {
    now: () => number;
    log: Log;
    mailReport: ReportWays['mail'];
    /** Tells the edge what recipient domains ask for; may reject. */
    tellPolicies(policies: RecipientPolicy[]): Promise<void>;
  },
): Promise<OpenTlsPolicies> {
  if (config.outboundRoute) return { policies: noTlsPolicies, close: async () => undefined };
  const dns = new Resolver({ timeout: 3000, tries: 2 });
  if (config.dnsServers.length > 0) dns.setServers(config.dnsServers);
  const sts = new StsPolicies({
    lookUp: lookUpBy(async (name, type) => [await dns.resolve(name, type)].flat(), config.allowLocalMx),
    file: join(config.dataDirectory, 'mta-sts.json'),
    now,
    onFault: (error) => log.warn({ error: String(error) }, 'MTA-STS policies cannot be kept over a restart'),
  });
  await sts.load();
  const counts = new TlsCounts(join(config.dataDirectory, 'tls-results.json'), now);
  await counts.load();
  const by = {
    organization: config.hostName,
    contact: `postmaster@${config.hostName}`,
    node: config.nodeId,
  };
  const ways: ReportWays = {
    texts: (name) => textsOf(dns, name),
    mail: mailReport,
    post: (url, gzip) => postReport(url, gzip, config.allowLocalMx),
    log,
  };
  const save = () =>
    counts.save().catch((error: unknown) => log.warn({ error: String(error) }, 'TLS results cannot be kept'));
  const hourly = setInterval(
    () =>
      void sts
        .refresh()
        .then(() => tellResults(counts, by, ways))
        .then(save),
    refreshMs,
  );
  const seen = new SeenPolicies(now);
  const tellSeen = () =>
    seen
      .tell(tellPolicies)
      .catch((error: unknown) => log.debug({ error: String(error) }, 'policies not told yet'));
  const often = setInterval(() => void save().then(tellSeen), saveMs);
  for (const timer of [hourly, often]) timer.unref();
  const source = secureSourceOf(config.dnssec, config.dnsServers);
  const resolver = source && createSecureResolver({ source, now });
  return {
    policies: tlsPoliciesOf({
      sts,
      resolver,
      port: config.outboundPort,
      results: counts,
      seen: (one) => seen.note(one),
    }),
    close: async () => {
      for (const timer of [hourly, often]) clearInterval(timer);
      await save();
      await sts.saved();
    },
  };
}

async function textsOf(dns: Resolver, name: string): Promise<string[]> {
  try {
    return (await dns.resolveTxt(name)).map((strings) => strings.join(''));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'ENOTFOUND' || code === 'ENODATA') return [];
    throw error;
  }
}
