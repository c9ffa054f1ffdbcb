import { type SQL, sql } from 'drizzle-orm';
import { classes, type MailClass } from '#domain/class.ts';
import type { NewEvent } from '#domain/event.ts';
import { weekOf } from '#domain/home.ts';
import { retainedWeeks, weekTables, withHomeTables } from './home-tables.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

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

/** Depth of the queues by class, and the nodes. One round trip; reads a bounded number of index rows a class. */
export async function readQueues(
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
        ORDER BY last_seen_at_ms DESC LIMIT 50`,
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

/** What became of an account's mail in a stretch of time. */
export interface Tally {
  fromMs: number;
  sent: number;
  delivered: number;
  bounced: number;
  complained: number;
}

export interface Tallies {
  buckets: Tally[];
  /** False: the account sent more than was looked at; the buckets tell of its newest mail only. */
  complete: boolean;
  sinceMs: number;
  deferred: number;
  failed: number;
}

/** So many messages are tallied at most, spread over the weeks that are looked at. */
const talliedMessages = 180;

/**
 * Tallies an account's newest messages by the time of their acceptance, in buckets from `fromMs` to `nowMs`.
 * Bounded: at most `talliedMessages` messages with their deliveries are read; a week with more makes it incomplete.
 */
export async function readTallies(
  store: Store,
  accountId: number,
  of: { fromMs: number; bucketMs: number; nowMs: number },
): Promise<Tallies> {
  const first = weekOf(of.fromMs);
  const weeks = retainedWeeks(of.nowMs).filter((week) => week >= first);
  const most = Math.floor(talliedMessages / weeks.length);
  const results = await withHomeTables(store, of.nowMs, () =>
    batch(
      store.d1,
      weeks.map((week) => {
        const { messages, deliveries } = weekTables(week);
        return sql`SELECT m.seq, m.accepted_at_ms, m.test_mode, d.state, d.accepted, d.timeline FROM (SELECT seq, id, accepted_at_ms, test_mode
            FROM ${messages} WHERE account_id = ${accountId} ORDER BY seq DESC LIMIT ${most}) m
          CROSS JOIN ${deliveries} d ON d.message_id = m.id
          WHERE m.accepted_at_ms >= ${of.fromMs} LIMIT ${2 * most}`;
      }),
    ),
  );
  const rows = results.flat();
  const complete = results.every(
    (week) => week.length < 2 * most && new Set(week.map((row) => row.seq)).size < most,
  );
  const buckets: Tally[] = [];
  for (let at = of.fromMs; at < of.nowMs; at += of.bucketMs)
    buckets.push({ fromMs: at, sent: 0, delivered: 0, bounced: 0, complained: 0 });
  let sinceMs = of.nowMs;
  const tallies = { buckets, complete, deferred: 0, failed: 0 };
  for (const row of rows) {
    const at = Number(row.accepted_at_ms);
    sinceMs = Math.min(sinceMs, at);
    const bucket = buckets[Math.floor((at - of.fromMs) / of.bucketMs)];
    if (!bucket || row.accepted !== 1 || row.test_mode === 1) continue;
    bucket.sent += 1;
    if (row.state === 'delivered') bucket.delivered += 1;
    if (row.state === 'bounced') bucket.bounced += 1;
    if (row.state === 'deferred') tallies.deferred += 1;
    if (row.state === 'failed') tallies.failed += 1;
    const timeline = JSON.parse(String(row.timeline)) as NewEvent[];
    if (timeline.some((event) => event.kind === 'complained')) bucket.complained += 1;
  }
  return { ...tallies, sinceMs: complete ? of.fromMs : sinceMs };
}
