import { z } from '@hono/zod-openapi';
import {
  comparators,
  conditionFault,
  type RuleCondition,
  ruleActions,
  ruleFields,
  ruleLimits,
} from '#domain/inbound/rule.ts';
import { oneLine } from '#domain/message/submission.ts';
import { Problem } from '#domain/problem.ts';
import { type Call, invalidBody, newApp } from '../http/app.ts';
import { readBody } from '../http/request-body.ts';
import { noted } from '../identity/audit.ts';
import { rowsOf } from '../identity/rows.ts';
import { findAlias } from '../store/aliases.ts';
import {
  createRule,
  deleteRule,
  type InboundRule,
  listRules,
  type RuleValues,
  updateRule,
} from '../store/inbound-rules.ts';
import { targets, targetsFor, text } from './inbound-routes.ts';
import { type RulesDomain, rulesDomainOf } from './rules-domain.ts';

/** `/v1/domains/:id/rules`: what a domain does with received mail by what is in it, before its routes. */
export const inboundRulesApp = newApp();

const condition = z
  .strictObject({
    field: z.enum(ruleFields).meta({
      description: '`sender`: the address in From; `spf` and `dkim`: the result, e.g. `pass`.',
    }),
    header_name: z
      .string()
      .max(76)
      .nullable()
      .default(null)
      .meta({ description: 'Of the field `header`: its name. One that is not there is empty.' }),
    comparator: z.enum(comparators).meta({
      description:
        'Without regard to case, but for `matches`: a pattern, searched in time linear in the text.',
    }),
    value: z.string().max(ruleLimits.valueCharacters),
  })
  .superRefine((given, context) => {
    const fault = conditionFault(conditionOf(given));
    if (fault === null) return;
    const [name = '', ...words] = fault.split(' ');
    context.addIssue({ code: 'custom', path: [name], message: words.join(' ') });
  });
const fields = {
  name: oneLine(ruleLimits.nameCharacters).min(1).meta({ description: 'What it is called where it acted.' }),
  conditions: z
    .array(condition)
    .min(1)
    .max(ruleLimits.conditions)
    .meta({ description: 'All must hold. One on a header field holds if any field of that name does.' }),
  action: z.enum(ruleActions),
  alias_id: z.int().min(1).nullable().meta({
    description:
      'An alias of the domain: the rule looks at its mail alone, before rules for all. null: at all mail of the account.',
  }),
  priority: z.int().min(0).max(ruleLimits.priority).meta({ description: 'The smaller number goes before.' }),
  targets,
  text,
};
export const newRule = z.strictObject({
  ...fields,
  targets: targets.default([]),
  text: text.default(''),
  alias_id: fields.alias_id.default(null),
  priority: fields.priority.default(100),
});
export const ruleChange = z.strictObject(fields).partial();

inboundRulesApp.get('/domains/:id/rules', async (c) => {
  return c.json({ data: (await listRules(c.get('store'), await rulesDomainOf(c))).map(ruleView) });
});

inboundRulesApp.post('/domains/:id/rules', async (c) => {
  const domain = await rulesDomainOf(c, 'change');
  const { alias_id: aliasId, conditions, ...body } = await readBody(c, newRule);
  const read = { ...body, aliasId, conditions: conditions.map(conditionOf) };
  const there = await listRules(c.get('store'), domain);
  if (there.length >= ruleLimits.rules)
    throw new Problem('conflict', `A domain may have ${ruleLimits.rules} rules.`);
  const values = await fitting(c, domain, read, there);
  const rule = await createRule(c.get('store'), {
    ...values,
    accountId: domain.accountId,
    domainId: domain.domainId,
    createdAtMs: Date.now(),
  });
  noted(c, { domain: domain.name, rule: rule.name });
  return c.json(ruleView(rule), 201);
});

inboundRulesApp.patch('/domains/:id/rules/:rule', async (c) => {
  const domain = await rulesDomainOf(c, 'change');
  const rule = await ruleOf(c, domain);
  const { conditions, alias_id: aliasId = rule.aliasId, ...body } = await readBody(c, ruleChange);
  const { name, priority, action, targets: told, text: says } = { ...rule, ...body };
  const read: RuleValues = {
    ...{ name, priority, action, targets: told, text: says, aliasId },
    conditions: conditions ? conditions.map(conditionOf) : rule.conditions,
  };
  const others = (await listRules(c.get('store'), domain)).filter(({ id }) => id !== rule.id);
  const values = await fitting(c, domain, read, others);
  const changed = await updateRule(c.get('store'), rule, values);
  if (!changed) throw notFound();
  return c.json(ruleView(changed));
});

inboundRulesApp.delete('/domains/:id/rules/:rule', async (c) => {
  const domain = await rulesDomainOf(c);
  await deleteRule(c.get('store'), await ruleOf(c, domain));
  return c.body(null, 204);
});

/**
 * A rule as it is kept; addresses that are new are asked.
 * @throws Problem when targets do not fit the action, the alias is none of the account's there, or mail would be searched
 * for too many patterns
 */
async function fitting<V extends RuleValues>(
  c: Call,
  domain: RulesDomain,
  values: V,
  others: readonly InboundRule[],
): Promise<V> {
  if (values.aliasId === null && domain.isShared) {
    throw invalidBody([{ path: ['alias_id'], message: 'must name an alias of yours at the shared domain' }]);
  }
  const alias = values.aliasId === null ? null : await findAlias(c.get('store'), rowsOf(c), values.aliasId);
  if (values.aliasId !== null && alias?.domainId !== domain.domainId) {
    throw invalidBody([{ path: ['alias_id'], message: `must be the number of an alias at ${domain.name}` }]);
  }
  const patterns = [values, ...others]
    .flatMap(({ conditions }) => conditions)
    .filter(({ comparator }) => comparator === 'matches');
  if (patterns.length <= ruleLimits.patterns) {
    return { ...values, targets: await targetsFor(c, domain, values) };
  }
  const message = `must not have more with the comparator "matches": all rules of a domain may have ${ruleLimits.patterns}`;
  throw invalidBody([{ path: ['conditions'], message }]);
}

function conditionOf(given: {
  field: RuleCondition['field'];
  header_name: string | null;
  comparator: RuleCondition['comparator'];
  value: string;
}): RuleCondition {
  const { field, header_name: headerName, comparator, value } = given;
  return { field, headerName, comparator, value };
}

async function ruleOf(c: Call, domain: RulesDomain): Promise<InboundRule> {
  const id = c.req.param('rule') ?? '';
  const rule = (await listRules(c.get('store'), domain)).find((one) => String(one.id) === id);
  if (!rule) throw notFound();
  noted(c, { domain: domain.name, rule: rule.name });
  return rule;
}

function notFound(): Problem {
  return new Problem('not_found', 'There is no such rule.');
}

function ruleView(rule: InboundRule) {
  return {
    id: rule.id,
    name: rule.name,
    alias_id: rule.aliasId,
    priority: rule.priority,
    conditions: rule.conditions.map(({ field, headerName, comparator, value }) => ({
      ...{ field, header_name: headerName, comparator, value },
    })),
    action: rule.action,
    targets: rule.targets,
    text: rule.text,
    created_at: new Date(rule.createdAtMs).toISOString(),
  };
}
