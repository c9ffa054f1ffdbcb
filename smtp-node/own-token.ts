import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { nodeTokenOf, nodeTokenPattern } from '#domain/node-token.ts';

/**
 * The token by which the edge knows a node. A node that is configured with one of its own uses it. One that has the
 * installation's NODE_TOKEN chooses one, keeps it in its data directory and asks the edge for it, once.
 */
export interface OwnToken {
  /** The token, asked for where that was not done yet. Rejects as `enrol` does. */
  get(): Promise<string>;
}

const keptSchema = z.object({
  nodeId: z.string(),
  token: z.string().regex(nodeTokenPattern),
  /** The edge knows it. */
  known: z.boolean(),
});
type Kept = z.infer<typeof keptSchema>;

const fileName = 'node-token.json';

/**
 * @param configured PENNYPOST_NODE_TOKEN
 * @param enrol asks the edge to know a token as that of this node
 */
export function ownToken(
  {
    nodeId,
    nodeToken: configured,
    dataDirectory,
  }: { nodeId: string; nodeToken: string; dataDirectory: string },
  enrol: (token: string) => Promise<void>,
): OwnToken {
  if (nodeTokenPattern.test(configured)) return { get: async () => configured };
  const file = join(dataDirectory, fileName);
  let token: Promise<string> | null = null;
  const ask = async (): Promise<string> => {
    const kept = (await keptToken(file, nodeId)) ?? {
      nodeId,
      token: nodeTokenOf(randomBytes(32).toString('base64url')),
      known: false,
    };
    if (kept.known) return kept.token;
    // Kept before it is asked for: an answer that is lost leaves the same token to be asked for again.
    await keep(file, kept);
    await enrol(kept.token);
    await keep(file, { ...kept, known: true });
    return kept.token;
  };
  return {
    get: () => {
      token ??= ask().catch((error: unknown) => {
        token = null;
        throw error;
      });
      return token;
    },
  };
}

/** The token that a node shows, for who only looks: what is kept, else what is configured. */
export async function shownToken(of: {
  nodeId: string;
  nodeToken: string;
  dataDirectory: string;
}): Promise<string> {
  if (nodeTokenPattern.test(of.nodeToken)) return of.nodeToken;
  const kept = await keptToken(join(of.dataDirectory, fileName), of.nodeId);
  return kept?.token ?? of.nodeToken;
}

async function keptToken(file: string, nodeId: string): Promise<Kept | null> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return null;
  const kept = keptSchema.safeParse(JSON.parse(text));
  return kept.success && kept.data.nodeId === nodeId ? kept.data : null;
}

async function keep(file: string, kept: Kept): Promise<void> {
  await writeFile(`${file}.new`, JSON.stringify(kept), { mode: 0o600 });
  await rename(`${file}.new`, file);
}
