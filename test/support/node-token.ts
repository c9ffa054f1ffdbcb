import { z } from 'zod';

/** Has the operator make a token for a node. @param edgeUrl origin of the edge */
export async function makeNodeToken(edgeUrl: string, operatorToken: string, nodeId: string): Promise<string> {
  const response = await fetch(`${edgeUrl}/admin/v1/nodes`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${operatorToken}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ node_id: nodeId }),
  });
  if (response.status !== 201) throw new Error(`no token for ${nodeId}: ${response.status}`);
  return z.object({ token: z.string() }).parse(await response.json()).token;
}
