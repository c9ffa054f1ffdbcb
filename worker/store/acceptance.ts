import { type SQL, sql } from 'drizzle-orm';
import { firstHome } from '#domain/message/home.ts';
import type { MessageId } from '#domain/message/ids.ts';
import type { MailSettings } from '#domain/message/mail-settings.ts';
import { scopeNames } from '#domain/scope.ts';
import * as control from '../../drizzle/schema/control.ts';
import { type AcceptedMessage, insertMessages } from './accepted-rows.ts';
import { bodyDayOf, withHomeTables } from './home-tables.ts';
import { bodyKey, latin1Bytes } from './raw.ts';
import { type RowBody, rowBodyOf } from './row-body.ts';
import { batch } from './sql.ts';
import { isUniqueViolation, type Store } from './store.ts';
import { systemAccountId } from './system-mail.ts';
import {
  countWarming,
  type DomainUsage,
  isLimitReached,
  LimitReached,
  selectUsage,
  usageOf,
} from './usage.ts';

/** What the intake must know to let a message in, read in one round trip. */
export interface Gate {
  credential: GateCredential | null;
  /** The account's sending domains among those asked for. */
  domains: GateDomain[];
  /** Entries of the recipients, by address. */
  suppressions: Map<string, GateSuppression[]>;
  /** What those domains have used of their limits. */
  usage: DomainUsage[];
  /** Those of the recipients who are members of the account with a proven address, in lower case; read for the sandbox. */
  members: Set<string>;
  /** What is kept under the idempotency key. */
  earlier: { fingerprint: string; answer: string } | null;
}

export interface GateCredential {
  /** 0: no key, the installation itself asks for the account. */
  id: number;
  accountId: number;
  /** Where the account lives; another home than the one that was asked: it has moved. */
  home: number;
  /** The account whose domains it sends from: its own, but for mail of the installation itself. */
  domainsOf: number;
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
  /** Where links in its mail lead; null: to the service, since it has no host of its own with a live certificate. */
  linkHost: string | null;
}

export interface GateSuppression {
  address: string;
  scope: string;
  reason: string;
  createdAtMs: number;
}

/**
 * Who asks: the holder of a key, or the installation itself for an account (pages of its members, whose roles have been
 * looked at; its own mail), for which there is no key that could leak or outlive what it stands for.
 */
export type Caller = { secretHash: string } | { accountId: number; domainsOf: number };

/** The credential of a caller, as `gateCredential` reads it. */
function selectCredential(by: Caller, nowMs: number): SQL {
  const account = sql`a.status, a.status_reason, a.webhooks, a.messages_per_minute, a.track_opens, a.track_clicks,
    a.unsubscribe, a.content_days, a.home`;
  if ('secretHash' in by) {
    return sql`SELECT c.id, c.account_id, c.account_id AS domains_of, c.username, c.environment, c.scopes, c.domains,
        c.revoked_at_ms, c.last_used_at_ms, ${account}
      FROM ${control.credentials} c JOIN ${control.accounts} a ON a.id = c.account_id
      WHERE c.secret_hash = ${by.secretHash}`;
  }
  return sql`SELECT 0 AS id, a.id AS account_id, ${by.domainsOf} AS domains_of, 'dashboard' AS username,
      'live' AS environment, ${JSON.stringify(scopeNames)} AS scopes, NULL AS domains, NULL AS revoked_at_ms,
      ${nowMs} AS last_used_at_ms, ${account}
    FROM ${control.accounts} a WHERE a.id = ${by.accountId}`;
}

/**
 * Reads credential, domains, suppressions and the earlier answer in one round trip, and in another one who may be sent
 * to from the sandbox, where the account is not in control.
 * @param of.recipients addresses as suppressions hold them (domain in lower case)
 */
export async function readGate(
  store: Store,
  of: {
    by: Caller;
    domains: string[];
    /** The sandbox's domain, when it is among them: it is the installation's, and whom it may send to is read. */
    sandbox: string | null;
    recipients: string[];
    idempotencyKey: string | null;
    nowMs: number;
  },
): Promise<Gate> {
  const { by } = of;
  const ofKey = (secretHash: string) =>
    sql`(SELECT account_id FROM credentials WHERE secret_hash = ${secretHash})`;
  const account = 'secretHash' in by ? ofKey(by.secretHash) : sql`${by.accountId}`;
  const domainsOf = 'secretHash' in by ? account : sql`${by.domainsOf}`;
  const queries: SQL[] = [
    selectCredential(by, of.nowMs),
    sql`SELECT d.name, d.type, d.status, d.status_reason,
          CASE WHEN d.link_state = 'active' THEN d.link_label || '.' || d.name END AS link_host,
          (SELECT count(*) FROM ${control.dkimKeys} k WHERE k.domain_id = d.id AND k.status = 'active') AS active_keys
        FROM ${control.domains} d
        WHERE d.account_id = ${domainsOf} AND d.name IN (SELECT value FROM json_each(${JSON.stringify(of.domains)}))${
          of.sandbox === null
            ? sql``
            : sql` AND d.name <> ${of.sandbox} OR d.account_id = ${systemAccountId} AND d.name = ${of.sandbox}`
        }`,
    sql`SELECT s.address, s.scope_domain, s.reason, s.created_at_ms FROM ${control.suppressions} s
        WHERE s.account_id = ${account} AND s.address IN (SELECT value FROM json_each(${JSON.stringify(of.recipients)}))
          AND (s.expires_at_ms IS NULL OR s.expires_at_ms > ${of.nowMs})`,
    selectUsage(domainsOf, of.domains),
  ];
  if (of.idempotencyKey !== null) {
    queries.push(sql`SELECT fingerprint, answer FROM ${control.idempotencyKeys}
      WHERE account_id = ${account} AND key = ${of.idempotencyKey} AND expires_at_ms > ${of.nowMs}`);
  }
  const withMembers = of.sandbox !== null && store.home === firstHome;
  if (withMembers) queries.push(selectMembers(account, of.recipients));
  const results = await batch(store.d1, queries);
  const [credentials = [], domains = [], suppressions = [], usage = []] = results;
  const earlier = of.idempotencyKey === null ? [] : (results[4] ?? []);
  const credential = credentials[0] ? gateCredential(credentials[0]) : null;
  const members = withMembers ? (results.at(-1) ?? []) : await membersElsewhere(store, credential, of);
  return {
    credential,
    domains: domains.map((row) => ({
      name: String(row.name),
      type: String(row.type),
      status: String(row.status),
      reason: row.status_reason === null ? null : String(row.status_reason),
      activeKeys: Number(row.active_keys),
      linkHost: row.link_host === null ? null : String(row.link_host),
    })),
    suppressions: Map.groupBy(suppressions.map(gateSuppression), ({ address }) => address),
    usage: usage.map((row) => usageOf(row, of.nowMs)),
    members: new Set(members.map(({ email }) => String(email))),
    earlier: earlier[0]
      ? { fingerprint: String(earlier[0].fingerprint), answer: String(earlier[0].answer) }
      : null,
  };
}

/** The same for an account of another home than control, which people are in; none where nobody is asked for. */
async function membersElsewhere(
  store: Store,
  credential: GateCredential | null,
  { sandbox, recipients }: { sandbox: string | null; recipients: readonly string[] },
): Promise<Record<string, unknown>[]> {
  if (sandbox === null || credential === null || store.home === firstHome) return [];
  const [rows = []] = await batch(store.first.d1, [selectMembers(sql`${credential.accountId}`, recipients)]);
  return rows;
}

/** Members of an account among some addresses, those whose address was proven. */
function selectMembers(account: SQL, addresses: readonly string[]): SQL {
  const lower = JSON.stringify(addresses.map((address) => address.toLowerCase()));
  return sql`SELECT lower(u.email) AS email FROM auth_organizations o JOIN auth_members m ON m.organization_id = o.id
    JOIN auth_users u ON u.id = m.user_id WHERE o.account_id = ${account} AND u.email_verified = 1
      AND lower(u.email) IN (SELECT value FROM json_each(${lower}))`;
}

function gateSuppression(row: Record<string, unknown>): GateSuppression {
  return {
    address: String(row.address),
    scope: String(row.scope_domain),
    reason: String(row.reason),
    createdAtMs: Number(row.created_at_ms),
  };
}

function gateCredential(row: Record<string, unknown>): GateCredential {
  return {
    id: Number(row.id),
    accountId: Number(row.account_id),
    home: Number(row.home),
    domainsOf: Number(row.domains_of),
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

/** Thrown when another request with the same idempotency key has committed first. */
export class IdempotencyRace extends Error {}

/** Where bodies have been put: as a row of D1 keeps them, or (null) in R2. */
export type PlacedBodies = Map<MessageId, RowBody | null>;

/**
 * Stores messages with all their deliveries in one transaction; large bodies go to R2 before it. When it
 * returns, everything is durable; when it throws, the transaction failed or nobody knows how it ended.
 * @param of.placed bodies that earlier tries have placed; those of this one are added
 * @throws LimitReached when that would pass a limit, IdempotencyRace: nothing but bodies is stored then
 */
export async function writeAcceptance(
  store: Store,
  of: {
    credential: GateCredential;
    messages: AcceptedMessage[];
    placed: PlacedBodies;
    /** Recipients to count for domains. */
    counts: { domain: DomainUsage; count: number }[];
    nowMs: number;
    idempotency: { key: string; fingerprint: string; answer: string; expiresAtMs: number } | null;
  },
): Promise<void> {
  const accepted = await Promise.all(
    of.messages.map(async (message) => ({ message, body: await placeBody(store, message, of) })),
  );
  const queries = insertMessages(store, of.credential, accepted, of.nowMs);
  queries.push(...of.counts.flatMap(({ domain, count }) => countWarming(domain, count, of.nowMs)));
  if (of.idempotency)
    queries.push(...insertIdempotencyKey(of.credential.accountId, of.idempotency, of.nowMs));
  if (isStale(of.credential.lastUsedAtMs, of.nowMs)) {
    queries.push(sql`UPDATE credentials SET last_used_at_ms = ${of.nowMs} WHERE id = ${of.credential.id}`);
  }
  try {
    await withHomeTables(store, of.nowMs, () => batch(store.d1, queries));
  } catch (error) {
    if (isUniqueViolation(error, 'idempotency_keys')) throw new IdempotencyRace();
    if (isLimitReached(error)) throw new LimitReached();
    throw error;
  }
}

async function placeBody(
  store: Store,
  message: AcceptedMessage,
  { credential, placed }: { credential: GateCredential; placed: PlacedBodies },
): Promise<RowBody | null> {
  const known = placed.get(message.id);
  if (known !== undefined) return known;
  const body = rowBodyOf(store, message.raw);
  if (!body) await store.raw.put(largeBodyKey(message, credential), latin1Bytes(message.raw));
  placed.set(message.id, body);
  return body;
}

function largeBodyKey({ firstDueMs, id }: AcceptedMessage, { mail }: GateCredential): string {
  return bodyKey(bodyDayOf(firstDueMs, mail.contentDays), id);
}

/**
 * Removes the large bodies of messages that are certain not to have been stored: a lost answer may follow a commit,
 * and then they are needed. Never throws: an orphan only costs storage until its day is purged.
 */
export async function removeBodies(
  store: Store,
  of: { credential: GateCredential; messages: readonly AcceptedMessage[]; placed: PlacedBodies },
): Promise<void> {
  const large = of.messages.filter(({ id }) => of.placed.get(id) === null);
  if (large.length === 0) return;
  await store.raw.delete(large.map((one) => largeBodyKey(one, of.credential))).catch(() => undefined);
}

/** The last-used time is kept to the hour, so that a busy key does not cost a row a message. */
function isStale(lastUsedAtMs: number | null, nowMs: number): boolean {
  return lastUsedAtMs === null || nowMs - lastUsedAtMs > 3_600_000;
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
