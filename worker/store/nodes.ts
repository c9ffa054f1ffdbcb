import { desc, eq, isNotNull, sql } from 'drizzle-orm';
import type { SubmissionPlace } from '#domain/node-contract.ts';
import * as control from '../../drizzle/schema/control.ts';
import type { Store } from './store.ts';

export type NodeRow = typeof control.nodes.$inferSelect;

/**
 * A node starts: its new boot replaces the old one, and with that the old boot's leases are released.
 * @param journalIsNew it knows nothing of what an earlier boot had begun
 */
export async function registerBoot(
  store: Store,
  node: Omit<NodeRow, 'lastSeenAtMs' | 'journalNewAtMs' | 'shownSubmission' | 'unwanted' | 'leaseFence'>,
  journalIsNew: boolean,
): Promise<void> {
  const journal = journalIsNew ? { journalNewAtMs: node.startedAtMs } : {};
  const values = { ...node, ...journal, lastSeenAtMs: node.startedAtMs, unwanted: null };
  await store.control
    .insert(control.nodes)
    .values(values)
    .onConflictDoUpdate({
      target: control.nodes.nodeId,
      set: {
        ...values,
        leaseFence: sql`CASE WHEN ${control.nodes.bootId} = excluded.boot_id THEN ${control.nodes.leaseFence} ELSE 0 END`,
      },
    });
}

/** The node with this id; null when it never said hello. */
export async function findNode(store: Store, nodeId: string): Promise<NodeRow | null> {
  return (await store.control.query.nodes.findFirst({ where: eq(control.nodes.nodeId, nodeId) })) ?? null;
}

/**
 * Where clients are told to submit: at the node that was seen last among those whose place the operator lets be shown;
 * null when there is none. What a node says of itself is shown to nobody before.
 */
export async function shownSubmission(store: Store): Promise<SubmissionPlace | null> {
  const node = await store.control.query.nodes.findFirst({
    where: isNotNull(control.nodes.shownSubmission),
    orderBy: desc(control.nodes.lastSeenAtMs),
  });
  return node ? placeShown(node) : null;
}

/** The place that is shown of a node; null: none is. */
export function placeShown({
  shownSubmission: shown,
}: Pick<NodeRow, 'shownSubmission'>): SubmissionPlace | null {
  return shown === null ? null : (JSON.parse(shown) as SubmissionPlace);
}

/** The place that a node says it takes submissions at; null: at none. */
export function placeSaid(node: NodeRow): SubmissionPlace | null {
  if (node.submissionHost === null) return null;
  return { host: node.submissionHost, port: node.submissionPort, tlsPort: node.submissionTlsPort };
}

/** Lets a place be shown as that of a node, or none. @returns false when there is no such node */
export async function showSubmission(
  store: Store,
  nodeId: string,
  place: SubmissionPlace | null,
): Promise<boolean> {
  const changed = await store.control
    .update(control.nodes)
    .set({ shownSubmission: place && JSON.stringify(place) })
    .where(eq(control.nodes.nodeId, nodeId))
    .returning({ nodeId: control.nodes.nodeId });
  return changed.length > 0;
}

/** The nodes, the one that was seen last first. */
export async function listNodes(store: Store): Promise<NodeRow[]> {
  return await store.control.query.nodes.findMany({ orderBy: desc(control.nodes.lastSeenAtMs), limit: 50 });
}
