import { sql } from 'drizzle-orm';
import type { DomainType } from '#domain/dns/record-check.ts';
import type { Route } from '#domain/inbound/route.ts';
import type { RuleCondition } from '#domain/inbound/rule.ts';
import type { ActingRule } from '#domain/inbound/ruled.ts';
import { isSynchronous, wantsReceived } from '#domain/webhook.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';
import { type Endpoint, endpointOf } from './webhook-endpoints.ts';

/** A domain that receives, with its rules: all that says what is done with mail to an address of it. */
export interface ReceivingDomain {
  id: number;
  accountId: number;
  accountActive: boolean;
  contentDays: number;
  name: string;
  type: DomainType;
  refuseDmarc: boolean | null;
  routes: Route[];
  /** By priority. */
  rules: ActingRule[];
  /** Active endpoints of the account that want received mail. */
  endpoints: Endpoint[];
}

/** The domains that are verified for receiving among those of the names. One round trip. */
export async function readReceiving(
  store: Store,
  domainNames: readonly string[],
): Promise<Map<string, ReceivingDomain>> {
  const names = JSON.stringify([...new Set(domainNames)]);
  const own = sql`SELECT id FROM domains WHERE status = 'verified' AND type IN ('inbound', 'both')
    AND name IN (SELECT value FROM json_each(${names}))`;
  const [domains = [], routes = [], endpoints = [], rules = []] = await batch(store.d1, [
    sql`SELECT d.id, d.account_id, d.name, d.type, d.refuse_dmarc, a.status, a.content_days
      FROM domains d JOIN accounts a ON a.id = d.account_id WHERE d.id IN (${own})`,
    sql`SELECT domain_id, pattern, action, targets, text FROM inbound_routes WHERE domain_id IN (${own})`,
    sql`SELECT * FROM webhook_endpoints WHERE state = 'active'
      AND account_id IN (SELECT account_id FROM domains WHERE id IN (${own})) ORDER BY id`,
    sql`SELECT id, domain_id, name, priority, conditions, action, targets, text FROM inbound_rules
      WHERE domain_id IN (${own}) ORDER BY priority, id`,
  ]);
  const wanting = endpoints.map(endpointOf).filter(({ events }) => wantsReceived(events));
  return new Map(
    domains.map((row) => {
      const name = String(row.name);
      const accountId = Number(row.account_id);
      const of = (all: Record<string, unknown>[]) => all.filter((one) => one.domain_id === row.id);
      return [
        name,
        {
          id: Number(row.id),
          accountId,
          accountActive: row.status === 'active',
          contentDays: Number(row.content_days),
          name,
          type: row.type as DomainType,
          refuseDmarc: row.refuse_dmarc === null ? null : row.refuse_dmarc === 1,
          routes: of(routes).map(routeOfRow),
          rules: of(rules).map(ruleOfRow),
          endpoints: wanting.filter((endpoint) => endpoint.accountId === accountId),
        },
      ];
    }),
  );
}

/** The endpoints that a rule names; none named: all of the account. */
export function endpointsOf(domain: ReceivingDomain, publicIds: readonly string[]): Endpoint[] {
  if (publicIds.length === 0) return domain.endpoints;
  return domain.endpoints.filter(({ publicId }) => publicIds.includes(publicId));
}

export function answersItself({ format, synchronous }: Endpoint): boolean {
  return isSynchronous(format, synchronous);
}

function routeOfRow(row: Record<string, unknown>): Route {
  return {
    pattern: String(row.pattern),
    action: row.action as Route['action'],
    targets: JSON.parse(String(row.targets)) as string[],
    text: String(row.text),
  };
}

function ruleOfRow(row: Record<string, unknown>): ActingRule {
  return {
    id: String(row.id),
    name: String(row.name),
    priority: Number(row.priority),
    conditions: JSON.parse(String(row.conditions)) as RuleCondition[],
    aliasId: null,
    action: row.action as Route['action'],
    targets: JSON.parse(String(row.targets)) as string[],
    text: String(row.text),
  };
}
