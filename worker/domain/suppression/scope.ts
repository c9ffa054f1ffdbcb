import { classNames, type MailClass } from '../message/class.ts';

/**
 * Of what mail of an account a suppression keeps an address, as one text: `''` all of it, `example.com` what a domain sends,
 * `class:digest` a class, `stream:news` a stream, `tag:news` what has a tag. No domain name has a colon, so no two of them
 * are the same text.
 */
export const scopeTypes = ['account', 'domain', 'class', 'stream', 'tag'] as const;
export type ScopeType = (typeof scopeTypes)[number];

/** The forms of a scope as callers write it, for people. */
export const scopeForms =
  '`account`: all; a domain: what it sends; `class:`, `stream:` or `tag:` and a name: what is of that class or stream, or has that tag';

export interface Scope {
  type: ScopeType;
  /** The domain, the class, the stream or the tag; empty for the whole account. */
  value: string;
}

export function scopeText(type: ScopeType, value: string): string {
  if (type === 'account') return '';
  // Half of a surrogate pair has no form in UTF-8, and so none in a row or a link.
  return type === 'domain' ? value : `${type}:${value.toWellFormed()}`;
}

export function readScope(text: string): Scope {
  if (text === '') return { type: 'account', value: '' };
  const [, type, value = ''] = /^(class|stream|tag):(.*)$/s.exec(text) ?? [];
  return type === 'class' || type === 'stream' || type === 'tag'
    ? { type, value }
    : { type: 'domain', value: text };
}

/** As it is told, and written by callers. */
export function shownScope(text: string): string {
  return text || 'account';
}

/** What of a message decides by which suppressions it is held back. */
export interface Scoped {
  /** The sending domain. */
  domain: string;
  class: MailClass;
  stream: string;
  tags: readonly string[];
}

/** Every scope that a message is of: an entry with any other leaves it alone. */
export function scopesOf({ domain, class: mailClass, stream, tags }: Scoped): string[] {
  const named = [scopeText('class', mailClass), scopeText('stream', stream)];
  return ['', domain, ...named, ...tags.map((tag) => scopeText('tag', tag))];
}

/**
 * The scope in which a message lets its recipient unsubscribe, where its sender names the type: of several tags, the first.
 * Null for a tag where it has none.
 */
export function scopeOfType(type: ScopeType, message: Scoped): string | null {
  const { domain, class: mailClass, stream, tags } = message;
  const value = { account: '', domain, class: mailClass, stream, tag: tags[0] }[type];
  return value === undefined ? null : scopeText(type, value);
}

const classScopes: readonly string[] = classNames.map((name) => scopeText('class', name));

/** What is wrong with the text of a class; null when there is such a class. */
export function classScopeFault(text: string): string | null {
  return classScopes.includes(text) ? null : `must be one of ${classScopes.join(', ')}`;
}
