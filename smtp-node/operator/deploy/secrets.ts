/**
 * The secrets of a deployed Worker. What it has is never overwritten unless that is asked for by name: the database holds
 * DKIM keys, webhook secrets and second factors that only these secrets open, and links and return paths that only they
 * verify.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { newWorkerSecrets, type WorkerSecrets, workerSecrets } from '../../standalone/secrets.ts';
import { DeployError } from './cloudflare.ts';

export type SecretName = keyof WorkerSecrets;
export const secretNames = Object.keys(newWorkerSecrets()) as SecretName[];

/** Secrets that are lists, the newest first: a new one goes before the old, which go on opening what they closed. */
const lists: readonly SecretName[] = ['RETURN_PATH_KEYS', 'ENCRYPTION_KEYS'];

export interface SecretFacts {
  /** Names of the secrets that the Worker has. */
  there: readonly string[];
  /** Values that are known here. */
  known: Partial<WorkerSecrets>;
  /** The database holds accounts. */
  hasData: boolean;
  /** Names of those that an earlier version has set: only these can have been lost. */
  ever: readonly string[];
  rotate: readonly SecretName[];
}

/** Which secrets a deployment sets, and to what. @throws DeployError with what to do, when any would be lost */
export function planSecrets(
  { there, known, hasData, ever, rotate }: SecretFacts,
  fresh: WorkerSecrets,
): Partial<WorkerSecrets> {
  const absent = secretNames.filter((name) => !there.includes(name));
  const lost = absent.filter(
    (name) => ever.includes(name) && known[name] === undefined && !rotate.includes(name),
  );
  if (hasData && lost.length > 0) {
    throw new DeployError(
      `The database holds data, and ${lost.join(', ')} is neither at the Worker nor in .pennypost/deployed-secrets.json: what was encrypted or signed with it would be lost. Bring that file from where it was deployed before, or give --rotate ${lost.join(' --rotate ')} to go on without.`,
    );
  }
  const set: Partial<WorkerSecrets> = {};
  for (const name of absent) set[name] = known[name] ?? fresh[name];
  for (const name of rotate) {
    const old = known[name];
    const isList = lists.includes(name);
    if (isList && there.includes(name) && old === undefined) {
      throw new DeployError(
        `A new key of ${name} goes before the old ones, and these are not in .pennypost/deployed-secrets.json: bring that file from where it was deployed before.`,
      );
    }
    set[name] = isList && old !== undefined ? `${fresh[name]},${old}` : fresh[name];
  }
  return set;
}

/** The names of `--rotate`. @throws DeployError for one that is none */
export function secretsNamed(given: readonly string[]): SecretName[] {
  return given.map((text) => {
    const name = secretNames.find((one) => one === text);
    if (!name)
      throw new DeployError(`--rotate ${text}: there is no such secret, only ${secretNames.join(', ')}.`);
    return name;
  });
}

/** The variable of the Worker that says which deployment set its secrets, and which it had then: `<mark>:<names>`. */
export const markName = 'SECRETS_OF';

/** Secrets of the versions that had no such variable. */
const firstSecrets = ['NODE_TOKEN', 'OPERATOR_TOKEN', 'RETURN_PATH_KEYS', 'ENCRYPTION_KEYS', 'AUTH_SECRET'];

/** Names of the secrets that an installation has ever had, by its mark. */
export function everSet(mark: string | undefined): string[] {
  return mark === undefined ? firstSecrets : (mark.split(':')[1] ?? '').split(',');
}

/**
 * The values that are known in a folder. Secrets go to the Worker together with its new version, and whether it took
 * them is not known when the answer is lost. So they wait in a file of their own, with a mark that the version has as a
 * variable: the next run reads the mark at the Worker, and knows.
 */
export class KnownSecrets {
  readonly #kept: string;
  readonly #pending: string;

  constructor(folder: string) {
    this.#kept = join(folder, 'deployed-secrets.json');
    this.#pending = join(folder, 'pending-secrets.json');
  }

  /** What is known. Values that were on their way are so when the Worker has their mark, and are forgotten otherwise. */
  async read(markAtWorker: string | undefined): Promise<Partial<WorkerSecrets>> {
    const kept = workerSecrets.partial().parse((await readJson(this.#kept)) ?? {});
    const waiting = pending.nullable().parse(await readJson(this.#pending));
    if (waiting === null) return kept;
    if (waiting.mark !== markAtWorker) {
      await rm(this.#pending);
      return kept;
    }
    await this.settle({ ...kept, ...waiting.values });
    return { ...kept, ...waiting.values };
  }

  /** Before values go to the Worker. Gives the mark that its version is to have. */
  async send(values: Partial<WorkerSecrets>): Promise<string> {
    const mark = `${randomBytes(12).toString('hex')}:${secretNames.join(',')}`;
    await writePrivate(this.#pending, { mark, values });
    return mark;
  }

  /** When the Worker has them. */
  async settle(known: Partial<WorkerSecrets>): Promise<void> {
    await writePrivate(this.#kept, known);
    await rm(this.#pending, { force: true });
  }
}

const pending = z.object({ mark: z.string(), values: workerSecrets.partial() });

async function readJson(path: string): Promise<unknown> {
  return existsSync(path) ? JSON.parse(await readFile(path, 'utf8')) : null;
}

async function writePrivate(path: string, value: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
}
