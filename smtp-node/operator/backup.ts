/**
 * `npm run backup -- <folder>`: the databases as SQL, the secrets sealed with a passphrase, and a list of the objects in
 * R2. While D1 writes the SQL it answers nothing else: requests of that time are answered with 503, and nodes and clients
 * try again.
 */
import { mkdir, open as openFile, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { repository } from '../standalone/bundle.ts';
import { digestOf, files, type Manifest, passphraseOf } from './deploy/backup-folder.ts';
import { DeployError } from './deploy/cloudflare.ts';
import { writeConfiguration } from './deploy/configuration.ts';
import { planHomes } from './deploy/homes.ts';
import { names, readInstallation } from './deploy/installation.ts';
import { KnownSecrets, markName } from './deploy/secrets.ts';
import { openSession, type Session, stateDir } from './deploy/session.ts';
import { seal } from './sealed.ts';

async function backup(folder: string, account: string | undefined): Promise<void> {
  const session = await openSession(account);
  const installation = await readInstallation(session);
  const { databaseId, vars, secrets: there } = installation;
  if (!installation.isThere || databaseId === null)
    throw new DeployError(`The account ${session.accountName} has no installation of Pennypost.`);
  const known = await new KnownSecrets(stateDir).read(vars[markName]);
  const lost = there.filter((name) => !(name in known));
  if (lost.length > 0)
    throw new DeployError(
      `${lost.join(', ')} is not in .pennypost/deployed-secrets.json, and Cloudflare shows secrets to nobody: make the backup where it was deployed first, or bring that file from there.`,
    );
  const passphrase = await passphraseOf();
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const homes = (await planHomes(session, installation, undefined)).flatMap(({ databaseId: id, ...home }) =>
    id === null ? [] : [{ ...home, databaseId: id }],
  );
  const config = await writeConfiguration({
    databaseId,
    homes,
    vars,
    onWorkersDev: true,
    previews: false,
    sendBinding: null,
  });
  const databases: Manifest['databases'] = [];
  for (const name of [names.database, ...homes.map((home) => home.name)]) {
    const file = `${name}.sql`;
    await session.run([
      ...['d1', 'export', name, '--remote', '--skip-confirmation'],
      ...['--output', join(folder, file), '--config', config],
    ]);
    databases.push({ name, file, sha256: await digestOf(join(folder, file)) });
  }
  await writeFile(join(folder, files.secrets), `${seal(JSON.stringify(known), passphrase)}\n`, {
    mode: 0o600,
  });
  const objects = await listObjects(session, join(folder, files.objects));
  const { version } = z
    .object({ version: z.string() })
    .parse(JSON.parse(await readFile(join(repository, 'package.json'), 'utf8')));
  const manifest: Manifest = {
    pennypost: version,
    at: new Date().toISOString(),
    vars,
    databases,
    objects,
  };
  // Last: a folder that has it is whole.
  await writeFile(join(folder, files.manifest), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 });
  console.log(`Backed up to ${folder}: ${databases.map(({ file }) => file).join(', ')}, secrets (sealed), and the keys of ${objects} objects in R2, which are
large messages and large received mail of the last days. Copy them too where they matter, e.g. with rclone:
  rclone copy --files-from-raw <(jq -r .key ${join(folder, files.objects)}) r2:${names.bucket} <where>`);
}

/** Writes one line of JSON an object; gives how many there are. */
async function listObjects({ api, account }: Session, path: string): Promise<number> {
  const output = await openFile(path, 'w', 0o600);
  let count = 0;
  try {
    const item = z.object({ key: z.string(), size: z.number() });
    for await (const { key, size } of api.list(
      item,
      `${account}/r2/buckets/${names.bucket}/objects?per_page=1000`,
    )) {
      await output.write(`${JSON.stringify({ key, size })}\n`);
      count += 1;
    }
  } finally {
    await output.close();
  }
  return count;
}

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { account: { type: 'string' } },
});
const [folder] = positionals;
if (folder === undefined) {
  console.error('npm run backup -- <folder> [--account ID]');
  process.exitCode = 1;
} else
  backup(resolve(folder), flags.account).catch((error: unknown) => {
    console.error(error instanceof DeployError ? error.message : error);
    process.exitCode = 1;
  });
