import { type SQL, sql } from 'drizzle-orm';
import type { DomainType } from '#domain/dns/record-check.ts';
import type { ForwardTarget, KnownAlias, KnownReply } from '#domain/inbound/alias.ts';
import { isInScope } from '#domain/inbound/endpoint-scope.ts';
import { parseReplyAddress, replyLocalPart } from '#domain/inbound/reply-address.ts';
import type { Route } from '#domain/inbound/route.ts';
import type { RuleCondition } from '#domain/inbound/rule.ts';
import type { ActingRule } from '#domain/inbound/ruled.ts';
import { isSynchronous, wantsReceived } from '#domain/webhook.ts';
import { storesOfDomains } from './account-homes.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';
import { type Endpoint, endpointOf } from './webhook-endpoints.ts';

/** Whose mail it is, as far as taking it depends on that. */
export interface ReceivingAccount {
  id: number;
  active: boolean;
  contentDays: number;
  messagesPerMinute: number;
}

/** An alias with its account, which may be another one than its domain's. */
export interface ReceivingAlias extends KnownAlias {
  account: ReceivingAccount;
}

/** A reply address with its alias. */
export interface ReceivingReply extends KnownReply {
  alias: ReceivingAlias;
}

/** A rule with the account that made it, which may be another one than its domain's. */
export interface ReceivingRule extends ActingRule {
  accountId: number;
}

/** A domain that receives, with its rules: all that says what is done with mail to an address of it. */
export interface ReceivingDomain {
  id: number;
  /** Where it is. */
  home: number;
  account: ReceivingAccount;
  name: string;
  type: DomainType;
  refuseDmarc: boolean | null;
  routes: Route[];
  /** By priority. */
  rules: ReceivingRule[];
  /** Those of the addresses that were asked for. */
  aliases: ReceivingAlias[];
  /** Likewise. */
  replies: ReceivingReply[];
  /** Active endpoints that want received mail, of all accounts that are concerned. */
  endpoints: Endpoint[];
}

/**
 * The domains that are verified for receiving among those of the addresses, with what says what is done with mail to
 * these. One round trip, with several homes another one before it.
 */
export async function readReceiving(
  store: Store,
  addresses: readonly { localPart: string; domain: string }[],
): Promise<Map<string, ReceivingDomain>> {
  const stores = await storesOfDomains(
    store,
    addresses.map(({ domain }) => domain),
  );
  const homes = Map.groupBy(addresses, ({ domain }) => stores.get(domain) ?? store.first);
  const found = await Promise.all([...homes].map(([home, own]) => readReceivingAt(home, own)));
  return new Map(found.flatMap((domains) => [...domains]));
}

async function readReceivingAt(
  store: Store,
  addresses: readonly { localPart: string; domain: string }[],
): Promise<Map<string, ReceivingDomain>> {
  const names = JSON.stringify([...new Set(addresses.map(({ domain }) => domain))]);
  const own = sql`SELECT id FROM domains WHERE status = 'verified' AND type IN ('inbound', 'both', 'alias')
    AND name IN (SELECT value FROM json_each(${names}))`;
  // With and without what follows a plus: which of them is there is not known yet.
  const locals = addresses.flatMap(({ localPart }) => [localPart, localPart.replace(/(?<=.)\+.*$/s, '')]);
  const named = JSON.stringify([...new Set(locals.map((one) => one.toLowerCase()))]);
  const aliased = sql`l.domain_id IN (${own}) AND l.local_part IN (SELECT value FROM json_each(${named}))`;
  const concerned = sql`(SELECT account_id FROM domains WHERE id IN (${own}) UNION SELECT l.account_id FROM aliases l WHERE ${aliased})`;
  const answered = addresses.flatMap(({ localPart }) => parseReplyAddress(localPart) ?? []);
  const [domains = [], routes = [], aliases = [], endpoints = [], rules = [], replies = []] = await batch(
    store.d1,
    [
      sql`SELECT d.id, d.name, d.type, d.refuse_dmarc, ${accountColumns}
      FROM domains d JOIN accounts a ON a.id = d.account_id WHERE d.id IN (${own})`,
      sql`SELECT r.domain_id, r.pattern, r.action, r.targets, r.text,
        CASE WHEN r.action = 'forward' THEN ${targetsOf(sql`r.account_id`, sql`r.targets`)} END AS forward_to
      FROM inbound_routes r WHERE r.domain_id IN (${own})`,
      sql`SELECT ${aliasColumns} FROM aliases l JOIN accounts a ON a.id = l.account_id WHERE ${aliased}`,
      sql`SELECT * FROM webhook_endpoints WHERE state = 'active'
      AND account_id IN ${concerned}
      ORDER BY id`,
      sql`SELECT r.id, r.domain_id, r.account_id, r.alias_id, r.name, r.priority, r.conditions, r.action, r.targets, r.text,
        CASE WHEN r.action = 'forward' THEN ${targetsOf(sql`r.account_id`, sql`r.targets`)} END AS forward_to
      FROM inbound_rules r WHERE r.domain_id IN (${own}) AND r.account_id IN ${concerned} ORDER BY r.priority, r.id`,
      ...(answered.length === 0
        ? []
        : [
            sql`SELECT ${aliasColumns}, p.token, p.address AS reply_to, ${suppressedFor(sql`l.account_id`, sql`p.address`)} AS suppressed
            FROM json_each(${JSON.stringify(answered)}) j
            CROSS JOIN reply_addresses p ON p.alias_id = j.value->>'aliasId' AND p.token = j.value->>'token'
            JOIN aliases l ON l.id = p.alias_id JOIN accounts a ON a.id = l.account_id WHERE l.domain_id IN (${own})`,
          ]),
    ],
  );
  const wanting = endpoints.map(endpointOf).filter(({ events }) => wantsReceived(events));
  return new Map(
    domains.map((row) => {
      const name = String(row.name);
      const of = (all: Record<string, unknown>[]) => all.filter((one) => one.domain_id === row.id);
      const acting = of(rules).map(ruleOfRow);
      return [
        name,
        {
          id: Number(row.id),
          home: store.home,
          account: accountOfRow(row),
          name,
          type: row.type as DomainType,
          refuseDmarc: row.refuse_dmarc === null ? null : row.refuse_dmarc === 1,
          routes: of(routes).map(routeOfRow),
          rules: acting,
          aliases: of(aliases).map(aliasOfRow),
          replies: of(replies).map((one) => replyOfRow(one, acting)),
          endpoints: wanting,
        },
      ];
    }),
  );
}

const accountColumns = sql`a.id AS account_id, a.status, a.content_days, a.messages_per_minute`;
const aliasColumns = sql`l.id, l.domain_id, l.domain, l.local_part, l.active, l.masked, l.hour, l.hour_used, l.webhook,
  ${accountColumns}, ${targetsOf(sql`l.account_id`, sql`l.forward_to`)} AS forward_to`;

/** JSON of what is known of the addresses in a column of JSON. */
function targetsOf(accountId: SQL, addresses: SQL): SQL {
  return sql`(SELECT json_group_array(json_object('address', t.address, 'state', t.state, 'createdAtMs', t.created_at_ms,
      'suppressed', ${suppressedFor(sql`t.account_id`, sql`t.address`)})) FROM destinations t
    WHERE t.account_id = ${accountId} AND t.address IN (SELECT value FROM json_each(${addresses})))`;
}

/** Whether an account sends nothing to an address. */
function suppressedFor(accountId: SQL, address: SQL): SQL {
  return sql`EXISTS (SELECT 1 FROM suppressions s WHERE s.account_id = ${accountId} AND s.address = ${address}
    AND s.scope_domain = '' AND (s.expires_at_ms IS NULL OR s.expires_at_ms > unixepoch() * 1000))`;
}

/** An account's rules for an alias, or, without one, for any other address. */
export function rulesOf(
  rules: readonly ReceivingRule[],
  account: number,
  alias: number | null,
): readonly ReceivingRule[] {
  return rules.filter(
    ({ aliasId, accountId }) => accountId === account && (aliasId === null || aliasId === String(alias)),
  );
}

/** The endpoints that an account's rule names, none named: all of the account; without those that are bound to other mail. */
export function endpointsOf(
  domain: ReceivingDomain,
  { accountId, localPart }: { accountId: number; localPart: string },
  publicIds: readonly string[],
): Endpoint[] {
  const own = domain.endpoints.filter(
    (endpoint) => endpoint.accountId === accountId && isInScope(endpoint, domain.name, localPart),
  );
  return publicIds.length === 0 ? own : own.filter(({ publicId }) => publicIds.includes(publicId));
}

export function answersItself({ format, synchronous }: Endpoint): boolean {
  return isSynchronous(format, synchronous);
}

function accountOfRow(row: Record<string, unknown>): ReceivingAccount {
  return {
    id: Number(row.account_id),
    active: row.status === 'active',
    contentDays: Number(row.content_days),
    messagesPerMinute: Number(row.messages_per_minute),
  };
}

function routeOfRow(row: Record<string, unknown>): Route {
  return {
    pattern: String(row.pattern),
    action: row.action as Route['action'],
    targets: JSON.parse(String(row.targets)) as string[],
    ...(row.forward_to === null ? {} : { forwardTo: targetsOfRow(row) }),
    text: String(row.text),
  };
}

function ruleOfRow(row: Record<string, unknown>): ReceivingRule {
  return {
    id: String(row.id),
    accountId: Number(row.account_id),
    name: String(row.name),
    priority: Number(row.priority),
    conditions: JSON.parse(String(row.conditions)) as RuleCondition[],
    aliasId: row.alias_id === null ? null : String(row.alias_id),
    action: row.action as ActingRule['action'],
    targets: JSON.parse(String(row.targets)) as string[],
    ...(row.forward_to === null ? {} : { forwardTo: targetsOfRow(row) }),
    text: String(row.text),
  };
}

function aliasOfRow(row: Record<string, unknown>): ReceivingAlias {
  return {
    id: Number(row.id),
    account: accountOfRow(row),
    address: `${row.local_part}@${row.domain}`,
    active: row.active === 1,
    masked: row.masked === 1,
    targets: targetsOfRow(row),
    endpoints: row.webhook === null ? [] : [String(row.webhook)],
    hour: Number(row.hour),
    hourUsed: Number(row.hour_used),
  };
}

function replyOfRow(row: Record<string, unknown>, rules: readonly ReceivingRule[]): ReceivingReply {
  const alias = aliasOfRow(row);
  return {
    address: `${replyLocalPart(String(row.token))}@${row.domain}`,
    to: String(row.reply_to),
    suppressed: row.suppressed === 1,
    alias,
    ruled: rulesOf(rules, alias.account.id, alias.id).flatMap(({ forwardTo = [] }) => forwardTo),
  };
}

function targetsOfRow(row: Record<string, unknown>): ForwardTarget[] {
  const targets = JSON.parse(String(row.forward_to)) as (Omit<ForwardTarget, 'suppressed'> & {
    suppressed: number;
  })[];
  return targets.map((target) => ({ ...target, suppressed: target.suppressed === 1 }));
}
