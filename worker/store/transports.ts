import { eq, sql } from 'drizzle-orm';
import {
  isOfWorker,
  type Relay,
  type TransportRule,
  type TransportUse,
  transportPresets,
  transportRule,
} from '#domain/delivery/transport.ts';
import type { TransportFigures } from '#domain/delivery/transport-health.ts';
import { workerNodeId } from '#domain/delivery/turn.ts';
import { dayOf } from '#domain/message/home.ts';
import * as control from '../../drizzle/schema/control.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

/** A relay as it is kept. */
export type TransportRow = typeof control.transports.$inferSelect;

/** What is decided of a relay: all but what it did. */
export type TransportSettings = Omit<
  TransportRow,
  'id' | 'createdAtMs' | 'failedAtMs' | 'failedText' | 'tookAtMs' | 'toldAtMs' | 'toldText'
>;

/** A relay with what it took today (UTC). */
export interface TransportState extends TransportRow {
  takenToday: number;
  /** What was taken, and what its events told of, today and yesterday. */
  lately: TransportFigures;
  deliveredToday: number;
  /** Nodes that ask for mail now, where its rate is shared among them; at least 1. */
  nodes: number;
}

/** A relay that nodes hand mail to, as they must know it; else it is the Worker's own. */
export function isNodes({ preset }: Pick<TransportRow, 'preset'>): boolean {
  return !isOfWorker(preset);
}

const dayMs = 86_400_000;
/** A node asks every few seconds, and is noted once a minute. */
const nodeIsAwayAfterMs = 150_000;

/** All relays by name, the rules in their order, and whether a node asks for mail. One round trip. */
export async function readTransports(
  store: Store,
  nowMs: number,
): Promise<{ transports: TransportState[]; rules: TransportRule[]; nodesHere: boolean }> {
  const [rows = [], days = [], rules = [], here = []] = await batch(store.first.d1, [
    sql`SELECT *, CASE WHEN per_minute IS NULL THEN 1 ELSE
        (SELECT max(1, count(*)) FROM nodes WHERE last_seen_at_ms > ${nowMs - nodeIsAwayAfterMs} AND node_id <> ${workerNodeId}) END AS nodes
      FROM transports ORDER BY name`,
    sql`SELECT * FROM transport_days WHERE day IN (${dayOf(nowMs)}, ${dayOf(nowMs - dayMs)})`,
    sql`SELECT rule FROM transport_rules ORDER BY position`,
    sql`SELECT 1 AS here FROM nodes WHERE last_seen_at_ms > ${nowMs - nodeIsAwayAfterMs} AND node_id <> ${workerNodeId} LIMIT 1`,
  ]);
  return {
    nodesHere: here.length > 0,
    transports: rows.map((row) => {
      const own = days.filter(({ name }) => name === row.name);
      const today = own.find(({ day }) => day === dayOf(nowMs));
      const sum = (column: string) => own.reduce((total, one) => total + Number(one[column]), 0);
      return {
        ...rowOf(row),
        takenToday: Number(today?.taken ?? 0),
        deliveredToday: Number(today?.delivered ?? 0),
        lately: { taken: sum('taken'), delivered: sum('delivered'), refused: sum('refused') },
        nodes: Number(row.nodes),
      };
    }),
    rules: rules.map(({ rule }) => transportRule.parse(JSON.parse(String(rule)))),
  };
}

function rowOf(row: Record<string, unknown>): TransportRow {
  const number = (value: unknown) => (value === null ? null : Number(value));
  const text = (value: unknown) => (value === null ? null : String(value));
  return {
    id: Number(row.id),
    name: String(row.name),
    preset: String(row.preset),
    host: String(row.host),
    port: Number(row.port),
    tls: row.tls as TransportRow['tls'],
    user: text(row.user),
    secretEncrypted: text(row.secret_encrypted),
    maxBytes: number(row.max_bytes),
    connections: Number(row.connections),
    dailyQuota: number(row.daily_quota),
    perMinute: number(row.per_minute),
    sessionRecipients: number(row.session_recipients),
    paused: row.paused === 1,
    createdAtMs: Number(row.created_at_ms),
    failedAtMs: number(row.failed_at_ms),
    failedText: text(row.failed_text),
    tookAtMs: number(row.took_at_ms),
    toldAtMs: number(row.told_at_ms),
    toldText: text(row.told_text),
  };
}

/** Adds a relay; false when one has that name, or it is `direct`. */
export async function addTransport(
  store: Store,
  settings: TransportSettings,
  nowMs: number,
): Promise<boolean> {
  const added = await store.first.control
    .insert(control.transports)
    .values({ ...settings, createdAtMs: nowMs })
    .onConflictDoNothing()
    .returning({ id: control.transports.id });
  return added.length > 0;
}

/** Changes a relay; its name stays. False when there is none. */
export async function changeTransport(
  store: Store,
  name: string,
  change: Partial<Omit<TransportSettings, 'name'>>,
): Promise<boolean> {
  const changed = await store.first.control
    .update(control.transports)
    .set({ ...change, failedAtMs: null, failedText: null })
    .where(eq(control.transports.name, name))
    .returning({ id: control.transports.id });
  return changed.length > 0;
}

/** Removes a relay that no rule names. `named`: one does. */
export async function removeTransport(store: Store, name: string): Promise<'removed' | 'named' | 'unknown'> {
  const isNamed = sql`EXISTS (SELECT 1 FROM transport_rules r, json_each(r.rule, '$.route') e WHERE e.value = ${name})`;
  const [named = [], removed = []] = await batch(store.first.d1, [
    sql`SELECT 1 AS named WHERE ${isNamed}`,
    sql`DELETE FROM transports WHERE name = ${name} AND NOT ${isNamed} RETURNING id`,
  ]);
  if (named.length > 0) return 'named';
  return removed.length > 0 ? 'removed' : 'unknown';
}

/** Puts rules in the place of those there are. Gives the name of a transport that is not there, and changes nothing then. */
export async function replaceRules(store: Store, rules: readonly TransportRule[]): Promise<string | null> {
  const names = JSON.stringify(
    [...new Set(rules.flatMap(({ route }) => route))].filter((name) => name !== 'direct'),
  );
  const missing = sql`SELECT value AS name FROM json_each(${names}) WHERE value NOT IN (SELECT name FROM transports)`;
  const nothing = sql`EXISTS (${missing})`;
  const kept = JSON.stringify(rules.map((rule) => JSON.stringify(rule)));
  const [found = []] = await batch(store.first.d1, [
    missing,
    sql`DELETE FROM transport_rules WHERE NOT ${nothing}`,
    sql`INSERT INTO transport_rules (position, rule) SELECT key, value FROM json_each(${kept}) WHERE NOT ${nothing}`,
  ]);
  return found[0] ? String(found[0].name) : null;
}

/** Counts what relays took, and notes what they said. One round trip. */
export async function noteTransportUse(
  store: Store,
  uses: readonly TransportUse[],
  nowMs: number,
): Promise<void> {
  if (uses.length === 0) return;
  const rows = JSON.stringify(uses.map(({ ids: _, ...use }) => use));
  const ids = JSON.stringify(uses.flatMap(({ name, ids: own }) => own.map((one) => ({ name, ...one }))));
  await batch(store.first.d1, [
    sql`INSERT INTO transport_days (name, day, taken) SELECT value->>'name', ${dayOf(nowMs)}, value->>'taken'
      FROM json_each(${rows}) WHERE value->>'taken' > 0
      ON CONFLICT DO UPDATE SET taken = taken + excluded.taken`,
    sql`UPDATE transports SET failed_at_ms = ${nowMs}, failed_text = j.value->>'failedText' FROM json_each(${rows}) j
      WHERE transports.name = j.value->>'name' AND j.value->>'failedText' IS NOT NULL
        AND (failed_at_ms IS NULL OR failed_at_ms < ${nowMs - noteAgainMs} OR failed_text <> j.value->>'failedText')`,
    sql`UPDATE transports SET took_at_ms = ${nowMs} FROM json_each(${rows}) j
      WHERE transports.name = j.value->>'name' AND j.value->>'taken' > 0
        AND (took_at_ms IS NULL OR took_at_ms < ${nowMs - noteAgainMs})`,
    sql`INSERT INTO relayed (id, name, message_id, n, day)
      SELECT value->>'id', value->>'name', value->>'messageId', value->>'n', ${dayOf(nowMs)} FROM json_each(${ids})
      WHERE value->>'name' IN (SELECT name FROM transports WHERE preset IN (SELECT value FROM json_each(${toldById})))
      ON CONFLICT DO NOTHING`,
  ]);
}

/** Presets whose events name a message by the relay's own id alone. */
const toldById = JSON.stringify(
  transportPresets.filter(({ feed }) => feed === 'queue').map(({ name }) => name),
);

/** What the events of a relay told. */
export interface TransportTold {
  name: string;
  delivered: number;
  refused: number;
  /** Why it did not deliver the last of those. */
  text: string | null;
}

/** Counts what relays told of what they took, and notes when. One round trip. */
export async function noteTransportTold(
  store: Store,
  told: readonly TransportTold[],
  nowMs: number,
): Promise<void> {
  if (told.length === 0) return;
  const rows = JSON.stringify(told);
  await batch(store.first.d1, [
    sql`INSERT INTO transport_days (name, day, taken, delivered, refused)
      SELECT value->>'name', ${dayOf(nowMs)}, 0, value->>'delivered', value->>'refused'
      FROM json_each(${rows}) WHERE value->>'delivered' + value->>'refused' > 0
      ON CONFLICT DO UPDATE SET delivered = delivered + excluded.delivered, refused = refused + excluded.refused`,
    sql`UPDATE transports SET told_at_ms = ${nowMs}, told_text = coalesce(j.value->>'text', told_text)
      FROM json_each(${rows}) j WHERE transports.name = j.value->>'name'
        AND (told_at_ms IS NULL OR told_at_ms < ${nowMs - noteAgainMs} OR j.value->>'text' <> coalesce(told_text, ''))`,
  ]);
}

/** The same again is not written down before. */
const noteAgainMs = 60_000;

/** Days of counts are kept so long. */
const daysKeptMs = 35 * dayMs;

/** Forgets the counts of days long gone. */
export async function purgeTransportDays(store: Store, nowMs: number): Promise<void> {
  await batch(store.first.d1, [sql`DELETE FROM transport_days WHERE day < ${dayOf(nowMs - daysKeptMs)}`]);
}

/** As nodes are told of it. @param secret null: it asks for no sign-in */
export function relayOf(row: TransportState, secret: string | null): Relay {
  const { name, host, port, tls, user, maxBytes, connections, perMinute, nodes, sessionRecipients } = row;
  return {
    name,
    host,
    port,
    tls,
    login: user !== null && secret !== null ? { user, secret } : null,
    maxBytes,
    connections,
    perMinute: perMinute === null ? null : perMinute / nodes,
    sessionRecipients,
    fields: transportPresets.find((preset) => preset.name === row.preset)?.fields ?? null,
  };
}
