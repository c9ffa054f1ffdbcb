import { type SQL, sql } from 'drizzle-orm';
import { workerNodeId } from '#domain/delivery/turn.ts';
import { classes, type MailClass } from '#domain/message/class.ts';
import { retainedWeeks, weekTables, withHomeTables } from './home-tables.ts';
import { batch } from './sql.ts';
import { everyHome, type Store } from './store.ts';

/** What waits in a class. Counting stops at `countedAtMost` of a week. */
export interface QueueDepth {
  class: MailClass;
  waiting: number;
  /** When the one that waits longest became due; null when nothing is due. */
  oldestDueMs: number | null;
}

export const countedAtMost = 50;

export interface NodeSeen {
  nodeId: string;
  hostName: string;
  version: string;
  startedAtMs: number;
  lastSeenAtMs: number;
}

/**
 * Depth of the queues of all homes by class, and the nodes. One round trip a home; reads a bounded number of index rows a
 * class.
 */
export async function readQueues(
  store: Store,
  nowMs: number,
): Promise<{ queues: QueueDepth[]; nodes: NodeSeen[] }> {
  const [first, ...others] = await Promise.all(everyHome(store).map((home) => readQueuesAt(home, nowMs)));
  const all = [first, ...others].flatMap((one) => (one ? [one] : []));
  const queues = classes.map(({ name }): QueueDepth => {
    const own = all.flatMap(({ queues }) => queues.filter((queue) => queue.class === name));
    const oldest = own.flatMap(({ oldestDueMs }) => (oldestDueMs === null ? [] : [oldestDueMs]));
    const waiting = own.reduce((sum, queue) => sum + queue.waiting, 0);
    return { class: name, waiting, oldestDueMs: oldest.length === 0 ? null : Math.min(...oldest) };
  });
  return { queues, nodes: first?.nodes ?? [] };
}

async function readQueuesAt(
  store: Store,
  nowMs: number,
): Promise<{ queues: QueueDepth[]; nodes: NodeSeen[] }> {
  // Mail that was scheduled waits in the week of its acceptance, so every week may hold some.
  const weeks = retainedWeeks(nowMs);
  const ranks = JSON.stringify(classes.map(({ rank }) => rank));
  const perWeek = weeks.map((week) => {
    const due = (what: SQL) =>
      sql`SELECT ${what} FROM ${weekTables(week).deliveries} WHERE class = c.value AND due_ms <= ${nowMs}`;
    return sql`SELECT c.value AS rank, (SELECT count(*) FROM (${due(sql`1`)} LIMIT ${countedAtMost})) AS waiting,
      (${due(sql`min(due_ms)`)}) AS oldest FROM json_each(${ranks}) c`;
  });
  const results = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [
      ...perWeek,
      sql`SELECT node_id, host_name, version, started_at_ms, last_seen_at_ms FROM nodes
        WHERE node_id <> ${workerNodeId} ORDER BY last_seen_at_ms DESC LIMIT 50`,
    ]),
  );
  const depths = results.slice(0, weeks.length).flat();
  return {
    queues: classes.map((row) => {
      const own = depths.filter(({ rank }) => rank === row.rank);
      const oldest = own.flatMap((depth) => (depth.oldest == null ? [] : [Number(depth.oldest)]));
      return {
        class: row.name,
        waiting: own.reduce((sum, depth) => sum + Number(depth.waiting), 0),
        oldestDueMs: oldest.length === 0 ? null : Math.min(...oldest),
      };
    }),
    nodes: (results[weeks.length] ?? []).map((row) => ({
      nodeId: String(row.node_id),
      hostName: String(row.host_name),
      version: String(row.version),
      startedAtMs: Number(row.started_at_ms),
      lastSeenAtMs: Number(row.last_seen_at_ms),
    })),
  };
}
