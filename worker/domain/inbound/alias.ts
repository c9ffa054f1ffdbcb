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
  targets: readonly ForwardTarget[];
  /** Public ids of endpoints that are told; none: nobody is. */
  endpoints: readonly string[];
  /** The hour of its last mail (since 1970), and how many came in it. */
  hour: number;
  hourUsed: number;
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
  if (!alias.active) return { action: 'refuse', ...notHere, by: `${by}, which is switched off` };
  if (alias.hour === hourOf(nowMs) && alias.hourUsed >= aliasLimits.mailsAnHour) {
    return {
      action: 'refuse',
      reply: '450 4.2.1',
      text: 'This address gets too much mail now; try again later',
      by: `${by}, which takes ${aliasLimits.mailsAnHour} mails an hour`,
    };
  }
  const endpoints = alias.endpoints.length === 0 ? null : alias.endpoints;
  return decideForward(alias.targets, { by, address: alias.address, alias: alias.id, endpoints }, nowMs);
}

/**
 * Sends on to those who have agreed. While none has, mail is put off for a day, so that its sender keeps it, and refused
 * from then on; unless an endpoint is told of it.
 * @param of.endpoints null: none is told
 */
export function decideForward(
  targets: readonly ForwardTarget[],
  of: { by: string; address: string; alias: number | null; endpoints: readonly string[] | null },
  nowMs: number,
): Decision {
  const { by, address, alias, endpoints } = of;
  const to = targets.filter(({ state, suppressed }) => state === 'verified' && !suppressed);
  const left = targets.filter((one) => !to.includes(one));
  if (to.length > 0) {
    const sent = { to: to.map((one) => one.address), left: left.map(leftOut) };
    return { action: 'forward', by, address, alias, endpoints: endpoints ?? [], ...sent };
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
