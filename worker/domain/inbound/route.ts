import type { DomainType } from '../dns/record-check.ts';
import {
  decideAlias,
  decideAnswer,
  decideForward,
  type ForwardTarget,
  type KnownAlias,
  type KnownReply,
} from './alias.ts';
import type { Decision } from './decision.ts';

export type { Decision } from './decision.ts';

/** What a domain that receives does with the mail to an address. Pure. */

export const routeActions = ['webhook', 'forward', 'drop', 'refuse'] as const;
export type RouteAction = (typeof routeActions)[number];

export const routeLimits = {
  /** Rules of a domain. */
  routes: 200,
  /** Endpoints of a rule; addresses that it sends on to are fewer (`aliasLimits`). */
  targets: 20,
  textCharacters: 200,
} as const;

/** A rule: local part, prefix with `*` behind it, or `*`. */
export interface Route {
  pattern: string;
  action: RouteAction;
  /** Public ids of endpoints, none for all of the account; of `forward`, addresses. */
  targets: readonly string[];
  /** What is known of those addresses. */
  forwardTo?: readonly ForwardTarget[];
  /** What a refusal says. */
  text: string;
}

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
export function routeOf<R extends Pick<Route, 'pattern'>>(routes: readonly R[], localPart: string): R | null {
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

/** What says what is done with the mail of a domain. */
export interface Rules {
  name: string;
  routes: readonly Route[];
  /** Those that were asked for. */
  aliases: readonly KnownAlias[];
  /** Likewise. */
  replies: readonly KnownReply[];
}

/** What is done with mail to an address of a domain that is verified for receiving. */
export function decide(domain: Rules, localPart: string, nowMs: number): Decision {
  const local = localPart.toLowerCase();
  const alias = aliasOf(domain, local);
  if (alias) return decideAlias(alias, nowMs);
  const reply = replyOf(domain, local);
  if (reply) return decideAnswer(reply, nowMs);
  const route = routeOf(domain.routes, local);
  if (route) return decisionOf(route, `${localPart}@${domain.name}`, nowMs);
  return roleMailboxes.includes(local) ? { action: 'keep', by: 'every host has this mailbox' } : unknown;
}

/** The alias of a local part: the address itself, or without its detail. */
export function aliasOf<A extends KnownAlias>(
  { name, aliases }: { name: string; aliases: readonly A[] },
  localPart: string,
): A | null {
  const named = (local: string) => aliases.find(({ address }) => address === `${local}@${name}`);
  const local = localPart.toLowerCase();
  return named(local) ?? named(splitDetail(local).base) ?? null;
}

/** The reply address with a local part. */
export function replyOf<R extends KnownReply>(
  { name, replies }: { name: string; replies: readonly R[] },
  localPart: string,
): R | null {
  return replies.find(({ address }) => address === `${localPart.toLowerCase()}@${name}`) ?? null;
}

function decisionOf(
  { pattern, action, targets, forwardTo = [], text }: Route,
  address: string,
  nowMs: number,
): Decision {
  const by = `rule ${pattern}`;
  switch (action) {
    case 'webhook':
      return { action, endpoints: targets, by };
    case 'forward':
      return decideForward(forwardTo, { by, address, alias: null, masked: false, endpoints: null }, nowMs);
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

/** Whether a domain of this type receives. */
export function receives(type: DomainType): boolean {
  return hasRoutes(type) || type === 'alias';
}

/** Whether rules say what is done with its mail; every address of an `alias` domain is an alias or refused. */
export function hasRoutes(type: DomainType): boolean {
  return type === 'inbound' || type === 'both';
}
