import { type SQL, sql } from 'drizzle-orm';
import { classes, classOf } from '#domain/class.ts';
import { homeOf, weekOf } from '#domain/home.ts';
import type { MessageId } from '#domain/ids.ts';
import { ofRetainedWeeks, retainedWeeks, weekTables, withHomeTables } from './home-tables.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

/** A delivery as it was leased. */
export interface Lease {
  messageId: MessageId;
  n: number;
  accountId: number;
  messageSeq: number;
  recipient: string;
  class: number;
  attempts: number;
  bodyDay: string;
  bodyId: number | null;
}

export interface LeaseTerms {
  nodeId: string;
  bootId: string;
  leaseId: string;
  leaseUntilMs: number;
  nowMs: number;
  max: number;
  /** How many of them may be of the class `digest`. */
  digestMax: number;
  excludeDomains: string[];
  /** Domains of which only `priority` is wanted. */
  busyDomains: string[];
}

/**
 * So many due rows of a class are looked at for domains that are wanted. It bounds the time and the rows read of a
 * lease while the mail at the head of a long queue is for domains that are not.
 */
const mostLookedAt = 10_000;

/** A node's last-seen time is kept to the minute, so that asking for work writes no row. */
const seenEveryMs = 60_000;

/**
 * Leases what is due, most urgent class first. A week's work is one `UPDATE … RETURNING`, so no two nodes get
 * the same delivery. Older weeks (retries, scheduled mail) get at least an eighth of the room when they have work.
 */
export async function takeLeases(
  store: Store,
  terms: LeaseTerms,
): Promise<{ leases: Lease[]; more: boolean; newestBootId: string | null }> {
  const current = weekOf(terms.nowMs);
  const older = retainedWeeks(terms.nowMs).filter((week) => week !== current);
  const besideOlder = Math.max(1, terms.max - Math.ceil(terms.max / 8));
  const olderDue = sql.join(
    older.map((week) => hasDue(week, terms.nowMs)),
    sql` OR `,
  );
  const first = await withHomeTables(store, terms.nowMs, () =>
    batch(store.d1, [
      lease(
        current,
        terms,
        sql`CASE WHEN ${olderDue} THEN ${besideOlder} ELSE ${terms.max} END`,
        terms.digestMax,
      ),
      dueByWeek(older, terms.nowMs),
      sql`SELECT boot_id FROM nodes WHERE node_id = ${terms.nodeId}`,
      sql`UPDATE nodes SET last_seen_at_ms = ${terms.nowMs}
        WHERE node_id = ${terms.nodeId} AND last_seen_at_ms < ${terms.nowMs - seenEveryMs}`,
    ]),
  );
  const rows = first[0] ?? [];
  const bootId = first[2]?.[0]?.boot_id;
  const due = Object.values(first[1]?.[0] ?? {});
  let more = rows.length >= (due.some(Boolean) ? besideOlder : terms.max);
  for (const [i, week] of older.entries()) {
    const room = terms.max - rows.length;
    if (!due[i] || room <= 0) continue;
    const [got = []] = await batch(store.d1, [
      lease(week, terms, sql`${room}`, terms.digestMax - digests(rows)),
    ]);
    rows.push(...got);
    if (got.length >= room) more = true;
  }
  return {
    leases: rows.map(leaseOf).sort(byUrgency),
    more,
    newestBootId: bootId === undefined ? null : String(bootId),
  };
}

function digests(rows: Record<string, unknown>[]): number {
  return rows.filter((row) => row.class === classOf('digest').rank).length;
}

function lease(week: string, terms: LeaseTerms, max: SQL, digestMax: number): SQL {
  const { deliveries } = weekTables(week);
  // One range scan of the index a class: the three queries are tried in order and stop at the limit.
  const candidates = classes.map(({ name, rank }) => {
    const unwanted = [...terms.excludeDomains, ...(name === 'priority' ? [] : terms.busyDomains)];
    return sql`SELECT * FROM (SELECT message_id, n FROM (SELECT message_id, n, domain FROM ${deliveries}
        WHERE class = ${sql.raw(String(rank))} AND due_ms <= ${terms.nowMs} AND ${isFree(terms.nowMs)}
          AND account_id NOT IN (SELECT id FROM accounts WHERE status <> 'active')
          AND EXISTS (SELECT 1 FROM nodes WHERE node_id = ${terms.nodeId} AND boot_id = ${terms.bootId})
        ORDER BY due_ms LIMIT ${mostLookedAt})
      WHERE domain NOT IN (SELECT value FROM json_each(${JSON.stringify(unwanted)})) LIMIT ${name === 'digest' ? Math.min(terms.max, digestMax) : terms.max})`;
  });
  return sql`UPDATE ${deliveries} SET state = 'sending', attempts = attempts + 1, lease_id = ${terms.leaseId},
      lease_boot = ${terms.bootId}, lease_until_ms = ${terms.leaseUntilMs}, node = ${terms.nodeId},
      timeline = CASE WHEN node IS NULL THEN json_insert(timeline, '$[#]', json_object(
        'id', substr(message_id, 1, 34) || printf('%02x', n + 129), 'kind', 'dispatched', 'atMs', ${terms.nowMs},
        'details', json_object('node', ${terms.nodeId}))) ELSE timeline END
    WHERE (message_id, n) IN (SELECT message_id, n FROM (${sql.join(candidates, sql` UNION ALL `)}) LIMIT ${max})
    RETURNING message_id, n, account_id, message_seq, recipient, class, attempts, body_day, body_id, due_ms`;
}

/** Nobody has it: no lease, a lease that is over, or the lease of a boot that is no longer its node's newest. */
function isFree(nowMs: number): SQL {
  return sql`(lease_id IS NULL OR lease_until_ms <= ${nowMs} OR lease_boot NOT IN (SELECT boot_id FROM nodes))`;
}

function hasDue(week: string, nowMs: number): SQL {
  const { deliveries } = weekTables(week);
  const perClass = classes.map(
    ({ rank }) =>
      sql`EXISTS (SELECT 1 FROM ${deliveries} WHERE class = ${sql.raw(String(rank))} AND due_ms <= ${nowMs} AND ${isFree(nowMs)})`,
  );
  return sql`(${sql.join(perClass, sql` OR `)})`;
}

/** One row: whether each week has work that is due and free, in their order. */
function dueByWeek(weeks: string[], nowMs: number): SQL {
  const columns = weeks.map((week) => sql`${hasDue(week, nowMs)} AS ${sql.raw(`"${week}"`)}`);
  return sql`SELECT ${sql.join(columns, sql`, `)}`;
}

function leaseOf(row: Record<string, unknown>): Lease & { dueMs: number } {
  return {
    messageId: String(row.message_id),
    n: Number(row.n),
    accountId: Number(row.account_id),
    messageSeq: Number(row.message_seq),
    recipient: String(row.recipient),
    class: Number(row.class),
    attempts: Number(row.attempts),
    bodyDay: String(row.body_day),
    bodyId: row.body_id === null ? null : Number(row.body_id),
    dueMs: Number(row.due_ms),
  };
}

function byUrgency(a: { class: number; dueMs: number }, b: { class: number; dueMs: number }): number {
  return a.class - b.class || a.dueMs - b.dueMs;
}

/** Whether anything is due that nobody has leased: what the sweep announces again. */
export async function anythingDue(store: Store, nowMs: number): Promise<boolean> {
  const weeks = retainedWeeks(nowMs);
  const [[row = {}] = []] = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [dueByWeek(weeks, nowMs)]),
  );
  return Object.values(row).some(Boolean);
}

/** What a lease needs of its message. */
export interface LeasedMessage {
  signingDomain: string;
  sizeBytes: number;
  smtputf8: boolean;
  eightBit: boolean;
}

/** An active DKIM key as it is stored. */
export interface StoredKey {
  accountId: number;
  domain: string;
  /** `d=` of the signature: the domain itself, or its parent when the record is there. */
  signsAs: string;
  returnPathHost: string | null;
  selector: string;
  algorithm: 'rsa-sha256' | 'ed25519-sha256';
  privateKeyEncrypted: string;
}

/** Messages (by id) and the active keys of their signing domains, in one round trip. */
export async function readLeased(
  store: Store,
  leases: Lease[],
): Promise<{ messages: Map<MessageId, LeasedMessage>; keys: StoredKey[] }> {
  const weeks = [...new Set(leases.map((l) => homeOf(l.messageId).week))];
  const queries = weeks.flatMap((week) => {
    const refs = leases
      .filter((l) => homeOf(l.messageId).week === week)
      .map((l) => ({ a: l.accountId, s: l.messageSeq }));
    const leased = sql`(SELECT DISTINCT value->>'a' AS a, value->>'s' AS s FROM json_each(${JSON.stringify(refs)})) j
      CROSS JOIN ${weekTables(week).messages} m ON m.account_id = j.a AND m.seq = j.s`;
    return [
      sql`SELECT m.id, m.signing_domain, m.size_bytes, m.smtputf8, m.eight_bit FROM ${leased}`,
      sql`SELECT DISTINCT d.account_id, d.name, coalesce(d.dkim_domain, d.name) AS signs_as, d.return_path_host, k.selector, k.algorithm, k.private_key_encrypted
        FROM ${leased} JOIN domains d ON d.account_id = m.account_id AND d.name = m.signing_domain
        JOIN dkim_keys k ON k.domain_id = d.id AND k.status = 'active'`,
    ];
  });
  const results = await batch(store.d1, queries);
  const messages = new Map<MessageId, LeasedMessage>();
  for (const row of results.filter((_, i) => i % 2 === 0).flat()) {
    messages.set(String(row.id), {
      signingDomain: String(row.signing_domain),
      sizeBytes: Number(row.size_bytes),
      smtputf8: row.smtputf8 === 1,
      eightBit: row.eight_bit === 1,
    });
  }
  const keyRows = results.filter((_, i) => i % 2 === 1).flat();
  const keys = keyRows.map((row) => ({
    accountId: Number(row.account_id),
    domain: String(row.name),
    signsAs: String(row.signs_as),
    returnPathHost: row.return_path_host === null ? null : String(row.return_path_host),
    selector: String(row.selector),
    algorithm: row.algorithm === 'ed25519-sha256' ? ('ed25519-sha256' as const) : ('rsa-sha256' as const),
    privateKeyEncrypted: String(row.private_key_encrypted),
  }));
  return { messages, keys };
}

/**
 * Gives leases back untried: the attempt does not count. Gives how many were still held.
 * @param dueMs when they are due again; at once when it is not given
 */
export async function releaseLeases(
  store: Store,
  leases: { messageId: MessageId; n: number; leaseId: string }[],
  nowMs: number,
  dueMs?: number,
): Promise<number> {
  const putOff = dueMs === undefined ? sql`` : sql`, due_ms = ${dueMs}`;
  const kept = ofRetainedWeeks(leases, nowMs);
  const weeks = [...new Set(kept.map((l) => homeOf(l.messageId).week))];
  const results = await withHomeTables(store, nowMs, () =>
    batch(
      store.d1,
      weeks.map((week) => {
        const { deliveries } = weekTables(week);
        const refs = JSON.stringify(kept.filter((l) => homeOf(l.messageId).week === week));
        return sql`UPDATE ${deliveries} SET state = 'queued', attempts = attempts - 1, lease_id = NULL, lease_boot = NULL,
          lease_until_ms = NULL${putOff}
        WHERE (message_id, n, lease_id) IN (SELECT value->>'messageId', value->>'n', value->>'leaseId' FROM json_each(${refs}))
        RETURNING n`;
      }),
    ),
  );
  return results.flat().length;
}
