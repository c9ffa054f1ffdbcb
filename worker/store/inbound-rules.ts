import { and, asc, eq, sql } from 'drizzle-orm';
import type { RuleCondition } from '#domain/inbound/rule.ts';
import * as control from '../../drizzle/schema/control.ts';
import { nextNumber } from './numbers.ts';
import type { Store } from './store.ts';

const table = control.inboundRules;

/** A rule of a domain as it is kept. */
export type InboundRule = Omit<typeof table.$inferSelect, 'conditions'> & { conditions: RuleCondition[] };
export type RuleValues = Pick<
  InboundRule,
  'name' | 'aliasId' | 'priority' | 'conditions' | 'action' | 'targets' | 'text'
>;

/** The rules of an account at a domain: those of aliases first, then in the order in which they are tried. */
export async function listRules(
  store: Store,
  { domainId, accountId }: { domainId: number; accountId: number },
): Promise<InboundRule[]> {
  const rows = await store.control
    .select()
    .from(table)
    .where(and(eq(table.domainId, domainId), eq(table.accountId, accountId)))
    .orderBy(sql`alias_id IS NULL`, asc(table.aliasId), asc(table.priority), asc(table.id));
  return rows.map(ruleOfRow);
}

export async function createRule(
  store: Store,
  values: RuleValues & Pick<typeof table.$inferInsert, 'accountId' | 'domainId' | 'createdAtMs'>,
): Promise<InboundRule> {
  const [rule] = await store.control
    .insert(table)
    .values({ ...values, id: nextNumber(table) })
    .returning();
  if (!rule) throw new Error('an insert gave no row');
  return ruleOfRow(rule);
}

/** Changes a rule; null when it is gone. */
export async function updateRule(
  store: Store,
  of: { id: number; domainId: number },
  values: RuleValues,
): Promise<InboundRule | null> {
  const own = and(eq(table.id, of.id), eq(table.domainId, of.domainId));
  const [rule] = await store.control.update(table).set(values).where(own).returning();
  return rule ? ruleOfRow(rule) : null;
}

export async function deleteRule(store: Store, of: { id: number; domainId: number }): Promise<void> {
  await store.control.delete(table).where(and(eq(table.id, of.id), eq(table.domainId, of.domainId)));
}

/** Conditions are only ever written by `createRule` and `updateRule`. */
function ruleOfRow(row: typeof table.$inferSelect): InboundRule {
  return { ...row, conditions: row.conditions as RuleCondition[] };
}
