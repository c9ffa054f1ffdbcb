/**
 * A deployment: reads what the account has, says what it will do, and does only what is missing. It may end between any
 * two steps; the next run goes on from what is there.
 */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isOfWorker } from '#domain/delivery/transport.ts';
import { newWorkerSecrets, setupCodeOf, type WorkerSecrets } from '../../standalone/secrets.ts';
import { DeployError, RefusedError } from './cloudflare.ts';
import { writeConfiguration } from './configuration.ts';
import { publishDns } from './dns.ts';
import { openEmailRouting } from './email-routing.ts';
import { type FurtherHome, planHomes } from './homes.ts';
import { type Installation, names, readInstallation } from './installation.ts';
import { openLinkHosts } from './link-hosts.ts';
import { type ChosenRelay, chooseRelay, giveRelay, type RelayFlags } from './relay.ts';
import { everSet, KnownSecrets, markName, planSecrets, secretsNamed } from './secrets.ts';
import { askPerson, openSession, type Session, stateDir } from './session.ts';
import { chooseVariables, type VariableFlags } from './variables.ts';
import { findZone } from './zone.ts';

export interface DeployFlags extends VariableFlags, RelayFlags {
  account: string | undefined;
  rotate: readonly string[];
  dns: boolean;
  emailRouting: boolean;
  linkHosts: boolean;
  /** How many databases accounts live in, `--homes`. */
  homes: string | undefined;
  /** `HOST` or `HOST=ADDRESS,…`, `--node`. */
  nodes: readonly string[];
}

/** @throws DeployError with one sentence that says what to do */
export async function deploy(flags: DeployFlags): Promise<void> {
  const rotate = secretsNamed(flags.rotate);
  const session = await openSession(flags.account);
  const installation = await readInstallation(session);
  const homes = await planHomes(session, installation, flags.homes);
  const workersDevUrl =
    installation.workersDevName === null
      ? null
      : `https://${names.worker}.${installation.workersDevName}.workers.dev`;
  const vars = await chooseVariables(installation, workersDevUrl, flags);
  const relay = await chooseRelay(flags, !installation.hasData);
  const sendsItself = installation.sendsItself || (relay !== null && isOfWorker(relay.preset));
  // Before anything changes: a deployment that would lose a secret does not begin.
  const secrets = new KnownSecrets(stateDir);
  const markThere = installation.vars[markName];
  const known = await secrets.read(markThere);
  const { secrets: there, hasData } = installation;
  const set = planSecrets({ there, known, hasData, ever: everSet(markThere), rotate }, newWorkerSecrets());
  const domains = flags.domains.filter((one) => !installation.customDomains.includes(one));
  console.log(toldPlan({ session, installation, homes, vars, set, domains, relay, sendsItself }));
  if (!flags.yes && !/^y/i.test(await askPerson('Go on? [y/N] ', '--yes'))) return;

  const databaseId = installation.databaseId ?? (await makeDatabase(session, names.database));
  const bound: (FurtherHome & { databaseId: string })[] = [];
  for (const home of homes)
    bound.push({ ...home, databaseId: home.databaseId ?? (await makeDatabase(session, home.name)) });
  if (!installation.hasBucket) await makeBucket(session);
  for (const queue of installation.missingQueues) await makeQueue(session, queue);
  const mark = Object.keys(set).length > 0 ? await secrets.send(set) : markThere;
  const config = await writeConfiguration({
    databaseId,
    homes: bound,
    vars: mark === undefined ? vars : { ...vars, [markName]: mark },
    // An earlier run may have ended before it was switched on; who has switched it off has the dashboard elsewhere.
    onWorkersDev: vars.PUBLIC_URL === workersDevUrl || (installation.onWorkersDev && workersDevUrl !== null),
    previews: installation.previews,
    sendBinding: sendsItself ? names.sendBinding : null,
  });
  // Migrations only add (test/deploy/additive.test.ts), so the version that runs until the next step goes on with them.
  const databases = [{ name: names.database, pendingMigrations: installation.pendingMigrations }, ...bound];
  for (const { name, pendingMigrations } of databases)
    if (pendingMigrations.length > 0)
      await session.run(['d1', 'migrations', 'apply', name, '--remote', '--config', config]);
  await uploadWorker(session, config, set);
  await secrets.settle({ ...known, ...set });
  for (const domain of domains) await attachDomain(session, domain);
  for (const queue of installation.former) await leaveQueue(session, queue);
  console.log(toldEnd({ installation, vars, set, known: { ...known, ...set }, sendsItself }));
  if (relay) {
    const operatorToken = set.OPERATOR_TOKEN ?? known.OPERATOR_TOKEN;
    console.log(await giveRelay(relay, { url: vars.PUBLIC_URL ?? '', operatorToken }));
  }
  const serviceDomain = vars.SERVICE_DOMAIN ?? '';
  if (flags.emailRouting) await openEmailRouting(session, serviceDomain);
  if (flags.linkHosts) await openLinkHosts(session, { serviceDomain, yes: flags.yes });
  if (flags.dns) await publishDns(session, { databaseId, serviceDomain, nodes: flags.nodes, yes: flags.yes });
}

function toldPlan(of: {
  session: Session;
  installation: Installation;
  homes: readonly FurtherHome[];
  vars: Record<string, string>;
  set: Partial<WorkerSecrets>;
  domains: readonly string[];
  relay: ChosenRelay | null;
  sendsItself: boolean;
}): string {
  const { session, installation: has, homes, vars, set, domains, relay, sendsItself } = of;
  const missing = [
    ...(has.databaseId === null ? [`D1 database ${names.database}`] : []),
    ...homes.flatMap(({ name, databaseId }) => (databaseId === null ? [`D1 database ${name}`] : [])),
    ...(has.hasBucket ? [] : [`R2 bucket ${names.bucket}`]),
    ...has.missingQueues.map((name) => `queue ${name}`),
    ...(has.isThere ? [] : [`Worker ${names.worker} with its Durable Objects`]),
    ...domains.map((name) => `custom domain ${name}`),
    ...(sendsItself && !has.sendsItself ? [`binding ${names.sendBinding} (Cloudflare Email Service)`] : []),
  ];
  const list = (items: readonly string[]) => items.join(', ') || 'none';
  return [
    `Account: ${session.accountName} (${session.accountId})`,
    `To be made: ${list(missing)}`,
    `Migrations to apply: ${list(has.pendingMigrations)}`,
    ...(homes.length === 0
      ? []
      : [
          `Homes: ${homes.length + 1}; migrations to apply in ${list(homes.flatMap((home) => (home.pendingMigrations.length > 0 ? [home.name] : [])))}`,
        ]),
    `Secrets to set: ${list(Object.keys(set))}; the Worker keeps: ${list(has.secrets.filter((name) => !(name in set)))}`,
    ...Object.entries(vars).map(
      ([name, text]) => `${name} = ${text}${has.isThere && has.vars[name] !== text ? ' (changed)' : ''}`,
    ),
    `Custom domains: ${list([...has.customDomains, ...domains])}; routes: ${list(has.routes)}; workers.dev: ${has.onWorkersDev ? 'on' : 'off'}`,
    ...Object.entries(set).flatMap(([name, text]) =>
      text.includes(',') && has.secrets.includes(name)
        ? [
            `${name} gets a new first key before those that .pennypost/deployed-secrets.json has. If it was changed by hand since, write its value there first: keys that are left out open nothing any more.`,
          ]
        : [],
    ),
    ...(relay === null
      ? []
      : [`Relay to be added: ${relay.name}${relay.host === undefined ? '' : ` (${relay.host})`}`]),
    ...has.former.map(
      ({ queueName }) =>
        `The Worker leaves the queue ${queueName}: what is due is announced on the queues of its new names.`,
    ),
  ].join('\n');
}

function toldEnd(of: {
  installation: Installation;
  vars: Record<string, string>;
  set: Partial<WorkerSecrets>;
  known: Partial<WorkerSecrets>;
  sendsItself: boolean;
}): string {
  const { installation, vars, set, known, sendsItself } = of;
  const code =
    known.AUTH_SECRET === undefined
      ? 'its AUTH_SECRET is not known here; where it was deployed first, this tells it'
      : setupCodeOf(known.AUTH_SECRET);
  return `
Deployed. Secrets that were set: ${Object.keys(set).join(', ') || 'none'}. Those that are known here are in
.pennypost/deployed-secrets.json (only you can read it): keep it safe, and back it up (npm run backup).
The dashboard is at ${vars.PUBLIC_URL}${installation.hasData ? '.' : `; its set-up code, for the first visit: ${code}`}

Nodes run on machines whose port 25 is open, with these three settings:
  PENNYPOST_EDGE_URL=${vars.PUBLIC_URL}
  PENNYPOST_NODE_TOKEN=<NODE_TOKEN of that file>
  PENNYPOST_HOST_NAME=<the machine's name, with matching A, AAAA and PTR records>
Without a node mail leaves by Cloudflare Email Service${sendsItself ? ', as the rules say' : ': npm run deploy -- --relay cloudflare-binding'}.
Where the network of a machine closes port 25 on the way out, start its node all the same: mail leaves by a relay that
you add at ${vars.PUBLIC_URL}/operator/transports (guide: ${vars.PUBLIC_URL}/docs/no-port-25).
DNS of ${vars.SERVICE_DOMAIN}: npm run deploy -- --dns publishes it, or prints what to publish.${installation.former
    .map(
      ({ queueName }) =>
        `\nThe queue ${queueName} is no longer used by Pennypost. If nothing else uses it: npx wrangler queues delete ${queueName}`,
    )
    .join('')}`;
}

export async function makeDatabase({ api, account }: Session, name: string): Promise<string> {
  const made = await api.ask(z.object({ uuid: z.string() }), `${account}/d1/database`, 'POST', { name });
  return made.uuid;
}

async function makeBucket({ api, account }: Session): Promise<void> {
  await api.ask(z.unknown(), `${account}/r2/buckets`, 'POST', { name: names.bucket });
}

async function makeQueue({ api, account }: Session, name: string): Promise<void> {
  await api.ask(z.unknown(), `${account}/queues`, 'POST', { queue_name: name });
}

/** Uploads the Worker and the secrets that it needs as one version: there is no moment with one of them alone. */
async function uploadWorker(session: Session, config: string, set: Partial<WorkerSecrets>): Promise<void> {
  const file = join(stateDir, 'secrets-to-set.json');
  await writeFile(file, JSON.stringify(set), { mode: 0o600 });
  try {
    await session.run(['deploy', '--config', config, '--secrets-file', file]);
  } finally {
    await rm(file, { force: true });
  }
}

/** Never takes a host name from another Worker or from DNS records that are there. */
async function attachDomain(session: Session, hostname: string): Promise<void> {
  const zone = await findZone(session, hostname);
  if (zone === null)
    throw new DeployError(
      `The zone of ${hostname} is not in this account: add it at https://dash.cloudflare.com, or leave --domain out.`,
    );
  const { api, account } = session;
  const there = await api.ask(
    z.array(z.object({ hostname: z.string(), service: z.string() })),
    `${account}/workers/domains?hostname=${encodeURIComponent(hostname)}`,
  );
  const other = there.find((one) => one.hostname === hostname && one.service !== names.worker);
  if (other)
    throw new DeployError(
      `${hostname} is a custom domain of the Worker ${other.service}: take it away there first.`,
    );
  try {
    await api.ask(z.unknown(), `${account}/workers/domains`, 'PUT', {
      hostname,
      zone_id: zone.id,
      service: names.worker,
      environment: 'production',
    });
  } catch (error) {
    if (error instanceof RefusedError && error.status === 409)
      throw new DeployError(`${hostname} has DNS records already: take them away, or give another --domain.`);
    throw error;
  }
}

/** Messages that are not ours stay in it for whom they are; ours are pointers, and the sweep announces again. */
async function leaveQueue(
  { api, account }: Session,
  { queueId, consumerId }: Installation['former'][number],
): Promise<void> {
  await api.ask(z.unknown(), `${account}/queues/${queueId}/consumers/${consumerId}`, 'DELETE');
}
