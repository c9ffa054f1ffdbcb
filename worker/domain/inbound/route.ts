import type { DomainType } from '../dns/record-check.ts';

/** What a domain that receives does with the mail to an address. Pure. */

export const routeActions = ['webhook', 'drop', 'refuse'] as const;
export type RouteAction = (typeof routeActions)[number];

export const routeLimits = {
  /** Rules of a domain. */
  routes: 200,
  /** Endpoints of a rule. */
  targets: 20,
  textCharacters: 200,
} as const;

/** A rule: local part, prefix with `*` behind it, or `*`. */
export interface Route {
  pattern: string;
  action: RouteAction;
  /** Public ids of endpoints; none: all of the account. */
  targets: readonly string[];
  /** What a refusal says. */
  text: string;
}

/** What is done with mail to an address. `by` names the rule, as people see it. */
export type Decision =
  | { action: 'webhook'; endpoints: readonly string[]; by: string }
  | { action: 'drop'; by: string }
  /** It is kept, and nobody is told: `postmaster@` and `abuse@` without a rule. */
  | { action: 'keep'; by: string }
  /** @param reply e.g. `550 5.1.1` */
  | { action: 'refuse'; reply: string; text: string; by: string | null };

/** Why a pattern is none; null when it is one. */
export function patternFault(pattern: string): string | null {
  if (pattern === '*') return null;
  const local = pattern.endsWith('*') ? pattern.slice(0, -1) : pattern;
  if (local === '' || local.length > 64) return 'must be a local part, a prefix with * behind it, or *';
  return /^[^\s@*<>()",:;\\[\]\x00-\x1f\x7f]+$/.test(local) && local === local.toLowerCase()
    ? null
    : 'must be a local part in lower case, e.g. info, support+* or *';
}

/** `info+order17` is `info` with the detail `order17` (RFC 5233). */
export function splitDetail(localPart: string): { base: string; detail: string | null } {
  const plus = localPart.indexOf('+');
  if (plus < 1) return { base: localPart, detail: null };
  return { base: localPart.slice(0, plus), detail: localPart.slice(plus + 1) };
}

/** The rule for a local part: the address itself, the address without its detail, the longest prefix, or `*`. */
export function routeOf(routes: readonly Route[], localPart: string): Route | null {
  const local = localPart.toLowerCase();
  const exact = (name: string) => routes.find(({ pattern }) => pattern === name);
  const prefixes = routes
    .filter(
      ({ pattern }) => pattern !== '*' && pattern.endsWith('*') && local.startsWith(pattern.slice(0, -1)),
    )
    .sort((a, b) => b.pattern.length - a.pattern.length);
  return exact(local) ?? exact(splitDetail(local).base) ?? prefixes[0] ?? exact('*') ?? null;
}

/** Mailboxes that every host has (RFC 5321 §4.5.1, RFC 2142 §4). */
const roleMailboxes = ['postmaster', 'abuse'];

const unknown = {
  action: 'refuse',
  reply: '550 5.1.1',
  text: 'There is no such address here',
  by: null,
} as const;

/** What is done with mail to an address of a domain that is verified for receiving. */
export function decide(domain: { routes: readonly Route[] }, localPart: string): Decision {
  const local = localPart.toLowerCase();
  const route = routeOf(domain.routes, local);
  if (route) return decisionOf(route, `rule ${route.pattern}`);
  return roleMailboxes.includes(local) ? { action: 'keep', by: 'every host has this mailbox' } : unknown;
}

/** What a route or a rule says. @param by what it is called */
export function decisionOf({ action, targets, text }: Omit<Route, 'pattern'>, by: string): Decision {
  switch (action) {
    case 'webhook':
      return { action, endpoints: targets, by };
    case 'drop':
      return { action, by };
    case 'refuse':
      return { action, reply: '550 5.7.1', text: text || 'Mail to this address is not wanted', by };
  }
}

/** Whether mail is refused that fails DMARC where its author's domain asks for that; null: as the type has it. */
export function refusesDmarc(type: DomainType, own: boolean | null): boolean {
  return own ?? type === 'alias';
}

/** Whether a domain of this type receives. Aliases are not offered yet. */
export function receives(type: DomainType): boolean {
  return type === 'inbound' || type === 'both';
}
