import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { nodeTokenOf, nodeTokenPattern } from '#domain/node-token.ts';
import { ownToken, shownToken } from '../../smtp-node/own-token.ts';
import { freshDirectory } from '../support/submission.ts';

const shared = 'the-secret-of-the-installation-0123456789';
let dataDirectory: string;
let asked: string[];
beforeEach(async () => {
  dataDirectory = await freshDirectory();
  asked = [];
});
const config = (nodeToken = shared, nodeId = 'one') => ({ nodeId, nodeToken, dataDirectory });
const enrol = async (token: string) => {
  asked.push(token);
};
const kept = async () => JSON.parse(await readFile(join(dataDirectory, 'node-token.json'), 'utf8'));

describe('the token of a node', () => {
  it('is the one that it is configured with, when that is a node’s', async () => {
    const own = nodeTokenOf('a'.repeat(43));
    expect(await ownToken(config(own), enrol).get()).toBe(own);
    expect(await shownToken(config(own))).toBe(own);
    expect(asked).toEqual([]);
  });

  it('is asked for once with the secret of the installation, and kept for its owner alone', async () => {
    const token = ownToken(config(), enrol);
    const [first, second] = await Promise.all([token.get(), token.get()]);
    expect([first, asked]).toEqual([second, [first]]);
    expect(first).toMatch(nodeTokenPattern);
    expect((await stat(join(dataDirectory, 'node-token.json'))).mode & 0o077).toBe(0);
    expect(await ownToken(config(), enrol).get()).toBe(first);
    expect(await shownToken(config())).toBe(first);
    expect(asked).toHaveLength(1);
  });

  it('is asked for again as it was when the answer was lost', async () => {
    const token = ownToken(config(), async (one) => {
      asked.push(one);
      if (asked.length === 1) throw new Error('no answer');
    });
    await expect(token.get()).rejects.toThrow('no answer');
    expect(await kept()).toMatchObject({ token: asked[0], known: false });
    expect(await token.get()).toBe(asked[0]);
    expect(asked).toEqual([asked[0], asked[0]]);
  });

  it('is another for another node in the same directory', async () => {
    const first = await ownToken(config(), enrol).get();
    expect(await ownToken(config(shared, 'two'), enrol).get()).not.toBe(first);
  });
});
