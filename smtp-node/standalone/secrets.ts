import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';

/** The Worker's secrets on one machine: made once, kept for the owner's eyes only. */
const schema = z.object({
  NODE_TOKEN: z.string(),
  OPERATOR_TOKEN: z.string(),
  RETURN_PATH_KEYS: z.string(),
  ENCRYPTION_KEYS: z.string(),
});
export type WorkerSecrets = z.infer<typeof schema>;

/** New random secrets of the Worker. */
export function newWorkerSecrets(): WorkerSecrets {
  return {
    NODE_TOKEN: randomBytes(32).toString('base64url'),
    OPERATOR_TOKEN: randomBytes(32).toString('base64url'),
    RETURN_PATH_KEYS: randomBytes(32).toString('base64'),
    ENCRYPTION_KEYS: randomBytes(32).toString('base64'),
  };
}

/** The secrets in a file, made when it is not there. */
export async function keptWorkerSecrets(path: string): Promise<WorkerSecrets> {
  if (existsSync(path)) return schema.parse(JSON.parse(await readFile(path, 'utf8')));
  const secrets = newWorkerSecrets();
  await writeFile(path, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  return secrets;
}
