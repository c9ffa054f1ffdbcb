import { desc, eq, isNotNull } from 'drizzle-orm';
import type { SubmissionPlace } from '#domain/node-contract.ts';
import * as control from '../../drizzle/schema/control.ts';
import type { Store } from './store.ts';

export type NodeRow = typeof control.nodes.$inferSelect;

/** A node starts: its new boot replaces the old one, and with that the old boot's leases are released. */
export async function registerBoot(store: Store, node: Omit<NodeRow, 'lastSeenAtMs'>): Promise<void> {
  const values = { ...node, lastSeenAtMs: node.startedAtMs };
  await store.control
    .insert(control.nodes)
    .values(values)
    .onConflictDoUpdate({ target: control.nodes.nodeId, set: values });
}

/** The node with this id; null when it never said hello. */
export async function findNode(store: Store, nodeId: string): Promise<NodeRow | null> {
  return (await store.control.query.nodes.findFirst({ where: eq(control.nodes.nodeId, nodeId) })) ?? null;
}

/** Where the node that was seen last takes submissions; null when none has said that it does. */
export async function newestSubmission(store: Store): Promise<SubmissionPlace | null> {
  const node = await store.control.query.nodes.findFirst({
    where: isNotNull(control.nodes.submissionHost),
    orderBy: desc(control.nodes.lastSeenAtMs),
  });
  if (!node?.submissionHost) return null;
  return { host: node.submissionHost, port: node.submissionPort, tlsPort: node.submissionTlsPort };
}

/** The nodes, the one that was seen last first. */
export async function listNodes(store: Store): Promise<NodeRow[]> {
  return await store.control.query.nodes.findMany({ orderBy: desc(control.nodes.lastSeenAtMs), limit: 50 });
}
