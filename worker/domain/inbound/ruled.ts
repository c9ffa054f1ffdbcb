import { assertNever } from '../assert-never.ts';
import { parseMailbox, splitMailboxes } from '../message/address.ts';
import type { Decision } from './decision.ts';
import type { HeaderField } from './received.ts';
import { firstRule, type Rule, type RuleFacts, type ruleActions } from './rule.ts';
import type { Verdicts } from './verdicts.ts';

/** What rules of a domain do with mail that its routes take. Pure. */

/** A rule with what it does. */
export interface ActingRule extends Rule {
  name: string;
  action: (typeof ruleActions)[number];
  /** Public ids of endpoints; none: all of the account. */
  targets: readonly string[];
  /** What a refusal says. */
  text: string;
}

/** What a rule says; it takes mail that a route has taken, so that it sends nothing on by itself. */
export type RuledDecision = Extract<Decision, { action: 'webhook' | 'drop' | 'refuse' }>;

/** What is done with a mail, as the first rule that holds says; null: none does, so that routes decide. */
export function ruledDecision(rules: readonly ActingRule[], facts: RuleFacts): RuledDecision | null {
  const rule = firstRule(rules, null, facts);
  if (!rule) return null;
  const { action, targets, text } = rule;
  const by = `rule "${rule.name}"`;
  switch (action) {
    case 'webhook':
      return { action, endpoints: targets, by };
    case 'drop':
      return { action, by };
    case 'refuse':
      return { action, reply: '550 5.7.1', text: text || 'This mail is not wanted', by };
    default:
      return assertNever(action);
  }
}

/** A rule may refuse a mail, which only the session can be told of. */
export function mayRefuse(rules: readonly ActingRule[]): boolean {
  return rules.some(({ action }) => action === 'refuse');
}

const mostFieldCharacters = 8192;

/** What rules look at in a mail. */
export function ruleFacts(
  mail: { fromHeader: string; subject: string; headers: readonly HeaderField[] },
  { spf, dkim }: Pick<Verdicts, 'spf' | 'dkim'>,
): RuleFacts {
  const { fromHeader, subject, headers } = mail;
  return { sender: addressIn(fromHeader), subject, headers, spf: spf.result, dkim: dkim.result };
}

/** The first address that a field names; empty when there is none. */
function addressIn(field: string): string {
  for (const part of splitMailboxes(field.slice(0, mostFieldCharacters))) {
    for (const text of [part, /<([^<>]+)>[^<>]*$/.exec(part)?.[1] ?? '']) {
      const mailbox = parseMailbox(text);
      if (typeof mailbox !== 'string') return mailbox.address;
    }
  }
  return '';
}
