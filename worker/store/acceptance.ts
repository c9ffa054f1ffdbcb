import { type SQL, sql } from 'drizzle-orm';
import { classOf, digestSmoothing, type MailClass } from '#domain/class.ts';
import type { DeliveryState } from '#domain/delivery.ts';
import type { NewEvent } from '#domain/event.ts';
import { homeOf } from '#domain/home.ts';
import type { MessageId } from '#domain/ids.ts';
import type { MailSettings } from '#domain/mail-settings.ts';
import { type Tracked, trackedBits } from '#domain/tracking.ts';
import * as control from '../../drizzle/schema/control.ts';
import { bodiesName, bodyDayOf, weekTables, withHomeTables } from './home-tables.ts';
import { bodyKey, latin1Bytes, type RowBody, rowBodyOf } from './raw.ts';
import { batch } from './sql.ts';
import { isUniqueViolation, type Store } from './store.ts';
import {
  countWarming,
  type DomainUsage,
  isLimitReached,
  LimitReached,
  nextRate,
  selectUsage,
  usageOf,
} from './usage.ts';

/** What the intake must know to let a message in, read in one round trip. */
export interface Gate {
  credential: GateCredential | null;
  /** The account's sending domains among those asked for. */
  domains: GateDomain[];
  suppressions: GateSuppression[];
  /** What those domains have used of their limits. */
  usage: DomainUsage[];
  /** What is kept under the idempotency key. */
  earlier: { fingerprint: string; answer: string } | null;
}

export interface GateCredential {
  id: number;
  accountId: number;
  username: string;
  environment: 'live' | 'test';
  scopes: string[];
  domains: string[] | null;
  revoked: boolean;
  accountStatus: 'active' | 'suspended';
  accountStatusReason: string | null;
  messagesPerMinute: number;
  lastUsedAtMs: number | null;
  /** The account has an active webhook endpoint, so its events are announced. */
  webhooks: boolean;
  /** What the account has decided for its mail. */
  mail: MailSettings;
}

export interface GateDomain {
  name: string;
  type: string;
  status: string;
  /** Why it is not verified; null when it is. */
  reason: string | null;
  activeKeys: number;
}

export interface GateSuppression {
  address: string;
  scopeDomain: string;
  reason: string;
  createdAtMs: number;
}

/**
 * Reads credential, domains, suppressions and the earlier answer in one round trip.
 * @param of.recipients addresses as suppressions hold them (domain in lower case)
 */
export async function readGate(
  store: Store,
  of: {
    secretHash: string;
    domains: string[];
    recipients: string[];
    idempotencyKey: string | null;
    nowMs: number;
  },
): Promise<Gate> {
  const account = sql`(SELECT account_id FROM credentials WHERE secret_hash = ${of.secretHash})`;
  const queries: SQL[] = [
    sql`SELECT c.id, c.account_id, c.username, c.environment, c.scopes, c.domains, c.revoked_at_ms, c.last_used_at_ms,
          a.status, a.status_reason, a.webhooks, a.messages_per_minute, a.track_opens, a.track_clicks, a.unsubscribe,
          a.content_days
        FROM ${control.credentials} c JOIN ${control.accounts} a ON a.id = c.account_id
        WHERE c.secret_hash = ${of.secretHash}`,
    sql`SELECT d.name, d.type, d.status, d.status_reason,
          (SELECT count(*) FROM ${control.dkimKeys} k WHERE k.domain_id = d.id AND k.status = 'active') AS active_keys
        FROM ${control.domains} d
        WHERE d.account_id = ${account} AND d.name IN (SELECT value FROM json_each(${JSON.stringify(of.domains)}))`,
    sql`SELECT s.address, s.scope_domain, s.reason, s.created_at_ms FROM ${control.suppressions} s
        WHERE s.account_id = ${account} AND s.address IN (SELECT value FROM json_each(${JSON.stringify(of.recipients)}))
          AND (s.expires_at_ms IS NULL OR s.expires_at_ms > ${of.nowMs})`,
    selectUsage(account, of.domains),
  ];
  if (of.idempotencyKey !== null) {
    queries.push(sql`SELECT fingerprint, answer FROM ${control.idempotencyKeys}
      WHERE account_id = ${account} AND key = ${of.idempotencyKey} AND expires_at_ms > ${of.nowMs}`);
  }
  const [credentials = [], domains = [], suppressions = [], usage = [], earlier = []] = await batch(
    store.d1,
    queries,
  );
  return {
    credential: credentials[0] ? gateCredential(credentials[0]) : null,
    domains: domains.map((row) => ({
      name: String(row.name),
      type: String(row.type),
      status: String(row.status),
      reason: row.status_reason === null ? null : String(row.status_reason),
      activeKeys: Number(row.active_keys),
    })),
    suppressions: suppressions.map((row) => ({
      address: String(row.address),
      scopeDomain: String(row.scope_domain),
      reason: String(row.reason),
      createdAtMs: Number(row.created_at_ms),
    })),
    usage: usage.map((row) => usageOf(row, of.nowMs)),
    earlier: earlier[0]
      ? { fingerprint: String(earlier[0].fingerprint), answer: String(earlier[0].answer) }
      : null,
  };
}

function gateCredential(row: Record<string, unknown>): GateCredential {
  return {
    id: Number(row.id),
    accountId: Number(row.account_id),
    username: String(row.username),
    environment: row.environment === 'test' ? 'test' : 'live',
    scopes: JSON.parse(String(row.scopes)) as string[],
    domains: row.domains === null ? null : (JSON.parse(String(row.domains)) as string[]),
    revoked: row.revoked_at_ms !== null,
    accountStatus: row.status === 'active' ? 'active' : 'suspended',
    accountStatusReason: row.status_reason === null ? null : String(row.status_reason),
    messagesPerMinute: Number(row.messages_per_minute),
    lastUsedAtMs: row.last_used_at_ms === null ? null : Number(row.last_used_at_ms),
    webhooks: row.webhooks === 1,
    mail: {
      trackOpens: row.track_opens === 1,
      trackClicks: row.track_clicks === 1,
      unsubscribe: row.unsubscribe === 1,
      contentDays: Number(row.content_days),
    },
  };
}

/** A message that has passed the gate, as it is stored. */
export interface AcceptedMessage {
  id: MessageId;
  class: MailClass;
  fromAddress: string;
  fromHeader: string;
  addressees: { to: string[]; cc: string[] };
  subject: string;
  tags: string[];
  metadata: Record<string, string>;
  source: 'api' | 'raw' | 'smtp';
  signingDomain: string;
  messageIdHeader: string;
  smtputf8: boolean;
  eightBit: boolean;
  testMode: boolean;
  /** What was put into it. */
  tracked: Tracked;
  firstDueMs: number;
  /** Latin1 text: one character a byte. */
  raw: string;
  /** Recipients that count for the limits of the domain. */
  counted: number;
  deliveries: NewDelivery[];
}

export interface NewDelivery {
  recipient: string;
  domain: string;
  state: Extract<DeliveryState, 'queued' | 'scheduled' | 'simulated' | 'suppressed'>;
  /** Its recipient is a part that the simulator plays. */
  simulated: boolean;
  /** When to begin instead, and the event that says so, in case that much waits for its domain already. */
  held: { dueMs: number; event: NewEvent } | null;
  /** Event of a recipient that is left out. */
  event: NewEvent | null;
  reason: string | null;
}

/** Thrown when another request with the same idempotency key has committed first. */
export class IdempotencyRace extends Error {}

/**
 * Stores messages with all their deliveries in one transaction; large bodies go to R2 before it. When it
 * returns, everything is durable; when it throws, the transaction failed or nobody knows how it ended.
 * @throws LimitReached when that would pass a limit; nothing is stored then
 */
export async function writeAcceptance(
  store: Store,
  of: {
    credential: GateCredential;
    messages: AcceptedMessage[];
    /** Recipients to count for domains. */
    counts: { domain: DomainUsage; count: number }[];
    nowMs: number;
    idempotency: { key: string; fingerprint: string; answer: string; expiresAtMs: number } | null;
  },
): Promise<void> {
  const bodies = await Promise.all(of.messages.map(({ raw }) => rowBodyOf(raw)));
  const large = of.messages.filter((_, i) => bodies[i] === null);
  const { contentDays } = of.credential.mail;
  const keys = large.map((message) => bodyKey(bodyDayOf(message.firstDueMs, contentDays), message.id));
  await Promise.all(large.map((message, i) => store.raw.put(keys[i] ?? '', latin1Bytes(message.raw))));
  const queries = of.messages.flatMap((message, i) =>
    insertMessage(of.credential, message, bodies[i] ?? null, of.nowMs),
  );
  queries.push(...of.counts.flatMap(({ domain, count }) => countWarming(domain, count, of.nowMs)));
  if (of.idempotency)
    queries.push(...insertIdempotencyKey(of.credential.accountId, of.idempotency, of.nowMs));
  if (isStale(of.credential.lastUsedAtMs, of.nowMs)) {
    queries.push(sql`UPDATE credentials SET last_used_at_ms = ${of.nowMs} WHERE id = ${of.credential.id}`);
  }
  try {
    await withHomeTables(store, of.nowMs, () => batch(store.d1, queries));
  } catch (error) {
    // Only a refusal proves that nothing was stored. A lost answer may follow a commit, and then the bodies are
    // needed; an orphan only costs storage until its day is purged.
    const refusal = isUniqueViolation(error, 'idempotency_keys')
      ? new IdempotencyRace()
      : isLimitReached(error)
        ? new LimitReached()
        : null;
    if (!refusal) throw error;
    if (keys.length > 0) await store.raw.delete(keys).catch(() => undefined);
    throw refusal;
  }
}

/** The last-used time is kept to the hour, so that a busy key does not cost a row a message. */
function isStale(lastUsedAtMs: number | null, nowMs: number): boolean {
  return lastUsedAtMs === null || nowMs - lastUsedAtMs > 3_600_000;
}

/** The statements that store one message; `seq` follows the last row of the account, in commit order. */
function insertMessage(
  credential: GateCredential,
  message: AcceptedMessage,
  body: RowBody | null,
  nowMs: number,
): SQL[] {
  const { accountId } = credential;
  const { week } = homeOf(message.id);
  const { messages, deliveries } = weekTables(week);
  const day = bodyDayOf(message.firstDueMs, credential.mail.contentDays);
  // A WITHOUT ROWID insert leaves last_insert_rowid() alone, so it still names the body in the statements after it.
  const bodyId = body ? sql`last_insert_rowid()` : sql`NULL`;
  const queries: SQL[] = [];
  if (body) {
    const gzip = body.gzip ? 1 : null;
    queries.push(sql`INSERT INTO ${bodiesName(day)} (raw, gzip) VALUES (${body.text}, ${gzip})`);
  }
  queries.push(sql`INSERT INTO ${messages} (account_id, seq, id, accepted_at_ms, class, from_address, from_header,
      addressees, subject, tags, metadata, source, credential_id, signing_domain, message_id_header, size_bytes,
      smtputf8, eight_bit, test_mode, tracked, first_due_ms, rate_minute, rate_count,
      body_day, body_id)
    VALUES (${accountId}, ${nextSeq(week, sql`${accountId}`)}, ${message.id}, ${nowMs}, ${classOf(message.class).rank},
      ${message.fromAddress}, ${message.fromHeader}, ${JSON.stringify(message.addressees)}, ${message.subject},
      ${JSON.stringify(message.tags)}, ${JSON.stringify(message.metadata)}, ${message.source}, ${credential.id},
      ${message.signingDomain}, ${message.messageIdHeader}, ${message.raw.length}, ${Number(message.smtputf8)},
      ${Number(message.eightBit)}, ${Number(message.testMode)}, ${trackedBits(message.tracked)}, ${message.firstDueMs},
      ${nextRate(messages, accountId, credential.messagesPerMinute, nowMs)}, ${day}, ${bodyId})`);
  queries.push(sql`INSERT INTO ${deliveries} (message_id, n, account_id, message_seq, recipient, domain, class, state,
      reason, accepted, simulated, due_ms, first_due_ms, attempts, body_day, body_id, timeline, announced)
    SELECT ${message.id}, j.key, ${accountId}, (SELECT max(seq) FROM ${messages} WHERE account_id = ${accountId}),
      j.value->>'recipient', j.value->>'domain', ${classOf(message.class).rank}, j.value->>'state',
      j.value->>'reason', j.value->>'accepted', j.value->>'simulated', ${held(deliveries, 'dueMs')},
      ${message.firstDueMs}, 0, ${day}, ${bodyId}, ${held(deliveries, 'timeline')}, 0
    FROM json_each(${JSON.stringify(message.deliveries.map((d) => deliveryRow(d, message.firstDueMs)))}) j`);
  message.deliveries.forEach((delivery, n) => {
    if (delivery.event) queries.push(...announce(week, accountId, message.id, n));
  });
  return queries;
}

function deliveryRow(delivery: NewDelivery, firstDueMs: number): Record<string, unknown> {
  const waits = delivery.state === 'queued' || delivery.state === 'scheduled';
  return {
    recipient: delivery.recipient,
    domain: delivery.domain,
    state: delivery.state,
    reason: delivery.reason,
    accepted: delivery.state === 'suppressed' ? 0 : 1,
    simulated: delivery.simulated ? 1 : 0,
    dueMs: waits ? firstDueMs : null,
    timeline: JSON.stringify(delivery.event ? [delivery.event] : []),
    ...(delivery.held
      ? { held: { dueMs: delivery.held.dueMs, timeline: JSON.stringify([delivery.held.event]) } }
      : {}),
  };
}

/** A value of a new delivery: that of `held` when its domain has more digests waiting than are sent at once. */
function held(deliveries: SQL, name: 'dueMs' | 'timeline'): SQL {
  const path = sql.raw(name);
  // The constants make the partial index `digest_<week>` usable; it is read no further than it matters.
  return sql`CASE WHEN j.value->'held' IS NOT NULL AND ${digestSmoothing.above} < (SELECT count(*) FROM (
      SELECT 1 FROM ${deliveries} w WHERE w.class = 2 AND w.due_ms IS NOT NULL AND w.domain = j.value->>'domain'
      LIMIT ${digestSmoothing.above + 1}))
    THEN j.value->>'$.held.${path}' ELSE j.value->>'${path}' END`;
}

/** Puts all entries of a delivery's timeline that the cursor has not seen behind the cursor's last row. */
function announce(week: string, accountId: number, messageId: MessageId, n: number): SQL[] {
  const { deliveries, events } = weekTables(week);
  const which = sql`message_id = ${messageId} AND n = ${n}`;
  return [
    sql`INSERT INTO ${events} (account_id, seq, message_id, n, from_entry, to_entry)
      SELECT ${accountId}, ${nextSeq(week, sql`${accountId}`)}, message_id, n, announced, json_array_length(timeline)
      FROM ${deliveries} WHERE ${which}`,
    sql`UPDATE ${deliveries} SET announced = json_array_length(timeline) WHERE ${which}`,
  ];
}

/** The number after the account's last row in a week's messages and events. */
export function nextSeq(week: string, accountId: SQL): SQL {
  const { messages, events } = weekTables(week);
  return sql`(1 + max(coalesce((SELECT max(seq) FROM ${messages} WHERE account_id = ${accountId}), 0),
    coalesce((SELECT max(seq) FROM ${events} WHERE account_id = ${accountId}), 0)))`;
}

function insertIdempotencyKey(
  accountId: number,
  kept: { key: string; fingerprint: string; answer: string; expiresAtMs: number },
  nowMs: number,
): SQL[] {
  return [
    sql`DELETE FROM idempotency_keys WHERE account_id = ${accountId} AND key = ${kept.key} AND expires_at_ms <= ${nowMs}`,
    sql`INSERT INTO idempotency_keys (account_id, key, fingerprint, answer, expires_at_ms)
      VALUES (${accountId}, ${kept.key}, ${kept.fingerprint}, ${kept.answer}, ${kept.expiresAtMs})`,
  ];
}
