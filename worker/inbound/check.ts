import { aliasOf, type Decision, decide, refusesDmarc, replyOf } from '#domain/inbound/route.ts';
import { mayRefuse, type RuledAddress } from '#domain/inbound/ruled.ts';
import { domainFault } from '#domain/message/address.ts';
import { type InboundDoor, mostSenders } from '#domain/node-contract.ts';
import { count } from '../store/counters.ts';
import { findReportedAnywhere } from '../store/domain-reports.ts';
import {
  answersItself,
  endpointsOf,
  type ReceivingAccount,
  type ReceivingDomain,
  type ReceivingRule,
  readReceiving,
  rulesOf,
} from '../store/receiving.ts';
import type { Store } from '../store/store.ts';
import type { Endpoint } from '../store/webhook-endpoints.ts';
import { type InboundAddress, isServiceHost, readAddress } from './address.ts';
import type { Room } from './room.ts';
import { reportedBy } from './take-report.ts';

/**
 * Behind which door each address is: what a listener asks at RCPT. A token is a token at any host; whatever else is an
 * address of a domain that receives. What is there nowhere is counted. One round trip, none for tokens.
 */
export async function doorsOf(
  store: Store,
  settings: Room['settings'],
  addresses: readonly string[],
  nowMs: number,
): Promise<InboundDoor[]> {
  const read = await Promise.all(addresses.map((one) => readAddress(one, settings)));
  const others = addresses.filter((_, i) => read[i]?.kind === 'unknown').map(partsOf);
  const domains = others.length === 0 ? new Map() : await readReceiving(store, others);
  const reports = read.flatMap((one) => (one.kind === 'report' ? [one.report.domainId] : []));
  const reported = await findReportedAnywhere(store, reports);
  const doors = addresses.map((address, i): InboundDoor => {
    const one = read[i];
    if (one?.kind === 'report') return reportedBy(one.report, reported) ? { door: 'returned' } : nobody;
    return doorOf(one, address, domains, settings, nowMs);
  });
  const unknown = doors.filter((one, i) => one.door === 'refused' && read[i]?.kind !== 'forged').length;
  const forged = read.filter(({ kind }) => kind === 'forged').length;
  await count(store.first, { token_forged: forged, address_unknown: unknown }, nowMs);
  return doors;
}

const nobody: InboundDoor = { door: 'refused', reply: '550 5.1.1', text: 'There is no such address here' };

function doorOf(
  read: InboundAddress | undefined,
  address: string,
  domains: ReadonlyMap<string, ReceivingDomain>,
  { serviceDomain }: Room['settings'],
  nowMs: number,
): InboundDoor {
  if (read?.kind === 'delivery' || read?.kind === 'feedback') return { door: 'returned' };
  const { localPart, domain: name } = partsOf(address);
  const domain = domains.get(name);
  const ours = read?.kind === 'forged' || isServiceHost(name, serviceDomain);
  if (!domain) {
    return ours
      ? nobody
      : { door: 'refused', reply: '550 5.1.2', text: 'Mail for this domain is not taken here' };
  }
  const account = accountOf(domain, localPart);
  // Its owner cannot be reached now, and may be again.
  if (!account.active) {
    return { door: 'refused', reply: '450 4.2.1', text: 'This address takes no mail for the time being' };
  }
  const decision = decide(domain, localPart, nowMs);
  if (decision.action === 'refuse') {
    return { door: 'refused', reply: decision.reply, text: decision.text };
  }
  // A rule may refuse, which only the sender that waits can be told of, and only for all of a mail's recipients.
  const refusing = mayRefuse(rulesFor(domain, localPart));
  const endpoints = concernedEndpoints(domain, localPart, decision);
  // What cannot be masked is not sent on, and an answer must prove to be the owner's: likewise.
  const isAnswer = decision.action === 'answer';
  const masks = isAnswer || (decision.action === 'forward' && decision.masked);
  const synchronous = refusing || masks || endpoints.some(answersItself);
  const refuseDmarc = refusesDmarc(domain.type, domain.refuseDmarc);
  const group = `${account.id}:${synchronous ? 's' : 'a'}${refuseDmarc ? 'd' : ''}${isAnswer ? 'w' : ''}${refusing ? `r${domain.id}` : ''}`;
  const authorize = endpoints.some(({ authorizationUrl }) => authorizationUrl !== null);
  const senders = isAnswer ? decision.owners.slice(0, mostSenders) : null;
  return { door: 'received', group, synchronous, refuseDmarc, senders, authorize };
}

/** The endpoints that may come to hear of mail to an address, by what is decided for it and by the rules that may act in its place. */
export function concernedEndpoints(
  domain: ReceivingDomain,
  localPart: string,
  decision: Decision,
): Endpoint[] {
  const leads = rulesFor(domain, localPart).filter(({ action }) => action === 'webhook');
  const decisions = [
    decision,
    ...leads.map(({ targets, name }): Decision => ({ action: 'webhook', endpoints: targets, by: name })),
  ];
  const of = { accountId: accountOf(domain, localPart).id, localPart };
  return [...new Set(decisions.flatMap((one) => toldEndpoints(domain, of, one)))];
}

/** Whose mail an address is of: of its alias, else of its domain. */
export function accountOf(domain: ReceivingDomain, localPart: string): ReceivingAccount {
  const alias = aliasOf(domain, localPart) ?? replyOf(domain, localPart)?.alias;
  return alias?.account ?? domain.account;
}

/**
 * The rules that look at mail to an address once it is here: those of its account at the domain that are for all of its
 * addresses, or for this alias. None looks at an owner's answers.
 */
export function rulesFor(domain: ReceivingDomain, localPart: string): readonly ReceivingRule[] {
  if (replyOf(domain, localPart)) return [];
  const alias = aliasOf(domain, localPart);
  return rulesOf(domain.rules, accountOf(domain, localPart).id, alias?.id ?? null);
}

/** An address as rules are told of it. */
export function ruledAddress(domain: ReceivingDomain, address: string): RuledAddress {
  const alias = aliasOf(domain, partsOf(address).localPart);
  return { address: alias?.address ?? address, alias };
}

/** The endpoints that are told of mail to an address of an account. */
export function toldEndpoints(
  domain: ReceivingDomain,
  of: { accountId: number; localPart: string },
  decision: Decision,
): Endpoint[] {
  switch (decision.action) {
    case 'webhook':
      return endpointsOf(domain, of, decision.endpoints);
    case 'forward':
      return decision.endpoints.length === 0 ? [] : endpointsOf(domain, of, decision.endpoints);
    default:
      return [];
  }
}

/** Local part and domain in A-labels, which a listener has made of it; an address without a domain has an empty one. */
export function partsOf(address: string): { localPart: string; domain: string } {
  const at = address.lastIndexOf('@');
  const domain = address.slice(at + 1).toLowerCase();
  return { localPart: address.slice(0, Math.max(at, 0)), domain: domainFault(domain) === null ? domain : '' };
}
