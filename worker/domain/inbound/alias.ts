import type { Decision } from './decision.ts';

/** Addresses that mail is sent on from, and those that it is sent on to. Pure. */

export const aliasLimits = {
  /** Aliases of an account. */
  aliases: 10_000,
  /** Destinations of an alias or a route. */
  destinations: 10,
  /** Destinations that an account may have written to in a day, so that nobody is bothered through us. */
  newADay: 5,
  /** Mails to an alias in an hour. */
  mailsAnHour: 300,
  descriptionCharacters: 200,
} as const;

/** The link of the mail that asks a destination's owner holds for so long. */
export const linkHoldsMs = 7 * 86_400_000;
/** So long after an address was named, mail for it is put off until its owner agrees; then it is refused. */
export const ownerHasMs = 86_400_000;

/** An address that mail is to be sent on to. */
export interface ForwardTarget {
  address: string;
  state: 'pending' | 'verified';
  /** When it was named first. */
  createdAtMs: number;
  /** It is dead, or its owner has complained: nothing is sent there. */
  suppressed: boolean;
}

/** What is known of an alias when mail comes for it. */
export interface KnownAlias {
  id: number;
  address: string;
  active: boolean;
  /** Neither side of its mail sees the address of the other. */
  masked: boolean;
  targets: readonly ForwardTarget[];
  /** Public ids of endpoints that are told; none: nobody is. */
  endpoints: readonly string[];
  /** The hour of its last mail (since 1970), and how many came in it. */
  hour: number;
  hourUsed: number;
}

/** A reply address of an alias, and whom it stands for. */
export interface KnownReply {
  /** In lower case. */
  address: string;
  to: string;
  /** That address is dead, or its owner has complained. */
  suppressed: boolean;
  alias: KnownAlias;
  /** Whom rules send mail of the alias on to besides. */
  ruled: readonly ForwardTarget[];
}

/** Why a local part cannot be an alias's; null when it can. */
export function aliasFault(localPart: string): string | null {
  if (!/^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/.test(localPart) || localPart.includes('..')) {
    return 'must have up to 64 letters in lower case, digits, dots, hyphens or underscores, a letter or digit at both ends';
  }
  if (reserved.includes(localPart)) return 'is a mailbox that every host has (RFC 2142)';
  // Such a local part is a token of ours.
  return /^(?:b-|reply$)/.test(localPart) ? 'must not begin with b- nor be reply' : null;
}

const reserved = ['postmaster', 'abuse', 'mailer-daemon'];

/** A local part that nobody guesses: 50 bits. @param random ten random bytes */
export function randomLocalPart(random: Uint8Array): string {
  return Array.from(random.subarray(0, 10), (byte) => randomLetters[byte % 32]).join('');
}
/** Without those that look alike; it begins with a letter or digit, as every one of them is. */
const randomLetters = 'abcdefghijkmnpqrstuvwxyz23456789';

/** The number of an hour. */
export function hourOf(nowMs: number): number {
  return Math.floor(nowMs / 3_600_000);
}

/** What is done with mail to an alias now. */
export function decideAlias(alias: KnownAlias, nowMs: number): Decision {
  const by = `alias ${alias.address}`;
  const closed = closedAlias(alias, by, nowMs);
  if (closed) return closed;
  const endpoints = alias.endpoints.length === 0 ? null : alias.endpoints;
  const { id, address, masked } = alias;
  return decideForward(alias.targets, { by, address, alias: id, masked, endpoints }, nowMs);
}

/** Why an alias does nothing now, in either direction; null: it works. */
function closedAlias(
  alias: KnownAlias,
  by: string,
  nowMs: number,
): Extract<Decision, { action: 'refuse' }> | null {
  if (!alias.active) return { action: 'refuse', ...notHere, by: `${by}, which is switched off` };
  if (alias.hour !== hourOf(nowMs) || alias.hourUsed < aliasLimits.mailsAnHour) return null;
  return {
    action: 'refuse',
    reply: '450 4.2.1',
    text: 'This address gets too much mail now; try again later',
    by: `${by}, which takes ${aliasLimits.mailsAnHour} mails an hour`,
  };
}

/** What is done with mail to a reply address: it is for the owner alone, whether the alias is masked still or not. */
export function decideAnswer({ address, to, suppressed, alias, ruled }: KnownReply, nowMs: number): Decision {
  const by = `alias ${alias.address}, answered to ${to}`;
  const closed = closedAlias(alias, by, nowMs);
  if (closed) return closed;
  if (suppressed) {
    return {
      action: 'refuse',
      reply: '550 5.1.1',
      text: 'Mail to this address has failed before, so none is sent to it',
      by: `${by}, who is suppressed`,
    };
  }
  const targets = [...alias.targets, ...ruled];
  const owners = targets.filter(({ state }) => state === 'verified').map((one) => one.address);
  const hidden = targets.map((one) => one.address);
  return { action: 'answer', address, alias: alias.id, from: alias.address, to, owners, hidden, by };
}

/**
 * Sends on to those who have agreed. While none has, mail is put off for a day, so that its sender keeps it, and refused
 * from then on; unless an endpoint is told of it.
 * @param of.endpoints null: none is told
 */
export function decideForward(
  targets: readonly ForwardTarget[],
  of: {
    by: string;
    address: string;
    alias: number | null;
    masked: boolean;
    endpoints: readonly string[] | null;
  },
  nowMs: number,
): Extract<Decision, { action: 'forward' | 'webhook' | 'refuse' }> {
  const { by, address, alias, masked, endpoints } = of;
  const to = targets.filter(({ state, suppressed }) => state === 'verified' && !suppressed);
  const left = targets.filter((one) => !to.includes(one));
  if (to.length > 0) {
    const sent = { to: to.map((one) => one.address), left: left.map(leftOut) };
    return { action: 'forward', by, address, alias, masked, endpoints: endpoints ?? [], ...sent };
  }
  if (endpoints) return { action: 'webhook', endpoints, by };
  if (left.some((one) => one.state === 'pending' && nowMs - one.createdAtMs < ownerHasMs)) {
    return {
      action: 'refuse',
      reply: '450 4.2.1',
      text: 'This address takes no mail before its owner has confirmed it; try again later',
      by: `${by}, whose destination is not verified yet`,
    };
  }
  const why = left.some(({ suppressed }) => suppressed) ? 'is suppressed' : 'was not verified within a day';
  return { action: 'refuse', ...notHere, by: `${by}, whose destination ${why}` };
}

const notHere = { reply: '550 5.1.1', text: 'There is no such address here' } as const;

function leftOut({ address, suppressed }: ForwardTarget): string {
  return `${address} (${suppressed ? 'suppressed' : 'not verified'})`;
}
