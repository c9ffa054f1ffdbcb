import { z } from '@hono/zod-openapi';
import { nodeId } from '#domain/node-contract.ts';
import { nodeTokenOf } from '#domain/node-token.ts';
import { Problem } from '#domain/problem.ts';
import { type Call, newApp, queryOf } from '../http/app.ts';
import { readBody } from '../http/request-body.ts';
import { noted } from '../identity/audit.ts';
import { addNodeToken, listNodeTokens, type NodeToken, revokeNodeTokens } from '../store/node-tokens.ts';
import {
  findNode,
  listNodes,
  type NodeRow,
  placeSaid,
  placeShown,
  sendingAddressesOf,
  showSubmission,
} from '../store/nodes.ts';
import type { Store } from '../store/store.ts';
import { sha256Hex } from '../tokens/secret.ts';

/** `/admin/v1/nodes`: which nodes there are, and which tokens they have. */
export const adminNodesApp = newApp();

const newToken = z.strictObject({ node_id: nodeId });
const nodeChange = z.strictObject({ show_submission: z.boolean() });
const revocation = z.object({ hint: z.string().length(4).nullable().default(null) });

adminNodesApp.get('/nodes', async (c) => c.json({ data: await nodesOf(c.get('store')) }));

adminNodesApp.post('/nodes', async (c) => {
  const { node_id: id } = await readBody(c, newToken);
  return c.json({ node_id: id, token: await makeNodeToken(c, id) }, 201);
});

adminNodesApp.patch('/nodes/:nodeId', async (c) => {
  const { show_submission: show } = await readBody(c, nodeChange);
  const id = c.req.param('nodeId');
  await letShow(c, id, show);
  const found = (await nodesOf(c.get('store'))).find((node) => node.node_id === id);
  return c.json(found);
});

adminNodesApp.delete('/nodes/:nodeId/tokens', async (c) => {
  const id = c.req.param('nodeId');
  const { hint } = queryOf(c, revocation);
  const revoked = await revokeTokens(c, id, hint);
  return c.json({ node_id: id, revoked });
});

/** A new token of a node; those that it has go on being good until they are revoked. Gives the secret, this once. */
export async function makeNodeToken(c: Call, id: string): Promise<string> {
  const random = crypto.getRandomValues(new Uint8Array(32));
  const text = btoa(String.fromCharCode(...random));
  const token = nodeTokenOf(text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, ''));
  noted(c, { node: id });
  const hint = token.slice(-4);
  await addNodeToken(c.get('store'), {
    nodeId: id,
    secretHash: await sha256Hex(token),
    hint,
    nowMs: Date.now(),
  });
  return token;
}

/** @throws Problem 404 when there is none */
export async function revokeTokens(c: Call, id: string, hint: string | null): Promise<number> {
  noted(c, { node: id, ...(hint === null ? {} : { token: `…${hint}` }) });
  const revoked = await revokeNodeTokens(c.get('store'), id, hint, Date.now());
  if (revoked > 0) return revoked;
  throw new Problem('not_found', `The node ${id.slice(0, 64)} has no such token.`);
}

/** Lets customers be told to submit at a node where it says that it takes mail now, or not at it. @throws Problem */
export async function letShow(c: Call, id: string, show: boolean): Promise<void> {
  const node = await findNode(c.get('store'), id);
  if (!node) throw new Problem('not_found', `There is no node ${id.slice(0, 64)}.`);
  const place = show ? placeSaid(node) : null;
  if (show && !place) throw new Problem('conflict', `The node ${id} says that it takes no submissions.`);
  noted(c, {
    node: id,
    submission: place ? `${place.host}:${place.port ?? ''}:${place.tlsPort ?? ''}` : 'none',
  });
  await showSubmission(c.get('store'), id, place);
}

/** Nodes that said hello, and those that only have a token yet. */
async function nodesOf(store: Store) {
  const [nodes, tokens] = await Promise.all([listNodes(store), listNodeTokens(store)]);
  const seen = new Set(nodes.map((node) => node.nodeId));
  const fresh = new Set(tokens.map((token) => token.nodeId).filter((id) => !seen.has(id)));
  return [
    ...nodes.map((node) => nodeView(node.nodeId, node, tokens)),
    ...[...fresh].map((id) => nodeView(id, null, tokens)),
  ];
}

function nodeView(id: string, node: NodeRow | null, tokens: readonly NodeToken[]) {
  const time = (ms: number) => new Date(ms).toISOString();
  const placeView = (place: ReturnType<typeof placeShown>) =>
    place && { host: place.host, port: place.port, tls_port: place.tlsPort };
  return {
    node_id: id,
    host_name: node?.hostName ?? null,
    version: node?.version ?? null,
    last_seen_at: node && time(node.lastSeenAtMs),
    /** As it says itself. */
    submission: node && placeView(placeSaid(node)),
    /** As customers are told. */
    shown_submission: node && placeView(placeShown(node)),
    /** Where it sends from several addresses: each, as it was when it last asked for work, to the minute. */
    sending_addresses: (node ? sendingAddressesOf([node]) : []).map(
      ({ rampDay: ramp_day, allowedToday: allowed_today, ...one }) => ({ ...one, ramp_day, allowed_today }),
    ),
    tokens: tokens
      .filter((token) => token.nodeId === id)
      .map(({ hint, createdAtMs }) => ({ hint, created_at: time(createdAtMs) })),
  };
}
