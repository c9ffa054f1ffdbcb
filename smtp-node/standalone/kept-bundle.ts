import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleWorker, repository } from './bundle.ts';

/** What goes into a bundle: files, and folders with all that is in them. */
const sources = ['worker', 'drizzle', 'wrangler.toml', 'package.json', 'package-lock.json', 'tsconfig.json'];
const cache = join(repository, 'node_modules/.cache/pennypost');
const keptForMs = 24 * 3_600_000;

/** Puts the Worker's bundle into a folder: a kept one, as long as nothing has changed that goes into it. */
export async function putBundle(outDir: string): Promise<void> {
  const kept = join(cache, await keyOf(repository, sources));
  const isThere = existsSync(kept) || (await keep(kept));
  if (!isThere) return void (await bundleWorker(outDir));
  await mkdir(outDir, { recursive: true });
  // Written and not copied, so that they are as private as the rest of the folder.
  for (const name of await readdir(kept))
    await writeFile(join(outDir, name), await readFile(join(kept, name)));
}

/** Makes a bundle and keeps it. False where nothing can be kept, as in an installation that is only read. */
async function keep(kept: string): Promise<boolean> {
  let fresh: string;
  try {
    await mkdir(cache, { recursive: true });
    fresh = await mkdtemp(join(cache, 'new-'));
  } catch {
    return false;
  }
  try {
    await bundleWorker(fresh);
    // Whole or not at all; when another process was quicker, its own is as good.
    await rename(fresh, kept).catch((error: unknown) => {
      if (!existsSync(kept)) throw error;
    });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  await dropOld(kept);
  return true;
}

async function dropOld(newest: string): Promise<void> {
  for (const name of await readdir(cache)) {
    const path = join(cache, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (path !== newest && mtimeMs < Date.now() - keptForMs) await rm(path, { recursive: true, force: true });
  }
}

/** Changes when one of the files does: by its name, size or time. */
export async function keyOf(root: string, paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const path of paths) {
    const at = join(root, path);
    const isFolder = (await stat(at)).isDirectory();
    const inside = isFolder ? await readdir(at, { recursive: true, encoding: 'utf8' }) : [''];
    for (const name of inside.sort()) {
      const { size, mtimeMs } = await stat(join(at, name));
      hash.update(`${path}/${name} ${size} ${mtimeMs}\n`);
    }
  }
  return hash.digest('hex').slice(0, 32);
}
