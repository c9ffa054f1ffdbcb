import type { MailClass } from '../message/class.ts';
import type { DeliveryState } from './delivery.ts';
import { workerNodeId } from './turn.ts';

/** A node as it last asked for work, to the minute. */
export interface AskingNode {
  nodeId: string;
  lastSeenAtMs: number;
  /** Recipient domains that it did not want, or only `priority` of. */
  excludedDomains: readonly string[];
  busyDomains: readonly string[];
}

/** What is due and not tried for so long says why. */
const saysWhyAfterMs = 60_000;
/** A node asks every few seconds, and is noted once a minute. */
const nodeIsAwayAfterMs = 150_000;

/**
 * Why a delivery that is due waits, in a sentence; null when it does not, or only since a moment ago. Pure.
 * @param nowMs Unix ms
 */
export function whyWaiting(
  delivery: { state: DeliveryState; dueMs: number | null; domain: string; class: MailClass },
  around: { suspended: boolean; digestPaused: boolean; nodes: readonly AskingNode[] },
  nowMs: number,
): string | null {
  const { state, dueMs, domain } = delivery;
  const isOpen = state === 'queued' || state === 'deferred' || state === 'scheduled';
  if (!isOpen || dueMs === null || dueMs > nowMs - saysWhyAfterMs) return null;
  if (around.suspended) return 'The account is suspended.';
  if (around.digestPaused && delivery.class === 'digest')
    return 'Mail of class digest is paused until the account’s sender health is better; the Overview says what lowers it.';
  const asking = around.nodes.filter(({ lastSeenAtMs }) => lastSeenAtMs > nowMs - nodeIsAwayAfterMs);
  const nodes = asking.filter(({ nodeId }) => nodeId !== workerNodeId);
  if (nodes.length === 0)
    return asking.length === 0
      ? 'No node asks for mail.'
      : 'No node asks for mail, and what the Worker hands to Cloudflare itself comes before it, or is all but this.';
  if (nodes.every((node) => node.excludedDomains.includes(domain))) {
    return `The hosts of ${domain} asked to slow down, or as much waits for them as may.`;
  }
  const isUnwanted = ({ excludedDomains, busyDomains }: AskingNode) =>
    excludedDomains.includes(domain) || busyDomains.includes(domain);
  if (delivery.class !== 'priority' && nodes.every(isUnwanted)) {
    return `As many deliveries to the hosts of ${domain} are under way as may be at once.`;
  }
  return 'Mail that is due for longer, or more urgent, is before it.';
}
