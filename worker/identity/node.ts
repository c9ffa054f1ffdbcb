import { nodeTokenPattern } from '#domain/node-token.ts';
import { Problem } from '#domain/problem.ts';
import type { Call } from '../http/app.ts';
import { nodeOfToken } from '../store/node-tokens.ts';
import { bearerToken, sha256Hex } from '../tokens/secret.ts';

/** The node whose token a request has. @throws Problem 401 */
export async function nodeOf(c: Call): Promise<string> {
  const token = bearerToken(c.req.header('Authorization'));
  if (token !== null && nodeTokenPattern.test(token)) {
    const nowMs = Date.now();
    const hash = await sha256Hex(token);
    const { knownNodes } = c.get('isolate');
    const nodeId = knownNodes.get(hash, nowMs) ?? (await nodeOfToken(c.get('store'), hash));
    if (nodeId !== null) {
      knownNodes.set(hash, nodeId, nowMs);
      return nodeId;
    }
  }
  throw new Problem('unauthorized', 'The node token is missing, wrong or revoked.');
}

/** @throws Problem 403 when a node speaks for another than its token does */
export function requireNode(c: Call, nodeId: string): void {
  const own = c.get('nodeId');
  if (own === nodeId) return;
  throw new Problem('missing_scope', `This token is that of the node ${own}, not of ${nodeId}.`);
}
