import type { Carrier, Relay } from '#domain/delivery/transport.ts';
import { classByRank } from '#domain/message/class.ts';
import { timeOfId } from '#domain/message/ids.ts';
import type { LeasedDelivery } from '#domain/node-contract.ts';
import type { Row } from '../store/lease-rows.ts';
import type { LeasedMessage } from '../store/leases.ts';
import { chosenRoute, type Routing, waitsForTransport } from '../store/routing.ts';
import { deliveryKey } from '../store/timeline.ts';

export type Waiting = LeasedDelivery & { waits: string; untilMs: number | null };

/** Whether a rule names a transport that the Worker hands mail to: what leaves by it is no node's. */
export function namesWorker({ rules, ofWorker }: Routing): boolean {
  return ofWorker.size > 0 && rules.some(({ route }) => route.some((name) => ofWorker.has(name)));
}

/** A row as far as it decides how its message leaves. */
export type RouteRow = Pick<Row, 'messageId' | 'class' | 'recipient' | 'node' | 'reason'>;

/** What a row tells of how its message leaves. */
export function routedOf(row: RouteRow) {
  return {
    class: classByRank(row.class),
    recipient: domainOf(row.recipient),
    acceptedAtMs: timeOfId(row.messageId),
    last: { node: row.node, reason: row.reason },
  };
}

/** Deliveries with the transports that they may go by, those that have none now, and those whose turn is another's by now. */
export function routed(
  routing: Routing,
  leased: readonly LeasedDelivery[],
  of: {
    messages: ReadonlyMap<string, LeasedMessage>;
    rows: ReadonlyMap<string, RouteRow>;
    simulator: string;
    nowMs: number;
    carrier: Carrier;
  },
): { deliveries: LeasedDelivery[]; waiting: Waiting[]; others: LeasedDelivery[] } {
  const deliveries: LeasedDelivery[] = [];
  const waiting: Waiting[] = [];
  const others: LeasedDelivery[] = [];
  for (const one of leased) {
    const { messageId, sizeBytes } = one;
    const row = of.rows.get(deliveryKey(one));
    if (!row) throw new Error(`delivery ${messageId} ${one.n} was not leased`);
    const domain = of.messages.get(messageId)?.signingDomain ?? one.signingDomain;
    const message = { ...routedOf(row), domain, sizeBytes };
    // What the node's own simulator plays leaves by no transport.
    const chosen =
      message.recipient === of.simulator ? {} : chosenRoute(routing, message, of.nowMs, of.carrier);
    if ('notOwn' in chosen) others.push(one);
    else if ('waits' in chosen) waiting.push({ ...one, ...chosen });
    else deliveries.push({ ...one, ...chosen });
  }
  return { deliveries, waiting, others };
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}

/** How long a delivery waits for a transport that somebody has to open. */
const closedWaitsMs = 10 * 60_000;

export function heldOf({ messageId, n, leaseId, waits, untilMs }: Waiting, id: string, nowMs: number) {
  const event = waitsForTransport({ waits, untilMs }, id, nowMs);
  return { messageId, n, leaseId, event, dueMs: untilMs ?? nowMs + closedWaitsMs };
}

/** The relays that deliveries of this answer name. */
export function relaysOf({ relays }: Routing, deliveries: readonly LeasedDelivery[]): Relay[] {
  const named = new Set(
    deliveries.flatMap(({ route = [], routeOfProvider = {} }) => [
      ...route,
      ...Object.values(routeOfProvider).flat(),
    ]),
  );
  return relays.filter(({ name }) => named.has(name));
}
