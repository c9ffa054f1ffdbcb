import { type SQL, sql } from 'drizzle-orm';
import {
  type Beyond,
  beginning,
  type Choice,
  chooseWork,
  deepestReach,
  type Head,
  headsToPass,
  type Look,
  looksOf,
} from '#domain/delivery/lease-choice.ts';
import { classes } from '#domain/message/class.ts';
import { homeOf } from '#domain/message/home.ts';
import { withHomeTables } from './home-tables.ts';
import { candidates, dueRows, type LeaseTerms, type Row, rowOf } from './lease-rows.ts';
import { beyondOf, type Scout, scoutForOthers, scoutLookOf, scoutOf, selectBeyond } from './lease-scouts.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

/** A node's last-seen time is kept to the minute, so that asking for work writes no row. */
const seenEveryMs = 60_000;

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
  const picked = new Set(choice.picked);
  // Whoever looks at a share of what is wanted looks deeper first, where more is wanted than that.
  const isLooked = (head: Head<Row>) => terms.look >= terms.max || !head.rows.some((row) => picked.has(row));
  const scouts = headsToPass(heads, choice)
    .filter(isLooked)
    .flatMap((head) => scoutOf(head, null, null));
  return await lookBeyond(store, terms, seen, scouts);
}

/** Chooses again of what was seen, for a node that wants other numbers. */
export function chooseAgain({ heads, beyond }: Seen, terms: LeaseTerms): Choice<Row> {
  return chooseWork(heads, terms, terms.place, beyond);
}

async function lookAtQueues(store: Store, terms: LeaseTerms, weeks: string[]): Promise<Seen> {
  const { place } = terms;
  const look = looksOf(terms.long ? deepestReach : place.reach, terms.look);
  const first = await lookAtHeads(store, terms, weeks, look, []);
  const { picked, left } = first.choice;
  // There is work, and room for more of it, or heads that were not looked at: what is in them may come before it.
  // Where there is only what is not wanted, the next lease goes on behind it.
  const isDeep =
    (left.size === 0 || first.isCut) && picked.length > 0 && first.heads.some(({ full }) => full);
  const deepLook = looksOf(deepestReach, terms.look);
  // Behind the same heads, whether the look that shows them is the first or follows a short one.
  const begun = terms.long && place.reach === 0 ? beginning(first.heads) : first.heads;
  const scouts = begun.flatMap((head) => scoutForOthers(head, new Set(picked), place));
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
  const beyond = [
    ...seen.beyond,
    ...scouts.map((scout, i) => beyondOf(scout, found[i] ?? [], known, scoutLookOf(terms))),
  ];
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
  const beyond = scouts.map((scout, i) => beyondOf(scout, found[i] ?? [], rows, scoutLookOf(terms)));
  const choice = chooseWork(heads, terms, terms.place, beyond);
  return { boot: boot === undefined ? null : String(boot.boot_id), heads, isCut, beyond, choice };
}

/** What control knows of a node: its newest boot, and its fence. Notes that it was seen, and what it does not want. */
export async function readBoot(
  store: Store,
  terms: LeaseTerms,
): Promise<{ boot: string | null; fence: number }> {
  const [[row] = []] = await batch(store.first.d1, [
    sql`SELECT boot_id, lease_fence FROM nodes WHERE node_id = ${terms.nodeId}`,
    noteSeen(terms),
  ]);
  return row
    ? { boot: String(row.boot_id), fence: Number(row.lease_fence) }
    : { boot: null, fence: Number.POSITIVE_INFINITY };
}

function noteSeen({ nodeId, nowMs, excludeDomains, busyDomains, sendingAddresses }: LeaseTerms): SQL {
  const sending = sendingAddresses.length > 0 ? JSON.stringify(sendingAddresses) : null;
  return sql`UPDATE nodes SET last_seen_at_ms = ${nowMs}, unwanted = ${JSON.stringify({ excludeDomains, busyDomains })},
      sending_addresses = ${sending}
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
