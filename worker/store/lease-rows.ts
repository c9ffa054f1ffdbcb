import { type SQL, sql } from 'drizzle-orm';
import type { Candidate, Place, Position, Wish } from '#domain/delivery/lease-choice.ts';
import type { SendingAddressState } from '#domain/delivery/sending-address.ts';
import { classOf } from '#domain/message/class.ts';
import type { SuppressionEntry } from '#domain/suppression/suppression.ts';
import type { Store } from './store.ts';
import { isCoveredIn, suppressionOf } from './suppressed-by.ts';

export interface LeaseTerms extends Wish {
  /** How many deliveries of a class are looked for: `max`, or the share of a home. */
  look: number;
  /** There is much, as far as is known: a look that is long at once spares the short one before it. */
  long: boolean;
  nodeId: string;
  bootId: string;
  leaseId: string;
  /** Number of this request, and of the last before it that takes nothing any more. */
  sequence: number;
  fence: number;
  leaseUntilMs: number;
  /** How long a lease is given for. */
  leaseForMs: number;
  nowMs: number;
  place: Place;
  /** The addresses that the node sends from, as they stand, where they are several. */
  sendingAddresses: readonly SendingAddressState[];
  /** Makes the ids of events. */
  newEventId: () => string;
  /** The installation's shared alias domain; empty: there is none. */
  sharedDomain: string;
  /** Those of what was chosen that leave by whoever asks: the others are not leased. @param home where they are */
  own: (home: Store, rows: readonly Row[]) => Promise<readonly Row[]>;
}

/** A due delivery as it was read. */
export interface Row extends Candidate {
  messageSeq: number;
  recipient: string;
  attempts: number;
  bodyDay: string;
  bodyId: number | null;
  node: string | null;
  /** Why it was put off last: the class of a failure. */
  reason: string | null;
  leaseUntilMs: number | null;
  /** An earlier lease of it has ended, and nobody has told what became of that attempt. */
  unreported: boolean;
}

export const columns = `message_id, n, account_id, message_seq, recipient, domain, class, attempts, body_day, body_id, due_ms, node, reason,
  lease_id, lease_boot, lease_until_ms`;

/**
 * The first due rows of a class behind a position: a range scan of the index. What others hold is among them: were it left
 * out here, each look would read all of it again.
 */
export function dueRows(
  week: string,
  rank: number,
  from: Position | undefined,
  terms: LeaseTerms,
  limit: number,
): SQL {
  // Numbers stand in the text: so many queues have more of them than a statement may have parameters.
  const text = `SELECT ${columns}, '${week}' AS week FROM "deliveries_${week}" WHERE class = ${rank} AND due_ms <= ${terms.nowMs}`;
  const end = ` ORDER BY due_ms, message_id, n LIMIT ${limit}`;
  if (!from) return sql.raw(text + end);
  const [dueMs, messageId, n] = from;
  return sql`${sql.raw(text)} AND (due_ms, message_id, n) > (${sql.raw(String(dueMs))}, ${messageId}, ${sql.raw(String(n))})${sql.raw(end)}`;
}

/** Rows with what decides over them beside their queue. */
export function candidates(weeks: readonly string[], rows: SQL, terms: LeaseTerms): SQL {
  const { nowMs, leaseId } = terms;
  const covered = weeks.map((week) => sql`WHEN ${sql.raw(`'${week}'`)} THEN ${isCoveredIn(week)}`);
  const isCovered = sql`CASE d.week ${sql.join(covered, sql` `)} END`;
  // Accounts and suppressions are looked for only where it matters: each look-up is a row read.
  return sql`SELECT d.*, d.lease_id = ${leaseId} AS mine, free AND ${isUnreported(terms)} AS unreported,
      CASE WHEN suspended OR NOT free OR ${isUnwanted(terms)} THEN NULL
        ELSE (SELECT json_object('address', s.address, 'scope', s.scope_domain, 'reason', s.reason,
          'createdAtMs', s.created_at_ms) FROM ${suppressionOf(isCovered, nowMs)} LIMIT 1) END AS suppression
    FROM (SELECT h.*,
        free AND coalesce((SELECT NOT ${mayBeLeased(sql`h.class`)} FROM accounts WHERE id = h.account_id), 1) AS suspended
      FROM (SELECT *, ${isFree(nowMs)} AS free FROM (${rows})) h) d`;
}

/** An account's mail of a class is leased: of the row of `accounts` that is read for it anyway. */
export function mayBeLeased(rank: SQL): SQL {
  return sql`(status = 'active' AND NOT (digest_paused AND ${rank} = ${sql.raw(String(classOf('digest').rank))}))`;
}

/** Its domain is not wanted. */
export function isUnwanted({ excludeDomains, busyDomains }: LeaseTerms): SQL {
  const isOneOf = (names: readonly string[]) =>
    sql`instr(${`|${names.join('|')}|`}, '|' || domain || '|') > 0`;
  const priority = sql.raw(String(classOf('priority').rank));
  return sql`(${isOneOf(excludeDomains)} OR (class <> ${priority} AND ${isOneOf(busyDomains)}))`;
}

/**
 * Its last lease ended without a report, and no journal can tell: the boot that held it is still its node's newest, or
 * the node has come back without the journal that it had, or is gone.
 */
function isUnreported({ leaseForMs }: LeaseTerms): SQL {
  return sql`(d.lease_id IS NOT NULL AND (d.lease_boot IN (SELECT boot_id FROM nodes) OR NOT EXISTS (SELECT 1 FROM nodes o
    WHERE o.node_id = d.node AND coalesce(o.journal_new_at_ms, 0) < d.lease_until_ms - ${leaseForMs})))`;
}

/** Nobody has it: no lease, a lease that is over, or the lease of a boot that is no longer its node's newest. */
export function isFree(nowMs: number): SQL {
  return sql`(lease_id IS NULL OR lease_until_ms <= ${sql.raw(String(nowMs))} OR lease_boot NOT IN (SELECT boot_id FROM nodes))`;
}

export function rowOf(row: Record<string, unknown>): Row {
  return {
    messageId: String(row.message_id),
    n: Number(row.n),
    accountId: Number(row.account_id),
    messageSeq: Number(row.message_seq),
    recipient: String(row.recipient),
    domain: String(row.domain),
    class: Number(row.class),
    attempts: Number(row.attempts),
    bodyDay: String(row.body_day),
    bodyId: row.body_id === null ? null : Number(row.body_id),
    dueMs: Number(row.due_ms),
    node: row.node === null ? null : String(row.node),
    reason: row.reason === null ? null : String(row.reason),
    leaseUntilMs: row.lease_until_ms === null ? null : Number(row.lease_until_ms),
    mine: row.mine === 1,
    free: row.free === 1,
    unreported: row.unreported === 1,
    suspended: row.suspended !== 0,
    suppression: row.suppression === null ? null : (JSON.parse(String(row.suppression)) as SuppressionEntry),
  };
}
