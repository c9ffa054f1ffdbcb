import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { Fault } from './fault.ts';

/** Where the API is, and the key. */
export interface Profile {
  url: string;
  key: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const saved = z.object({ url: z.string(), key: z.string() });

/** Where `login` keeps it: below `$XDG_CONFIG_HOME`, which counts only when it is absolute (XDG Base Directory). */
export function profilePath(environment: Environment): string {
  const { XDG_CONFIG_HOME: given = '', HOME } = environment;
  const folder = isAbsolute(given) ? given : join(HOME ?? homedir(), '.config');
  return join(folder, 'pennypost', 'config.json');
}

/** An address without a slash at its end; http only on this machine, where nobody listens in. @throws Fault */
export function baseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  const here = ['localhost', '127.0.0.1', '[::1]'].includes(url?.hostname ?? '');
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && here)) return text.replace(/\/+$/, '');
  throw new Fault(`"${text.slice(0, 200)}" must be an address such as https://mail.example.com`);
}

/**
 * The profile: `PENNYPOST_URL` and `PENNYPOST_KEY` before what `login` has kept.
 * @throws Fault when one of both is nowhere
 */
export async function readProfile(environment: Environment): Promise<Profile> {
  const path = profilePath(environment);
  const { PENNYPOST_URL: url, PENNYPOST_KEY: key } = environment;
  if (url && key) return { url: baseUrl(url), key };
  const kept = await readKept(path);
  // A key goes to no other place than the one that it was kept for.
  if (url && kept && baseUrl(url) !== kept.url) {
    throw new Fault('PENNYPOST_URL is not where the kept key is for: set PENNYPOST_KEY too.');
  }
  if (!kept)
    throw new Fault('Say where to and as whom: pennypost login, or PENNYPOST_URL and PENNYPOST_KEY.');
  return { url: kept.url, key: key || kept.key };
}

async function readKept(path: string): Promise<Profile | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    return null;
  }
  try {
    return saved.parse(JSON.parse(text));
  } catch {
    throw new Fault(`${path} cannot be read: log in anew.`);
  }
}

/** Keeps a profile where only its owner may read it; gives the path. */
export async function keepProfile(environment: Environment, profile: Profile): Promise<string> {
  const path = profilePath(environment);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const fresh = `${path}.${process.pid}`;
  await writeFile(fresh, `${JSON.stringify(profile, null, 2)}\n`, { mode: 0o600 });
  await chmod(fresh, 0o600);
  await rename(fresh, path);
  return path;
}

/** Forgets it; gives the path. */
export async function forgetProfile(environment: Environment): Promise<string> {
  const path = profilePath(environment);
  await rm(path, { force: true });
  return path;
}
