import { createHmac, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { formatSetupCode, setupCodeText } from '#domain/setup-code.ts';

/** The Worker's secrets on one machine: made once, kept for the owner's eyes only. */
export const workerSecrets = z.object({
  NODE_TOKEN: z.string(),
  OPERATOR_TOKEN: z.string(),
  RETURN_PATH_KEYS: z.string(),
  ENCRYPTION_KEYS: z.string(),
  AUTH_SECRET: z.string(),
});
export type WorkerSecrets = z.infer<typeof workerSecrets>;

/** New random secrets of the Worker. */
export function newWorkerSecrets(): WorkerSecrets {
  return {
    NODE_TOKEN: randomBytes(32).toString('base64url'),
    OPERATOR_TOKEN: randomBytes(32).toString('base64url'),
    RETURN_PATH_KEYS: randomBytes(32).toString('base64'),
    ENCRYPTION_KEYS: randomBytes(32).toString('base64'),
    AUTH_SECRET: randomBytes(32).toString('base64url'),
  };
}

/** The secrets in a file; those that it does not have yet are made. */
export async function keptWorkerSecrets(path: string): Promise<WorkerSecrets> {
  const kept = existsSync(path)
    ? workerSecrets.partial().parse(JSON.parse(await readFile(path, 'utf8')))
    : {};
  const secrets = { ...newWorkerSecrets(), ...kept };
  await writeFile(path, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  return secrets;
}

/** The one-time code of the dashboard's first set-up, as the Worker derives it too. */
export function setupCodeOf(authSecret: string): string {
  return formatSetupCode(createHmac('sha256', authSecret).update(setupCodeText).digest());
}
