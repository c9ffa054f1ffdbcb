import { type Decision, decide, refusesDmarc } from '#domain/inbound/route.ts';
import { mayRefuse } from '#domain/inbound/ruled.ts';
import { domainFault } from '#domain/message/address.ts';
import type { InboundDoor } from '#domain/node-contract.ts';
import { count } from '../store/counters.ts';
import { findReported } from '../store/domain-reports.ts';
import { answersItself, endpointsOf, type ReceivingDomain, readReceiving } from '../store/receiving.ts';
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
  const others = addresses.filter((_, i) => read[i]?.kind === 'unknown').map((one) => partsOf(one).domain);
  const domains = others.length === 0 ? new Map() : await readReceiving(store, others);
  const reported = await findReported(
    store,
    read.flatMap((one) => (one.kind === 'report' ? [one.report.domainId] : [])),
  );
  const doors = addresses.map((address, i): InboundDoor => {
    const one = read[i];
    if (one?.kind === 'report') return reportedBy(one.report, reported) ? { door: 'returned' } : nobody;
    return doorOf(one, address, domains, settings);
  });
  const unknown = doors.filter((one, i) => one.door === 'refused' && read[i]?.kind !== 'forged').length;
  const forged = read.filter(({ kind }) => kind === 'forged').length;
  await count(store, { token_forged: forged, address_unknown: unknown }, nowMs);
  return doors;
}

const nobody: InboundDoor = { door: 'refused', reply: '550 5.1.1', text: 'There is no such address here' };

function doorOf(
  read: InboundAddress | undefined,
  address: string,
  domains: ReadonlyMap<string, ReceivingDomain>,
  { serviceDomain }: Room['settings'],
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
  // Its owner cannot be reached now, and may be again.
  if (!domain.accountActive) {
    return { door: 'refused', reply: '450 4.2.1', text: 'This address takes no mail for the time being' };
  }
  const decision = decide(domain, localPart);
  if (decision.action === 'refuse') {
    return { door: 'refused', reply: decision.reply, text: decision.text };
  }
  // A rule may refuse, which only the sender that waits can be told of, and only for all of a mail's recipients.
  const refusing = mayRefuse(domain.rules);
  const synchronous = refusing || synchronousOf(domain, decision) !== null || ruledSynchronous(domain);
  const refuseDmarc = refusesDmarc(domain.type, domain.refuseDmarc);
  const group = `${domain.accountId}:${synchronous ? 's' : 'a'}${refuseDmarc ? 'd' : ''}${refusing ? `r${domain.id}` : ''}`;
  return { door: 'received', group, synchronous, refuseDmarc };
}

/** The endpoint whose answer is the reply; null: none is waited for. */
export function synchronousOf(domain: ReceivingDomain, decision: Decision): Endpoint | null {
  return toldEndpoints(domain, decision).find(answersItself) ?? null;
}

/** Whether a rule may lead to an endpoint whose answer is the reply. */
function ruledSynchronous(domain: ReceivingDomain): boolean {
  return domain.rules.some(
    ({ action, targets }) => action === 'webhook' && endpointsOf(domain, targets).some(answersItself),
  );
}

/** The endpoints that are told of mail to an address. */
export function toldEndpoints(domain: ReceivingDomain, decision: Decision): Endpoint[] {
  return decision.action === 'webhook' ? endpointsOf(domain, decision.endpoints) : [];
}

/** Local part and domain in A-labels, which a listener has made of it; an address without a domain has an empty one. */
export function partsOf(address: string): { localPart: string; domain: string } {
  const at = address.lastIndexOf('@');
  const domain = address.slice(at + 1).toLowerCase();
  return { localPart: address.slice(0, Math.max(at, 0)), domain: domainFault(domain) === null ? domain : '' };
}
