/**
 * `npm run deploy`: makes everything that the edge half needs in a Cloudflare account, and puts it there.
 * `-- --dry-run` builds and checks without an account. Running it again changes only what is missing.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { domainFault } from '#domain/address.ts';
import { bundleWorker, repository, wrangler } from '../standalone/bundle.ts';
import { keptWorkerSecrets, newWorkerSecrets, setupCodeOf } from '../standalone/secrets.ts';

const stateDir = join(repository, '.pennypost');
const placeholderId = '00000000-0000-0000-0000-000000000000';
/** Aim for the compressed bundle; a Worker of the paid plan may have ten times as much. */
const bundleAimBytes = 1024 * 1024;

const { values: flags } = parseArgs({
  options: {
    'dry-run': { type: 'boolean', default: false },
    'service-domain': { type: 'string' },
    yes: { type: 'boolean', default: false },
  },
});

if (flags['dry-run']) await dryRun();
else await deploy();

async function dryRun(): Promise<void> {
  const outDir = join(stateDir, 'bundle');
  const said = await bundleWorker(outDir);
  await checkBindings(said);
  const bundle = await readFile(join(outDir, 'index.js'));
  const compressed = gzipSync(bundle).length;
  const kib = (bytes: number) => `${(bytes / 1024).toFixed(1)} KiB`;
  console.log(said.trim());
  console.log(
    `bundle: ${kib(bundle.length)}, compressed ${kib(compressed)} (aim: under ${kib(bundleAimBytes)})`,
  );
  console.log(`secrets that a deployment sets: ${Object.keys(newWorkerSecrets()).join(', ')}`);
  if (compressed > bundleAimBytes) throw new Error('the bundle is over its aim');
}

/** The configuration must bind what the Worker reads. */
async function checkBindings(said: string): Promise<void> {
  const source = await readFile(join(repository, 'worker/env.ts'), 'utf8');
  const names = /const bindings = \[([^\]]+)\]/.exec(source)?.[1]?.match(/\w+/g) ?? [];
  const missing = names.filter((name) => !said.includes(`env.${name}`));
  if (names.length === 0 || missing.length > 0)
    throw new Error(`wrangler.toml does not bind: ${missing.join(', ')}`);
}

async function deploy(): Promise<void> {
  await mkdir(stateDir, { recursive: true });
  console.log((await wrangler(['whoami'])).trim());
  const serviceDomain = await askServiceDomain();
  console.log(`This creates what is missing of: D1 database "pennypost", R2 bucket "pennypost-raw",
queues "delivery" and "webhook", the Worker "pennypost" with its Durable Objects, and these secrets:
${Object.keys(newWorkerSecrets()).join(', ')}. Service domain: ${serviceDomain}.`);
  if (!flags.yes && !/^y/i.test(await ask('Go on? [y/N] '))) return;

  const databaseId = await ensureDatabase();
  await ensure(['r2', 'bucket', 'create', 'pennypost-raw'], /already exists|already own/i);
  for (const queue of ['delivery', 'webhook'])
    await ensure(['queues', 'create', queue], /already (exists|taken)/i);
  const config = await writeConfig(databaseId, serviceDomain);
  await wrangler(['d1', 'migrations', 'apply', 'pennypost', '--remote', '--config', config]);
  console.log((await wrangler(['deploy', '--config', config])).trim());
  const secrets = await keptWorkerSecrets(join(stateDir, 'deployed-secrets.json'));
  await wrangler(['secret', 'bulk', '--config', config], { input: JSON.stringify(secrets) });
  console.log(`
Deployed. The secrets are kept in .pennypost/deployed-secrets.json (only you can read it): keep it safe.
The dashboard is at the address above; its set-up code, for the first visit: ${setupCodeOf(secrets.AUTH_SECRET)}

Next, start a node on a machine whose port 25 is open, with these three settings:
  PENNYPOST_EDGE_URL=https://<the address above>
  PENNYPOST_NODE_TOKEN=<NODE_TOKEN of that file>
  PENNYPOST_HOST_NAME=<the machine's name, with matching A, AAAA and PTR records>
and publish for ${serviceDomain}: bounces MX to the nodes, _spf TXT with their addresses (see README, Deploy).`);
}

async function askServiceDomain(): Promise<string> {
  const kept = join(stateDir, 'service-domain');
  const domain =
    flags['service-domain'] ??
    (existsSync(kept)
      ? (await readFile(kept, 'utf8')).trim()
      : await ask('Service domain (e.g. mail.example.org): '));
  const fault = domainFault(domain);
  if (fault) throw new Error(`service domain ${fault}`);
  await writeFile(kept, `${domain}\n`);
  return domain;
}

async function ensureDatabase(): Promise<string> {
  const find = async () => {
    const list = JSON.parse(await wrangler(['d1', 'list', '--json'])) as { name: string; uuid: string }[];
    return list.find((database) => database.name === 'pennypost')?.uuid;
  };
  const present = await find();
  if (present) return present;
  await wrangler(['d1', 'create', 'pennypost']);
  const made = await find();
  if (!made) throw new Error('the D1 database was created but is not listed; run this again');
  return made;
}

/** Creates a resource unless it is there. */
async function ensure(args: string[], isThere: RegExp): Promise<void> {
  try {
    await wrangler(args);
  } catch (error) {
    if (!(error instanceof Error) || !isThere.test(error.message)) throw error;
  }
}

/** wrangler.toml with the account's own values, in a file that git ignores. */
async function writeConfig(databaseId: string, serviceDomain: string): Promise<string> {
  const template = await readFile(join(repository, 'wrangler.toml'), 'utf8');
  const path = join(stateDir, 'wrangler.toml');
  await writeFile(
    path,
    template
      .replace(placeholderId, databaseId)
      .replace('mail.example.org', serviceDomain)
      .replace('main = "worker/', 'main = "../worker/')
      .replace('migrations_dir = "drizzle/', 'migrations_dir = "../drizzle/'),
  );
  return path;
}

async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return (await lines.question(question)).trim();
  } finally {
    lines.close();
  }
}
