import { type SQL, sql } from 'drizzle-orm';
import { unreportedEvent } from '#domain/delivery/delivery.ts';
import type { NewEvent } from '#domain/delivery/event.ts';
import type { Choice, Place, Position } from '#domain/delivery/lease-choice.ts';
import { type ForwardOrder, forwardOrder } from '#domain/inbound/forward-order.ts';
import { classes } from '#domain/message/class.ts';
import { homeOf, weekOf } from '#domain/message/home.ts';
import type { MessageId } from '#domain/message/ids.ts';
import { type TlsWish, tlsWishes } from '#domain/message/tls-wish.ts';
import { suppressedDetails } from '#domain/suppression/suppression.ts';
import { byRetainedWeek, retainedWeeks, weekTables, withHomeTables } from './home-tables.ts';
import { chooseFromHeads } from './lease-heads.ts';
import { isFree, type LeaseTerms, mayBeLeased, type Row } from './lease-rows.ts';
import { dispatchedEntry } from './short-row.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';
import { isCoveredIn, suppressionOf } from './suppressed-by.ts';
import { isSystemDomain, systemAccountId } from './system-mail.ts';
import { appendEntries } from './timeline.ts';

/** A delivery as it was leased. */
export interface Lease {
  messageId: MessageId;
  n: number;
  accountId: number;
  messageSeq: number;
  recipient: string;
  class: number;
  /** The node that had it before, and why it was put off then (`Row`). */
  node: string | null;
  reason: string | null;
  attempts: number;
  bodyDay: string;
  bodyId: number | null;
  leaseUntilMs: number;
}

/** What a lease gives. */
export interface Taken {
  leases: Lease[];
  messages: Map<MessageId, LeasedMessage>;
  keys: StoredKey[];
  more: boolean;
  place: Place;
  /** Accounts whose deliveries were ended or told of, for their webhooks. */
  told: number[];
}

/**
 * Leases what is due, in two D1 round trips, one when there is nothing: the heads of the queues are read, behind what
 * earlier leases have looked at; what was chosen of them is leased where it is still free, so no two nodes get the
 * same delivery. What was suppressed meanwhile ends here, before any attempt.
 * @returns the newest boot of the node when that is another one: then nothing is leased
 */
export async function takeLeases(
  store: Store,
  terms: LeaseTerms,
): Promise<Taken | { newestBootId: string | null }> {
  const { choice, boot } = await chooseFromHeads(store, terms, retainedWeeks(terms.nowMs));
  if (boot !== terms.bootId) return { newestBootId: boot };
  return await takeChosen(store, terms, choice);
}

/** Leases what was chosen in a home, where it is still free, and ends what was suppressed meanwhile. */
export async function takeChosen(store: Store, terms: LeaseTerms, choice: Choice<Row>): Promise<Taken> {
  const { nowMs } = terms;
  const weeks = retainedWeeks(nowMs);
  // The place of a week that is dropped would be carried along for ever.
  const isKept = ([key]: [string, Position]) => weeks.includes(key.split('/')[0] ?? '');
  const kept = (of: Place['at']) => Object.fromEntries(Object.entries(of).filter(isKept));
  const place = { ...choice.place, at: kept(choice.place.at), scout: kept(choice.place.scout) };
  const { suppressed, more } = choice;
  const picked = choice.picked.length === 0 ? [] : await terms.own(store, choice.picked);
  if (picked.length === 0 && suppressed.length === 0) {
    return { leases: [], messages: new Map(), keys: [], more, place, told: [] };
  }
  const fresh = picked.filter(({ mine }) => !mine);
  const unreported = fresh.filter((row) => row.unreported);
  const updates = byWeek(fresh).map(([week, own]) => lease(store, week, own, terms));
  const leased = leasedQueries(picked, terms.sharedDomain);
  const results = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [
      ...updates,
      ...leased,
      ...endSuppressed(suppressed, terms),
      ...tellUnreported(unreported, terms),
    ]),
  );
  const attempts = new Map(
    results
      .slice(0, updates.length)
      .flat()
      .map((row) => [`${row.message_id} ${row.n}`, Number(row.attempts)]),
  );
  const leases = picked.flatMap((row) => {
    const { mine, messageId, n, leaseUntilMs, ...rest } = row;
    // What another node has taken in between, or what was suppressed or suspended, is not there.
    const attempt = mine ? row.attempts : attempts.get(`${messageId} ${n}`);
    if (attempt === undefined) return [];
    const untilMs = mine && leaseUntilMs !== null ? leaseUntilMs : terms.leaseUntilMs;
    return [{ ...rest, messageId, n, attempts: attempt, leaseUntilMs: untilMs }];
  });
  return {
    leases,
    ...readLeased(results.slice(updates.length, updates.length + leased.length)),
    more,
    place,
    told: [...new Set([...suppressed, ...unreported].map(({ accountId }) => accountId))],
  };
}

function byWeek<T extends { messageId: MessageId }>(rows: readonly T[]): [string, T[]][] {
  return [...Map.groupBy(rows, (row) => homeOf(row.messageId).week)];
}

function refsOf(rows: readonly { messageId: MessageId; n: number }[]): string {
  return JSON.stringify(rows.map(({ messageId, n }) => ({ m: messageId, n })));
}

function lease(store: Store, week: string, rows: readonly Row[], terms: LeaseTerms): SQL {
  const { deliveries } = weekTables(week);
  const { nowMs, nodeId } = terms;
  return sql`UPDATE ${deliveries} AS d SET state = 'sending', attempts = attempts + 1, lease_id = ${terms.leaseId},
      lease_boot = ${terms.bootId}, lease_until_ms = ${terms.leaseUntilMs}, node = ${nodeId},
      timeline = CASE WHEN node IS NULL THEN json_insert(timeline, '$[#]', ${dispatchedEntry(store, nodeId, nowMs)})
        ELSE timeline END
    WHERE (message_id, n) IN (SELECT value->>'m', value->>'n' FROM json_each(${refsOf(rows)}))
      AND due_ms <= ${nowMs} AND ${isFree(nowMs)}
      AND EXISTS (SELECT 1 FROM nodes WHERE node_id = ${nodeId} AND boot_id = ${terms.bootId} AND lease_fence < ${terms.sequence})
      AND EXISTS (SELECT 1 FROM accounts WHERE id = d.account_id AND ${mayBeLeased(sql`d.class`)})
      AND NOT EXISTS (SELECT 1 FROM ${suppressionOf(isCoveredIn(week), nowMs)})
    RETURNING message_id, n, attempts`;
}

/** What was suppressed since it was accepted, or between two tries, ends with the entry that says so. */
function endSuppressed(rows: readonly Row[], terms: LeaseTerms): SQL[] {
  const ending = sql`state = 'suppressed', reason = j.value->>'reason', due_ms = NULL, lease_id = NULL,
    lease_boot = NULL, lease_until_ms = NULL`;
  const guard = sql`d.due_ms IS NOT NULL AND ${isFree(terms.nowMs)}`;
  return byWeek(rows).flatMap(([week, own]) => {
    const entries = own.flatMap(({ messageId, n, suppression }) => {
      if (!suppression) return [];
      const details = suppressedDetails(suppression);
      const event: NewEvent = { id: terms.newEventId(), kind: 'suppressed', atMs: terms.nowMs, details };
      return [{ messageId, n, event, reason: suppression.reason }];
    });
    return appendEntries(week, weekOf(terms.nowMs), entries, { guard, set: ending });
  });
}

/** Told after they are leased again, by the lease that they are in now. */
function tellUnreported(rows: readonly Row[], terms: LeaseTerms): SQL[] {
  return byWeek(rows).flatMap(([week, own]) => {
    const entries = own.map(({ messageId, n, node }) => ({
      messageId,
      n,
      event: { id: terms.newEventId(), ...unreportedEvent(node, terms.nowMs) },
    }));
    const guard = sql`d.lease_id = ${terms.leaseId}`;
    return appendEntries(week, weekOf(terms.nowMs), entries, { guard, set: sql`state = d.state` });
  });
}

/** Whether anything is due that nobody has leased: what the sweep announces again. */
export async function anythingDue(store: Store, nowMs: number): Promise<boolean> {
  const perWeek = retainedWeeks(nowMs).map((week) => {
    const { deliveries } = weekTables(week);
    const perClass = classes.map(
      ({ rank }) =>
        sql`EXISTS (SELECT 1 FROM ${deliveries} WHERE class = ${sql.raw(String(rank))} AND due_ms <= ${nowMs} AND ${isFree(nowMs)})`,
    );
    return sql.join(perClass, sql` OR `);
  });
  const [[row] = []] = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [sql`SELECT ${sql.join(perWeek, sql` OR `)} AS due`]),
  );
  return row?.due === 1;
}

/** What a lease needs of its message. */
export interface LeasedMessage {
  signingDomain: string;
  sizeBytes: number;
  smtputf8: boolean;
  eightBit: boolean;
  tls: TlsWish;
  tags: string[];
  /** Null: it is the account's own. */
  forward: ForwardOrder | null;
}

/** An active DKIM key as it is stored. */
export interface StoredKey {
  /** Whose mail it signs: the domain's own, or that of the installation itself. */
  accountId: number;
  /** The account whose domain it is. */
  ownerId: number;
  domain: string;
  /** `d=` of the signature: the domain itself, or its parent when the record is there. */
  signsAs: string;
  returnPathHost: string | null;
  selector: string;
  algorithm: 'rsa-sha256' | 'ed25519-sha256';
  privateKeyEncrypted: string;
}

/** Messages and the active keys of their signing domains: two statements a week. */
function leasedQueries(leases: readonly Row[], sharedDomain: string): SQL[] {
  const system = leases.some((l) => l.accountId === systemAccountId);
  return byWeek(leases).flatMap(([week, own]) => {
    const refs = own.map((l) => ({ a: l.accountId, s: l.messageSeq }));
    const leased = sql`(SELECT DISTINCT value->>'a' AS a, value->>'s' AS s FROM json_each(${JSON.stringify(refs)})) j
      CROSS JOIN ${weekTables(week).messages} m ON m.account_id = j.a AND m.seq = j.s`;
    const keys = (domain: SQL) =>
      sql`SELECT DISTINCT m.account_id, d.account_id AS owner_id, d.name, coalesce(d.dkim_domain, d.name) AS signs_as, d.return_path_host, k.selector, k.algorithm, k.private_key_encrypted
        FROM ${leased} JOIN domains d ON ${domain} AND d.name = m.signing_domain
        JOIN dkim_keys k ON k.domain_id = d.id AND k.status = 'active'`;
    // The sandbox is the installation's, and every account sends from it.
    const ofAccount = sql`d.account_id IN (m.account_id, ${systemAccountId})`;
    const ofOthers = sql`m.account_id = ${systemAccountId} AND ${isSystemDomain}`;
    // Aliases of the installation's shared domain are of accounts that the domain is not of.
    const ofShared = sql`m.forward IS NOT NULL AND m.signing_domain = ${sharedDomain} AND d.name = ${sharedDomain}
      AND d.status = 'verified' AND d.type = 'alias'`;
    const sources = [ofAccount, ...(system ? [ofOthers] : []), ...(sharedDomain === '' ? [] : [ofShared])];
    return [
      sql`SELECT m.id, m.signing_domain, m.size_bytes, m.smtputf8, m.eight_bit, m.tls, m.tags, m.forward FROM ${leased}`,
      sql.join(sources.map(keys), sql` UNION `),
    ];
  });
}

/** Messages by id, and keys, from the results of `leasedQueries`. */
function readLeased(results: Record<string, unknown>[][]): {
  messages: Map<MessageId, LeasedMessage>;
  keys: StoredKey[];
} {
  const messages = new Map<MessageId, LeasedMessage>();
  for (const row of results.filter((_, i) => i % 2 === 0).flat()) {
    messages.set(String(row.id), {
      signingDomain: String(row.signing_domain),
      sizeBytes: Number(row.size_bytes),
      smtputf8: row.smtputf8 === 1,
      eightBit: row.eight_bit === 1,
      tls: tlsWishes[Number(row.tls)] ?? 'policy',
      tags: JSON.parse(String(row.tags)) as string[],
      forward: row.forward === null ? null : forwardOrder.parse(JSON.parse(String(row.forward))),
    });
  }
  const keyRows = results.filter((_, i) => i % 2 === 1).flat();
  const keys = keyRows.map((row) => ({
    accountId: Number(row.account_id),
    ownerId: Number(row.owner_id),
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
  leases: readonly { messageId: MessageId; n: number; leaseId: string }[],
  nowMs: number,
  { dueMs, nodeId }: { dueMs?: number; nodeId?: string } = {},
): Promise<number> {
  const own = nodeId === undefined ? sql`` : sql` AND node = ${nodeId}`;
  const putOff = dueMs === undefined ? sql`` : sql`, due_ms = ${dueMs}`;
  const kept = byRetainedWeek(leases, (lease) => lease.messageId, nowMs);
  const results = await withHomeTables(store, nowMs, () =>
    batch(
      store.d1,
      kept.map(([week, those]) => {
        const { deliveries } = weekTables(week);
        const refs = JSON.stringify(those);
        return sql`UPDATE ${deliveries} SET state = 'queued', attempts = attempts - 1, lease_id = NULL, lease_boot = NULL,
          lease_until_ms = NULL${putOff}
        WHERE (message_id, n, lease_id) IN (SELECT value->>'messageId', value->>'n', value->>'leaseId' FROM json_each(${refs}))${own}
        RETURNING n`;
      }),
    ),
  );
  return results.flat().length;
}
