import { assertNever } from '../assert-never.ts';
import { parseMailbox, splitMailboxes } from '../message/address.ts';
import { decideForward, type ForwardTarget } from './alias.ts';
import type { Decision } from './decision.ts';
import type { HeaderField } from './received.ts';
import { firstRule, type Rule, type RuleFacts, type ruleActions } from './rule.ts';
import type { Verdicts } from './verdicts.ts';

/** What rules do with mail that the routes or aliases of a domain take. Pure. */

/** A rule with what it does. */
export interface ActingRule extends Rule {
  name: string;
  action: (typeof ruleActions)[number];
  /** Public ids of endpoints, none for all of the account; of `forward`, addresses. */
  targets: readonly string[];
  /** What is known of those addresses. */
  forwardTo?: readonly ForwardTarget[];
  /** What a refusal says. */
  text: string;
}

/** What a rule says. */
export type RuledDecision = Extract<Decision, { action: 'webhook' | 'forward' | 'drop' | 'refuse' }>;

/** The address that a mail came to; `alias` is null where it is none. */
export interface RuledAddress {
  address: string;
  alias: { id: number; masked: boolean } | null;
}

/** What is done with a mail, as the first rule that holds says; null: none does, so that route or alias decides. */
export function ruledDecision(
  rules: readonly ActingRule[],
  facts: RuleFacts,
  { address, alias }: RuledAddress,
  nowMs: number,
): RuledDecision | null {
  const rule = firstRule(rules, alias === null ? null : String(alias.id), facts);
  if (!rule) return null;
  const { action, targets, forwardTo = [], text } = rule;
  const by = `rule "${rule.name}"`;
  switch (action) {
    case 'webhook':
      return { action, endpoints: targets, by };
    case 'forward': {
      const of = { by, address, alias: alias?.id ?? null, masked: alias?.masked ?? false, endpoints: null };
      return decideForward(forwardTo, of, nowMs);
    }
    case 'drop':
      return { action, by };
    case 'refuse':
      return { action, reply: '550 5.7.1', text: text || 'This mail is not wanted', by };
    default:
      return assertNever(action);
  }
}

/** A rule may refuse a mail, or send it on to somebody who has not agreed, which only the session can be told of. */
export function mayRefuse(rules: readonly ActingRule[]): boolean {
  return rules.some(({ action }) => action === 'refuse' || action === 'forward');
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
