/**
 * `npm run deploy`: makes everything that the edge half needs in a Cloudflare account, and puts it there.
 * `-- --dry-run` builds and checks without an account. Running it again changes only what is missing.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { bundleWorker, repository } from '../standalone/bundle.ts';
import { DeployError } from './deploy/cloudflare.ts';
import { deploy } from './deploy/run.ts';
import { secretNames } from './deploy/secrets.ts';
import { stateDir } from './deploy/session.ts';

const usage = `npm run deploy -- [options]
  --account ID             the Cloudflare account, where the login reaches several
  --service-domain DOMAIN  the operator's own domain, e.g. mail.example.org; asked for once
  --public-url URL         where the dashboard is reached; "workers.dev": there
  --domain HOST            also serve the Worker at this host of a zone in the account; may be repeated
  --var NAME=TEXT          set a variable of the Worker (see worker/docs/settings.md); those that it has stay as they are
  --homes N                databases that accounts live in; never fewer than there are (1)
  --rotate NAME            make a secret anew; of a list, a new first key before the old
  --email-routing          let Email Routing bring mail for bounces.<service domain> to the Worker
  --link-hosts             let customers' names for links reach the Worker (Cloudflare for SaaS)
  --dns                    publish the DNS records of the service domain, or print them
  --node HOST[=ADDRESS,…]  a node, for --dns; may be repeated (default: nodes that have said hello)
  --relay SERVICE          a relay where port 25 of the nodes is closed: cloudflare, ses or HOST:PORT; its secret is asked
                           for, or PENNYPOST_RELAY_SECRET (the first deployment asks for a relay). cloudflare-binding: the
                           Worker sends by Cloudflare Email Service itself, with no node and no secret
  --relay-user USER        the user at the relay, where the service does not say it
  --yes                    do not ask
  --dry-run                build and check; needs no account`;

/** Aim for the compressed bundle: half of what a Worker of the free plan may have. */
const bundleAimBytes = 1536 * 1024;

async function main(): Promise<void> {
  const { values: flags } = parseArgs({
    options: {
      help: { type: 'boolean', default: false },
      'dry-run': { type: 'boolean', default: false },
      account: { type: 'string' },
      'service-domain': { type: 'string' },
      'public-url': { type: 'string' },
      domain: { type: 'string', multiple: true, default: [] },
      var: { type: 'string', multiple: true, default: [] },
      homes: { type: 'string' },
      rotate: { type: 'string', multiple: true, default: [] },
      'email-routing': { type: 'boolean', default: false },
      'link-hosts': { type: 'boolean', default: false },
      dns: { type: 'boolean', default: false },
      node: { type: 'string', multiple: true, default: [] },
      relay: { type: 'string' },
      'relay-user': { type: 'string' },
      yes: { type: 'boolean', default: false },
    },
  });
  if (flags.help) console.log(usage);
  else if (flags['dry-run']) await dryRun();
  else
    await deploy({
      account: flags.account,
      serviceDomain: flags['service-domain'],
      publicUrl: flags['public-url'],
      domains: flags.domain,
      vars: flags.var,
      homes: flags.homes,
      rotate: flags.rotate,
      emailRouting: flags['email-routing'],
      linkHosts: flags['link-hosts'],
      dns: flags.dns,
      nodes: flags.node,
      relay: flags.relay,
      relayUser: flags['relay-user'],
      yes: flags.yes,
    });
}

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
  console.log(`secrets that a deployment sets: ${secretNames.join(', ')}`);
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

main().catch((error: unknown) => {
  console.error(error instanceof DeployError ? error.message : error);
  process.exitCode = 1;
});
