import { type SQL, sql } from 'drizzle-orm';
import { fullMailbox } from '#domain/delivery/consequence.ts';
import { homeOf, weekOf } from '#domain/message/home.ts';
import { uuidV7 } from '#domain/message/ids.ts';
import { type SuppressionEventKind, suppressionNames } from '#domain/suppression/suppression-event.ts';
import { deliveryKey, receivedOnly, webhookLimits } from '#domain/webhook.ts';
import type { NewConsequence } from './consequences.ts';
import { webhookTable, weekTables } from './home-tables.ts';
import type { Entry } from './timeline.ts';

/**
 * Webhook deliveries that tell of changes of suppressions. They are rows of the transaction that makes the change: the
 * statement looks at what holds before it, so it comes first. Where no endpoint asks for them no row is written.
 */

/** Where the rows of one transaction begin, and what the ids of its events begin with. */
interface Place {
  first: number;
  most: number;
  idPrefix: string;
  nowMs: number;
}

/** @param changes how many there may be */
function newPlace(changes: number, nowMs: number): Place {
  const most = Math.max(1, changes) * webhookLimits.endpoints;
  const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
  const idPrefix = uuidV7(nowMs, crypto.getRandomValues(new Uint8Array(10))).slice(0, -12);
  return { first: deliveryKey(nowMs, random % (2 ** 22 - most)), most, idPrefix, nowMs };
}

/**
 * @param changes a query of `account_id`, `ordinal` (which of them, below 2^48), `entry` and the columns of a suppression,
 * with `tags` and `metadata` of its message as JSON
 */
function insertPosts(kind: SuppressionEventKind, changes: SQL, { first, idPrefix, nowMs }: Place): SQL {
  const names = JSON.stringify(suppressionNames(kind));
  const silent = JSON.stringify(receivedOnly);
  return sql`INSERT INTO ${webhookTable(weekOf(nowMs))}
      (id, account_id, endpoint_id, body, state, due_ms, attempts, tries, created_at_ms)
    SELECT CAST(${first} AS INTEGER) + row_number() OVER (ORDER BY n.ordinal, e.id) - 1, n.account_id, e.id,
      json_object('suppression', json_object('kind', ${kind}, 'id', ${idPrefix} || printf('%012x', n.ordinal),
          'atMs', CAST(${nowMs} AS INTEGER), 'entry', n.entry, 'address', n.address, 'scopeDomain', n.scope_domain,
          'reason', n.reason, 'source', n.source, 'messageId', n.message_id,
          'createdAtMs', CAST(n.created_at_ms AS INTEGER), 'expiresAtMs', CAST(n.expires_at_ms AS INTEGER),
          'tags', json(n.tags), 'metadata', json(n.metadata)),
        'format', e.format), 'pending', ${nowMs}, 0, '[]', ${nowMs}
    FROM (${changes}) n JOIN webhook_endpoints e ON e.account_id = n.account_id
    WHERE e.state = 'active' AND e.format NOT IN (SELECT value FROM json_each(${silent})) AND e.tags IS NULL
      AND (e.sending_domains IS NULL OR n.scope_domain = '' OR instr(n.scope_domain, ':') > 0
        OR n.scope_domain IN (SELECT value FROM json_each(e.sending_domains)))
      AND (e.streams IS NULL OR n.scope_domain NOT LIKE 'stream:%'
        OR substr(n.scope_domain, 8) IN (SELECT value FROM json_each(e.streams)))
      AND ((e.events IS NULL AND e.format = 'postmark')
        OR EXISTS (SELECT 1 FROM json_each(e.events) w WHERE w.value IN (SELECT value FROM json_each(${names}))))`;
}

/** After the change: the rows of a place say the number that the entry has got. */
function noteEntries({ first, most, nowMs }: Place): SQL {
  const table = webhookTable(weekOf(nowMs));
  return sql`UPDATE ${table} SET body = json_set(body, '$.suppression.entry', (SELECT s.id FROM suppressions s
        WHERE s.account_id = ${table}.account_id AND s.address = ${table}.body->>'$.suppression.address'
          AND s.scope_domain = ${table}.body->>'$.suppression.scopeDomain'))
    WHERE id >= ${first} AND id < ${first + most} AND created_at_ms = ${nowMs}`;
}

/** No entry of `j` that holds now. */
const isFree = (nowMs: number) => sql`NOT EXISTS (SELECT 1 FROM suppressions s
  WHERE s.account_id = j.value->>'accountId' AND s.address = j.value->>'address'
    AND s.scope_domain = j.value->>'scope' AND (s.expires_at_ms IS NULL OR s.expires_at_ms > ${nowMs}))`;

interface Told {
  before: SQL[];
  after: SQL[];
}

/** A new entry of an account. */
interface Added {
  address: string;
  scope: string;
  reason: string;
  source: string;
  createdAtMs: number;
  expiresAtMs: number | null;
}

/** Statements that go around those which write entries on the owner's word. */
export function tellAdded(accountId: number, entries: readonly Added[], nowMs: number): Told {
  if (entries.length === 0) return { before: [], after: [] };
  const place = newPlace(entries.length, nowMs);
  const rows = JSON.stringify(
    entries.map(({ address, scope, reason, source, createdAtMs, expiresAtMs }) => ({
      ...{ accountId, address, scope, reason, source, createdAtMs, expiresAtMs },
    })),
  );
  const changes = sql`SELECT j.value->>'accountId' AS account_id, j.key AS ordinal, NULL AS entry,
      j.value->>'address' AS address, j.value->>'scope' AS scope_domain, j.value->>'reason' AS reason,
      j.value->>'source' AS source, NULL AS message_id, j.value->>'createdAtMs' AS created_at_ms,
      j.value->>'expiresAtMs' AS expires_at_ms, '[]' AS tags, '{}' AS metadata
    FROM json_each(${rows}) j WHERE ${isFree(nowMs)}`;
  return { before: [insertPosts('suppression_added', changes, place)], after: [noteEntries(place)] };
}

/** A consequence that may suppress, with the event that it comes of. */
export interface Suppressing {
  entry: Entry;
  of: NewConsequence;
}

/**
 * Statements that go around those of `writeConsequence`: what suppresses an address that was not suppressed is told, once
 * an address. They do nothing for an event that was not written.
 */
export function tellConsequences(all: readonly Suppressing[], nowMs: number): Told {
  if (all.length === 0) return { before: [], after: [] };
  const place = newPlace(all.length, nowMs);
  const byWeek = [...Map.groupBy([...all.entries()], ([, { entry }]) => homeOf(entry.messageId).week)];
  const some = byWeek.map(([week, own]) => changesOf(week, own, nowMs));
  // One address may end twice at once: it is told once.
  const changes = sql`SELECT *, min(ordinal) FROM (${sql.join(some, sql` UNION ALL `)})
    GROUP BY account_id, address, scope_domain`;
  return { before: [insertPosts('suppression_added', changes, place)], after: [noteEntries(place)] };
}

function changesOf(week: string, own: readonly [number, Suppressing][], nowMs: number): SQL {
  const { deliveries, messages } = weekTables(week);
  const rows = own.map(([ordinal, { entry, of }]) => ({
    ordinal,
    messageId: entry.messageId,
    n: entry.n,
    eventId: entry.event.id,
    accountId: of.accountId,
    address: of.address,
    scope: of.scope ?? '',
    reason: of.consequence.kind === 'suppress' ? of.consequence.reason : 'hard_bounce',
    strike: Number(of.consequence.kind === 'strike'),
    source: of.source,
    atMs: of.atMs,
    expiresAtMs: of.consequence.expiresAtMs,
  }));
  return sql`SELECT j.value->>'accountId' AS account_id, j.value->>'ordinal' AS ordinal, NULL AS entry,
      j.value->>'address' AS address, j.value->>'scope' AS scope_domain, j.value->>'reason' AS reason,
      j.value->>'source' AS source, j.value->>'messageId' AS message_id, j.value->>'atMs' AS created_at_ms,
      j.value->>'expiresAtMs' AS expires_at_ms, m.tags AS tags, m.metadata AS metadata
    FROM json_each(${JSON.stringify(rows)}) j
    CROSS JOIN ${deliveries} d ON d.message_id = j.value->>'messageId' AND d.n = j.value->>'n'
    CROSS JOIN ${messages} m ON m.account_id = d.account_id AND m.seq = d.message_seq
    WHERE EXISTS (SELECT 1 FROM webhook_endpoints e WHERE e.account_id = j.value->>'accountId')
      AND EXISTS (SELECT 1 FROM json_each(d.timeline) t WHERE t.value->>'id' = j.value->>'eventId')
      AND ${isFree(nowMs)}
      AND (j.value->>'strike' = 0 OR (SELECT count(*) FROM full_mailboxes f WHERE f.account_id = j.value->>'accountId'
        AND f.address = j.value->>'address' AND f.message_id <> j.value->>'messageId'
        AND f.at_ms > j.value->>'atMs' - ${fullMailbox.withinMs}) + 1 >= ${fullMailbox.strikes})`;
}

/** The statement that goes before one which removes entries. @param which a condition on suppressions `s` */
export function tellRemoved(which: SQL, most: number, nowMs: number): SQL {
  const changes = sql`SELECT s.account_id, s.id AS ordinal, s.id AS entry, s.address, s.scope_domain, s.reason,
      s.source, s.message_id, s.created_at_ms, s.expires_at_ms, '[]' AS tags, '{}' AS metadata
    FROM suppressions s WHERE ${which} AND (s.expires_at_ms IS NULL OR s.expires_at_ms > ${nowMs}) LIMIT ${most}`;
  return insertPosts('suppression_removed', changes, newPlace(most, nowMs));
}
