import { type SQL, sql } from 'drizzle-orm';
import {
  type Beyond,
  type Candidate,
  type Choice,
  chooseWork,
  deepestReach,
  type Head,
  headsToPass,
  type Look,
  looksOf,
  type Place,
  type Position,
  type Wish,
} from '#domain/delivery/lease-choice.ts';
import { classes, classOf } from '#domain/message/class.ts';
import { homeOf } from '#domain/message/home.ts';
import type { SuppressionEntry } from '#domain/suppression/suppression.ts';
import { withHomeTables } from './home-tables.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';
import { isCoveredIn, suppressionOf } from './suppressed-by.ts';

export interface LeaseTerms extends Wish {
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
  /** Makes the ids of events. */
  newEventId: () => string;
  /** The installation's shared alias domain; empty: there is none. */
  sharedDomain: string;
}

/** A node's last-seen time is kept to the minute, so that asking for work writes no row. */
const seenEveryMs = 60_000;

/** A due delivery as it was read. */
export interface Row extends Candidate {
  messageSeq: number;
  recipient: string;
  attempts: number;
  bodyDay: string;
  bodyId: number | null;
  node: string | null;
  leaseUntilMs: number | null;
  /** An earlier lease of it has ended, and nobody has told what became of that attempt. */
  unreported: boolean;
}

/** What was seen of the queues of a home, and what is chosen of it. */
export interface Seen {
  /** The newest boot of the node. */
  boot: string | null;
  heads: Head<Row>[];
  /** The look ended before all heads were looked at. */
  isCut: boolean;
  beyond: Beyond<Row>[];
  choice: Choice<Row>;
}

/**
 * Looks at the heads of all queues and chooses of them: in one round trip, or two where a queue is deep, and one more
 * where more urgent mail may stand behind what is not wanted.
 */
export async function chooseFromHeads(store: Store, terms: LeaseTerms, weeks: string[]): Promise<Seen> {
  const seen = await lookAtQueues(store, terms, weeks);
  const { heads, choice } = seen;
  const scouts = headsToPass(heads, choice).flatMap((head) => scoutOf(head, null, null));
  return await lookBeyond(store, terms, seen, scouts);
}

/** Chooses again of what was seen, for a node that wants other numbers. */
export function chooseAgain({ heads, beyond }: Seen, terms: LeaseTerms): Choice<Row> {
  return chooseWork(heads, terms, terms.place, beyond);
}

async function lookAtQueues(store: Store, terms: LeaseTerms, weeks: string[]): Promise<Seen> {
  const { place, max } = terms;
  const look = looksOf(place.reach, max);
  const first = await lookAtHeads(store, terms, weeks, look, []);
  const { picked, left } = first.choice;
  // There is work, and room for more of it, or heads that were not looked at: what is in them may come before it.
  // Where there is only what is not wanted, the next lease goes on behind it.
  const isDeep =
    (left.size === 0 || first.isCut) && picked.length > 0 && first.heads.some(({ full }) => full);
  const deepLook = looksOf(deepestReach, max);
  const scouts = first.heads.flatMap((head) => scoutForOthers(head, new Set(picked), place));
  if (isDeep && (look.ofOne < deepLook.ofOne || first.isCut))
    return await lookAtHeads(store, terms, weeks, deepLook, scouts);
  return await lookBeyond(store, terms, first, scouts);
}

/** Chooses again, of what is found behind the heads too. */
async function lookBeyond(
  store: Store,
  terms: LeaseTerms,
  seen: Seen,
  scouts: readonly Scout[],
): Promise<Seen> {
  if (scouts.length === 0) return seen;
  const queries = scouts.map((scout) => selectBeyond(scout, terms));
  const found = await withHomeTables(store, terms.nowMs, () => batch(store.d1, queries));
  const known = [...seen.heads, ...seen.beyond].flatMap(({ rows }) => rows);
  const beyond = [...seen.beyond, ...scouts.map((scout, i) => beyondOf(scout, found[i] ?? [], known))];
  return { ...seen, beyond, choice: chooseWork(seen.heads, terms, terms.place, beyond) };
}

async function lookAtHeads(
  store: Store,
  terms: LeaseTerms,
  weeks: string[],
  look: Look,
  scouts: readonly Scout[],
): Promise<Seen> {
  const { nowMs, nodeId } = terms;
  const fences = fenceOff(terms);
  const results = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [
      ...fences,
      sql`SELECT boot_id FROM nodes WHERE node_id = ${nodeId}`,
      noteSeen(terms),
      selectHeads(weeks, terms, look),
      ...scouts.map((scout) => selectBeyond(scout, terms)),
    ]),
  );
  const [[boot] = [], , due = [], ...found] = results.slice(fences.length);
  const rows = due.map(rowOf);
  const isCut = rows.length >= look.ofAll;
  const byHead = Map.groupBy(rows, (row) => headKey(homeOf(row.messageId).week, row.class));
  const heads = [...byHead].map(([key, own], i) => {
    // Nothing is known of what stands behind the row at which the look ended.
    return { key, rows: own, full: own.length >= look.ofOne || (isCut && i === byHead.size - 1) };
  });
  const beyond = scouts.map((scout, i) => beyondOf(scout, found[i] ?? [], rows));
  const choice = chooseWork(heads, terms, terms.place, beyond);
  return { boot: boot === undefined ? null : String(boot.boot_id), heads, isCut, beyond, choice };
}

/** What control knows of a node: its newest boot, and its fence. Notes that it was seen, and what it does not want. */
export async function readBoot(
  store: Store,
  { nodeId, nowMs, excludeDomains, busyDomains }: LeaseTerms,
): Promise<{ boot: string | null; fence: number }> {
  const [[row] = []] = await batch(store.first.d1, [
    sql`SELECT boot_id, lease_fence FROM nodes WHERE node_id = ${nodeId}`,
    noteSeen({ nodeId, nowMs, excludeDomains, busyDomains }),
  ]);
  return row
    ? { boot: String(row.boot_id), fence: Number(row.lease_fence) }
    : { boot: null, fence: Number.POSITIVE_INFINITY };
}

function noteSeen({
  nodeId,
  nowMs,
  excludeDomains,
  busyDomains,
}: Pick<LeaseTerms, 'nodeId' | 'nowMs' | 'excludeDomains' | 'busyDomains'>): SQL {
  return sql`UPDATE nodes SET last_seen_at_ms = ${nowMs}, unwanted = ${JSON.stringify({ excludeDomains, busyDomains })}
    WHERE node_id = ${nodeId} AND last_seen_at_ms < ${nowMs - seenEveryMs}`;
}

/** Fences requests off in a home that is not asked for work. */
export async function fenceOffAt(store: Store, terms: LeaseTerms): Promise<void> {
  await batch(store.d1, fenceOff(terms));
}

/** In the transaction that reads what the requests before it have taken: a request that is under way still comes after it. */
function fenceOff({ nodeId, bootId, fence }: LeaseTerms): SQL[] {
  if (fence === 0) return [];
  return [
    sql`UPDATE nodes SET lease_fence = ${fence} WHERE node_id = ${nodeId} AND boot_id = ${bootId} AND lease_fence < ${fence}`,
  ];
}

function headKey(week: string, rank: number): string {
  return `${week}/${rank}`;
}

const columns = `message_id, n, account_id, message_seq, recipient, domain, class, attempts, body_day, body_id, due_ms, node,
  lease_id, lease_boot, lease_until_ms`;

/**
 * The first due rows of a class behind a position: a range scan of the index. What others hold is among them: were it left
 * out here, each look would read all of it again.
 */
function dueRows(
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

/**
 * The first due rows of each class and week that the node has room for, behind the place; the most urgent class first.
 * SQLite reads no more of them than are taken: where the look ends, the queues after it are not touched.
 */
function selectHeads(weeks: readonly string[], terms: LeaseTerms, { ofOne, ofAll }: Look): SQL {
  const { otherMax, digestMax } = terms;
  const wanted = classes.filter(
    ({ name }) => name === 'priority' || (otherMax > 0 && (name !== 'digest' || digestMax > 0)),
  );
  const heads = wanted.flatMap(({ rank }) =>
    weeks.map((week) => {
      return sql`SELECT * FROM (${dueRows(week, rank, terms.place.at[headKey(week, rank)], terms, ofOne)})`;
    }),
  );
  // What has an OFFSET is left as it stands (SQLite, query flattening): else all that is around the queues would be prepared
  // once for each of them, which takes several times as long as the look itself.
  const limit = sql.raw(` LIMIT ${Number.isFinite(ofAll) ? ofAll : -1} OFFSET 0`);
  return candidates(weeks, sql`SELECT * FROM (${oneAfterTheOther(heads)})${limit}`, terms);
}

/** D1 joins five queries at the most in one UNION. */
const mostJoined = 5;

function oneAfterTheOther(queries: readonly SQL[]): SQL {
  if (queries.length <= mostJoined) return sql.join([...queries], sql` UNION ALL `);
  const size = Math.ceil(queries.length / mostJoined);
  const groups = Array.from({ length: Math.ceil(queries.length / size) }, (_, i) =>
    queries.slice(i * size, (i + 1) * size),
  );
  return sql.join(
    groups.map((group) => sql`SELECT * FROM (${oneAfterTheOther(group)})`),
    sql` UNION ALL `,
  );
}

/** Rows with what decides over them beside their queue. */
function candidates(weeks: readonly string[], rows: SQL, terms: LeaseTerms): SQL {
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
function isUnwanted({ excludeDomains, busyDomains }: LeaseTerms): SQL {
  const isOneOf = (names: readonly string[]) =>
    sql`instr(${`|${names.join('|')}|`}, '|' || domain || '|') > 0`;
  const priority = sql.raw(String(classOf('priority').rank));
  return sql`(${isOneOf(excludeDomains)} OR (class <> ${priority} AND ${isOneOf(busyDomains)}))`;
}

/** Looks behind a head that is full: for other accounts, where it is one account's mail, or for all that is wanted. */
interface Scout {
  key: string;
  week: string;
  rank: number;
  from: Position;
  /** The account that fills the head; null: all that is wanted is looked for. */
  accountId: number | null;
}

/** So many rows are looked at behind a head, so many of one account and in all taken of them. */
const scoutLook = 1000;
const mostOfOne = 8;
const mostBeyond = 60;

function scoutForOthers(head: Head<Row>, picked: ReadonlySet<Row>, place: Place): Scout[] {
  const own = head.rows.filter((row) => picked.has(row) && !row.mine);
  const [most] = [...Map.groupBy(own, (row) => row.accountId)].sort(([, a], [, b]) => b.length - a.length);
  if (!head.full || !most || most[1].length * 2 <= own.length) return [];
  return scoutOf(head, most[0], place.scout[head.key] ?? null);
}

/** @param at how far was looked already */
function scoutOf({ key, rows }: Head<Row>, accountId: number | null, at: Position | null): Scout[] {
  const last = rows.at(-1);
  if (!last) return [];
  const end: Position = [last.dueMs, last.messageId, last.n];
  const from = at && isBehind(at, end) ? at : end;
  return [{ key, week: homeOf(last.messageId).week, rank: last.class, from, accountId }];
}

function isBehind(a: Position, b: Position): boolean {
  if (a[0] !== b[0]) return a[0] > b[0];
  return a[1] === b[1] ? a[2] > b[2] : a[1] > b[1];
}

function selectBeyond({ week, rank, from, accountId }: Scout, terms: LeaseTerms): SQL {
  const active = sql`(SELECT ${mayBeLeased(sql`class`)} FROM accounts WHERE id = account_id)`;
  const isSought =
    accountId === null
      ? sql`free AND NOT ${isUnwanted(terms)} AND ${active}`
      : sql`account_id <> ${accountId} AND free AND own <= ${mostOfOne}`;
  const rows = sql`SELECT ${sql.raw(columns)}, week, at FROM (SELECT b.*, row_number() OVER (ORDER BY due_ms, message_id, n) AS at,
      row_number() OVER (PARTITION BY account_id, free ORDER BY due_ms, message_id, n) AS own
      FROM (SELECT *, ${isFree(terms.nowMs)} AS free FROM (${dueRows(week, rank, from, terms, scoutLook)})) b)
    WHERE (${isSought}) OR at = ${scoutLook} ORDER BY at LIMIT ${mostBeyond}`;
  return candidates([week], rows, terms);
}

function beyondOf(scout: Scout, found: Record<string, unknown>[], seen: readonly Row[]): Beyond<Row> {
  const known = new Set(seen.map(({ messageId, n }) => `${messageId} ${n}`));
  const all = found.map(rowOf);
  const last = all.at(-1);
  const hasMore = found.length === mostBeyond || Number(found.at(-1)?.at) === scoutLook;
  return {
    key: scout.key,
    all: scout.accountId === null,
    rows: all.filter((row) => row.accountId !== scout.accountId && !known.has(`${row.messageId} ${row.n}`)),
    from: scout.from,
    end: last && hasMore ? [last.dueMs, last.messageId, last.n] : null,
  };
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

function rowOf(row: Record<string, unknown>): Row {
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
    leaseUntilMs: row.lease_until_ms === null ? null : Number(row.lease_until_ms),
    mine: row.mine === 1,
    free: row.free === 1,
    unreported: row.unreported === 1,
    suspended: row.suspended !== 0,
    suppression: row.suppression === null ? null : (JSON.parse(String(row.suppression)) as SuppressionEntry),
  };
}
