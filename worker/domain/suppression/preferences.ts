import { assertNever } from '../assert-never.ts';
import type { MailClass } from '../message/class.ts';
import { readScope, type Scoped, scopesOf, scopeText, scopeTypes } from './scope.ts';
import type { SuppressionReason } from './suppression.ts';

/** What a recipient may choose by the link of a mail: in which scopes they get nothing of the account any more. */

export interface Preference {
  scope: string;
  /** They have unsubscribed from it. */
  stopped: boolean;
}

export interface Preferences {
  /** The narrowest first. */
  choices: Preference[];
  /** The message's like are kept from them by what they cannot take back: a bounce, a complaint, the sender's own word. */
  heldBack: boolean;
}

/** So many are offered; what somebody has unsubscribed from beyond them, only the sender can take back. */
export const mostChoices = 50;

/**
 * The scopes of the link and of its message, and all that the recipient has unsubscribed from. Tags are words of the sender,
 * so no others are shown than the one that the link was made for and those that the recipient has chosen before.
 */
export function preferencesOf(
  link: string,
  message: Scoped,
  entries: readonly { scope: string; reason: SuppressionReason }[],
): Preferences {
  const stopped = new Set(entries.flatMap(({ scope, reason }) => (reason === 'unsubscribe' ? [scope] : [])));
  const fixed = new Set(entries.flatMap(({ scope }) => (stopped.has(scope) ? [] : [scope])));
  const own = [link, scopeText('class', message.class), message.domain, ''];
  const breadth = (scope: string) => scopeTypes.indexOf(readScope(scope).type);
  const choices = [...new Set([...own, ...stopped])]
    .filter((scope) => !fixed.has(scope))
    .slice(0, mostChoices)
    .sort((a, b) => breadth(b) - breadth(a))
    .map((scope) => ({ scope, stopped: stopped.has(scope) }));
  return { choices, heldBack: scopesOf(message).some((scope) => fixed.has(scope)) };
}

/** What is to be changed. @param was what the page said was stopped: nothing that has come since is taken back unseen */
export function preferenceChanges(
  choices: readonly Preference[],
  { stop, was }: { stop: readonly string[]; was: readonly string[] },
): { stop: string[]; resume: string[] } {
  return {
    stop: choices.flatMap(({ scope, stopped }) => (!stopped && stop.includes(scope) ? [scope] : [])),
    resume: choices.flatMap(({ scope, stopped }) =>
      stopped && was.includes(scope) && !stop.includes(scope) ? [scope] : [],
    ),
  };
}

const classWords: Record<MailClass, string> = {
  priority: 'urgent mail of this sender, such as codes',
  standard: 'ordinary mail of this sender, such as receipts',
  digest: 'digests and newsletters of this sender',
};

/** What somebody gets no more of, for people who read mail. */
export function scopeWords(scope: string): string {
  const { type, value } = readScope(scope);
  switch (type) {
    case 'account':
      return 'mail of this sender, from any of its domains';
    case 'domain':
      return `mail from ${value}`;
    case 'class':
      return classWords[value as MailClass] ?? `mail of the class ${value} of this sender`;
    case 'stream':
      return `mail of this sender in its stream “${value}”`;
    case 'tag':
      return `mail of this sender about “${value}”`;
    default:
      return assertNever(type);
  }
}
