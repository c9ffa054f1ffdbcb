import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { everSet, KnownSecrets, planSecrets, secretNames } from '../../smtp-node/operator/deploy/secrets.ts';
import { newWorkerSecrets } from '../../smtp-node/standalone/secrets.ts';

const known = newWorkerSecrets();
const fresh = newWorkerSecrets();
const facts = { there: secretNames, known: {}, hasData: true, ever: everSet(undefined), rotate: [] };

describe('what a deployment does about secrets', () => {
  it('makes those that are missing, once, and none that the Worker has', () => {
    expect(planSecrets({ ...facts, there: [], hasData: false }, fresh)).toEqual(fresh);
    expect(planSecrets(facts, fresh)).toEqual({});
    expect(planSecrets({ ...facts, known }, fresh)).toEqual({});
  });

  it('does not make them anew under data that they do not open, and takes them from the file', () => {
    const there = secretNames.filter((name) => name !== 'ENCRYPTION_KEYS');
    expect(() => planSecrets({ ...facts, there }, fresh)).toThrow(
      /The database holds data, and ENCRYPTION_KEYS is neither at the Worker nor in .*--rotate ENCRYPTION_KEYS/,
    );
    expect(planSecrets({ ...facts, there, known }, fresh)).toEqual({
      ENCRYPTION_KEYS: known.ENCRYPTION_KEYS,
    });
  });

  it('makes one that came with this version, although there is data', () => {
    const ever = everSet('mark:NODE_TOKEN,OPERATOR_TOKEN,RETURN_PATH_KEYS,ENCRYPTION_KEYS');
    const there = ever;
    expect(planSecrets({ ...facts, there, ever }, fresh)).toEqual({ AUTH_SECRET: fresh.AUTH_SECRET });
  });

  it('changes them by name only; keys that open what is stored are kept behind the new one', () => {
    expect(planSecrets({ ...facts, known, rotate: ['AUTH_SECRET', 'ENCRYPTION_KEYS'] }, fresh)).toEqual({
      AUTH_SECRET: fresh.AUTH_SECRET,
      ENCRYPTION_KEYS: `${fresh.ENCRYPTION_KEYS},${known.ENCRYPTION_KEYS}`,
    });
    expect(() => planSecrets({ ...facts, rotate: ['ENCRYPTION_KEYS'] }, fresh)).toThrow('bring that file');
    expect(planSecrets({ ...facts, rotate: ['NODE_TOKEN'] }, fresh)).toEqual({
      NODE_TOKEN: fresh.NODE_TOKEN,
    });
  });
});

describe('secrets that are on their way', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pennypost-secrets-'));
  });
  afterEach(async () => await rm(folder, { recursive: true, force: true }));

  it('are known when the Worker has their mark, and forgotten otherwise', async () => {
    const first = await new KnownSecrets(folder).send(known);
    expect(await new KnownSecrets(folder).read(first)).toEqual(known);
    expect(await readdir(folder)).toEqual(['deployed-secrets.json']);
    await new KnownSecrets(folder).send({ NODE_TOKEN: fresh.NODE_TOKEN });
    expect(await new KnownSecrets(folder).read(first)).toEqual(known);
    expect(JSON.parse(await readFile(join(folder, 'deployed-secrets.json'), 'utf8'))).toEqual(known);
  });
});
