import { type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import type { DeliveryState } from '#domain/delivery/delivery.ts';
import { type AskingNode, whyWaiting } from '#domain/delivery/waiting.ts';
import { classByRank } from '#domain/message/class.ts';

const mostNodes = 20;

/** Two queries, of the nodes and of the account, by which `whyWaits` tells. */
export function waitingQueries(accountId: number): [SQL, SQL] {
  return [
    sql`SELECT node_id, last_seen_at_ms, unwanted FROM nodes ORDER BY last_seen_at_ms DESC LIMIT ${mostNodes}`,
    sql`SELECT status, digest_paused FROM accounts WHERE id = ${accountId}`,
  ];
}

/** Why a row of deliveries waits, from the results of `waitingQueries`; null when it does not, or not for long. */
export function whyWaits(
  row: Record<string, unknown>,
  [nodes = [], accounts = []]: Record<string, unknown>[][],
  nowMs: number,
): string | null {
  const delivery = {
    state: row.state as DeliveryState,
    dueMs: row.due_ms === null ? null : Number(row.due_ms),
    domain: String(row.domain),
    class: classByRank(Number(row.class)),
  };
  const [account] = accounts;
  const around = {
    suspended: account?.status !== 'active',
    digestPaused: account?.digest_paused === 1,
    nodes: nodes.map(nodeOf),
  };
  return whyWaiting(delivery, around, nowMs);
}

const unwantedSchema = z.object({ excludeDomains: z.array(z.string()), busyDomains: z.array(z.string()) });

function nodeOf(row: Record<string, unknown>): AskingNode {
  const unwanted = row.unwanted === null ? null : unwantedSchema.parse(JSON.parse(String(row.unwanted)));
  return {
    nodeId: String(row.node_id),
    lastSeenAtMs: Number(row.last_seen_at_ms),
    excludedDomains: unwanted?.excludeDomains ?? [],
    busyDomains: unwanted?.busyDomains ?? [],
  };
}
