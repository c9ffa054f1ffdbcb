import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { keyOf } from '../../smtp-node/standalone/kept-bundle.ts';

it('a bundle is kept until a file that goes into it is added, written to, touched or removed', async () => {
  const root = await mkdtemp(join(tmpdir(), 'pennypost-bundle-'));
  const deep = join(root, 'worker/api');
  await mkdir(deep, { recursive: true });
  await writeFile(join(root, 'wrangler.toml'), 'one');
  await writeFile(join(deep, 'a.ts'), 'a');
  await writeFile(join(root, 'other.md'), '');
  const key = () => keyOf(root, ['worker', 'wrangler.toml']);
  const keys = [await key()];
  const changes = [
    () => writeFile(join(deep, 'b.ts'), ''),
    () => writeFile(join(deep, 'b.ts'), 'b'),
    () => utimes(join(deep, 'b.ts'), 1, 1),
    () => writeFile(join(root, 'wrangler.toml'), 'longer'),
    () => rm(join(deep, 'b.ts')),
  ];
  for (const change of changes) {
    await change();
    keys.push(await key());
  }
  expect(new Set(keys).size).toBe(keys.length);
  const last = await key();
  await writeFile(join(root, 'other.md'), 'more');
  expect(await key()).toBe(last);
  await rm(root, { recursive: true });
});
