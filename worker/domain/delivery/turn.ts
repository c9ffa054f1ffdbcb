import type { FailureClass } from '../failure/failure-class.ts';
import { type Carrier, ofTheSender } from './transport.ts';

/** The node that the Worker is where it carries mail itself; no real one may be called so (`nodeId` in the node contract). */
export const workerNodeId = '@worker';

/** How the last attempt at a delivery ended. */
export interface LastAttempt {
  /** The node that made it; null: there was none. */
  node: string | null;
  /** Class of the failure by which it was put off; null, or any other text: there was none, or it is not known. */
  reason: string | null;
}

/** Whose turn it is with a message, and by which transports of its route. */
export interface Turn {
  by: Carrier;
  route: string[];
}

/**
 * Whose turn it is: a route is parted where it goes over from transports of nodes to the Worker's and back. The first part has a
 * message first. Once its transports have refused the sender, not the message, the first part of the other carrier has the next
 * attempt: a message is in one transport at a time, as a lease has one holder. Pure.
 * @param route transports that may have it now, in their order; empty: nobody's turn
 * @param isOfWorker whether the Worker carries what leaves by a transport
 */
export function turnOf(
  route: readonly string[],
  isOfWorker: (transport: string) => boolean,
  last: LastAttempt,
): Turn | null {
  const parts: Turn[] = [];
  for (const name of route) {
    const by: Carrier = isOfWorker(name) ? 'worker' : 'node';
    const part = parts.at(-1);
    if (part?.by === by) part.route.push(name);
    else parts.push({ by, route: [name] });
  }
  const [first] = parts;
  if (!first || last.node === null || !isPassedOn(last.reason)) return first ?? null;
  const before: Carrier = last.node === workerNodeId ? 'worker' : 'node';
  return parts.find(({ by }) => by !== before) ?? first;
}

function isPassedOn(reason: string | null): boolean {
  return ofTheSender.includes(reason as FailureClass);
}
