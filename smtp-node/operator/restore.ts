/** `npm run restore -- <folder>`: makes a new installation, in an account that has none, of what `npm run backup` kept. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { workerSecrets } from '../standalone/secrets.ts';
import { files, passphraseOf, readManifest } from './deploy/backup-folder.ts';
import { DeployError } from './deploy/cloudflare.ts';
import { writeConfiguration } from './deploy/configuration.ts';
import { planHomes } from './deploy/homes.ts';
import { names, query, readInstallation } from './deploy/installation.ts';
import { deploy, makeDatabase } from './deploy/run.ts';
import { KnownSecrets, markName } from './deploy/secrets.ts';
import { openSession, type Session, stateDir } from './deploy/session.ts';
import { requireReadable } from './deploy/variables.ts';
import { open } from './sealed.ts';

interface RestoreFlags {
  account: string | undefined;
  publicUrl: string | undefined;
  domains: readonly string[];
  vars: readonly string[];
}

async function restore(folder: string, flags: RestoreFlags): Promise<void> {
  const manifest = await readManifest(folder);
  if (manifest.databases.length === 0) throw new DeployError(`${folder} has no database.`);
  requireReadable(manifest.vars);
  const opened = open(await readFile(join(folder, files.secrets), 'utf8'), await passphraseOf());
  if (opened === null) throw new DeployError('The passphrase does not open the secrets of this backup.');
  const secrets = workerSecrets.partial().parse(JSON.parse(opened));
  const session = await openSession(flags.account);
  const installation = await readInstallation(session);
  const { databaseId: there, vars } = installation;
  const known = await new KnownSecrets(stateDir).read(vars[markName]);
  if (Object.entries(known).some(([name, text]) => text !== secrets[name as keyof typeof secrets]))
    throw new DeployError(
      `.pennypost/deployed-secrets.json here has secrets of another installation: restore from a fresh clone, or move that file away.`,
    );
  const homes: { binding: string; name: string; databaseId: string }[] = [];
  for (const { name, binding, databaseId } of await planHomes(
    session,
    installation,
    String(manifest.databases.length),
  ))
    homes.push({ name, binding, databaseId: databaseId ?? (await makeDatabase(session, name)) });
  const databaseId = there ?? (await makeDatabase(session, names.database));
  const databases = [{ name: names.database, databaseId }, ...homes];
  for (const database of databases) await requireEmpty(session, database);
  await new KnownSecrets(stateDir).settle(secrets);
  const config = await writeConfiguration({
    databaseId,
    homes,
    vars: manifest.vars,
    onWorkersDev: true,
    previews: false,
    sendBinding: null,
  });
  // The first last: one that is empty says that not all is there yet.
  for (const [home, { name }] of [...databases.entries()].reverse()) {
    const { file = '' } = manifest.databases[home] ?? {};
    console.log(`Bringing ${file} of ${manifest.at} into the database ${name}.`);
    await session.run([
      ...['d1', 'execute', name, '--remote', '--yes'],
      ...['--file', join(folder, file), '--config', config],
    ]);
  }
  await deploy({
    account: session.accountId,
    serviceDomain: undefined,
    publicUrl: flags.publicUrl,
    domains: flags.domains,
    vars: [...keptVars(manifest.vars), ...flags.vars],
    homes: String(manifest.databases.length),
    rotate: [],
    dns: false,
    emailRouting: false,
    linkHosts: false,
    nodes: [],
    relay: undefined,
    relayUser: undefined,
    yes: true,
  });
  console.log(`
Restored. ${manifest.objects} objects of R2 belonged to it (${files.objects}): copy them into the bucket ${names.bucket} of this account.
What was waiting when the backup was made is delivered now: see that the installation before no longer sends.
Its nodes need PENNYPOST_EDGE_URL of this installation; their PENNYPOST_NODE_TOKEN is as it was.`);
}

/** @throws DeployError when there is anything in a database */
async function requireEmpty(
  session: Session,
  { name, databaseId }: { name: string; databaseId: string },
): Promise<void> {
  const tables = await query(
    { ...session, databaseId },
    z.object({ name: z.string() }),
    `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_cf_%' LIMIT 1`,
  );
  if ((tables ?? []).length > 0)
    throw new DeployError(
      `The database ${name} of this account is not empty. If an earlier run of this restore has filled it, go on with npm run deploy; otherwise restore into another account (--account ID), or delete what is there: npx wrangler d1 delete ${name}.`,
    );
}

const own = [markName, 'WRITES_ROWS'];

/**
 * Variables as `--var` takes them. The mark is the deployment's own, the form of rows too, and a name at workers.dev that
 * account's.
 */
function keptVars(vars: Readonly<Record<string, string>>): string[] {
  return Object.entries(vars).flatMap(([name, text]) =>
    own.includes(name) || (name === 'PUBLIC_URL' && text.endsWith('.workers.dev')) ? [] : [`${name}=${text}`],
  );
}

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    account: { type: 'string' },
    'public-url': { type: 'string' },
    domain: { type: 'string', multiple: true, default: [] },
    var: { type: 'string', multiple: true, default: [] },
  },
});
const [folder] = positionals;
if (folder === undefined || !existsSync(folder)) {
  console.error(
    'npm run restore -- <folder of a backup> [--account ID] [--public-url URL] [--domain HOST] [--var NAME=TEXT]',
  );
  process.exitCode = 1;
} else
  restore(resolve(folder), {
    account: flags.account,
    publicUrl: flags['public-url'],
    domains: flags.domain,
    vars: flags.var,
  }).catch((error: unknown) => {
    console.error(error instanceof DeployError ? error.message : error);
    process.exitCode = 1;
  });
