import { assertNever } from '../assert-never.ts';
import { compilePattern, type Matcher } from './pattern.ts';
import type { HeaderField } from './received.ts';

/** Rules of an alias or a domain that look at a mail, as Postscale has them. Pure. */

export const ruleActions = ['webhook', 'forward', 'drop', 'refuse'] as const;
export const ruleFields = ['sender', 'sender_domain', 'subject', 'header', 'spf', 'dkim'] as const;
export const comparators = [
  'equals', 'not_equals', 'contains', 'not_contains', 'starts_with', 'ends_with', 'matches',
] as const; // biome-ignore format: one line reads better

export const ruleLimits = {
  conditions: 20,
  nameCharacters: 100,
  valueCharacters: 1000,
  /** Of what is compared; of what patterns are searched in. */
  textCharacters: 16_384,
  patternTextCharacters: 2_048,
  /** Rules of a domain, and patterns in all of them. */
  rules: 50,
  patterns: 20,
  priority: 1_000_000,
} as const;

export interface RuleCondition {
  field: (typeof ruleFields)[number];
  /** Of the field `header`. */
  headerName: string | null;
  comparator: (typeof comparators)[number];
  value: string;
}

export interface Rule {
  id: string;
  conditions: readonly RuleCondition[];
  /** The smaller number first. */
  priority: number;
  /** Null: it is one of the domain. */
  aliasId: string | null;
}

/** What rules look at. */
export interface RuleFacts {
  /** Address of From; empty when there is none. */
  sender: string;
  subject: string;
  headers: readonly HeaderField[];
  spf: string;
  dkim: string;
}

/** What is wrong with a condition; null when it is one. */
export function conditionFault({ field, headerName, comparator, value }: RuleCondition): string | null {
  if ((field === 'header') !== (headerName !== null))
    return 'header_name must be there for the field "header", and for no other';
  if (headerName !== null && !/^[!-9;-~]{1,76}$/.test(headerName))
    return 'header_name is no name of a header field';
  if (value.length > ruleLimits.valueCharacters)
    return `value must have at most ${ruleLimits.valueCharacters} characters`;
  if (comparator !== 'matches') return null;
  const matcher = compilePattern(value);
  return typeof matcher === 'string' ? `value ${matcher}` : null;
}

/** The first rule all of whose conditions hold: rules of the alias before those of the domain, then by priority. */
export function firstRule<R extends Rule>(
  rules: readonly R[],
  aliasId: string | null,
  facts: RuleFacts,
): R | null {
  return (
    rules
      .filter((rule) => rule.aliasId === null || rule.aliasId === aliasId)
      .toSorted((a, b) => Number(a.aliasId === null) - Number(b.aliasId === null) || a.priority - b.priority)
      .find((rule) => rule.conditions.every((condition) => holds(condition, facts))) ?? null
  );
}

function holds({ field, headerName, comparator, value }: RuleCondition, facts: RuleFacts): boolean {
  const most = comparator === 'matches' ? ruleLimits.patternTextCharacters : ruleLimits.textCharacters;
  const values = within(valuesOf(field, headerName, facts), most);
  const test = testOf(comparator, value);
  return comparator.startsWith('not_') ? values.every(test) : values.some(test);
}

/** As many texts as there is room for, the last one cut; at least one. */
function within(texts: readonly string[], most: number): string[] {
  let room = most;
  const kept = texts.map((text) => {
    const part = text.slice(0, Math.max(room, 0));
    room -= text.length;
    return part;
  });
  return kept.filter((text, i) => i === 0 || text !== '' || texts[i] === '');
}

/** A header field that is not there has an empty value. */
function valuesOf(field: RuleCondition['field'], headerName: string | null, facts: RuleFacts): string[] {
  switch (field) {
    case 'sender_domain':
      return [facts.sender.slice(facts.sender.lastIndexOf('@') + 1)];
    case 'header': {
      const wanted = headerName?.toLowerCase();
      const found = facts.headers.filter(({ name }) => name.toLowerCase() === wanted);
      return found.length === 0 ? [''] : found.map((one) => one.value);
    }
    case 'sender':
    case 'subject':
    case 'spf':
    case 'dkim':
      return [facts[field]];
    default:
      return assertNever(field);
  }
}

/** Case is folded but for `matches`. */
function testOf(comparator: RuleCondition['comparator'], value: string): Matcher {
  const wanted = value.toLowerCase();
  switch (comparator) {
    case 'equals':
      return (text) => text.toLowerCase() === wanted;
    case 'not_equals':
      return (text) => text.toLowerCase() !== wanted;
    case 'contains':
      return (text) => text.toLowerCase().includes(wanted);
    case 'not_contains':
      return (text) => !text.toLowerCase().includes(wanted);
    case 'starts_with':
      return (text) => text.toLowerCase().startsWith(wanted);
    case 'ends_with':
      return (text) => text.toLowerCase().endsWith(wanted);
    case 'matches': {
      const matcher = compilePattern(value);
      return typeof matcher === 'string' ? () => false : matcher;
    }
    default:
      return assertNever(comparator);
  }
}
