import { desc, eq, isNotNull, ne, sql } from 'drizzle-orm';
import { z } from 'zod';
import {
  addUpSendingAddresses,
  type SendingAddressState,
  sendingAddressState,
} from '#domain/delivery/sending-address.ts';
import { workerNodeId } from '#domain/delivery/turn.ts';
import type { SubmissionPlace } from '#domain/node-contract.ts';
import * as control from '../../drizzle/schema/control.ts';
import { errorText, everyHome, type Store } from './store.ts';

export type NodeRow = typeof control.nodes.$inferSelect;

type Boot = Omit<
  NodeRow,
  'lastSeenAtMs' | 'journalNewAtMs' | 'shownSubmission' | 'unwanted' | 'sendingAddresses' | 'leaseFence'
>;

/**
 * A node starts: its new boot replaces the old one, and with that the old boot's leases are released. In control first,
 * then in the other homes: where that fails, the node's first lease there does it, or cron.
 * @param journalIsNew it knows nothing of what an earlier boot had begun
 */
export async function registerBoot(store: Store, node: Boot, journalIsNew: boolean): Promise<void> {
  const journal = journalIsNew ? { journalNewAtMs: node.startedAtMs } : {};
  await writeBoot(store.first, { ...node, ...journal });
  const others = everyHome(store).filter(({ home }) => home !== store.first.home);
  await Promise.all(
    others.map((home) =>
      writeBoot(home, { ...node, ...journal }).catch((error: unknown) => {
        const msg = `the boot of ${node.nodeId} is not known to home ${home.home} yet`;
        console.warn(JSON.stringify({ level: 'warn', msg, error: errorText(error) }));
      }),
    ),
  );
}

async function writeBoot(home: Store, node: Boot & Partial<Pick<NodeRow, 'journalNewAtMs'>>): Promise<void> {
  const values = { ...node, lastSeenAtMs: node.startedAtMs, unwanted: null, sendingAddresses: null };
  const { bootId, leaseFence, nodeId } = control.nodes;
  await home.control
    .insert(control.nodes)
    .values(values)
    .onConflictDoUpdate({
      target: nodeId,
      set: {
        ...values,
        leaseFence: sql`CASE WHEN ${bootId} = excluded.boot_id THEN ${leaseFence} ELSE 0 END`,
      },
    });
}

/** Writes the boots that control knows into a home that has others. */
export async function copyBoots(home: Store): Promise<void> {
  if (home.home === home.first.home) return;
  const wanted = await home.first.control.query.nodes.findMany();
  const there = await home.control.query.nodes.findMany({ columns: { nodeId: true, bootId: true } });
  const known = new Map(there.map(({ nodeId, bootId }) => [nodeId, bootId]));
  for (const { lastSeenAtMs: _, unwanted: __, sendingAddresses: ___, leaseFence: ____, ...node } of wanted)
    if (known.get(node.nodeId) !== node.bootId) await writeBoot(home, node);
}

/** The node with this id; null when it never said hello. */
export async function findNode(store: Store, nodeId: string): Promise<NodeRow | null> {
  return (
    (await store.first.control.query.nodes.findFirst({ where: eq(control.nodes.nodeId, nodeId) })) ?? null
  );
}

/**
 * Where clients are told to submit: at the node that was seen last among those whose place the operator lets be shown;
 * null when there is none. What a node says of itself is shown to nobody before.
 */
export async function shownSubmission(store: Store): Promise<SubmissionPlace | null> {
  const node = await store.first.control.query.nodes.findFirst({
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

/** The addresses that nodes send from, where they have several, added up over the workers of a node; by name. */
export function sendingAddressesOf(nodes: readonly NodeRow[]): SendingAddressState[] {
  const told = nodes.flatMap(({ sendingAddresses: text }) =>
    text === null ? [] : z.array(sendingAddressState).catch([]).parse(JSON.parse(text)),
  );
  return addUpSendingAddresses(told).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Lets a place be shown as that of a node, or none. @returns false when there is no such node */
export async function showSubmission(
  store: Store,
  nodeId: string,
  place: SubmissionPlace | null,
): Promise<boolean> {
  const changed = await store.first.control
    .update(control.nodes)
    .set({ shownSubmission: place && JSON.stringify(place) })
    .where(eq(control.nodes.nodeId, nodeId))
    .returning({ nodeId: control.nodes.nodeId });
  return changed.length > 0;
}

/** The nodes without the Worker, the one that was seen last first. */
export async function listNodes(store: Store): Promise<NodeRow[]> {
  return await store.first.control.query.nodes.findMany({
    where: ne(control.nodes.nodeId, workerNodeId),
    orderBy: desc(control.nodes.lastSeenAtMs),
    limit: 50,
  });
}
