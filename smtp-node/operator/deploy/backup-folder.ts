/** What a backup is: `manifest.json`, the database as SQL, the secrets sealed, and the keys of the objects in R2. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { DeployError } from './cloudflare.ts';
import { askPerson } from './session.ts';

export const manifestSchema = z.object({
  pennypost: z.string(),
  at: z.string(),
  /** Variables of the Worker. */
  vars: z.record(z.string(), z.string()),
  databases: z.array(z.object({ name: z.string(), file: z.string().regex(/^[\w.-]+$/), sha256: z.string() })),
  objects: z.number().int(),
});
export type Manifest = z.infer<typeof manifestSchema>;

export const files = {
  manifest: 'manifest.json',
  secrets: 'secrets.sealed.json',
  objects: 'objects.jsonl',
} as const;

/** SHA-256 of a file, in hexadecimal. */
export async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** Reads a backup whose files are whole. @throws DeployError */
export async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, files.manifest);
  if (!existsSync(path)) throw new DeployError(`${folder} is no backup: it has no ${files.manifest}.`);
  const manifest = manifestSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  for (const { file, sha256 } of manifest.databases) {
    const whole = existsSync(join(folder, file)) && (await digestOf(join(folder, file))) === sha256;
    if (!whole) throw new DeployError(`${file} in ${folder} is not as the backup made it.`);
  }
  return manifest;
}

const leastPassphrase = 12;

/** The passphrase of the environment, or the person's. @throws DeployError when it is too short */
export async function passphraseOf(): Promise<string> {
  const given =
    process.env.PENNYPOST_PASSPHRASE ??
    (await askPerson('Passphrase of the secrets in the backup? ', 'PENNYPOST_PASSPHRASE in the environment'));
  if (given.length < leastPassphrase)
    throw new DeployError(`The passphrase must have at least ${leastPassphrase} characters.`);
  return given;
}
