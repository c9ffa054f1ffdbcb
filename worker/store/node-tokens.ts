import { and, desc, eq, isNull, sql } from 'drizzle-orm';
import * as control from '../../drizzle/schema/control.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

export type NodeToken = Omit<typeof control.nodeTokens.$inferSelect, 'secretHash'>;

/** The node that a token speaks for; null when nobody knows it, or it is revoked. */
export async function nodeOfToken(store: Store, secretHash: string): Promise<string | null> {
  const [[row] = []] = await batch(store.first.d1, [
    sql`SELECT node_id FROM node_tokens WHERE secret_hash = ${secretHash} AND revoked_at_ms IS NULL`,
  ]);
  return row ? String(row.node_id) : null;
}

export interface NewNodeToken {
  nodeId: string;
  secretHash: string;
  /** The last four characters, by which people tell tokens apart. */
  hint: string;
  nowMs: number;
}

/** Adds a token; those that the node has go on being good. */
export async function addNodeToken(
  store: Store,
  { nodeId, secretHash, hint, nowMs }: NewNodeToken,
): Promise<void> {
  await store.first.control
    .insert(control.nodeTokens)
    .values({ nodeId, secretHash, hint, createdAtMs: nowMs });
}

/** A node that was seen so lately is one of this installation, from before nodes had tokens. */
const seenWithinMs = 30 * 86_400_000;

/**
 * Gives a node the token that it has chosen, where the installation's own secret is enough for that: it is the first
 * node, or was one before nodes had tokens of their own. Each node id can be had in this way once; asked again with the
 * same token it is as the first time.
 * @returns false when it is not enough: the operator has to make the token
 */
export async function claimNodeToken(
  store: Store,
  { nodeId, secretHash, hint, nowMs }: NewNodeToken,
): Promise<boolean> {
  const [, [row] = []] = await batch(store.first.d1, [
    sql`INSERT INTO node_tokens (secret_hash, node_id, hint, created_at_ms)
      SELECT ${secretHash}, ${nodeId}, ${hint}, ${nowMs}
      WHERE NOT EXISTS (SELECT 1 FROM node_tokens WHERE node_id = ${nodeId})
        AND (NOT EXISTS (SELECT 1 FROM node_tokens)
          OR EXISTS (SELECT 1 FROM nodes WHERE node_id = ${nodeId} AND last_seen_at_ms > ${nowMs - seenWithinMs}))`,
    sql`SELECT 1 AS mine FROM node_tokens
      WHERE secret_hash = ${secretHash} AND node_id = ${nodeId} AND revoked_at_ms IS NULL`,
  ]);
  return row?.mine === 1;
}

/** Tokens that are good, the newest first. */
export async function listNodeTokens(store: Store): Promise<NodeToken[]> {
  return await store.first.control.query.nodeTokens.findMany({
    where: isNull(control.nodeTokens.revokedAtMs),
    orderBy: desc(control.nodeTokens.createdAtMs),
    columns: { secretHash: false },
    limit: 500,
  });
}

/** Revokes the tokens of a node; with a hint only those that end in it. Gives how many there were. */
export async function revokeNodeTokens(
  store: Store,
  nodeId: string,
  hint: string | null,
  nowMs: number,
): Promise<number> {
  const those = hint === null ? undefined : eq(control.nodeTokens.hint, hint);
  const revoked = await store.first.control
    .update(control.nodeTokens)
    .set({ revokedAtMs: nowMs })
    .where(and(eq(control.nodeTokens.nodeId, nodeId), isNull(control.nodeTokens.revokedAtMs), those))
    .returning({ hint: control.nodeTokens.hint });
  return revoked.length;
}
